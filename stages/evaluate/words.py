"""An evaluation in words, the same in the terminal and on the page."""

from collections.abc import Mapping

from stages.base.plural import count_noun
from stages.evaluate.record import (
    ErrorShiftRecord,
    EvaluationCounts,
    EvaluationMetrics,
    ShiftRecord,
)
from stages.page.formatting import SPACE, interval_ends, p_is, percent

NO_PHOTO_COUNTS = "Cannot tell: no photo counts"
SAME_DISTRIBUTION = {
    True: "These photos are not like those that the model was validated on",
    False: "Whether these photos differ from those of validation, they cannot tell",
}
PROPERTY_NAMES = {
    "confidence": "confidence",
    "size": "shorter side of the original, pixels",
    "brightness": "mean brightness, 0 to 1",
    "sharpness": "sharpness",
}
# What a photo is where the property is higher, or lower, than in validation.
_SHIFTS: Mapping[str, tuple[str, str]] = {
    "confidence": ("the model is surer of them", "the model is less sure of them"),
    "size": ("they are larger", "they are smaller"),
    "brightness": ("they are brighter", "they are darker"),
    "sharpness": ("they are sharper", "they are more blurred"),
}


def evaluation_headline(metrics: EvaluationMetrics) -> str:
    """Return the result in one sentence or two, with the interval and the validation error."""
    if not metrics["images"]:
        return f"{NO_PHOTO_COUNTS} ({', '.join(left_out(metrics['counts']))})."
    rate = metrics["error_rate"]
    error = (
        f"{percent(rate['value'])} error ({interval_ends(rate)}) on "
        f"{count_noun(metrics['images'], 'photo')}"
    )
    if metrics["seen_unknown"]:
        error += " (training photos may be among them)"
    return f"{error}; {validation_sentence(metrics)}.".replace(SPACE, " ")


def validation_sentence(metrics: EvaluationMetrics) -> str:
    """Return how the error rate stands beside that of validation, without an end."""
    compared = metrics["compared"]
    if compared is None:
        return f"not compared with validation: {metrics['seen_unknown'] or 'it has no photo'}"
    error = compared["error_rate"]
    old = error["validation_error_rate"]
    verdict = {
        "higher": "more than in validation",
        "lower": "less than in validation",
    }.get(error["verdict"], "they cannot tell it from that of validation")
    rate = f"{percent(old['value'])} ({interval_ends(old)}){mix_words(error)}"
    return f"{verdict}: {rate}, {p_is(error['p'])}"


def mix_words(error: ErrorShiftRecord) -> str:
    """Return the validation error with the classes of these photos, "" where it is the same."""
    in_mix = error["validation_error_rate_in_this_mix"]
    if in_mix is None:
        return ", which lacks some of these classes"
    same = percent(in_mix) == percent(error["validation_error_rate"]["value"])
    return "" if same else f", with classes mixed as here {percent(in_mix)}"


def left_out(counts: EvaluationCounts) -> list[str]:
    """Return why photos do not count, and how many."""
    reasons = {
        "without a label": counts["not_labelled"],
        "not readable": counts["unread"],
        "trained on": counts["seen_in_training"],
        "validated on": counts["seen_in_validation"],
        "of the test set, which make test-set opens": counts["set_aside"],
        "one picture under several labels": counts["labels_in_conflict"],
        "the same picture as another": counts["repeats"],
        "of a class that the model does not know": counts["unknown_class"],
    }
    return [f"{count:,} {reason}" for reason, count in reasons.items() if count]


def shift_words(name: str, shift: ShiftRecord) -> str:
    """Return what a shift of a property means, and how large it is."""
    higher, lower = _SHIFTS[name]
    effect = f"a {shift['effect']} effect"
    if shift["effect"] == "negligible":
        effect = "by a negligible amount"
    words = {
        "higher": f"{higher}, {effect}",
        "lower": f"{lower}, {effect}",
        "differs": "distributed otherwise, hardly higher or lower",
        "cannot tell": "cannot tell",
    }
    return words[shift["verdict"]]


def property_value(value: float) -> str:
    """Return a value of a property: three digits, of a hundred and more all before the point.

    >>> property_value(1080), property_value(0.4567), property_value(12.34)
    ('1,080', '0.457', '12.3')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
