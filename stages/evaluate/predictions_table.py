"""predictions.csv of an evaluation: the rows of predict, with the label and what the photo is."""

from collections.abc import Sequence

from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.twins import Twins
from stages.labels.problem import Problem
from stages.predict.answer import PhotoAnswer
from stages.predict.rows import CsvFormat, csv_line

_SEEN_UNKNOWN = "unknown"


def predictions_table(
    judged: Sequence[JudgedPhoto],
    unlabelled: Sequence[Problem],
    twins: Twins,
    *,
    top: int,
    seen_known: bool,
) -> str:
    """Return the table, in the order of the photos, those without a label behind them.

    Behind the columns of predict stand label, seen (training, validation, unknown, or nothing for a
    photo that is new) and same_as (another photo of the set that is the same picture).
    """
    rows = CsvFormat(top)
    table = [[*rows.columns, "label", "seen", "same_as"]]
    table += [[*rows.cells(one.answer), *_about(one, twins, seen_known)] for one in judged]
    for row in unlabelled:
        answer = PhotoAnswer(path=row.path, problem=f"no label: {row.problem} ({row.detail})")
        table.append([*rows.cells(answer), "", "", ""])
    return "".join(map(csv_line, table))


def _about(photo: JudgedPhoto, twins: Twins, seen_known: bool) -> list[str]:
    """Return label, seen and same_as."""
    if photo.problem:
        return [photo.label, "", ""]
    first = twins.picture[photo.path]
    seen = twins.seen.get(photo.path, "") if seen_known else _SEEN_UNKNOWN
    return [photo.label, seen, "" if first == photo.path else first]
