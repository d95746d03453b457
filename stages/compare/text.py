"""A comparison for the terminal, and as Markdown for a pull request: compare.md."""

from collections.abc import Sequence

from stages.base.terminal import printable
from stages.compare.record import ChangedImage, ClassChange, ComparisonRecord
from stages.compare.what_changed import NOT_THE_CAUSE, not_the_cause, what_changed
from stages.compare.words import (
    adjusted_pvalue,
    choosing_sentence,
    error_rates,
    groups_note,
    not_compared,
    score_lines,
    seed_lines,
    signed_interval,
    verdict_sentence,
    verdict_word,
)
from stages.page.markdown_escape import code_span, plain_sentence

LIST_LENGTH = 12  # names; a comment on a pull request may have 65,536 characters
NOTHING_CHANGED = "nothing that dvc.lock knows of"
_TITLE = "Better, worse, or cannot tell"
_COLUMNS = ("verdict", "error", "difference, points (95 %)", "p", "images")


def terminal_text(records: Sequence[ComparisonRecord]) -> str:
    """Return a table with a row for each comparison; below, what changed and what to know."""
    rows = [
        (printable(f"against {records[0].base}"), *_COLUMNS),
        *((printable(record.other), *_cells(record)) for record in records),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    for record in records:
        lines += ["", f"{record.other}: {verdict_sentence(record)}"]
        details = [*_facts(record), *_change_lines(record), *record.notes]
        lines += [f"  {line}" for line in details]
    return "\n".join(printable(line.rstrip()) for line in lines)


def comparison_markdown(records: Sequence[ComparisonRecord]) -> str:
    """Return compare.md: the table, then for each comparison what changed and where it differs."""
    lines = [
        f"## {_TITLE}",
        "",
        f"| against {_cell(records[0].base)} | {' | '.join(_COLUMNS)} |",
        "|---" * (len(_COLUMNS) + 1) + "|",
    ]
    for record in records:
        verdict, *other_cells = _cells(record)
        lines.append(f"| {_cell(record.other)} | **{verdict}** | {' | '.join(other_cells)} |")
    if len(records) > 1:
        lines += ["", f"p is Holm's, over {len(records)} comparisons."]
    for record in records:
        lines += _section(record)
    return "\n".join(lines) + "\n"


def _section(record: ComparisonRecord) -> list[str]:
    """Return the lines of compare.md about one comparison."""
    lines = ["", f"### {_name(record.other)}: {verdict_word(record)}"]
    lines += ["", plain_sentence(verdict_sentence(record))]
    lines += ["", "What changed:", *_bullets(_change_lines(record))]
    if facts := _facts(record):
        lines += ["", "Where:", *_bullets(facts)]
    lines += _changed_images("Newly wrong", record.newly_wrong)
    lines += _changed_images("Newly right", record.newly_right)
    if record.notes:
        lines += ["", "To keep in mind:", *_bullets(record.notes)]
    return lines


def _cells(record: ComparisonRecord) -> tuple[str, ...]:
    """Return the row of a comparison, in the order of _COLUMNS."""
    difference = signed_interval(record.difference)
    if record.same_model or not record.n_common:
        difference = "–"
    return (
        verdict_word(record),
        error_rates(record),
        difference,
        adjusted_pvalue(record),
        f"{record.n_common:,}",
    )


def _change_lines(record: ComparisonRecord) -> list[str]:
    """Return a line for each thing that changed, cut for each kind; last what is not the cause."""
    by_kind = what_changed(record.changed)
    lines = [f"{kind}: {line}" for kind, of_kind in by_kind.items() for line in _first(of_kind)]
    for why, others in not_the_cause(record.changed).items():
        lines.append(f"{NOT_THE_CAUSE}, {why}: {'; '.join(_first(others))}")
    return lines or [NOTHING_CHANGED]


def _facts(record: ComparisonRecord) -> list[str]:
    """Return scores, spreads over seeds, classes beyond noise, and images left out."""
    named = {**score_lines(record), **seed_lines(record)}
    lines = [f"{name}: {text}" for name, text in named.items()]
    for verdict in ("worse", "better"):
        changes = [change for change in record.classes if change.verdict == verdict]
        if changes:
            listed = ", ".join(_first([_class_change(change) for change in changes]))
            lines.append(f"Classes {verdict} beyond noise: {listed}")
    if record.choosing:
        lines.append(choosing_sentence(record.choosing))
    if note := groups_note(record):
        lines.append(note)
    if left_out := not_compared(record):
        lines.append(left_out)
    return lines


def _class_change(change: ClassChange) -> str:
    """Return a class with the share of its images that was and is wrong."""
    return f"{change.label} ({100 * change.base:.0f} → {100 * change.other:.0f} % wrong)"


def _changed_images(name: str, images: Sequence[ChangedImage]) -> list[str]:
    """Return the images that are newly wrong or newly right, folded; no lines without any."""
    if not images:
        return []
    listed = [
        f"- {_name(image.path)}: {_name(image.actual)}, was {_name(image.base)}, "
        f"is {_name(image.other)}"
        for image in images
    ]
    summary = f"<details><summary>{name}: {len(images)}</summary>"
    return ["", summary, "", *_first(listed), "", "</details>"]


def _name(text: str) -> str:
    """Return the name of a revision, file or class as a code span, however long it is."""
    return code_span(text, longest=None)


def _cell(name: str) -> str:
    """Return the name of a revision for the cell of a table."""
    return code_span(name, longest=None, in_table=True)


def _bullets(sentences: Sequence[str]) -> list[str]:
    """Return sentences as items of a Markdown list."""
    return [f"- {plain_sentence(sentence)}" for sentence in sentences]


def _first(lines: Sequence[str]) -> list[str]:
    """Return the first of many lines, and how many more there are."""
    more = [f"and {len(lines) - LIST_LENGTH} more"] if len(lines) > LIST_LENGTH else []
    return [*lines[:LIST_LENGTH], *more]
