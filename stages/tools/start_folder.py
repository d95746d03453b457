"""The content of a folder of photos, by names alone, and the tables in it and beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.base.bucket import Bucket, PhotoFolder
from stages.base.errors import UserError
from stages.dataset.bucket_scan import list_paths
from stages.dataset.packed_folder import open_photos
from stages.dataset.photo_files import is_named_photo
from stages.labels.csv_table import CsvTable, read_table

OWN_TABLE = Path("data/labels.csv")  # in git, for a table that lies elsewhere
# Tables of this project that lie in data, where photos and their own table may lie too.
_NO_LABELS = [
    Path("data") / f"{name}.csv"
    for name in ("corrections", "splits", "test", "groups", "duplicates")
]
_TABLE_ENDINGS = (".csv", ".tsv")
_MOST_TABLES = 10
_MOST_BYTES = 100 * 2**20  # of a table; a row has some hundred bytes


@dataclass(frozen=True)
class FolderContent:
    """What a folder holds, by name."""

    photos: list[str]  # paths below the folder, sorted
    tables: list[CsvTable]
    doubts: list[str]  # why a table cannot be read


def look_at(name: str, own_table: Path) -> FolderContent:
    """Return the photos of a folder or URL and the tables in it and beside it that have rows.

    own_table: is looked at too, wherever it lies. Raises UserError where there is no photo.
    Of a bucket no table is looked at: its labels are in data/labels.csv or in the names.
    """
    place = open_photos(name)
    paths = list_paths(place)
    photos = list(filter(is_named_photo, paths))
    if not photos:
        raise UserError(f"{name} holds no photo: of {len(paths):,} files none is named as one")
    tables, doubts = tables_near(place, name, paths, own_table)
    return FolderContent(photos, tables, doubts)


def tables_near(
    place: PhotoFolder,
    name: str,
    paths: Sequence[str],
    own_table: Path,
    most_bytes: int = _MOST_BYTES,
) -> tuple[list[CsvTable], list[str]]:
    """Return the tables that have rows, as `look_at` does, and why others cannot be read.

    paths: all files below the folder, which is also open as `place`.
    """
    near = [] if isinstance(place, Bucket) else _files_near(Path(name), place, paths)
    files = [
        file
        for file in dict.fromkeys([*near, own_table])
        if file.suffix.lower() in _TABLE_ENDINGS and file.is_file() and file not in _NO_LABELS
    ]
    doubts = [
        f"{file}: not looked at, one of more than {_MOST_TABLES} tables"
        for file in files[_MOST_TABLES:]
    ]
    tables = []
    for file in files[:_MOST_TABLES]:
        try:
            table = read_near(file, most_bytes)
        except UserError as error:
            doubts.append(str(error))
            continue
        if table.records[1:]:
            tables.append(table)
    return tables, doubts


def read_near(file: Path, most_bytes: int = _MOST_BYTES) -> CsvTable:
    """Return a table by its ending; UserError where it is too large to be one of labels."""
    if file.stat().st_size > most_bytes:
        raise UserError(f"{file}: not looked at, it has more than {most_bytes:,} bytes")
    return read_table(file, "\t" if file.suffix.lower() == ".tsv" else ",")


def _files_near(folder: Path, photos: PhotoFolder, paths: Sequence[str]) -> list[Path]:
    """Return the files in a folder, none of which a tar has, then those beside it."""
    inside = [folder / path for path in paths] if isinstance(photos, Path) else []
    if folder.parent == Path():
        return inside
    try:
        return inside + sorted(folder.parent.iterdir())
    except OSError:  # a folder that nobody may list says nothing about labels
        return inside
