"""Facts of a machine: equal on equal machines, and different where it matters."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from stages.base.files import sha256_bytes
from stages.cluster.facts import SOURCE, facts, package_names, source_hash

PRINT_HASH = "from stages.cluster.facts import source_hash; print(source_hash())"


def test_packages_are_those_that_decide_about_bytes() -> None:
    """The names are those of stages/packages.yaml."""
    assert {"pillow", "numpy", "simplejpeg", "torch"} <= set(package_names())


def test_facts_name_python_source_and_versions() -> None:
    """A package that is installed has its version, one that is not has no fact."""
    found = facts("", ["numpy", "no-such-package"])
    assert found["numpy"] == np.__version__
    assert found["Python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert found["the source in stages/"] == source_hash()
    assert "no-such-package" not in found


def test_a_photo_is_known_by_its_content(tmp_path: Path) -> None:
    """The hash of a photo is a fact; so is that it cannot be read."""
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"pixels")
    assert facts(str(photo), [])[f"the content of {photo}"] == sha256_bytes(b"pixels")
    photo.unlink()
    reason = facts(str(photo), [])[f"the content of {photo}"]
    assert reason == "not to be read (No such file or directory)"


def test_the_hash_is_that_of_the_source_and_not_of_its_place(tmp_path: Path) -> None:
    """A copy elsewhere has the same hash, and another one when a module of it differs."""
    shutil.copytree(SOURCE / "stages", tmp_path / "stages")

    def hash_of_copy() -> str:
        command = [sys.executable, "-c", PRINT_HASH]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert hash_of_copy() == source_hash()
    with (tmp_path / "stages/store/shard.py").open("a") as file:
        file.write("# changed\n")
    assert hash_of_copy() != source_hash()
