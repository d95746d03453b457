"""An evaluation in words, the same in the terminal and on the page."""

from collections.abc import Mapping

from stages.base.plural import count_noun
from stages.evaluate.record import EvaluationCounts, EvaluationMetrics, ShiftRecord
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
    return f"{verdict}: {percent(old['value'])} ({interval_ends(old)}), {p_is(error['p'])}"


def left_out(counts: EvaluationCounts) -> list[str]:
    """Return why photos do not count, and how many."""
    reasons = {
        "without a label": counts["not_labelled"],
        "not readable": counts["unread"],
        "trained on": counts["seen_in_training"],
        "validated on": counts["seen_in_validation"],
        "the same picture as another": counts["repeats"],
        "of a class that the model does not know": counts["unknown_class"],
    }
    return [f"{count:,} {reason}" for reason, count in reasons.items() if count]


def shift_words(name: str, shift: ShiftRecord) -> str:
    """Return what a shift of a property means, and how large it is."""
    higher, lower = _SHIFTS[name]
    words = {
        "higher": f"{higher}, a {shift['effect']} effect",
        "lower": f"{lower}, a {shift['effect']} effect",
        "spread otherwise": "spread otherwise, about the same middle",
        "cannot tell": "cannot tell",
    }
    return words[shift["verdict"]]
