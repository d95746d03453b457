"""Remote plugins: the packages by which DVC reaches its remotes, and which of them are missing."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dvc.config import Config, ConfigError
from dvc.fs import known_implementations, registry

_DVC_FOLDER = Path(".dvc")


def plugin_notes() -> Iterator[str]:
    """Yield a note for each package that a remote of this repository needs and that is missing.

    Without it DVC ends with "unexpected error", and not only in push and pull: `dvc data status`
    and `dvc exp run --temp` want it too (DVC 3.67.1).
    """
    needed: dict[str, list[str]] = {}
    for name, url in _remotes().items():
        scheme = urlsplit(url).scheme
        if package := missing_package(scheme):
            needed.setdefault(package, []).append(name)
    for package, names in sorted(needed.items()):
        yield (
            f"the DVC remote {' and '.join(names)} needs {package}, without which dvc push, dvc"
            f" pull and experiments in folders of their own end; pip install {package}"
        )


def missing_package(scheme: str) -> str:
    """Return the package that DVC lacks for the URLs of a scheme, "" where it lacks none."""
    known = scheme in known_implementations
    return _package(scheme) if known and not _is_installed(scheme) else ""


def _remotes() -> dict[str, str]:
    """Return name -> URL of the remotes; none where there is no DVC or its settings are broken."""
    folder = str(_DVC_FOLDER) if _DVC_FOLDER.is_dir() else None
    try:
        settings = Config(dvc_dir=folder, validate=False)
    except ConfigError:
        return {}
    return {name: remote["url"] for name, remote in settings["remote"].items() if "url" in remote}


def _is_installed(scheme: str) -> bool:
    try:
        registry[scheme]
    except ImportError:
        return False
    return True


def _package(scheme: str) -> str:
    """Return the package that has DVC's class for a scheme.

    >>> _package("s3")
    'dvc-s3'
    """
    module: str = known_implementations[scheme]["class"].split(".")[0]
    return module.replace("_", "-")
