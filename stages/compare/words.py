"""A comparison in words and signs, the same in the terminal, in Markdown and on the page."""

from collections.abc import Mapping
from typing import Any

from stages.page.words import percent, pvalue

MINUS = "\N{MINUS SIGN}"
# Of why an image is not paired: as the end of "12 of the images are ..."
APART = {
    "relabelled": "under another label",
    "replaced": "another photo under the same name",
    "added": "new",
    "removed": "gone",
    "moved": "in training on one side",
    "excluded": "kept out on one side",
    "rejected": "undecodable on one side",
    "unlabelled": "without a label on one side",
    "unknown": "for a reason that DVC's cache does not tell",
}


def signed(value: float | None, digits: int = 1, scale: float = 100) -> str:
    """Return a difference with its sign, in points unless scaled otherwise.

    >>> signed(-0.0123), signed(0.004), signed(0.0)
    ('−1.2', '+0.4', '0.0')
    """
    if value is None:
        return "–"
    text = f"{abs(scale * value):.{digits}f}"
    if float(text) == 0:
        return text
    return (MINUS if value < 0 else "+") + text


def points(difference: Mapping[str, Any], digits: int = 1, scale: float = 100) -> str:
    """Return a difference with its interval.

    >>> points({"value": -0.01, "low": -0.03, "high": 0.01})
    '−1.0 (−3.0 to +1.0)'
    """
    ends = (signed(difference[end], digits, scale) for end in ("low", "high"))
    return f"{signed(difference['value'], digits, scale)} ({' to '.join(ends)})"


def errors(record: Mapping[str, Any]) -> str:
    """Return both error rates."""
    rates = record["error_rate"]
    return f"{percent(rates['base'])} → {percent(rates['other'])}"


def p_of(record: Mapping[str, Any]) -> str:
    """Return the p-value, after Holm's adjustment where there are several comparisons."""
    return pvalue(record["p_holm"])


def sentence(record: Mapping[str, Any]) -> str:
    """Return what the verdict means, in one sentence or two."""
    if not record["n_common"]:
        return "There is no image on which the two can be compared."
    only, often = ("", "more often ") if record["seeds"] else ("only ", "")
    verb = "is" if record["only_other_right"] == 1 else "are"
    alone = (
        f"Of {record['n_common']:,} common images {record['only_other_right']:,} {verb} right "
        f"{often}{only}in {record['other']} and {record['only_base_right']:,} {often}{only}in "
        f"{record['base']}."
    )
    if record["verdict"] != "cannot tell":
        return alone
    if more := record["images_to_tell"]:
        return (
            f"{alone} If the difference is what it seems, about {more:,} images would tell, "
            "four times out of five."
        )
    if record["seeds"]:
        return f"{alone} More seeds or more images may tell."
    return f"{alone} So small a difference no set of photos would tell."


def not_compared(record: Mapping[str, Any]) -> str:
    """Return how many validation images are not compared, and why; "" when all are."""
    counts = record["not_common"]
    if not counts:
        return ""
    total = sum(counts.values())
    parts = ", ".join(f"{images:,} {APART[reason]}" for reason, images in counts.items())
    return (
        f"{total:,} validation {'image is' if total == 1 else 'images are'} not compared: {parts}."
    )


def scores(record: Mapping[str, Any]) -> dict[str, str]:
    """Return a line for each score beside the error rate."""
    found = {}
    if f1 := record["macro_f1"]:
        found["Macro F1"] = (
            f"{percent(f1['base'])} → {percent(f1['other'])}, {points(f1['difference'])} points"
        )
    if loss := record["log_loss"]:
        change = points(loss["difference"], digits=3, scale=1)
        found["Log loss"] = f"{loss['base']:.3f} → {loss['other']:.3f}, {change}"
    sides = [record["confidence"][side] for side in ("base", "other")]
    if all(sides):
        pairs = (
            f"{percent(one['confidence'])} sure, {percent(one['accuracy'])} right" for one in sides
        )
        found["Calibration"] = " → ".join(pairs)
    return found


def seeds(record: Mapping[str, Any]) -> dict[str, str]:
    """Return a line for each side that has several seeds: its errors, their mean and spread."""
    found = {}
    for side in ("base", "other"):
        about = (record["seeds"] or {}).get(side)
        if about and about["sd"] is not None:
            each = ", ".join(
                f"{run['seed']}: {percent(run['error_rate'])}" for run in about["runs"]
            )
            found[record[side]] = (
                f"mean {percent(record['error_rate'][side])}, standard deviation "
                f"{100 * about['sd']:.1f} points over {len(about['runs'])} seeds ({each})"
            )
    return found
