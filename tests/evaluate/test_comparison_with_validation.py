"""New photos are compared with validation by one rule, and told apart only for cause."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.base.files import sha256_file
from stages.evaluate.comparison_with_validation import compare_with_validation
from stages.evaluate.counted import CountedPhotos, count_photos
from stages.evaluate.known_photos import KnownPhotos, find_known_photos
from stages.stats.effective_images import share_interval
from stages.stats.predictions import Predictions
from stages.stats.two_samples import error_test_within, shift_test
from tests.evaluate.example_evaluation import (
    CLASSES,
    FILES,
    judged,
    twins_of,
    write_known_project,
)

# Of validation photos and new ones.
CONFIDENCE = np.array([0.5, 0.7, 0.9])


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnownPhotos]:
    """Give the known photos of a project with 90 validation photos, a third of them wrong."""
    root = tmp_path_factory.mktemp("project")
    write_known_project(root)
    with pytest.MonkeyPatch.context() as context:
        context.chdir(root)  # where the store is opened, shard by shard
        found = find_known_photos(FILES, sha256_file(Path(FILES.card)))
        assert isinstance(found, KnownPhotos)
        yield replace(found, predictions=many_predictions(found.predictions, 30))


def many_predictions(few: Predictions, times: int) -> Predictions:
    """Return three predictions many times, with the confidences of CONFIDENCE."""
    pred_probs = np.repeat((1 - CONFIDENCE[:, None]) / 2, 3, axis=1)
    pred_probs[np.arange(3), np.asarray(few.pred_probs).argmax(axis=1)] = CONFIDENCE
    return replace(
        few,
        paths=np.repeat(few.paths, times),
        targets=np.repeat(few.targets, times),
        pred_probs=np.repeat(pred_probs, times, axis=0),
    )


def photos(count: int, wrong: int, properties: dict[str, np.ndarray]) -> CountedPhotos:
    """Return new photos of confidence .8, some of them wrong."""
    found = [judged(f"{n}", "cat", "dog" if n < wrong else "cat", 0.8) for n in range(count)]
    counted = count_photos(found, twins_of(found), CLASSES, not_labelled=0, seen_known=True)
    return replace(counted, properties=properties, confidence=np.resize(CONFIDENCE, count))


def like_validation(known: KnownPhotos, count: int) -> dict[str, np.ndarray]:
    """Return properties taken evenly from those of the validation photos."""
    measured = known.validation_properties()
    rows = np.arange(count) * len(measured) // max(count, 1)
    return {str(name): measured[name].to_numpy(float)[rows] for name in measured}


def test_photos_like_those_of_validation_are_not_told_apart(known: KnownPhotos) -> None:
    """The same rates and properties differ in nothing."""
    old = known.predictions
    rows = np.arange(60) * len(old.targets) // 60
    new = replace(
        photos(60, 0, like_validation(known, 60)),
        targets=old.targets[rows],
        predicted=np.asarray(old.pred_probs).argmax(axis=1)[rows],
    )
    result = compare_with_validation(new, known, 1.0, may_refuse=False)
    assert result is not None
    assert (result["differs"], result["validation_images"]) == (False, 90)
    assert result["error_rate"]["difference"]["value"] == pytest.approx(0)
    assert {row["verdict"] for row in result["properties"].values()} == {"cannot tell"}


def test_darker_photos_with_more_errors_are_told(known: KnownPhotos) -> None:
    """Fewer right and darker photos are said to be so, with p by Holm's method over all tests."""
    properties = like_validation(known, 60)
    properties["brightness"] = properties["brightness"] / 2
    new = photos(60, 55, properties)
    result = compare_with_validation(new, known, 1.0, may_refuse=False)
    assert result is not None
    assert result["differs"]
    assert result["error_rate"]["verdict"] == "higher"
    assert result["properties"]["brightness"]["verdict"] == "lower"
    assert result["properties"]["brightness"]["effect"] == "large"
    assert result["properties"]["size"]["verdict"] == "cannot tell"
    assert {"error_rate": result["error_rate"]["p"]} | {
        name: row["p"] for name, row in result["properties"].items()
    } == pytest.approx(plain_p_values(new, known, properties))


def plain_p_values(
    new: CountedPhotos, known: KnownPhotos, properties: dict[str, np.ndarray]
) -> dict[str, float]:
    """Return p of each test times the number of tests with no smaller p, and none falling."""
    old = known.predictions
    wrong = np.asarray(old.pred_probs).argmax(axis=1) != old.targets
    measured = known.validation_properties()
    found = {
        "error_rate": error_test_within(~new.right, wrong, new.targets, old.targets)[1],
        "confidence": one_p(new.confidence, np.asarray(old.pred_probs).max(axis=1), 1e-4),
    }
    found |= {name: one_p(properties[name], measured[name].to_numpy(float)) for name in properties}
    adjusted: dict[str, float] = {}
    for left, name in enumerate(sorted(found, key=found.__getitem__)):
        raised = min(1.0, found[name] * (len(found) - left))
        adjusted[name] = max(raised, max(adjusted.values(), default=0.0))
    return adjusted


def one_p(new: np.ndarray, old: np.ndarray, tolerance: float = 0.0) -> float:
    """Return p of a test of two samples."""
    test = shift_test(new, old, tolerance)
    assert test is not None
    return test.p


def test_confidence_of_another_engine_is_no_difference(known: KnownPhotos) -> None:
    """Confidence that is off by less than export allows is not told from that of validation."""
    new = photos(90, 30, like_validation(known, 90))
    for moved in (-8e-5, 8e-5):
        off = replace(new, confidence=new.confidence + moved)
        result = compare_with_validation(off, known, 1.0, may_refuse=False)
        assert result is not None
        assert result["properties"]["confidence"]["verdict"] == "cannot tell"
        assert result["properties"]["confidence"]["p"] == 1


def test_more_photos_of_a_hard_class_are_no_worse_model(known: KnownPhotos) -> None:
    """Photos of the class that validation has wrong may be wrong; it is named with their mix."""
    old = known.predictions
    wrong = np.asarray(old.pred_probs).argmax(axis=1) != old.targets
    (hard,) = np.unique(old.targets[wrong])
    new = photos(60, 60, like_validation(known, 60))
    new = replace(new, targets=np.full(60, hard), predicted=np.full(60, (hard + 1) % 3))
    result = compare_with_validation(new, known, 1.0, may_refuse=False)
    assert result is not None
    error = result["error_rate"]
    assert (error["verdict"], error["validation_error_rate_in_this_mix"]) == ("cannot tell", 1)
    assert error["validation_error_rate"]["value"] == pytest.approx(1 / 3)


def test_a_refusal_is_wrong_on_both_sides(known: KnownPhotos) -> None:
    """With bce a validation photo of which all classes say no is wrong there too."""
    unsure = np.where(
        np.arange(90)[:, None] % 2 == 0, np.asarray(known.predictions.pred_probs) / 2, 0.9
    )
    refusing = replace(known, predictions=replace(known.predictions, pred_probs=unsure))
    new = photos(30, 3, like_validation(known, 30))
    rates = []
    for may_refuse in (False, True):
        result = compare_with_validation(new, refusing, 1.0, may_refuse=may_refuse)
        assert result is not None
        rates.append(result["error_rate"]["validation_error_rate"]["value"] or 0)
    assert rates[1] > rates[0]
    assert rates[1] >= 0.5


def test_nothing_is_compared_with_nothing(known: KnownPhotos) -> None:
    """Without a photo that counts there is no comparison."""
    empty = photos(0, 0, {})
    assert compare_with_validation(empty, known, 1.0, may_refuse=False) is None


def test_intervals_count_the_groups_of_validation(known: KnownPhotos) -> None:
    """As on the page: nine groups of ten that are right or wrong as a whole are worth nine."""
    groups = np.repeat(np.arange(9), 10)
    grouped = replace(known, predictions=replace(known.predictions, groups=groups))
    new = photos(60, 10, like_validation(known, 60))
    results = []
    for one in (known, grouped):
        result = compare_with_validation(new, one, 1.0, may_refuse=False)
        assert result is not None
        results.append(result["error_rate"])
    plain, by_groups = results
    wrong = np.asarray(known.predictions.pred_probs).argmax(axis=1) != known.predictions.targets
    assert plain["validation_error_rate"] == share_interval(wrong, None).as_dict()
    assert by_groups["validation_error_rate"] == share_interval(wrong, groups).as_dict()
    assert by_groups["difference"]["low"] < plain["difference"]["low"]
    assert by_groups["p"] == plain["p"]
