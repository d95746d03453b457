"""Fact record: what was read of a bucket's files, by their ETags, so that each is read once."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import PIL

from stages.base.bucket import BucketFile
from stages.base.errors import RUN_AGAIN, UserError
from stages.base.fingerprint import fingerprint
from stages.base.system_errors import unwritable
from stages.dataset.scan import FileFacts

_TABLE = """
create table if not exists facts (
  url text primary key, version text, sha256 text, format text, width int, height int, size int
) without rowid
"""
# What decides whether a file is an image, and of which size.
_MODULES = (
    "dataset/scan.py",
    "dataset/jpeg_size.py",
    "images/camera_raw.py",
    "images/tiff_tags.py",
    "images/formats.py",
)


class FactRecord:
    """A table on the disk, of which nothing is in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take a connection to a database that is this record's own."""
        self._connection = connection
        connection.execute(_TABLE)

    def known(self, files: Iterable[BucketFile]) -> Iterator[FileFacts | None]:
        """Yield the facts of each file, None where it is new or its version another."""
        for file in files:
            row = self._connection.execute(
                "select version, sha256, format, width, height, size from facts where url = ?",
                (str(file),),
            ).fetchone()
            unchanged = row is not None and file.version and row[0] == file.version
            yield FileFacts(file.path, *row[1:]) if unchanged else None

    def save(self, files: Sequence[BucketFile], facts: Sequence[FileFacts]) -> None:
        """Save what was read of some files, in their order."""
        rows = [
            (str(file), file.version, *fact[1:]) for file, fact in zip(files, facts, strict=True)
        ]
        with self._connection:
            self._connection.executemany(
                "insert or replace into facts values (?,?,?,?,?,?,?)", rows
            )


@contextmanager
def open_fact_record(folder: Path) -> Iterator[FactRecord]:
    """Open the record in a folder of its own; one of other code, or damaged, is begun anew."""
    file = folder / f"facts-{_code_key()}.sqlite"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for other in folder.glob("facts-*"):
            if not other.name.startswith(file.name):  # a journal's name does
                other.unlink()
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        with closing(_connect(file)) as connection:
            yield FactRecord(connection)
    except sqlite3.Error as error:
        raise UserError(
            f"{file} cannot be used ({error}), where what was read of the bucket is kept; free some"
            f" space or remove it, and {RUN_AGAIN}"
        ) from None


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file)
    try:
        connection.execute("select * from sqlite_schema").fetchall()
    except sqlite3.DatabaseError:  # no database, as after a disk was full
        connection.close()
        file.unlink()
        return sqlite3.connect(file)
    return connection


def _code_key() -> str:
    stages = Path(__file__).parents[1]
    texts = [(stages / name).read_text("utf-8") for name in _MODULES]
    return fingerprint(texts, PIL.__version__)
