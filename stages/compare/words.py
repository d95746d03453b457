"""A comparison in words and signs, the same in the terminal, in compare.md and on the page."""

from collections.abc import Sequence

from stages.compare.record import (
    ChoosingRecord,
    ComparisonRecord,
    ConfidenceSummary,
    ScoreChange,
    SeedRuns,
)
from stages.page.formatting import counted_groups, interval_ends, percent, pvalue
from stages.stats.intervals import Interval
from stages.stats.power import round_up

_MINUS = "\N{MINUS SIGN}"
# By the reason why an image is not paired: how "12 of the images are ..." ends.
REASON_WORDS = {
    "relabelled": "under another label",
    "replaced": "another photo under the same name",
    "added": "new",
    "removed": "gone",
    "moved": "in training on one side",
    "test": "set aside for the test on one side",
    "excluded": "kept out on one side",
    "rejected": "undecodable on one side",
    "dropped": "dropped on one side",
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
    return (_MINUS if value < 0 else "+") + text


def signed_interval(difference: Interval, digits: int = 1, scale: float = 100) -> str:
    """Return a difference with its interval.

    >>> signed_interval(Interval(-0.01, -0.03, 0.01))
    '−1.0 (−3.0 to +1.0)'
    """
    low = signed(difference.low, digits, scale)
    high = signed(difference.high, digits, scale)
    return f"{signed(difference.value, digits, scale)} ({low} to {high})"


def enumeration(items: Sequence[str], most: int = 4) -> str:
    """Return the first items, separated by commas, and how many more there are.

    >>> enumeration(["loss", "path"]), enumeration(["a", "b", "c"], most=1)
    ('loss, path', 'a and 2 more')
    """
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def error_rates(record: ComparisonRecord) -> str:
    """Return both error rates."""
    return f"{percent(record.error_rate.base)} → {percent(record.error_rate.other)}"


def adjusted_pvalue(record: ComparisonRecord) -> str:
    """Return the p-value, after Holm's adjustment where there are several comparisons.

    A dash for one model on both sides, of which nothing is tested.
    """
    return "–" if record.same_model else pvalue(record.p_holm)


def verdict_word(record: ComparisonRecord) -> str:
    """Return the verdict, or that there is nothing to tell apart."""
    return "same model" if record.same_model else record.verdict


def verdict_sentence(record: ComparisonRecord) -> str:
    """Return what the verdict means, in one sentence or two."""
    if record.same_model:
        answers = f" It answers alike on the {record.n_common:,} common images."
        return f"{record.same_model}.{answers if record.n_common else ''}"
    if not record.n_common:
        return "There is no image on which the two can be compared."
    only = "" if record.seeds else "only "
    often = "more often " if record.seeds else ""
    verb = "is" if record.only_other_right == 1 else "are"
    counts = (
        f"Of {record.n_common:,} common images {record.only_other_right:,} {verb} right "
        f"{often}{only}in {record.other} and {record.only_base_right:,} {often}{only}in "
        f"{record.base}."
    )
    if not record.only_base_right and not record.only_other_right:
        counts = f"On each of the {record.n_common:,} common images both are right, or both wrong."
    if record.verdict != "cannot tell":
        return counts
    if record.images_to_tell:
        return (
            f"{counts} If the difference is what it seems, about {record.images_to_tell:,} images"
            f"{_in_groups(record, record.images_to_tell)} would tell, four times out of five."
        )
    if record.seeds:
        units = "images" if record.groups is None else "groups"
        return f"{counts} More seeds or more {units} may tell."
    return f"{counts} So small a difference no set of photos would tell."


def not_compared(record: ComparisonRecord) -> str:
    """Return how many validation images are not compared, and why; "" when all are."""
    if not record.not_common:
        return ""
    total = sum(record.not_common.values())
    images = "image is" if total == 1 else "images are"
    reasons = ", ".join(
        f"{count:,} {REASON_WORDS[reason]}" for reason, count in record.not_common.items()
    )
    return f"{total:,} validation {images} not compared: {reasons}."


def groups_note(record: ComparisonRecord) -> str:
    """Return that groups were counted; "" where images were, and of one model on both sides."""
    if record.groups is None or record.same_model:
        return ""
    return counted_groups(record.groups, record.n_common)


def _in_groups(record: ComparisonRecord, images: int) -> str:
    """Return of how many groups so many images are, in proportion; more of one group tell less."""
    if record.groups is None:
        return ""
    return f" in {round_up(images * record.groups / record.n_common):,} groups"


def which_test(records: Sequence[ComparisonRecord]) -> str:
    """Return which test the p-values are of; "" where nothing is tested."""
    tested = [record for record in records if not record.same_model]
    if not tested:
        return ""
    units = {"images" if record.groups is None else "groups" for record in tested}
    if any(record.seeds for record in tested):
        return f"A test of {' or '.join(sorted(units, reverse=True))} and seeds together."
    if units == {"images"}:
        return "Exact McNemar test, two-sided."
    if units == {"groups"}:
        return "Sign-flip test over groups, two-sided."
    return "Sign-flip test where groups are counted, else exact McNemar test, two-sided."


def choosing_sentence(choosing: ChoosingRecord) -> str:
    """Return what the best of several runs errs on, before and after the correction."""
    corrected = choosing.corrected
    return (
        f"Best of {choosing.runs:,} runs on the {choosing.images:,} images that all of them have, "
        f"{choosing.best}: "
        f"{percent(choosing.error_rate.value)} error, corrected for choosing "
        f"{percent(corrected.value)} ({interval_ends(corrected.as_dict())})"
    )


def score_lines(record: ComparisonRecord) -> dict[str, str]:
    """Return name -> change of each score beside the error rate; none of one and the same model."""
    lines: dict[str, str] = {}
    if record.same_model:
        return lines
    if record.macro_recall:
        lines["Macro recall"] = _percent_change(record.macro_recall)
    if record.macro_f1:
        lines["Macro F1"] = _percent_change(record.macro_f1)
    if record.log_loss:
        loss = record.log_loss
        change = signed_interval(loss.difference, digits=3, scale=1)
        lines["Log loss"] = f"{loss.base:.3f} → {loss.other:.3f}, {change}"
    if record.confidence.base and record.confidence.other:
        base = _confidence_and_accuracy(record.confidence.base)
        lines["Calibration"] = f"{base} → {_confidence_and_accuracy(record.confidence.other)}"
    return lines


def seed_lines(record: ComparisonRecord) -> dict[str, str]:
    """Return name -> errors, mean and spread of each side that has several seeds."""
    if not record.seeds:
        return {}
    lines = {}
    for name, seeds, mean in (
        (record.base, record.seeds.base, record.error_rate.base),
        (record.other, record.seeds.other, record.error_rate.other),
    ):
        if seeds.sd is not None:
            lines[name] = _spread(mean, seeds.sd, seeds)
    return lines


def _percent_change(change: ScoreChange) -> str:
    """Return a score of both sides in percent, and their difference in points."""
    difference = signed_interval(change.difference)
    return f"{percent(change.base)} → {percent(change.other)}, {difference} points"


def _confidence_and_accuracy(summary: ConfidenceSummary) -> str:
    """Return the mean confidence and the accuracy of one side."""
    return f"{percent(summary.confidence)} sure, {percent(summary.accuracy)} right"


def _spread(mean: float | None, sd: float, seeds: SeedRuns) -> str:
    """Return the mean error rate over seeds, its standard deviation, and each run's."""
    runs = ", ".join(f"{run.seed}: {percent(run.error_rate)}" for run in seeds.runs)
    return (
        f"mean {percent(mean)}, standard deviation {100 * sd:.1f} points "
        f"over {len(seeds.runs)} seeds ({runs})"
    )
