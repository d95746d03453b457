"""Facts of a machine: what must be the same on every worker, so that the bytes are the same."""

import platform
from collections.abc import Sequence
from hashlib import file_digest, sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stages.base.yaml_file import read_yaml

SOURCE = Path(__file__).parents[2]
_CODE = SOURCE / "stages"


def package_names() -> list[str]:
    """Return the packages whose versions decide about bytes, installed here or not."""
    return list(read_yaml(_CODE / "packages.yaml"))


def facts(photo: str, packages: Sequence[str]) -> dict[str, str]:
    """Return the facts of this machine by name; a package that is not installed has none.

    photo: a file whose content all must see; "" where there is none.
    """
    machine = {"the source in stages/": source_hash(), "Python": _python()}
    known = {f"the content of {photo}": _content(Path(photo))} if photo else {}
    return machine | _versions(packages) | known


def source_hash() -> str:
    """Return 16 hex digits that change when any module of stages/ does."""
    files = sorted(_CODE.rglob("*.py"))
    lines = [f"{file.relative_to(_CODE).as_posix()} {_sha256(file)}" for file in files]
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _versions(packages: Sequence[str]) -> dict[str, str]:
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name).partition("+")[0]  # without torch's kind of build
        except PackageNotFoundError:  # the import of what needs it will say so
            continue
    return versions


def _content(photo: Path) -> str:
    try:
        return _sha256(photo)
    except OSError as error:
        return f"not to be read ({error.strerror})"


def _sha256(file: Path) -> str:
    # As stages.base.files has it, whose import of pandas takes most of a child process's start.
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
