"""reports/report.md: what the page says first, as text for a pull request."""

import re
from collections.abc import Iterator, Mapping, Sequence

from stages.page.words import SPACE, ends, headline, p_is, percent, times
from stages.stats.interpretation import Interpretation

MOST = 10  # rows of a table
LONGEST = 80  # characters of a name


def report_markdown(result: Interpretation, counts: Mapping[str, int], fingerprint: str) -> str:
    """Return headline, scores, confused pairs and suspects in GitHub's Markdown.

    counts: images by their side of the split. fingerprint: of the data.
    """
    sections = [
        f"## {headline(result.metrics)}",
        _verdict(result),
        _scores(result),
        "### Most confused\n\n" + (_confused(result) or "No class was taken for another."),
        "### Labels that may be wrong\n\n" + (_suspects(result) or "None."),
        "Data: "
        + ", ".join(f"{number:,} {name}" for name, number in counts.items())
        + f"; fingerprint {code_span(fingerprint)}.",
    ]
    return "\n\n".join(sections).replace(SPACE, " ") + "\n"


def code_span(text: str) -> str:
    r"""Return a name as a code span of one line, in which nothing is markup, mention or link.

    >>> print(code("<b> | `x`"))
    `` <b> \| `x` ``
    """
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if "`" in (line[:1], line[-1:]) else ""
    return f"{fence}{pad}{line}{pad}{fence}".replace("|", r"\|")


def _verdict(result: Interpretation) -> str:
    versus = result.metrics["versus_baseline"]
    return (
        f"On the same {result.metrics['images']:,} validation images, fine-tuning alone is right"
        f" {times(versus['only_first_right'])} and the probe alone"
        f" {times(versus['only_second_right'])} (exact McNemar test, {p_is(versus['p'])})."
    )


def _scores(result: Interpretation) -> str:
    names = {"accuracy": "Accuracy", "top_5": "Among the first five", "macro_f1": "Macro F1"}
    rows = [
        (title, percent(score["value"]), ends(score))
        for name, title in names.items()
        if (score := result.metrics.get(name))
    ]
    return _table(("", "value", "95 % interval"), rows)


def _confused(result: Interpretation) -> str:
    rows = [
        (code_span(row["actual"]), code_span(row["predicted"]), f"{row['count']} of {row['of']}")
        for row in result.confused.head(MOST).to_dict("records")
    ]
    return _table(("actual", "taken for", "images"), rows)


def _suspects(result: Interpretation) -> str:
    rows = [
        (code_span(row["path"]), code_span(row["label"]), code_span(row["suggested"]))
        for row in result.suspects.head(MOST).to_dict("records")
    ]
    left = len(result.suspects) - len(rows)
    more = f"\n\nand {left:,} more on the page." if left else ""
    return _table(("photo", "label", "perhaps"), rows) + more


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(_lines(header, rows)) if rows else ""


def _lines(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for row in (header, ("---",) * len(header), *rows):
        yield f"| {' | '.join(row)} |"
