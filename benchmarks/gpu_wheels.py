"""The wheels that benchmarks.gpu needs on a machine that has PyTorch and torchvision alone.

Where there is a package index, at the root of the repository (22 MB; --python is that of the GPU's
machine, whose processor is x86-64):

    python -m benchmarks.gpu_wheels download wheels --python 3.12

Carry the folder to the GPU's machine beside the repository; there, with any Python 3.12 that has
PyTorch, in one command:

    python benchmarks/gpu_wheels.py run wheels

unpacks them beside themselves and runs benchmarks.gpu, with the arguments that follow. numba,
pyvips and the packaged weights are not among them: a GPU does without.
"""

import argparse
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What the source imports beside PyTorch and what comes with it (numpy, pillow, triton), and what
# that needs in turn. The versions are those of requirements.txt.
CARRIED = (
    *("annotated-types", "anyio", "certifi", "filelock", "fsspec", "h11", "httpcore2", "httpx2"),
    *("huggingface-hub", "idna", "packaging", "pandas", "psutil", "pydantic", "pydantic-core"),
    *("python-dateutil", "pyyaml", "regex", "ruamel-yaml", "safetensors", "simplejpeg", "six"),
    *("timm", "tqdm", "truststore", "typing-extensions", "typing-inspection"),
)
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def pinned_lines(requirements: str) -> list[str]:
    """Return the line `name==version` of each carried package, by the text of requirements.txt."""
    versions = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", requirements, re.MULTILINE))
    return [f"{name}=={versions[name]}" for name in CARRIED]


def download(folder: Path, python: str) -> None:
    """Bring the wheels into a folder."""
    lines = pinned_lines((ROOT / "requirements.txt").read_text("utf-8"))
    platforms = [f"--platform={name}" for name in _PLATFORMS]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
         f"--python-version={python}", "--implementation=cp", *platforms,
         f"--dest={folder}", *lines],
        check=True,
    )  # fmt: skip
    size = sum(wheel.stat().st_size for wheel in folder.glob("*.whl"))
    print(f"{len(CARRIED)} wheels, {size / 1e6:.0f} MB, in {folder}")


def unpack(folder: Path) -> Path:
    """Unpack the wheels of a folder, once; return where they are for PYTHONPATH."""
    unpacked = folder / "unpacked"
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as content:
            content.extractall(unpacked)
    return unpacked.resolve()


def main() -> None:
    """Download, or unpack and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["download", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default="3.12", help="of the GPU's machine, for download")
    asked, others = parser.parse_known_args()
    if asked.what == "download":
        download(asked.folder, asked.python)
        return
    before = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(filter(None, [str(unpack(asked.folder)), before]))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *others],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
