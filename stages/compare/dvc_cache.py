"""DVC's cache: where it lies, and its objects by the md5 that dvc.lock names.

A dvc.lock may come from anybody, and a cache may rot: a name is taken for a place only if it is an
md5, and a content that is read for the object only if it has that md5. Of a folder that is its
listing: the files in it, which may be gigabytes, are found by their names, and their contents are
left unchecked.
"""

import os
import re
import subprocess
import sys
from hashlib import md5
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, TypeAdapter, ValidationError

from stages.base.echo import echo
from stages.base.errors import UserError

FETCH_REMEDY = "dvc fetch --all-commits brings what a remote has"
_DEFAULT_FOLDER = ".dvc/cache"
_FOLDER_SUFFIX = ".dir"
_NAME = re.compile(rf"[0-9a-f]{{32}}({re.escape(_FOLDER_SUFFIX)})?")


class _ListedFile(BaseModel):
    """A file of a folder, as the folder's listing in the cache has it."""

    relpath: str
    md5: str


_LISTING = TypeAdapter(list[_ListedFile])


class DvcCache:
    """A folder of objects named by their md5; nothing in it is ever changed."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that `dvc cache dir` names."""
        self.folder = folder
        self._objects = folder / "files" / "md5"

    def file(self, name: str | None) -> Path | None:
        """Return the path of an object, its content unchecked; None when the cache lacks it.

        name: its md5, with .dir behind that of a folder. UserError where it is none.
        """
        if not name:
            return None
        if not _NAME.fullmatch(name):
            raise UserError(
                f"dvc.lock says {echo(name)} where an md5 of 32 hexadecimal digits belongs; "
                "dvc repro writes a new one"
            )
        path = self._objects / name[:2] / name[2:]
        return path if path.is_file() else None

    def read(self, name: str | None) -> bytes | None:
        """Return the content of an object; None when the cache lacks it, UserError if it rotted."""
        path = self.file(name)
        if path is None or name is None:
            return None
        content = path.read_bytes()
        if md5_of(content) != name.removesuffix(_FOLDER_SUFFIX):
            where = path.relative_to(self.folder).as_posix()
            raise UserError(
                f"{where} in DVC's cache is damaged: its content has another md5; delete it, then "
                f"{FETCH_REMEDY}"
            )
        return content

    def has(self, name: str) -> bool:
        """Return whether the cache has an object and, of a folder, every file in it."""
        if name.endswith(_FOLDER_SUFFIX):
            return self.folder_files(name) is not None
        return self.file(name) is not None

    def listing(self, name: str | None) -> dict[str, str] | None:
        """Return the md5 of each file of a folder by its path in it; None without its listing.

        UserError for a listing that is damaged or names files outside of the folder.
        """
        content = self.read(name)
        return None if content is None else _listed_hashes(content, name)

    def folder_files(self, name: str | None) -> dict[str, Path] | None:
        """Return the object of each file of a folder by its path in it; None if one is missing.

        Their contents are unchecked, that of the listing is not.
        UserError for a listing that is damaged or names files outside of the folder.
        """
        listing = self.listing(name)
        if listing is None:
            return None
        files = {}
        for path, file_name in listing.items():
            file = self.file(file_name)
            if file is None:
                return None
            files[path] = file
        return files


def open_dvc_cache(root: Path) -> DvcCache:
    """Return the cache of the DVC repository at a folder, as its settings say."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    result = subprocess.run(command, cwd=root, capture_output=True, check=False)
    folder = os.fsdecode(result.stdout).strip() if result.returncode == 0 else _DEFAULT_FOLDER
    return DvcCache(root / folder)


def md5_of(content: bytes) -> str:
    """Return the hash by which DVC names a file."""
    return md5(content, usedforsecurity=False).hexdigest()


def _listed_hashes(content: bytes, name: str | None) -> dict[str, str]:
    """Return path -> md5 of a folder's listing; its `name` is for the UserError of a bad one."""
    where = f"the object {name} in DVC's cache"
    try:
        listed = _LISTING.validate_json(content)
    except ValidationError:
        raise UserError(f"{where} is no listing of a folder; dvc repro makes a new one") from None
    for entry in listed:
        path = PurePosixPath(entry.relpath)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in entry.relpath:
            raise UserError(
                f"{where} lists {echo(entry.relpath)}, which lies outside of the folder"
            )
    return {entry.relpath: entry.md5 for entry in listed}
