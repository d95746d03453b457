"""A tiny copy of the project with photos of its own, under real git and DVC.

What is trained is trained once for all workers, and each worker has a copy; a test that changes
something works on a copy of that.
"""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image, ImageDraw
from ruamel.yaml import YAML

from stages.base.yaml_file import read_yaml

ROOT = Path(__file__).parents[1]
STAGES = list(read_yaml(ROOT / "dvc.yaml")["stages"])

PARAMS = {
    "fetch.dataset": "none",
    "ingest.images": "data/photos",
    "presize.size": 48,
    "presize.shards": 2,
    "datablock.split.valid": 0.3,
    "augment.size": 32,
    "model.arch": "test_resnet",
    "model.weights": "none",
    "lr_find.steps": 20,
    "fine_tune.base_lr": "find",
    "fine_tune.epochs": 1,
    "fine_tune.freeze_epochs": 1,
    "fine_tune.batch_size": 16,
    "interpret.top_losses": 4,
    "export.onnx": False,  # writing it takes longer than all else; test_export.py has it
}


class Repo:
    """A copy of the project with photos of its own."""

    def __init__(self, path: Path) -> None:
        """Take a folder that holds the project, or will."""
        self.path = path

    def run(self, *command: str, code: int | None = 0) -> str:
        """Run a command in the repository; return all that it says, once its exit code is right."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert code is None or done.returncode == code, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Return an environment without the settings of whoever runs the tests."""
        home = self.path.parent
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "CI": "true",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(home / "config"),
            "DVC_SYSTEM_CONFIG_DIR": str(home / "config"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER")
               for what in ("NAME", "EMAIL")},
        }  # fmt: skip

    def repro(self, *options: str) -> set[str]:
        """Run dvc repro; return the stages whose command ran."""
        return ran(self.run("dvc", "repro", *options))

    def status(self) -> set[str]:
        """Return the stages whose own dependencies or outputs differ from dvc.lock."""
        return set(json.loads(self.run("dvc", "status", "--json")))

    def commit(self) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "A commit")

    def change(self, values: dict[str, object]) -> None:
        """Set params by their dotted names."""
        yaml = YAML()
        content = yaml.load(self.path / "params.yaml")
        for key, value in values.items():
            section = content
            *above, last = key.split(".")
            for name in above:
                section = section[name]
            section[last] = value
        yaml.dump(content, self.path / "params.yaml")

    def table(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a CSV file."""
        with (self.path / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def json(self, name: str) -> dict[str, Any]:
        """Return the content of a JSON file."""
        content: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        return content


def ran(output: str) -> set[str]:
    """Return the stages that DVC says it ran."""
    return set(re.findall(r"Running stage '(\w+)'", output))


def draw(label: str, number: int) -> Image.Image:
    """Return a picture of a disc, a square or stripes, in its own colours, size and place."""
    rng = np.random.default_rng([number, len(label)])
    width, height = (int(side) for side in rng.integers(56, 90, 2))
    noise = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise + rng.integers(0, 120, 3, dtype=np.uint8))
    pen, ink = ImageDraw.Draw(image), tuple(int(c) for c in rng.integers(120, 255, 3))
    x, y, r = (int(v) for v in rng.integers(14, 34, 3))
    if label == "disc":
        pen.ellipse((x, y, x + r, y + r), fill=ink)
    elif label == "square":
        pen.rectangle((x, y, x + r, y + r), fill=ink)
    else:
        for left in range(x - 14, width, r // 2):
            pen.line((left, 0, left, height), fill=ink, width=4)
    return image


def make_photos(folder: Path, labels: tuple[str, ...] = ("disc", "square", "stripes")) -> None:
    """Write 24 photos of each class."""
    folder.mkdir(parents=True)
    for label in labels:
        for number in range(24):
            draw(label, number).save(folder / f"{label}_{number:02}.jpg", quality=90)


def copy_project(target: Path) -> Repo:
    """Copy what git would commit of this checkout, without tests and results, with tiny params."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in listed:
        skipped = name.startswith(("tests/", "benchmarks/")) or name == "dvc.lock"
        result = name.startswith("reports/") and not name.endswith(".gitignore")
        if name and (ROOT / name).is_file() and not skipped and not result:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    repo = Repo(target)
    repo.change(PARAMS)
    repo.run("git", "init", "-q")
    return repo


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return the project with photos under DVC, all committed, nothing run."""
    repo = copy_project(tmp_path_factory.mktemp("original") / "repo")
    make_photos(repo.path / "data" / "photos")
    repo.run("dvc", "add", "-q", "data/photos")
    repo.commit()
    return repo


def made_once(
    name: str, make: Callable[[Path], object], tmp_path_factory: pytest.TempPathFactory
) -> Repo:
    """Return a copy of a repository that the first worker to ask for it makes; others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = shared / f"once_{name}"
    home.mkdir(exist_ok=True)
    with FileLock(home / "lock"):
        if not (home / "made").exists():
            shutil.rmtree(home / "repo", ignore_errors=True)  # of a worker that failed in it
            make(home / "repo")
            (home / "made").touch()
    return copy_of(Repo(home / "repo"), tmp_path_factory.mktemp(name) / "repo")


@pytest.fixture(scope="session")
def built(original: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return the project after its first dvc repro, committed. Not to be changed."""

    def make(path: Path) -> None:
        repo = copy_of(original, path)
        photos = hashes(repo.path / "data" / "photos")
        assert repo.repro() == set(STAGES)
        assert hashes(repo.path / "data" / "photos") == photos
        repo.commit()

    return made_once("built", make, tmp_path_factory)


@pytest.fixture(scope="session")
def longer(built: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return the built project after an experiment with two epochs. Not to be changed."""

    def make(path: Path) -> None:
        repo = copy_of(built, path)
        output = repo.run("dvc", "exp", "run", "-n", "longer", "-S", "fine_tune.epochs=2")
        assert ran(output) == {"lr_find", "fine_tune", "interpret", "export"}

    return made_once("longer", make, tmp_path_factory)


def copy_of(repo: Repo, target: Path) -> Repo:
    """Return a copy of a repository, DVC's cache included."""
    shutil.copytree(repo.path, target, symlinks=True)
    return Repo(target)


@pytest.fixture
def repo(built: Repo, tmp_path: Path) -> Repo:
    """Return a copy of the built project, to change."""
    return copy_of(built, tmp_path / "repo")


@pytest.fixture
def fresh(original: Repo, tmp_path: Path) -> Repo:
    """Return a copy of the project with photos and no results, to change."""
    return copy_of(original, tmp_path / "repo")
