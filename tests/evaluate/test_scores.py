"""The numbers of an evaluation, against scikit-learn and plain counting."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from stages.evaluate.counted import count_photos
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.record import EvaluationMetrics
from stages.evaluate.scores import evaluation_metrics, with_comparison
from stages.predict.answer import NONE_OF_THESE
from stages.stats.intervals import wilson
from tests.evaluate.example_evaluation import CLASSES, judged, twins_of


def scores(photos: list[JudgedPhoto], threshold: float | None = None) -> EvaluationMetrics:
    """Return the metrics of photos that are all new."""
    counted = count_photos(photos, twins_of(photos), CLASSES, not_labelled=0, seen_known=True)
    return evaluation_metrics(counted, CLASSES, 1.5, threshold, 42)


def many() -> list[JudgedPhoto]:
    """Return 200 photos, a fifth of them wrong, some refused, some of an unknown class."""
    rng = np.random.default_rng(3)
    photos = []
    for number in range(200):
        label, other = rng.choice(CLASSES, 2, replace=False)
        wrong = rng.random() < 0.2
        photos.append(
            judged(
                f"{number}",
                label="emu" if number % 20 == 0 else str(label),
                predicted=str(other if wrong else label),
                confidence=float(rng.uniform(0.4, 1)),
                refused=number % 9 == 0,
                sure=bool(rng.random() < 0.5),
            )
        )
    return photos


def test_numbers_are_those_of_scikit_learn() -> None:
    """Error, recall, precision and confusion are scikit-learn's, refusals a class of their own."""
    photos = many()
    metrics = scores(photos, 0.6)
    known = [one for one in photos if one.label != "emu"]
    labels = [one.label for one in known]
    predicted = [one.answer.predicted for one in known]
    wrong = sum(a != b for a, b in zip(labels, predicted, strict=True))
    assert (metrics["images"], metrics["errors"]) == (190, wrong)
    assert metrics["error_rate"]["value"] == pytest.approx(wrong / 190)
    recalls = recall_score(labels, predicted, labels=CLASSES, average=None, zero_division=0)
    assert metrics["macro_recall"]["value"] == pytest.approx(recalls.mean())
    precisions = precision_score(labels, predicted, labels=CLASSES, average=None, zero_division=0)
    for row, recall, precision in zip(metrics["by_class"], recalls, precisions, strict=True):
        assert row["recall"]["value"] == pytest.approx(recall)
        assert row["precision"]["value"] == pytest.approx(precision)
    names = [*CLASSES, NONE_OF_THESE]
    matrix = confusion_matrix(labels, predicted, labels=names)
    pairs = {(row["actual"], row["predicted"]): row["images"] for row in metrics["confusion"]}
    assert pairs == {
        (names[a], names[p]): matrix[a, p] for a, p in zip(*np.nonzero(matrix), strict=True)
    }


def test_refusals_and_unknown_classes_are_shown_apart() -> None:
    """Beside the error stand that by the most probable class, and that with unknown classes."""
    photos = many()
    metrics = scores(photos)
    known = [one for one in photos if one.label != "emu"]
    refused = [one for one in known if one.answer.predicted == NONE_OF_THESE]
    would = sum(one.answer.top[0].name == one.label for one in refused)
    assert metrics["refused"] == {"images": len(refused), "would_be_right": would}
    by_top = sum(one.answer.top[0].name != one.label for one in known)
    assert metrics["errors"] - by_top == would
    assert metrics["error_rate_by_most_probable"]["value"] == pytest.approx(by_top / 190)
    assert metrics["unknown_classes"] == {"emu": 10}
    with_unknown = metrics["error_rate_with_unknown_classes"]["value"]
    assert with_unknown == pytest.approx((metrics["errors"] + 10) / 200)


def test_sure_answers_are_counted_among_themselves() -> None:
    """How many are sure is a share of all, how many of these are right a share of the sure."""
    photos = [judged(f"{n}", predicted="dog" if n == 0 else "cat", sure=n < 4) for n in range(10)]
    sure = scores(photos, 0.8)["sure"]
    assert (sure["threshold"], sure["images"]) == (0.8, 4)
    assert sure["share"] == wilson(4, 10).as_dict()
    assert sure["right"] == wilson(3, 4).as_dict()


@pytest.mark.parametrize("photos", [[], [judged("a")], [judged("a"), judged("b")]])
def test_few_photos_are_no_failure(photos: list[JudgedPhoto]) -> None:
    """None, one photo and one class give wide intervals, and no number that is NaN."""
    metrics = scores(photos)
    assert metrics["error_rate"]["high"] > 0.6
    assert (metrics["calibration"] is None) == (not photos)
    assert (metrics["macro_recall"]["value"] is None) == (not photos)
    assert "nan" not in repr(metrics)


def test_a_comparison_is_added_to_the_rest() -> None:
    """The reason why nothing is known stands beside numbers that stay as they are."""
    metrics = scores([judged("a")])
    told = with_comparison(metrics, None, "no lock")
    assert told == {**metrics, "seen_unknown": "no lock"}
    assert set(told) == EvaluationMetrics.__required_keys__
