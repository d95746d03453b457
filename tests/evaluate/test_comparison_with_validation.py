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
from stages.stats.holm import holm
from stages.stats.predictions import Predictions
from stages.stats.two_samples import error_difference
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
    pred_probs[np.arange(3), few.pred_probs.argmax(axis=1)] = CONFIDENCE
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
    result = compare_with_validation(
        photos(60, 20, like_validation(known, 60)), known, 1.0, may_refuse=False
    )
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
    wrong = np.arange(90) < 30
    _, p = error_difference(~new.right, wrong)
    others = [row["p"] for row in result["properties"].values()]
    assert result["error_rate"]["p"] <= holm([p, *[1] * len(others)])[0]


def test_a_refusal_is_wrong_on_both_sides(known: KnownPhotos) -> None:
    """With bce a validation photo of which all classes say no is wrong there too."""
    unsure = np.where(np.arange(90)[:, None] % 2 == 0, known.predictions.pred_probs / 2, 0.9)
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
