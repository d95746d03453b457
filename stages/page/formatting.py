"""How numbers, p-values and the headline are written, the same in the terminal and on the page."""

import math
from collections.abc import Mapping

from stages.base.plural import count_noun
from stages.stats.metrics_record import (
    IntervalRecord,
    Metrics,
    PairedRecord,
    RecipeRecord,
    TrialRecord,
    Verdict,
)

VERDICTS: Mapping[Verdict, str] = {
    "better": "Fine-tuning is better than the linear probe",
    "worse": "Fine-tuning is worse than the linear probe",
    "cannot tell": "Whether fine-tuning beats the linear probe, these images cannot tell",
}
SPACE = "\N{NO-BREAK SPACE}"
_CLASSES_FOR_FIVE = 20  # of which five by chance hold the right one in 25 %; of six in 83 %


def percent(share: float | None) -> str:
    """Return a share as percent with one decimal; a dash for None and NaN.

    >>> percent(0.0449).replace(SPACE, "_")
    '4.5_%'
    >>> percent(None)
    '–'
    """
    return "–" if share is None or math.isnan(share) else f"{100 * share:.1f}{SPACE}%"


def first_five(metrics: Metrics) -> IntervalRecord | None:
    """Return how often the right class is among the first five; None where that says little."""
    return metrics.get("top_5") if metrics["classes"] >= _CLASSES_FOR_FIVE else None


def probability(p: float) -> str:
    """Return a probability as percent, never rounded to certainty.

    >>> [probability(p).replace(SPACE, "_") for p in (3e-7, 0.125, 0.99999)]
    ['<_0.1_%', '12.5_%', '>_99.9_%']
    """
    rounded = percent(p)
    if rounded == percent(0):
        return f"<{SPACE}0.1{SPACE}%"
    return f">{SPACE}99.9{SPACE}%" if rounded == percent(1) else rounded


def thousands(number: int) -> str:
    """Return a whole number, its thousands parted by commas.

    >>> thousands(1016)
    '1,016'
    """
    return f"{number:,}"


def times(count: int) -> str:
    """Return how often something happened.

    >>> [times(count) for count in (0, 1, 1234)]
    ['never', 'once', '1,234 times']
    """
    return ("never", "once")[count] if count < 2 else f"{count:,} times"


def interval_ends(interval: IntervalRecord) -> str:
    """Return the ends of an interval of shares in percent, without the sign of percent.

    >>> interval_ends({"value": 0.0449, "low": 0.0239, "high": 0.0831})
    '2.4 to 8.3'
    >>> interval_ends({"value": 0.005, "low": -0.013, "high": 0.023})
    '−1.3 to 2.3'
    """
    return f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f}".replace("-", "−")


def learning_rate(value: float | None) -> str:
    """Return a learning rate in two significant digits; a dash for None.

    >>> learning_rate(0.0023), learning_rate(1.2e-05), learning_rate(None)
    ('0.0023', '1.2e-05', '–')
    """
    return "–" if value is None else f"{value:.2g}"


def pvalue(p: float) -> str:
    """Return a p-value in two significant digits, and a small one by its bound.

    >>> pvalue(0.034), pvalue(0.2512), pvalue(3e-9)
    ('0.034', '0.25', 'below 0.001')
    """
    return "below 0.001" if p < 0.001 else f"{p:.2g}"


def p_is(p: float) -> str:
    """Return a p-value as it stands in a sentence.

    >>> p_is(0.034), p_is(3e-9)
    ('p = 0.034', 'p below 0.001')
    """
    return f"p {'' if p < 0.001 else '= '}{pvalue(p)}"


def counted_groups(groups: int, images: int) -> str:
    """Return that intervals and tests count groups of images.

    >>> counted_groups(12, 1240)
    'Intervals and tests count 12 groups, not 1,240 images.'
    """
    return f"Intervals and tests count {count_noun(groups, 'group')}, not {images:,} images."


def groups_sentence(metrics: Metrics) -> str:
    """Return the same of the validation images; "" where these are independent."""
    return counted_groups(metrics["groups"], metrics["images"]) if "groups" in metrics else ""


def of_groups(trial: TrialRecord) -> str:
    """Return of how many groups the images of a trial are; "" where these are independent."""
    return f"of {count_noun(trial['groups'], 'group')}" if "groups" in trial else ""


def trial_images(trial: TrialRecord, noun: str = "image") -> str:
    """Return how many images a trial is on, and of how many groups."""
    return f"{count_noun(trial['images'], noun)} {of_groups(trial)}".rstrip()


def paired_test(record: PairedRecord) -> str:
    """Return the name of the paired test."""
    return "sign-flip test over groups" if "groups" in record else "exact McNemar test"


def is_probe(metrics: Metrics) -> bool:
    """Return whether the model is the probe, because a trial of fine-tuning was worse."""
    trial = metrics["trial"]
    return trial is not None and trial["verdict"] == "worse"


def headline(metrics: Metrics) -> str:
    """Return the result in one sentence, with both intervals and the verdict of the paired test."""
    model = metrics["error_rate"]
    if is_probe(metrics):
        error = f"{percent(model['value'])} error ({interval_ends(model)})"
        where = "over the folds" if "folds" in metrics else "in a trial"
        return f"The model is the linear probe, as fine-tuning was worse {where}: {error}."
    probe = metrics["baseline"]["error_rate"]
    verdict = VERDICTS[metrics["versus_baseline"]["verdict"]]
    return (
        f"{verdict}: {percent(model['value'])} error ({interval_ends(model)})"
        f" against {percent(probe['value'])} ({interval_ends(probe)})."
    )


def count_epochs(epochs: float) -> str:
    """Return a number of epochs with their noun, of which the last may be a part.

    >>> count_epochs(1.0), count_epochs(12), count_epochs(2.25)
    ('1 epoch', '12 epochs', '2.25 epochs')
    """
    return count_noun(round(epochs), "epoch") if epochs == round(epochs) else f"{epochs:.3g} epochs"


def recipe_sentences(recipe: RecipeRecord) -> str:
    """Return why the model was trained as it was, and how, in two sentences."""
    learning = {0.0: "all its layers", 1.0: "none of its layers"}.get(
        recipe["frozen_share"], f"the last {1 - recipe['frozen_share']:.0%} of its layers"
    )
    frozen = recipe["freeze_epochs"]
    head = f"the head learned alone for {count_epochs(frozen)}, then " if frozen else ""
    average = " and were averaged with their start" if recipe["trained_share"] < 1 else ""
    part = "the whole" if recipe["cut"] == "none" else "a shortened"
    body = recipe.get("arch", "backbone")
    return (
        f"{_reason(recipe)}. The model sees {recipe['size']} pixels through"
        f" {part} {body}, and {head}{learning} learned for {count_epochs(recipe['epochs'])}"
        f"{average}; params.yaml can set each of these."
    )


def _reason(recipe: RecipeRecord) -> str:
    """Return why training started where it did: by a trial, or by the probes alone."""
    start = {
        "from the probe": "training started from the probe",
        "far from the probe": "training started from the probe and went far from it",
        "head first": "the head, which cannot start from the probe, learned by itself first",
        "deep": "training started anew",
    }[recipe["name"]]
    anew = recipe["anew"]
    if anew:
        beside = anew.get("other_errors")
        of_other = "" if beside is None else f", training from it on {beside:,}"
        return (
            f"In a trial on {trial_images(anew, 'training image')} held out, learning anew"
            f" erred on {anew['errors']:,} and the linear probe on {anew['probe_errors']:,}"
            f"{of_other}, so {start}"
        )
    shallow = recipe["shallow_error"]
    other = "" if shallow is None else f" ({percent(shallow)} by the features that know strokes)"
    return (
        f"Out of fold, the linear probe errs on {percent(recipe['probe_error'])} of the training"
        f" images{other}, so {start}"
    )
