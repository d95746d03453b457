"""Confusion matrix, scores by class, top-k accuracy and macro scores, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)

from stages.base.seed import derive
from stages.stats.macro import Score
from stages.stats.metrics import accuracy, class_metrics, class_sizes, confusion, macro, top_k
from tests.measured_memory import measured_memory

CLASS_NAMES = np.array(["ant", "bee", "cat", "dog"])
TARGETS = np.array([0, 0, 0, 1, 1, 2, 2, 2])  # no dog in validation
PREDICTED = np.array([0, 0, 1, 1, 1, 0, 0, 3])  # never a cat


def test_rows_are_actual_and_columns_predicted() -> None:
    """Two cats were taken for ants, one for a dog."""
    matrix = confusion(TARGETS, PREDICTED, 4)
    assert matrix[2].tolist() == [2, 0, 0, 1]
    assert matrix.sum() == len(TARGETS)
    assert matrix.tolist() == confusion_matrix(TARGETS, PREDICTED).tolist()
    assert confusion(TARGETS[:0], PREDICTED[:0], 4).tolist() == np.zeros((4, 4)).tolist()
    assert confusion(TARGETS[:2], PREDICTED[:2], 1).tolist() == [[2]]


def test_by_class_agrees_with_scikit_learn() -> None:
    """Precision, recall, F1 and support are scikit-learn's, each within its interval."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 4, 300)
    predicted = np.where(rng.random(300) < 0.3, rng.integers(0, 4, 300), targets)
    table = class_metrics(CLASS_NAMES, confusion(targets, predicted, 4))
    expected = precision_recall_fscore_support(targets, predicted)
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert table[name].to_numpy() == pytest.approx(values)
    for name in ("precision", "recall", "f1"):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()


def test_a_score_without_images_is_empty() -> None:
    """A class without images has no recall, one that is never predicted no precision."""
    table = class_metrics(CLASS_NAMES, confusion(TARGETS, PREDICTED, 4)).set_index("label")
    empty = table[["precision", "recall", "f1"]].isna().T
    assert empty["dog"].tolist() == [False, True, True]
    assert empty["cat"].tolist() == [True, False, False]
    assert table.loc["cat", "f1"] == 0
    assert table.loc["dog", "precision"] == 0
    assert table["support"].sum() == len(TARGETS)


def test_top_k_agrees_with_scikit_learn() -> None:
    """The share of labels among the k most probable, whether rows sum to one or not."""
    rng = np.random.default_rng(1)
    targets = np.concatenate([np.arange(7), rng.integers(0, 7, 193)])
    scores = rng.random((200, 7)).astype("float32")
    for k in (1, 3, 6):
        expected = top_k_accuracy_score(targets, scores, k=k)
        assert top_k(targets, scores, k).value == pytest.approx(expected)
    assert top_k(targets, scores, 1) == accuracy(targets, scores.argmax(axis=1))


def test_top_k_breaks_ties_as_argmax_does() -> None:
    """Where all are equal, the first classes count as the most probable."""
    flat = np.full((2, 3), 0.5)
    assert top_k(np.array([0, 1]), flat, 1).value == 0.5
    assert top_k(np.array([0, 1]), flat, 2).value == 1


def test_top_k_sorts_no_class() -> None:
    """Of many classes it takes less than the probabilities themselves, 4 bytes each."""
    pred_probs = derive(1, "top k").random((2000, 1000), dtype=np.float32)
    with measured_memory() as memory:
        top_k(np.arange(2000) % 1000, pred_probs, 5)
    assert memory.peak < 4 * pred_probs.size


@pytest.mark.parametrize("score", ["precision", "recall", "f1"])
def test_macro_scores_agree_with_scikit_learn(score: Score) -> None:
    """The mean over classes with images, one of them never predicted; the interval contains it."""
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 9, 400)
    predicted = np.where(rng.random(400) < 0.2, rng.integers(0, 9, 400), targets)
    predicted[predicted == 8] = 3
    interval = macro(score, targets, predicted, 12, derive(0, "test"))
    reference = {"precision": precision_score, "recall": recall_score, "f1": f1_score}[score]
    expected = reference(targets, predicted, average="macro", zero_division=0)
    assert interval.value is not None
    assert interval.value == pytest.approx(expected)
    assert interval.low < interval.value < interval.high


def test_macro_f1_leaves_room_without_any_mistake() -> None:
    """All right or all wrong on 20 images still leaves room, as the accuracy's interval does."""
    targets = np.arange(20) % 5
    best = macro("f1", targets, targets, 5, derive(0, "test"))
    worst = macro("f1", targets, (targets + 1) % 5, 5, derive(0, "test"))
    assert (best.value, best.high) == (1, 1)
    assert best.low == pytest.approx(accuracy(targets, targets).low)
    assert (worst.value, worst.low) == (0, 0)
    assert worst.high > 0.1


@pytest.mark.slow
def test_macro_f1_covers_the_truth() -> None:
    """At 200 images, 10 classes and few errors, about 95 % of the intervals contain the truth."""
    rng = np.random.default_rng(3)
    for error in (0.01, 0.3):
        truth = np.full((10, 10), error / 90)
        np.fill_diagonal(truth, (1 - error) / 10)
        covered = 0
        for _ in range(80):
            actual, predicted = np.divmod(rng.choice(100, size=200, p=truth.ravel()), 10)
            interval = macro("f1", actual, predicted, 10, rng)
            covered += interval.low <= 1 - error <= interval.high
        assert covered / 80 >= 0.9


def test_classes_have_the_effective_images_of_their_groups() -> None:
    """Copies of images as groups give the intervals of the images once, class by class."""
    rows = np.repeat(np.arange(len(TARGETS)), 4)
    sizes = class_sizes(TARGETS[rows], PREDICTED[rows], 4, rows)
    once = class_metrics(CLASS_NAMES, confusion(TARGETS, PREDICTED, 4))
    matrix = confusion(TARGETS[rows], PREDICTED[rows], 4)
    grouped = class_metrics(CLASS_NAMES, matrix, sizes)
    ends = [column for column in once.columns if column.endswith(("_low", "_high"))]
    assert np.allclose(once[ends], grouped[ends], equal_nan=True)
    assert grouped["support"].tolist() == (4 * once["support"]).tolist()
