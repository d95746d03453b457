"""A comparison for the terminal, and as Markdown for a pull request."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.compare.what_changed import what_changed
from stages.compare.words import errors, not_compared, p_of, points, scores, seeds, sentence

Records = Sequence[Mapping[str, Any]]
MOST = 12  # names in a list; a comment on a pull request may have 65,536 characters
TITLE = "Better, worse, or cannot tell"
HEAD = ("verdict", "error", "difference, points (95 %)", "p", "images")
NOTHING = "nothing that dvc.lock knows of"


def cells(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of a comparison, in the order of HEAD."""
    change = points(record["difference"]) if record["n_common"] else "–"
    return (record["verdict"], errors(record), change, p_of(record), f"{record['n_common']:,}")


def terminal(records: Records) -> str:
    """Return a table with a row a comparison, and the causes and the doubts below."""
    base = f"against {records[0]['base']}"
    rows = [(base, *HEAD), *((one["other"], *cells(one)) for one in records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{text:<{w}}" for text, w in zip(row, widths, strict=True)) for row in rows]
    for one in records:
        lines += ["", f"{one['other']}: {sentence(one)}"]
        lines += [f"  {line}" for line in [*_facts(one), *_changed(one), *one["notes"]]]
    return "\n".join(line.rstrip() for line in lines)


def markdown(records: Records) -> str:
    """Return compare.md: the table, then for each comparison its causes and where it differs."""
    base = records[0]
    lines = [
        f"## {TITLE}",
        "",
        f"| against {code(base['base'])} | {' | '.join(HEAD)} |",
        "|---" * (len(HEAD) + 1) + "|",
    ]
    for one in records:
        verdict, *rest = cells(one)
        lines.append(f"| {code(one['other'])} | **{verdict}** | {' | '.join(rest)} |")
    if len(records) > 1:
        lines += ["", f"p is Holm's, over {len(records)} comparisons."]
    for one in records:
        lines += ["", f"### {code(one['other'])}: {one['verdict']}", "", plain(sentence(one))]
        lines += ["", "What changed:", *(f"- {plain(line)}" for line in _changed(one))]
        if facts := _facts(one):
            lines += ["", "Where:", *(f"- {plain(line)}" for line in facts)]
        lines += _pictures(one)
        if one["notes"]:
            lines += ["", "To keep in mind:", *(f"- {plain(note)}" for note in one["notes"])]
    return "\n".join(lines) + "\n"


def _changed(record: Mapping[str, Any]) -> list[str]:
    found = what_changed(record["changed"])
    lines = [f"{kind}: {line}" for kind, of_kind in found.items() for line in _few(of_kind)]
    return lines or [NOTHING]


def _facts(record: Mapping[str, Any]) -> list[str]:
    """Return scores, spreads over seeds, classes beyond noise, and images left out."""
    lines = [f"{name}: {text}" for name, text in {**scores(record), **seeds(record)}.items()]
    for verdict in ("worse", "better"):
        told = [one for one in record["classes"] if one["verdict"] == verdict]
        rates = [
            f"{one['label']} ({100 * one['base']:.0f} → {100 * one['other']:.0f} % wrong)"
            for one in told
        ]
        if told:
            lines.append(f"Classes {verdict} beyond noise: {', '.join(_few(rates))}")
    if left := not_compared(record):
        lines.append(left)
    return lines


def _pictures(record: Mapping[str, Any]) -> list[str]:
    lines = []
    for kind, name in (("newly_wrong", "Newly wrong"), ("newly_right", "Newly right")):
        if rows := record[kind]:
            lines += ["", f"<details><summary>{name}: {len(rows)}</summary>", ""]
            lines += _few(
                [
                    f"- {code(row['path'])}: {code(row['actual'])}, was {code(row['base'])}, "
                    f"is {code(row['other'])}"
                    for row in rows
                ]
            )
            lines += ["", "</details>"]
    return lines


def _few(lines: Sequence[str]) -> list[str]:
    """Return the first of many lines, and how many more there are."""
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return [*lines[:MOST], *more]


def code(text: str) -> str:
    """Return a name that Markdown leaves as it is, in a table too.

    >>> code("a|b"), code("`x`")
    ('`a\\\\|b`', '`` `x` ``')
    """
    line = " ".join(str(text).split()).replace("|", "\\|")
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def plain(text: str) -> str:
    """Return a sentence on one line in which Markdown and HTML find nothing to act on.

    >>> plain("<b> @someone a_b")
    '&lt;b&gt; &#64;someone a\\\\_b'
    """
    text = " ".join(text.split())
    for sign in "\\`*_[]|":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
