"""Label issues of a few made-up images, and of labels changed at random."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.base import stored_array
from stages.stats.label_issues import LABEL_ISSUE_COLUMNS, rank_label_issues
from stages.stats.predictions import Baseline, Predictions
from tests.example_results import example_pred_probs, example_predictions
from tests.measured_memory import measured_memory

CLASS_NAMES = np.array(["cat", "dog", "=cow()"])
CONFIDENT = [0.96, 0.02, 0.02]
NO_DUPLICATES = pd.Series(dtype=str)


def evidence(
    margins: tuple[float, float] = (0.9, 0.9),
    model: tuple[list[float], ...] = (CONFIDENT, CONFIDENT),
    probe: dict[str, list[float]] | None = None,
) -> tuple[Baseline, Predictions]:
    """Return the scores of five images, all labelled cat; one neither trains nor validates."""
    paths = np.array(["out.jpg", "train a.jpg", "train b.jpg", "valid a.jpg", "valid b.jpg"])
    rows = [(probe or {}).get(path, CONFIDENT) for path in paths]
    zeros = np.zeros(2, int)
    predictions = Predictions(
        class_names=CLASS_NAMES,
        paths=paths[3:],
        targets=zeros,
        pred_probs=np.array(model),
        train_paths=paths[1:3],
        train_targets=zeros,
        train_margins=np.array(margins),
    )
    pred_probs = np.array(rows, "float32")
    baseline = Baseline(
        class_names=CLASS_NAMES,
        paths=paths,
        targets=np.zeros(5, int),
        pred_probs=pred_probs,
        valid_paths=paths[3:],
        valid_pred_probs=pred_probs[3:],
    )
    return baseline, predictions


def test_without_evidence_there_is_no_issue() -> None:
    """Where every source prefers the label the list is empty, with its columns."""
    table = rank_label_issues(*evidence(), NO_DUPLICATES, 10)
    assert table.empty
    assert list(table.columns) == LABEL_ISSUE_COLUMNS


def test_a_label_that_training_never_learned_is_an_issue() -> None:
    """A negative margin suffices; the suggestion is then the probe's best other class."""
    [row] = rank_label_issues(*evidence(margins=(0.9, -0.6)), NO_DUPLICATES, 10).to_dict("records")
    assert row["path"] == "train b.jpg"
    assert (row["label"], row["suggested"]) == ("cat", "dog")
    assert row["reason"] == "training hardly learned it (margin −0.60)"


def test_a_label_that_a_person_decided_is_no_issue() -> None:
    """What is decided is left out, before the list is cut, and the others stay as they are."""
    sources = evidence(margins=(-0.7, -0.6))
    first, second = rank_label_issues(*sources, NO_DUPLICATES, 10)["path"]
    [left] = rank_label_issues(*sources, NO_DUPLICATES, 1, [first])["path"]
    assert left == second
    assert rank_label_issues(*sources, NO_DUPLICATES, 1, [first, second, "other"]).empty


def test_the_model_doubts_a_validation_image() -> None:
    """The model's suggestion goes before the probe's; the reason has both with probabilities."""
    sources = evidence(
        model=(CONFIDENT, [0.01, 0.04, 0.95]), probe={"valid b.jpg": [0.2, 0.7, 0.1]}
    )
    [row] = rank_label_issues(*sources, NO_DUPLICATES, 10).to_dict("records")
    assert (row["path"], row["suggested"]) == ("valid b.jpg", "=cow()")
    assert row["reason"] == (
        "the model, which never trained on it, says =cow() (95 %, its label 1 %); "
        "the linear probe says dog (70 %, its label 20 %)"
    )
    # With so few images nothing is calibrated: the odds of .2 and .01 are multiplied.
    odds = 0.2 / 0.8 * 0.01 / 0.99
    assert row["score"] == pytest.approx(1 / (1 + odds), rel=1e-6)


def test_excluded_images_have_the_probe_alone() -> None:
    """An image that is neither for training nor for validation has a score too."""
    table = rank_label_issues(*evidence(probe={"out.jpg": [0.1, 0.8, 0.1]}), NO_DUPLICATES, 10)
    assert table["path"].tolist() == ["out.jpg"]


def test_sources_add_up() -> None:
    """Two sources that doubt a label weigh more than one while the other prefers it."""
    doubted = [0.1, 0.8, 0.1]
    table = rank_label_issues(
        *evidence(margins=(-0.5, 0.9), probe={"train a.jpg": doubted, "train b.jpg": doubted}),
        NO_DUPLICATES, 10,
    )  # fmt: skip
    assert table["path"].tolist() == ["train a.jpg", "train b.jpg"]
    assert table["score"].is_monotonic_decreasing


def test_duplicates_with_different_labels_come_first() -> None:
    """One picture under two labels comes first, with the other one's label suggested."""
    baseline, predictions = evidence(margins=(-0.9, 0.9))
    # out.jpg is labelled dog, its copy in training cat.
    baseline = replace(baseline, targets=np.array([1, 0, 0, 0, 0]))
    groups = pd.Series({path: path for path in baseline.paths} | {"train b.jpg": "out.jpg"})
    table = rank_label_issues(baseline, predictions, groups, 10)
    assert table["path"].tolist()[:2] == ["out.jpg", "train b.jpg"]
    assert table["suggested"].tolist()[:2] == ["cat", "dog"]
    assert table["reason"][0] == "looks like a copy of train b.jpg, which is labelled cat"
    assert table["path"].is_unique
    agreeing = rank_label_issues(*evidence(), groups, 10)
    assert agreeing.empty


def noisy(probe_right: float, seed: int = 4) -> tuple[Baseline, Predictions, np.ndarray]:
    """Return the scores of 600 images, 30 of them with a wrong label, and the paths of those.

    The probe has about the accuracy given, and is as confident when it is wrong as when it is
    right.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, 600)
    paths = np.array([f"{number:03}.jpg" for number in range(600)])
    predictions, baseline = example_predictions(
        list("abcde"), truth, paths, right=probe_right + 0.2
    )
    changed = rng.choice(600, 30, replace=False)
    labels = truth.copy()
    labels[changed] = (truth[changed] + 1 + rng.integers(0, 4, 30)) % 5
    valid = np.isin(paths, predictions.paths)
    margins = predictions.train_margins.copy()
    wrong = np.isin(np.flatnonzero(~valid), changed)
    margins[wrong] = rng.normal(-0.3, 0.3, wrong.sum()).clip(-1, 1)
    predictions = replace(
        predictions,
        targets=labels[valid],
        pred_probs=example_pred_probs(truth[valid], 5, 0.97, rng),
        train_targets=labels[~valid],
        train_margins=margins,
    )
    return replace(baseline, targets=labels), predictions, paths[changed]


def precision(baseline: Baseline, predictions: Predictions, changed: np.ndarray) -> float:
    """Return the share of changed labels among as many issues."""
    groups = pd.Series(baseline.paths, baseline.paths)
    table = rank_label_issues(baseline, predictions, groups, len(changed))
    return float(table["path"].isin(changed).mean())


def test_a_source_that_is_often_wrong_weighs_little() -> None:
    """Calibration flattens a probe that errs on half the images, however confident it is."""
    baseline, predictions, changed = noisy(0.5)
    assert precision(baseline, predictions, changed) > 0.7
    table = pd.DataFrame(np.asarray(baseline.pred_probs), baseline.paths)
    label = table.to_numpy()[np.arange(600), baseline.targets]
    by_probe = pd.Series(label, baseline.paths).nsmallest(len(changed)).index
    assert np.isin(by_probe, changed).mean() < 0.5


def test_a_good_probe_helps() -> None:
    """With a probe that is mostly right more are found than by training and validation alone."""
    baseline, predictions, changed = noisy(0.95)
    uniform = replace(baseline, pred_probs=np.full((600, 5), 0.2, "float32"))
    assert precision(baseline, predictions, changed) > precision(uniform, predictions, changed)


def test_no_source_decides_alone() -> None:
    """A probability of zero counts as one in a thousand, so that another source outweighs it."""
    [small], [zero] = (
        rank_label_issues(*evidence(probe={"out.jpg": [low, 1 - low, 0.0]}), NO_DUPLICATES, 10)[
            "score"
        ]
        for low in (0.001, 0.0)
    )
    assert small == pytest.approx(zero) == pytest.approx(0.999)


def test_a_missing_margin_is_no_evidence() -> None:
    """NaN, of an image that was in no batch, is neither for nor against the label."""
    assert rank_label_issues(*evidence(margins=(np.nan, 0.9)), NO_DUPLICATES, 10).empty


@pytest.mark.parametrize("count", [0, 3, 1000])
def test_the_list_ends_at_the_count(count: int) -> None:
    """No more issues than asked for, each path once, each with another label suggested."""
    rng = np.random.default_rng(0)
    paths = np.array([f"{number:03}.jpg" for number in range(100)])
    predictions, baseline = example_predictions(["a", "b", "c"], rng.integers(0, 3, 100), paths)
    table = rank_label_issues(baseline, predictions, pd.Series(paths, paths), count)
    assert len(table) <= count
    assert table["path"].is_unique
    assert (table["label"] != table["suggested"]).all()


def test_swapped_labels_are_found() -> None:
    """Of 30 labels changed in 600 most stand among the first 30, with the true label suggested."""
    baseline, predictions, changed = noisy(0.77)
    groups = pd.Series(baseline.paths, baseline.paths)
    table = rank_label_issues(baseline, predictions, groups, 30).set_index("path")
    hits = table[table.index.isin(changed)]
    assert len(hits) >= 22
    truth = np.random.default_rng(4).integers(0, 5, 600)
    true_labels = [list("abcde")[truth[int(str(path)[:3])]] for path in hits.index]
    assert (hits["suggested"] == true_labels).mean() > 0.6


def test_an_untrained_model_is_no_second_source() -> None:
    """Without margins the model is the probe: a validation image is not doubted twice over."""
    doubted = [0.1, 0.8, 0.1]
    sources = evidence(
        margins=(np.nan, np.nan),
        model=(CONFIDENT, doubted),
        probe={"valid b.jpg": doubted, "train b.jpg": doubted},
    )
    scores = rank_label_issues(*sources, NO_DUPLICATES, 10).set_index("path")["score"]
    assert scores["valid b.jpg"] == pytest.approx(scores["train b.jpg"])


def test_what_did_not_train_on_an_image_counts_before_its_margin() -> None:
    """By folds an image has a prediction and a margin, and its score is that of the prediction."""
    baseline, predictions = evidence(model=(CONFIDENT, [0.1, 0.85, 0.05]))
    margins = {
        "train_paths": predictions.paths,
        "train_targets": predictions.targets,
        "train_margins": np.array([-0.9, 0.9], "float32"),
    }
    scores = []
    for changed in (replace(predictions, **margins), predictions):
        table = rank_label_issues(baseline, changed, NO_DUPLICATES, 10)
        scores.append(table.loc[table["path"] == "valid b.jpg", "score"].tolist())
    assert scores[0] == scores[1]
    assert len(scores[0]) == 1


def test_issues_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that are computed block by block are those of all rows at once."""
    paths = np.array([f"{number:03}.jpg" for number in range(200)])
    predictions, baseline = example_predictions(list("abcdef"), np.arange(200) % 6, paths)
    whole = rank_label_issues(baseline, predictions, NO_DUPLICATES, 50)
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 60)
    pd.testing.assert_frame_equal(
        rank_label_issues(baseline, predictions, NO_DUPLICATES, 50), whole
    )


def test_many_classes_take_little_memory() -> None:
    """Beside the probabilities, the list of issues takes at most 2 kB an image of 400 classes."""
    paths = np.array([f"{number:05}.jpg" for number in range(5000)])
    labels = [f"class {number}" for number in range(400)]
    predictions, baseline = example_predictions(labels, np.arange(5000) % 400, paths)
    with measured_memory() as memory:
        assert len(rank_label_issues(baseline, predictions, NO_DUPLICATES, 9)) == 9
    assert memory.peak < 100e6 + 2000 * len(paths)
