"""reports/report.md: what the page says first, as text for a pull request."""

from collections.abc import Iterator, Mapping, Sequence

from stages.page.formatting import (
    SPACE,
    first_five,
    groups_sentence,
    headline,
    interval_ends,
    is_probe,
    of_groups,
    p_is,
    paired_test,
    percent,
    times,
    trial_images,
)
from stages.page.markdown_escape import code_span, plain_sentence
from stages.page.next_steps import next_steps
from stages.stats.interpretation import Interpretation
from stages.stats.metrics_record import Metrics

_TABLE_ROWS = 10


def report_markdown(
    result: Interpretation, counts: Mapping[str, int], data_key: str, notes: Sequence[str]
) -> str:
    """Return headline, scores, confused pairs and label issues in GitHub's Markdown.

    counts: images by their side of the split. data_key: fingerprint of the images and labels.
    notes: sentences that stand below the verdict, of leaks and of corrections.
    """
    images = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    sections = [
        f"## {headline(result.metrics)}",
        _verdict(result.metrics),
        *filter(None, [groups_sentence(result.metrics)]),
        *map(plain_sentence, notes),
        _scores(result.metrics),
        "### Most confused\n\n" + (_most_confused(result) or "No class was taken for another."),
        "### What next\n\n" + (_next_steps(result) or "Nothing is known."),
        "### Labels that may be wrong\n\n" + (_label_issues(result) or "None."),
        f"Data: {images}; fingerprint {code_span(data_key)}.",
    ]
    return "\n\n".join(sections).replace(SPACE, " ") + "\n"


def _verdict(metrics: Metrics) -> str:
    trial = metrics["trial"]
    by_folds = "folds" in metrics
    if trial and is_probe(metrics) and by_folds:
        return (
            f"Of {trial_images(trial)}, models fine-tuned without their fold erred on"
            f" {trial['errors']:,}, and the probes on {trial['probe_errors']:,}."
        )
    if trial and is_probe(metrics):
        groups = f", {of_groups(trial)}," if "groups" in trial else ""
        return (
            f"In a trial without {trial['images']:,} of the training images{groups}"
            f" fine-tuning erred on {trial['errors']:,} of these, and the probe on"
            f" {trial['probe_errors']:,}."
        )
    versus = metrics["versus_baseline"]
    images = "images, each by models that did not see its fold" if by_folds else "validation images"
    return (
        f"On the same {metrics['images']:,} {images}, fine-tuning is right where the probe errs"
        f" {times(versus['only_first_right'])}, and errs where the probe is right"
        f" {times(versus['only_second_right'])} ({paired_test(versus)}, {p_is(versus['p'])})."
    )


def _scores(metrics: Metrics) -> str:
    """Return a table of accuracy, macro F1, and macro recall and top-5 where they say more."""
    scores = {
        "Accuracy": metrics["accuracy"],
        "Macro recall": metrics["macro_recall"] if metrics.get("unequal_classes") else None,
        "Among the first five": first_five(metrics),
        "Macro F1": metrics["macro_f1"],
    }
    rows = [
        (title, percent(score["value"]), interval_ends(score))
        for title, score in scores.items()
        if score is not None
    ]
    return _table(("", "value", "95 % interval"), rows)


def _most_confused(result: Interpretation) -> str:
    rows = [
        (_cell(row["actual"]), _cell(row["predicted"]), f"{row['count']} of {row['of']}")
        for row in result.most_confused.head(_TABLE_ROWS).to_dict("records")
    ]
    return _table(("actual", "taken for", "images"), rows)


def _next_steps(result: Interpretation) -> str:
    if result.what_next is None:
        return ""
    lines = []
    for step in next_steps(result.what_next):
        ends = f" ({step.ends})" if step.ends else ""
        lines.append(f"- **{step.title}**: {step.figure}{ends}. {plain_sentence(step.text)}")
    return "\n".join(lines)


def _label_issues(result: Interpretation) -> str:
    rows = [
        (_cell(row["path"]), _cell(row["label"]), _cell(row["suggested"]))
        for row in result.label_issues.head(_TABLE_ROWS).to_dict("records")
    ]
    remaining = len(result.label_issues) - len(rows)
    more = f"\n\nand {remaining:,} more on the page." if remaining else ""
    return _table(("photo", "label", "perhaps"), rows) + more


def _cell(name: str) -> str:
    """Return the name of a photo or a class for the cell of a table."""
    return code_span(name, in_table=True)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table in Markdown; without rows an empty text."""
    return "\n".join(_table_lines(header, rows)) if rows else ""


def _table_lines(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for row in (header, ("---",) * len(header), *rows):
        yield f"| {' | '.join(row)} |"
