"""Results go into a folder of their own, over nothing of a user's, and never mix two runs."""

import json
from pathlib import Path

import pytest

from stages.base.csv_file import read_text_csv
from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.evaluate import out_folder
from stages.evaluate.counted import count_photos
from stages.evaluate.out_folder import PAGE, PREDICTIONS, RECORD, check_out_folder, write_out_folder
from stages.evaluate.record import EvaluationMetrics
from stages.evaluate.scores import evaluation_metrics
from tests.evaluate.example_evaluation import CLASSES, judged, twins_of
from tests.tiny_repo import hashes


def example_metrics() -> EvaluationMetrics:
    """Return the metrics of one photo."""
    photos = [judged("a")]
    counted = count_photos(photos, twins_of(photos), CLASSES, not_labelled=0, seen_known=True)
    return evaluation_metrics(counted, CLASSES, 1.0, None, 42)


def write(folder: Path, text: str = "a") -> None:
    """Check a folder and write results to it, as the command does."""
    check_out_folder(folder, Path("album"))
    write_out_folder(folder, example_metrics(), f"path\n{text}\n", f"<p>{text}</p>\n")


def test_results_are_written_and_replaced(tmp_path: Path) -> None:
    """A new folder and one of an earlier run get the results, the same ones as the same bytes."""
    folder = tmp_path / "new" / "out"
    write(folder, "first")
    first = hashes(folder)
    assert set(first) == {RECORD, PREDICTIONS, PAGE}
    write(folder, "second")
    assert read_text_csv(folder / PREDICTIONS)["path"].tolist() == ["second"]
    write(folder, "first")
    assert hashes(folder) == first


@pytest.mark.parametrize("name", [RECORD, PREDICTIONS, PAGE, "holiday.jpg"])
def test_a_file_of_the_user_is_never_touched(tmp_path: Path, name: str) -> None:
    """A folder with a file that evaluate did not write is refused, whatever the file's name."""
    (tmp_path / name).write_text('{"files": {}}')
    before = hashes(tmp_path)
    with pytest.raises(UserError, match=f"did not write.*{name}.*name another --out"):
        write(tmp_path)
    assert hashes(tmp_path) == before


def test_what_systems_leave_is_left_alone(tmp_path: Path) -> None:
    """A hidden file neither stands in the way nor goes."""
    (tmp_path / ".DS_Store").write_text("view")
    write(tmp_path)
    write(tmp_path, "second")
    assert (tmp_path / ".DS_Store").read_text() == "view"


@pytest.mark.parametrize("name", [PREDICTIONS, PAGE])
def test_a_result_that_the_user_changed_is_the_users(tmp_path: Path, name: str) -> None:
    """A table with notes of a person in it is not written over."""
    write(tmp_path)
    (tmp_path / name).write_text("with my notes")
    with pytest.raises(UserError, match=name):
        write(tmp_path, "second")
    assert (tmp_path / name).read_text() == "with my notes"


def test_a_record_that_the_user_changed_is_the_users(tmp_path: Path) -> None:
    """A note of a person in metrics.json is not written over; another layout is no change."""
    write(tmp_path)
    record = json.loads((tmp_path / RECORD).read_bytes())
    (tmp_path / RECORD).write_text(json.dumps(record))
    write(tmp_path, "second")
    record = json.loads((tmp_path / RECORD).read_bytes()) | {"note": "of May"}
    (tmp_path / RECORD).write_text(json.dumps(record))
    with pytest.raises(UserError, match=RECORD):
        write(tmp_path, "third")
    assert "of May" in (tmp_path / RECORD).read_text()


@pytest.mark.parametrize("out", ["album", "album/cat", "album/report/new", "./album/../album/x"])
def test_the_folder_of_the_photos_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    """Nothing is written into the folder of the photos, nor below it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album" / "cat").mkdir(parents=True)
    with pytest.raises(UserError, match="in the folder of the photos"):
        check_out_folder(Path(out), Path("album"))


def test_a_link_into_the_photos_is_refused(tmp_path: Path) -> None:
    """A link does not hide that a folder is that of the photos."""
    (tmp_path / "album").mkdir()
    (tmp_path / "out").symlink_to("album")
    with pytest.raises(UserError, match="in the folder of the photos"):
        check_out_folder(tmp_path / "out", tmp_path / "album")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """--out names a folder."""
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="is a file"):
        check_out_folder(tmp_path / "out", Path("album"))


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_run_that_dies_while_writing_mixes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """Cut off between two files, the folder has those of one run alone, and takes the next."""
    write(tmp_path, "first")
    calls = 0

    def dying(path: Path, content: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == dies_at:
            raise KeyboardInterrupt
        write_bytes(path, content)

    with monkeypatch.context() as context:
        context.setattr(out_folder, "write_bytes", dying)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, "second")
    left = [path.read_text() for path in tmp_path.iterdir() if path.name != RECORD]
    assert len(left) == dies_at - 1
    assert all("second" in text for text in left)
    write(tmp_path, "third")
    assert "third" in (tmp_path / PAGE).read_text()
