"""DVC's cache: where it lies, and its objects by the md5 that dvc.lock names."""

import json
import subprocess
import sys
from pathlib import Path

_DEFAULT_FOLDER = ".dvc/cache"


class DvcCache:
    """A folder of objects named by their md5; nothing in it is ever changed."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that `dvc cache dir` names."""
        self.folder = folder
        self._objects = folder / "files" / "md5"

    def file(self, md5: str | None) -> Path | None:
        """Return the path of an object; None when the cache does not have it."""
        if not md5:
            return None
        path = self._objects / md5[:2] / md5[2:]
        return path if path.is_file() else None

    def has(self, md5: str) -> bool:
        """Return whether the cache has an object and, of a folder, every file in it."""
        if md5.endswith(".dir"):
            return self.folder_files(md5) is not None
        return self.file(md5) is not None

    def folder_files(self, md5: str | None) -> dict[str, Path] | None:
        """Return the object of each file of a folder by its path in it; None if one is missing."""
        listing = self.file(md5)
        if listing is None:
            return None
        files = {}
        for entry in json.loads(listing.read_text("utf-8")):
            file = self.file(entry["md5"])
            if file is None:
                return None
            files[str(entry["relpath"])] = file
        return files


def open_dvc_cache(root: Path) -> DvcCache:
    """Return the cache of the DVC repository at a folder, as its settings say."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    folder = result.stdout.strip() if result.returncode == 0 else _DEFAULT_FOLDER
    return DvcCache(root / folder)
