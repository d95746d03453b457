"""Corrections that ingest will not apply are named before it runs, in ingest's own words."""

from pathlib import Path

import pytest

from stages.base.files import sha256_bytes, sha256_file
from stages.base.packed import Packed
from stages.dataset.packed_folder import open_photos
from stages.labels.corrections import read_corrections
from stages.tools import check_corrections
from stages.tools.check_corrections import CORRECTIONS, correction_notes
from tests.tar_files import write_tar

LABELS = {"a.jpg": "beagle", "b.jpg": "beagle", "c.jpg": "siamese"}
HASHES = {path: sha256_bytes(path.encode()) for path in LABELS}
HEADER = "path,sha256,action,label,note\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of three photos, each with its name as content, beside no corrections."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    for new in (folder, CORRECTIONS.parent):
        new.mkdir()
    for path in LABELS:
        (folder / path).write_text(path)
    CORRECTIONS.write_text(HEADER)
    return folder


def write(*rows: str) -> None:
    """Write corrections."""
    CORRECTIONS.write_text(HEADER + "".join(f"{row}\n" for row in rows))


def test_every_row_that_does_not_fit_has_a_line(folder: Path) -> None:
    """Action, photo, content and label: each is named at once with its line and the remedy."""
    write(
        "a.jpg,,relable,siamese,",
        "gone.jpg,,drop,,",
        f"b.jpg,{'0' * 64},drop,,",
        "c.jpg,,relabel,beagel,",
    )
    notes = correction_notes(LABELS, list(LABELS), folder)
    assert [note.partition(": line ")[0] for note in notes] == [
        f"{CORRECTIONS}: a.jpg: correction: unknown action",
        f"{CORRECTIONS}: gone.jpg: correction: row without photo",
        f"{CORRECTIONS}: b.jpg: correction: content changed",
        f"{CORRECTIONS}: c.jpg: correction: unknown label",
    ]
    assert "'relable' is none of relabel, new class, drop, keep" in notes[0]
    assert "did you mean 'beagle'?" in notes[3]


def test_rows_about_photos_in_tars_are_compared_too(folder: Path) -> None:
    """A photo in a tar has the hash of its own bytes."""
    write(f"a.jpg,{HASHES['a.jpg']},drop,,", f"b.jpg,{'0' * 64},drop,,")
    write_tar(Path("packed/a.tar"), {path: path.encode() for path in LABELS})
    packed = open_photos("packed")
    assert isinstance(packed, Packed)
    (note,) = correction_notes(LABELS, list(LABELS), packed)
    assert note.startswith(f"{CORRECTIONS}: b.jpg: correction: content changed")


def test_rows_that_fit_have_no_line(folder: Path) -> None:
    """Actions of every kind that ingest applies are passed over, and so is an empty table."""
    assert correction_notes(LABELS, list(LABELS), folder) == []
    write(f"a.jpg,{HASHES['a.jpg']},relabel,siamese,", "b.jpg,,New Class,lynx,", "c.jpg,,drop,,why")
    assert correction_notes(LABELS, list(LABELS), folder) == []


def test_the_lines_are_those_of_ingest(folder: Path) -> None:
    """What is found before the run is what ingest lists with all hashes at hand."""
    write("a.jpg,,relabel,dog,", "a.jpg,,drop,,", "b.jpg,,keep,siamese,", f"c.jpg,{'1' * 64},,,")
    of_ingest = read_corrections(CORRECTIONS, LABELS, HASHES).problems
    assert len(of_ingest) == 4
    expected = [f"{CORRECTIONS}: {problem}" for problem in of_ingest]
    assert correction_notes(LABELS, list(LABELS), folder) == expected


def test_the_content_of_a_bucket_stays_unread(folder: Path) -> None:
    """Without a folder at hand the sha256 is left to ingest, and all else is still found."""
    write(f"b.jpg,{'0' * 64},drop,,", "a.jpg,,relable,siamese,")
    (note,) = correction_notes(LABELS, list(LABELS), None)
    assert "unknown action" in note


def test_a_photo_that_cannot_be_read_is_left_to_ingest(folder: Path) -> None:
    """A photo that is gone since it was listed is no fault of its row."""
    write(f"b.jpg,{'0' * 64},drop,,")
    (folder / "b.jpg").unlink()
    assert correction_notes(LABELS, list(LABELS), folder) == []


def test_a_photo_is_read_once_and_only_for_its_sha256(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows without a sha256 cost no reading, and a new class, looked at twice, costs one."""
    read: list[str] = []

    def sha256_of(file: Path) -> str:
        read.append(file.name)
        return sha256_file(file)

    monkeypatch.setattr(check_corrections, "sha256_file", sha256_of)
    write("a.jpg,,new class,lynx,", "b.jpg,,drop,,")
    assert correction_notes(LABELS, list(LABELS), folder) == []
    assert read == []
    write(f"a.jpg,{HASHES['a.jpg']},new class,lynx,", f"b.jpg,{HASHES['b.jpg']},drop,,")
    assert correction_notes(LABELS, list(LABELS), folder) == []
    assert sorted(read) == ["a.jpg", "b.jpg"]


def test_many_lines_are_cut(folder: Path) -> None:
    """Fifty rows are shown, and how many more there are."""
    write(*(f"gone{number}.jpg,,drop,," for number in range(60)))
    notes = correction_notes(LABELS, list(LABELS), folder)
    assert len(notes) == 51
    assert notes[-1] == f"{CORRECTIONS}: 10 more rows"


def test_a_file_that_is_no_table_is_a_mistake_elsewhere(folder: Path) -> None:
    """Without its columns there is no row to speak of."""
    CORRECTIONS.write_text("path,label\na.jpg,cat\n")
    assert correction_notes(LABELS, list(LABELS), folder) == []
