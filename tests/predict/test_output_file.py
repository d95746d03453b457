"""Rows are appended to a file, which goes on after a kill under the same conditions alone."""

import resource
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.predict.answer import ClassProbability, PhotoAnswer
from stages.predict.output_file import Conditions, OutputFile, open_output, row_format_of

CONDITIONS = Conditions(
    model="5" * 64, engine="torch", temperature=1.1, threshold=None, right=0.95, top=1, crops="none"
)
TOP = (ClassProbability("dog", 0.9),)
ANSWERS = [
    PhotoAnswer(path="a.jpg", predicted="dog", confidence=0.9, top=TOP),
    PhotoAnswer(path='b "2",\n3.jpg', problem="truncated"),
    PhotoAnswer(path="c.jpg", predicted="dog", confidence=0.9, top=TOP),
]
FORMATS = ["csv", "jsonl"]


def write(
    path: Path, answers: Sequence[PhotoAnswer] = (), conditions: Conditions = CONDITIONS
) -> OutputFile[PhotoAnswer]:
    """Open a file, append the answers, and return it closed."""
    records = path.parent / "records"
    with open_output(path, row_format_of(path, conditions.top), conditions, records) as output:
        output.write(answers)
    return output


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_goes_on_behind_its_rows(tmp_path: Path, suffix: str) -> None:
    """Opened again a file knows its photos and problems, and what is added stands behind them."""
    at_once = tmp_path / f"once.{suffix}"
    write(at_once, ANSWERS)
    path = tmp_path / "new" / f"twice.{suffix}"
    first = write(path, ANSWERS[:2])
    assert (first.done, first.unread) == (set(), 1)
    again = write(path, ANSWERS[2:])
    assert again.done == {answer.path for answer in ANSWERS[:2]}
    assert again.unread == 1
    assert path.read_bytes() == at_once.read_bytes()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_torn_end_is_removed_wherever_it_is(tmp_path: Path, suffix: str) -> None:
    """Cut at any byte, the file has its whole rows, and ends as if it had never been cut."""
    path = tmp_path / f"a.{suffix}"
    write(path, ANSWERS)
    content = path.read_bytes()
    header = len(row_format_of(path, 1).header.encode())
    kept = []
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        output = write(path)
        done = [answer for answer in ANSWERS if answer.path in output.done]
        assert done == ANSWERS[: len(done)]
        kept.append(len(done))
        assert length < header or path.read_bytes() == content[: path.stat().st_size]
        write(path, ANSWERS[len(done) :])
        assert path.read_bytes() == content, length
    assert kept == sorted(kept)
    assert set(kept) == {0, 1, 2}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "6" * 64),
        ("engine", "ONNX"),
        ("temperature", 1.2),
        ("threshold", 0.9),
        ("crops", "flip"),
        ("top", 2),
    ],
)
def test_another_model_or_option_is_refused(tmp_path: Path, name: str, value: object) -> None:
    """Rows of different conditions are not mixed: the error names what differs, and a remedy."""
    path = tmp_path / "a.csv"
    write(path, ANSWERS)
    content = path.read_bytes()
    other = replace(CONDITIONS, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(UserError, match=f"with another {name}; name another --out, or delete"):
        write(path, conditions=other)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", ["a table\n", "path,label\n", "{}"])
def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path, content: str) -> None:
    """What predict did not write is neither overwritten nor cut."""
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="was not written by predict here"):
        write(path, ANSWERS)
    assert path.read_text(encoding="utf-8") == content


def test_a_file_that_somebody_replaced_is_refused(tmp_path: Path) -> None:
    """Under the name of an output there may be another table by now."""
    path = tmp_path / "a.csv"
    write(path, ANSWERS)
    path.write_text("path,label\na.jpg,dog\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"has rows of another kind \(other columns\)"):
        write(path, ANSWERS)


def test_an_empty_file_is_begun(tmp_path: Path) -> None:
    """A file without a byte, as a shell makes one, is no file of somebody else."""
    path = tmp_path / "a.csv"
    path.touch()
    assert write(path, ANSWERS).done == set()
    assert len(write(path).done) == 3


def test_rows_are_there_when_they_are_written(tmp_path: Path) -> None:
    """A kill loses no row that was written: all of them are in the file before the next batch."""
    path = tmp_path / "a.csv"
    with open_output(path, row_format_of(path, 1), CONDITIONS, tmp_path / "records") as output:
        output.write(ANSWERS[:1])
        assert "a.jpg" in path.read_text(encoding="utf-8")


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    """A second run on a file that is being written is refused by its name."""
    path = tmp_path / "a.csv"
    rows = row_format_of(path, 1)
    with (
        open_output(path, rows, CONDITIONS, tmp_path / "records"),
        pytest.raises(UserError, match="is being written by another run"),
        open_output(path, rows, CONDITIONS, tmp_path / "records"),
    ):
        pass


def test_where_nothing_can_be_written_the_file_is_named(tmp_path: Path) -> None:
    """A folder in the place of the file is an error with its name."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(UserError, match=r"a\.csv cannot be written"):
        write(tmp_path / "a.csv")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """Where no more can be written the error names the file and the remedy, and a rerun goes on."""
    path = tmp_path / "b.csv"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    default = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    write(path, ANSWERS[:1])
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, before[1]))
        with pytest.raises(UserError, match=r"b\.csv cannot be written: File too large; .* again"):
            write(path, ANSWERS[1:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, default)
    assert write(path, ANSWERS[1:]).done == {"a.jpg"}
    assert len(write(path).done) == 3


def test_what_may_be_read_another_time_gets_no_row(tmp_path: Path) -> None:
    """A fault of the machine is not written down as one of the photo: the next run tries again."""
    path = tmp_path / "a.csv"
    passing = PhotoAnswer(path="d.jpg", problem="unreadable: Stale file handle", again=True)
    output = write(path, [*ANSWERS, passing])
    assert (output.unread, output.left) == (1, 1)
    again = write(path)
    assert again.done == {answer.path for answer in ANSWERS}
    assert (again.unread, again.left) == (1, 0)


def test_the_ending_names_the_format() -> None:
    """Another ending than .csv and .jsonl is refused by name."""
    assert row_format_of(Path("a.CSV"), 1).header.startswith("path,predicted,confidence")
    assert row_format_of(Path("a.jsonl"), 1).header == ""
    with pytest.raises(UserError, match=r"--out a\.xlsx: a table ends in \.csv"):
        row_format_of(Path("a.xlsx"), 1)


def test_records_hold_no_name_of_a_file(tmp_path: Path) -> None:
    """The record of a file is found by a hash of its whole path."""
    write(tmp_path / "a.csv")
    (record,) = (tmp_path / "records").iterdir()
    assert "a.csv" not in record.name
    assert "a.csv" not in record.read_text(encoding="utf-8")
