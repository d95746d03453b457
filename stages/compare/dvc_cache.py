"""Objects of DVC's cache, by the hashes that dvc.lock names."""

import json
from pathlib import Path


class DvcCache:
    """A folder of objects named by their md5; nothing in it is ever changed."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that `dvc cache dir` names."""
        self.files = folder / "files" / "md5"

    def file(self, md5: str | None) -> Path | None:
        """Return where an object lies; None when the cache does not have it."""
        if not md5:
            return None
        path = self.files / md5[:2] / md5[2:]
        return path if path.is_file() else None

    def has(self, md5: str) -> bool:
        """Return whether an object is here, and, of a folder, all that lies in it."""
        return self.file(md5) is not None and (
            not md5.endswith(".dir") or self.folder(md5) is not None
        )

    def folder(self, md5: str | None) -> dict[str, Path] | None:
        """Return where each file of a folder lies, by its path in it; None when one is missing."""
        listing = self.file(md5)
        if listing is None:
            return None
        entries = json.loads(listing.read_text("utf-8"))
        found = {entry["relpath"]: self.file(entry["md5"]) for entry in entries}
        here = {name: path for name, path in found.items() if path is not None}
        return here if len(here) == len(found) else None
