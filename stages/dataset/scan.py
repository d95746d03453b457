"""Every file in a folder: where it is, what it holds, and by name what cannot be read.

Photos are opened for reading only. Nothing is decoded: only headers are looked at.
"""

import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ELOOP, ENOENT
from pathlib import Path
from typing import BinaryIO, NamedTuple

from joblib import Parallel, delayed
from PIL import Image
from tqdm import tqdm

from stages.base.errors import UserError, error_list
from stages.dataset.labels import Problem
from stages.images.decode import OPENED
from stages.images.jpeg import jpeg_size

WHOLE = 16 * 2**20  # bytes; larger files are read in pieces, to bound memory
JUNK = ("thumbs.db", "desktop.ini")
NAMED = {
    ELOOP: ("symlink loop", "it leads back to itself"),
    ENOENT: ("broken link", "what it leads to is not there"),
}


class FileFacts(NamedTuple):
    """What is known of a file without decoding it; format is "" when it is no image."""

    path: str
    sha256: str
    format: str
    width: int
    height: int
    size: int  # bytes


class Scan(NamedTuple):
    """What lies in a folder."""

    facts: list[FileFacts]  # readable files, sorted by path
    problems: list[Problem]  # the others
    hidden: int  # files and folders passed over


def scan_folder(root: Path, workers: int) -> Scan:
    """Read and hash every file below a folder, each once, with a number of threads."""
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        raise UserError(f"ingest.images: {root} {what}; name the folder that holds your photos")
    paths, problems, hidden = list_files(root)
    # Threads, because hashing and reading leave the interpreter free. Many files a task, because
    # tasks wait for each other: 7,390 pets took .46 s by 32, and take .38 s by 128.
    many = max(1, min(128, len(paths) // (4 * workers)))
    some = [paths[at : at + many] for at in range(0, len(paths), many)]
    read: list[FileFacts | Problem] = []
    with _headers_only(), tqdm(desc="ingest", total=len(paths), unit="file", disable=None) as bar:
        for results in Parallel(workers, prefer="threads", batch_size=1, return_as="generator")(
            delayed(_read_some)(root, part) for part in some
        ):
            read += results
            bar.update(len(results))
    facts = [result for result in read if isinstance(result, FileFacts)]
    problems += [result for result in read if isinstance(result, Problem)]
    return Scan(facts, problems, hidden)


def require_images(found: Scan, folder: str) -> None:
    """Refuse a folder without a single image; the error shows what it holds instead."""
    if any(file.format for file in found.facts):
        return
    lines = [str(Problem(file.path, "not an image", "")) for file in found.facts]
    lines += map(str, found.problems)
    if not lines:
        raise UserError(f"ingest.images: {folder} is empty; put your photos there")
    raise error_list(f"ingest.images: {folder} holds no image that can be read:", lines)


def list_files(root: Path) -> tuple[list[str], list[Problem], int]:
    """Return the files below a folder, sorted; a problem for what cannot be one; how many hidden.

    Links are followed as long as they stay inside. A linked folder is listed under the link too,
    but not the links to folders in it: their files are listed elsewhere, and links to each other
    would have no end.
    """
    paths, problems, hidden = [], [], 0
    top = os.path.realpath(root)
    folders = [("", False)]
    while folders:
        folder, linked = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except OSError as error:
            problems.append(Problem(folder, "unreadable", f"folder: {error.strerror}"))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith(".") or entry.name.lower() in JUNK:
                hidden += 1
            elif complaint := _complaint(entry, top, linked):
                problems.append(Problem(_utf8(path), *complaint))
            elif entry.is_dir():
                folders.append((path, linked or entry.is_symlink()))
            else:
                paths.append(path)
    return sorted(paths), problems, hidden


def _read_some(root: Path, paths: list[str]) -> list[FileFacts | Problem]:
    return [read_file_facts(root, path) for path in paths]


def read_file_facts(root: Path, path: str) -> FileFacts | Problem:
    """Read a file once and return its facts, or the problem that kept it from being read."""
    try:
        # Unbuffered, since all is read at once: 17 us less for a photo of 100 kB, where reading
        # and hashing take 75.
        with open(os.path.join(root, path), "rb", buffering=0) as file:
            length = os.fstat(file.fileno()).st_size
            if length <= WHOLE:
                content = file.read()
                # Before hashing, which lets other threads run: they would all wait for each other
                # once more (ingest then takes a fifth longer).
                size = jpeg_size(content)
                header = ("JPEG", *size) if size else _header(io.BytesIO(content))
                digest = hashlib.sha256(content).hexdigest()
                return FileFacts(path, digest, *header, len(content))
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            return FileFacts(path, digest, *_header(file), length)
    except OSError as error:
        return Problem(path, "unreadable", error.strerror or str(error))


def _header(file: BinaryIO) -> tuple[str, int, int]:
    """Return format, width and height (pixels, before any EXIF turn)."""
    try:
        with Image.open(file, formats=OPENED) as image:
            return image.format or "", *image.size
    except Exception:  # Pillow raises a dozen kinds on damaged headers; presize names them
        return "", 0, 0


@contextmanager
def _headers_only() -> Iterator[None]:
    """Lift Pillow's pixel limit and silence its warnings: no pixel is decoded here."""
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            Image.MAX_IMAGE_PIXELS = None
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _complaint(entry: os.DirEntry[str], top: str, linked: bool) -> tuple[str, str] | None:
    """Return problem and detail when an entry is neither a file nor a folder to be read."""
    if not entry.name.isascii() and _utf8(entry.name) != entry.name:
        return "name not UTF-8", "rename it"
    try:
        if entry.is_symlink():
            target = Path(os.path.realpath(entry.path, strict=True))
            if not target.is_relative_to(top):
                return "link out of the folder", "put the photo itself here"
            if entry.is_dir() and _folder_of(entry).is_relative_to(target):
                return "symlink loop", "it leads back to a folder around it"
            if entry.is_dir() and linked:
                return "link below a link", "the folder is listed where it lies"
        if not entry.is_dir() and not entry.is_file():
            return "not a file", "a pipe, a socket or a device"
    except OSError as error:
        return NAMED.get(error.errno or 0, ("unreadable", error.strerror or str(error)))
    return None


def _folder_of(entry: os.DirEntry[str]) -> Path:
    return Path(os.path.realpath(os.path.dirname(entry.path)))


def _utf8(name: str) -> str:
    """Return a name as text that can be written; bytes that are not UTF-8 become \\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
