"""What was read of a bucket's files is known again by their versions, and by nothing else."""

from pathlib import Path

import PIL
import pytest

from stages.base.bucket import BucketFile
from stages.base.errors import UserError
from stages.dataset.fact_record import open_fact_record
from stages.dataset.scan import FileFacts

FILES = [BucketFile("s3://birds", name, 5, f"etag-{name}") for name in ("a.jpg", "b é.jpg")]
FACTS = [FileFacts(file.path, "0" * 64, "JPEG", 4, 3, 5) for file in FILES]


def known(folder: Path, files: list[BucketFile]) -> list[FileFacts | None]:
    """Return what the record in a folder knows."""
    with open_fact_record(folder) as record:
        return list(record.known(files))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a record that has two files."""
    with open_fact_record(tmp_path / "record") as record:
        record.save(FILES, FACTS)
    return tmp_path / "record"


def test_an_unchanged_file_is_known(folder: Path) -> None:
    """The facts come back in another run, in the order that is asked for."""
    assert known(folder, FILES[::-1]) == FACTS[::-1]


@pytest.mark.parametrize(
    "file",
    [
        BucketFile("s3://birds", "c.jpg", 5, "etag-a.jpg"),
        BucketFile("s3://other", "a.jpg", 5, "etag-a.jpg"),
        BucketFile("s3://birds", "a.jpg", 5, "etag-new"),
        BucketFile("s3://birds", "a.jpg", 5, ""),
    ],
)
def test_another_place_or_version_is_not_known(folder: Path, file: BucketFile) -> None:
    """A new file, one of another bucket, a changed one and one without a version are read."""
    assert known(folder, [file]) == [None]


def test_without_a_version_nothing_is_known_twice(tmp_path: Path) -> None:
    """Of a storage that has no versions every file is read each time."""
    file = BucketFile("s3://birds", "a.jpg", 5)
    with open_fact_record(tmp_path) as record:
        record.save([file], FACTS[:1])
        assert list(record.known([file])) == [None]


def test_a_changed_file_takes_the_place_of_the_old(folder: Path) -> None:
    """The record has one version of a file, the last."""
    new = BucketFile("s3://birds", "a.jpg", 6, "etag-new")
    facts = FileFacts("a.jpg", "1" * 64, "PNG", 8, 6, 6)
    with open_fact_record(folder) as record:
        record.save([new], [facts])
    assert known(folder, [new, FILES[0]]) == [facts, None]


def test_other_code_begins_a_new_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another version of the scan or of Pillow read is not believed, and is removed."""
    monkeypatch.setattr(PIL, "__version__", "0.1")
    assert known(folder, FILES) == [None, None]
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_record_is_begun_anew(folder: Path, content: bytes) -> None:
    """A record that is none costs a reading of the bucket, and no run."""
    (file,) = folder.iterdir()
    file.write_bytes(content)
    assert known(folder, FILES) == [None, None]
    with open_fact_record(folder) as record:
        record.save(FILES, FACTS)
    assert known(folder, FILES) == FACTS


def test_a_record_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Where a file is in the place of the folder the error names it."""
    (tmp_path / "record").touch()
    with pytest.raises(UserError, match="record"):
        known(tmp_path / "record", FILES)
