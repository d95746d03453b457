"""Files that this process has mapped into memory, which Windows lets nobody replace or remove."""

from pathlib import Path

import psutil
import pytest


def mapped_files(folder: Path) -> list[str]:
    """Return the files below a folder that are mapped now; macOS does not tell, and skips."""
    process = psutil.Process()
    if not hasattr(process, "memory_maps"):
        pytest.skip("this system does not list what a process maps")
    paths = [one.path for one in process.memory_maps()]
    return [path for path in paths if Path(path).is_relative_to(folder)]
