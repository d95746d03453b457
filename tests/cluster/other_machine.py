"""Commands that run another one as on a machine that sees other folders."""

import subprocess
from pathlib import Path

import pytest


def hidden(*folders: Path) -> list[str]:
    """Return a command that runs another one where these folders are empty; skip if it may not."""
    try:
        subprocess.run(["unshare", "-m", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounts of one process alone may not be made here")
    mounts = " && ".join(f"mount -t tmpfs none '{folder}'" for folder in folders)
    return ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh"]


def replaced(folder: Path, other: Path) -> list[str]:
    """Return a command that runs another one where a folder shows another."""
    return [*hidden()[:4], f'mount --bind "{other}" "{folder}" && exec "$@"', "sh"]
