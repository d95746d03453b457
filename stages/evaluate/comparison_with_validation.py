"""Comparison with validation: whether new photos are like those that the report is about."""

from stages.evaluate.counted import CountedPhotos
from stages.evaluate.known_photos import KnownPhotos
from stages.evaluate.record import ComparedRecord, ShiftRecord
from stages.predict.answer import YES_FROM
from stages.stats.effective_images import share_interval
from stages.stats.holm import holm
from stages.stats.intervals import CONFIDENCE
from stages.stats.probability_blocks import largest_probability, most_probable
from stages.stats.temperature import calibrated_confidence
from stages.stats.two_samples import (
    Shift,
    ShiftTest,
    error_difference,
    error_in_mix,
    error_test_within,
    shift_test,
)

# Of confidence: export allows its ONNX file, which may answer the new photos, to be .0001 from
# torch, which answered those of validation. Where most are near 1 a test would see that alone.
_TOLERANCE = 1e-4
_PROPERTIES = ("size", "brightness", "sharpness")


def compare_with_validation(
    photos: CountedPhotos, known: KnownPhotos, temperature: float, *, may_refuse: bool
) -> ComparedRecord | None:
    """Return how the photos that count differ from the validation photos; None without any.

    The error rates go by one rule: an answer "none of these" is wrong on both sides. They are
    compared within each class, since another mix of classes is no other model. Intervals count the
    groups of the validation photos, as on the page; tests count photos. may_refuse: whether the
    model may say that (bce).
    """
    pred_probs = known.predictions.pred_probs
    old_class = known.predictions.targets
    if not len(old_class) or not len(photos.targets):
        return None
    confidence = calibrated_confidence(pred_probs, temperature)
    # By the probabilities as they are: a temperature moves none over a half.
    refused = may_refuse & (largest_probability(pred_probs) < YES_FROM)
    wrong = refused | (most_probable(pred_probs) != old_class)
    difference, _ = error_difference(~photos.right, wrong, known.predictions.groups)
    beyond, p_error = error_test_within(~photos.right, wrong, photos.targets, old_class)
    measured = known.validation_properties()
    tests = {"confidence": shift_test(photos.confidence, confidence, _TOLERANCE)} | {
        name: shift_test(photos.properties[name], measured[name].to_numpy(float))
        for name in _PROPERTIES
    }
    found = {name: test for name, test in tests.items() if test}
    adjusted = holm([p_error, *(test.p for test in found.values())])
    records = {
        name: _shift(test, p) for (name, test), p in zip(found.items(), adjusted[1:], strict=True)
    }
    return {
        "validation_images": len(wrong),
        "measured_validation_images": len(measured),
        "differs": min(adjusted) < 1 - CONFIDENCE,
        "error_rate": {
            "p": adjusted[0],
            "verdict": _error_verdict(beyond, adjusted[0]),
            "validation_error_rate": share_interval(wrong, known.predictions.groups).as_dict(),
            "validation_error_rate_in_this_mix": error_in_mix(wrong, old_class, photos.targets),
            "difference": difference.as_dict(),
        },
        "properties": records,
    }


def _shift(test: ShiftTest, p: float) -> ShiftRecord:
    return {
        "p": p,
        "verdict": test.verdict(p),
        "effect": test.effect,
        "median": test.new_median,
        "validation_median": test.old_median,
        "higher": test.higher,
    }


def _error_verdict(beyond: float, p: float) -> Shift:
    if p >= 1 - CONFIDENCE:
        return "cannot tell"
    return "higher" if beyond > 0 else "lower"
