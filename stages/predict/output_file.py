"""The output file of predict: rows are appended, and a run that was killed goes on behind them."""

import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Generic

from filelock import lock_descriptor

from stages.base.errors import UserError
from stages.base.files import sha256_bytes, write_json
from stages.base.plural import join_names
from stages.base.system_errors import unwritable
from stages.predict.answer import PhotoAnswer
from stages.predict.rows import CsvFormat, JsonFormat, RowAnswer, RowFormat

_BEGIN_ANEW = "name another --out, or delete the file to begin anew"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What rows depend on beside the photos; a file goes on only under the same."""

    model: str  # SHA-256 of the model card, which names that of the tensors
    engine: str  # what computes; half precision may move a probability by .01
    temperature: float
    threshold: float | None
    right: float
    top: int
    crops: str


class OutputFile(Generic[RowAnswer]):
    """A file of rows, opened behind the rows that it has."""

    def __init__(self, path: Path, file: FileIO, row_format: RowFormat[RowAnswer]) -> None:
        """Read the rows that are there; what was torn by a kill must be gone."""
        self.path = path
        self.done: set[str] = set()  # photos that have a row
        self.unread = 0  # rows with a problem
        self.left = 0  # photos without a row, whose problem may be gone the next time
        self._file = file
        self._format = row_format
        text = io.TextIOWrapper(io.BufferedReader(file), encoding="utf-8", newline="\n")
        try:
            for row in row_format.read(text):
                self.done.add(row.path)
                self.unread += bool(row.problem)
        except ValueError as error:
            reason = " ".join(str(error).split())[:120]
            raise UserError(f"{path} has rows of another kind ({reason}); {_BEGIN_ANEW}") from None
        finally:
            text.detach().detach()

    def write(self, answers: Iterable[RowAnswer]) -> None:
        """Append rows; they are in the file when this returns, whatever happens to the process.

        What may be read another time gets no row: the next run tries it again.
        """
        answers = list(answers)
        lines = [self._format.line(answer) for answer in answers if not answer.again]
        self.left += len(answers) - len(lines)
        self.unread += sum(bool(answer.problem) and not answer.again for answer in answers)
        _write(self.path, self._file, "".join(lines))


def row_format_of(path: Path, top: int) -> RowFormat[PhotoAnswer]:
    """Return the format that the ending of a file names."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".jsonl"):
        raise UserError(f"--out {path}: a table ends in .csv, JSON lines end in .jsonl")
    return CsvFormat(top) if suffix == ".csv" else JsonFormat()


@contextmanager
def open_output(
    path: Path, row_format: RowFormat[RowAnswer], conditions: Conditions, records: Path
) -> Iterator[OutputFile[RowAnswer]]:
    """Open an output file for a block, to go on behind its whole rows; a torn last one is removed.

    records: the folder that notes under which conditions each file is written. UserError where the
    file was written under others, or by something else, or is being written now.
    """
    record = records / f"{sha256_bytes(bytes(path.absolute()))[:32]}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer, whose rest would fail again, and unnamed, when the file is closed.
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise unwritable(path, error) from None
    with file:
        _lock(path, file)
        if file.seek(0, io.SEEK_END) > 0:
            _refuse_others(path, record, conditions)
            file.truncate(_end_of_rows(file, row_format))
        if file.seek(0, io.SEEK_END) == 0:
            write_json(record, asdict(conditions))
            _write(path, file, row_format.header)
        file.seek(0)
        yield OutputFile(path, file, row_format)


def _write(path: Path, file: FileIO, text: str) -> None:
    """Append a text, all of it, or raise the UserError that names the file."""
    rest = memoryview(text.encode())
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise unwritable(path, error) from None


def _lock(path: Path, file: FileIO) -> None:
    locked = True
    with suppress(OSError):  # a network folder without locks
        locked = lock_descriptor(file.fileno(), blocking=False)
    if not locked:
        raise UserError(f"{path} is being written by another run; wait for its end")


def _refuse_others(path: Path, record: Path, conditions: Conditions) -> None:
    """Refuse a file that was written under other conditions, or not by this command."""
    written: Any = None
    with suppress(FileNotFoundError, ValueError):
        written = json.loads(record.read_bytes())
    if not isinstance(written, dict):
        raise UserError(f"{path} is there, and was not written by predict here; {_BEGIN_ANEW}")
    now = asdict(conditions)
    if others := [name for name, value in now.items() if written.get(name) != value]:
        raise UserError(f"{path} was written with another {join_names(others)}; {_BEGIN_ANEW}")


def _end_of_rows(file: FileIO, row_format: RowFormat[RowAnswer]) -> int:
    """Return where the last whole row ends: at a line end that is outside of quotes."""
    file.seek(0)
    at = 0
    end = 0
    quoted = False
    reader = io.BufferedReader(file)
    for line in reader:
        at += len(line)
        quoted ^= row_format.may_span_lines and line.count(b'"') % 2 == 1
        if not quoted and line.endswith(b"\n"):
            end = at
    reader.detach()
    return end
