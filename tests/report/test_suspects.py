"""Labels that are probably wrong, and why."""

import numpy as np
import pandas as pd
import pytest

from stages.report.predictions import Baseline, Predictions
from stages.report.suspects import COLUMNS, rank_suspects
from tests.report.made_up import arrays

VOCAB = np.array(["cat", "dog", "=cow()"])
SURE = [0.96, 0.02, 0.02]
ALONE = pd.Series(dtype=str)


def evidence(
    margins: tuple[float, float] = (0.9, 0.9),
    model: tuple[list[float], ...] = (SURE, SURE),
    probe: dict[str, list[float]] | None = None,
) -> tuple[Baseline, Predictions]:
    """Return what is known of five images, all labelled cat; one neither trains nor validates."""
    paths = np.array(["out.jpg", "train a.jpg", "train b.jpg", "valid a.jpg", "valid b.jpg"])
    rows = [(probe or {}).get(path, SURE) for path in paths]
    zeros = np.zeros(2, int)
    predictions = Predictions(
        VOCAB, paths[3:], zeros, np.array(model), paths[1:3], zeros, np.array(margins)
    )
    everything = np.array(rows, "float32")
    baseline = Baseline(VOCAB, paths, np.zeros(5, int), everything, paths[3:], everything[3:])
    return baseline, predictions


def test_nobody_is_suspected_without_evidence() -> None:
    """Where every witness prefers the label the list is empty, with its columns."""
    table = rank_suspects(*evidence(), ALONE, 10)
    assert table.empty
    assert list(table.columns) == COLUMNS


def test_a_label_that_training_never_learned_is_suspected() -> None:
    """A negative margin suffices; the suggestion is then the probe's best other class."""
    [row] = rank_suspects(*evidence(margins=(0.9, -0.6)), ALONE, 10).to_dict("records")
    assert row["path"] == "train b.jpg"
    assert (row["label"], row["suggested"]) == ("cat", "dog")
    assert row["reason"] == "training hardly learned it (margin −0.60)"


def test_the_model_accuses_a_validation_image() -> None:
    """The model's own suggestion goes before the probe's, and both are told with both shares."""
    witnesses = evidence(model=(SURE, [0.01, 0.04, 0.95]), probe={"valid b.jpg": [0.2, 0.7, 0.1]})
    [row] = rank_suspects(*witnesses, ALONE, 10).to_dict("records")
    assert (row["path"], row["suggested"]) == ("valid b.jpg", "=cow()")
    assert row["reason"] == (
        "the model, which never trained on it, says =cow() (95 %, its label 1 %); "
        "the linear probe says dog (70 %, its label 20 %)"
    )
    # First of five by the probe, which doubts one of them; first of two by the model, likewise.
    probe, model = -np.log(2 / 7), -np.log(2 / 4)
    mean = (probe * np.log(1 / 5) + model * np.log(1 / 2)) / (probe + model)
    assert row["score"] == pytest.approx(1 - np.exp(mean))


def test_excluded_images_have_the_probe_alone() -> None:
    """An image that neither trained nor validated is judged too."""
    table = rank_suspects(*evidence(probe={"out.jpg": [0.1, 0.8, 0.1]}), ALONE, 10)
    assert table["path"].tolist() == ["out.jpg"]


def test_witnesses_add_up() -> None:
    """Two that doubt a label weigh more than one that does while the other defends it."""
    accused = [0.1, 0.8, 0.1]
    table = rank_suspects(
        *evidence(margins=(-0.5, 0.9), probe={"train a.jpg": accused, "train b.jpg": accused}),
        ALONE, 10,
    )  # fmt: skip
    assert table["path"].tolist() == ["train a.jpg", "train b.jpg"]
    assert table["score"].is_monotonic_decreasing


def test_contradicting_copies_lead() -> None:
    """One picture under two labels comes first, with the other one's label suggested."""
    baseline, predictions = evidence(margins=(-0.9, 0.9))
    targets = np.array([1, 0, 0, 0, 0])  # out.jpg is labelled dog, its copy in training cat
    baseline = Baseline(
        VOCAB, baseline.paths, targets, baseline.probabilities, baseline.valid_paths,
        baseline.valid_probabilities,
    )  # fmt: skip
    groups = pd.Series({path: path for path in baseline.paths} | {"train b.jpg": "out.jpg"})
    table = rank_suspects(baseline, predictions, groups, 10)
    assert table["path"].tolist()[:2] == ["out.jpg", "train b.jpg"]
    assert table["suggested"].tolist()[:2] == ["cat", "dog"]
    assert table["reason"][0] == "the same picture as train b.jpg, which is labelled cat"
    assert table["path"].is_unique
    agreeing = rank_suspects(*evidence(), groups, 10)
    assert agreeing.empty


def test_a_witness_that_doubts_everything_weighs_little() -> None:
    """The probe accuses most images; the one that training never learned leads all the same."""
    accused = {
        f"{side} {letter}.jpg": [0.2, 0.5, 0.3] for side in ("train", "valid") for letter in "ab"
    }
    accused["train b.jpg"] = [0.3, 0.4, 0.3]  # the least doubtful to the probe
    table = rank_suspects(*evidence(margins=(0.9, -0.7), probe=accused), ALONE, 10)
    assert table["path"][0] == "train b.jpg"


def test_only_the_order_counts() -> None:
    """A witness that is absurdly sure weighs no more than one that doubts most."""
    sure = rank_suspects(*evidence(probe={"out.jpg": [0.0, 1.0, 0.0]}), ALONE, 10)
    unsure = rank_suspects(*evidence(probe={"out.jpg": [0.4, 0.6, 0.0]}), ALONE, 10)
    assert sure["score"].tolist() == unsure["score"].tolist()


def test_margins_of_unseen_images_say_nothing() -> None:
    """NaN, an image that no step has seen, is neither for nor against."""
    assert rank_suspects(*evidence(margins=(np.nan, 0.9)), ALONE, 10).empty


@pytest.mark.parametrize("count", [0, 3, 1000])
def test_no_more_than_asked_for(count: int) -> None:
    """The list ends at the number asked for."""
    rng = np.random.default_rng(0)
    paths = np.array([f"{number:03}.jpg" for number in range(100)])
    predictions, baseline = arrays(["a", "b", "c"], rng.integers(0, 3, 100), paths)
    table = rank_suspects(baseline, predictions, pd.Series(paths, paths), count)
    assert len(table) <= count
    assert table["path"].is_unique
    assert (table["label"] != table["suggested"]).all()


def test_swapped_labels_are_found() -> None:
    """Of 20 labels changed in 400, most stand among the first 20, with the true label suggested."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 5, 400)
    paths = np.array([f"{number:03}.jpg" for number in range(400)])
    predictions, baseline = arrays(list("abcde"), truth, paths, right=0.97)
    changed = rng.choice(400, 20, replace=False)
    labels = truth.copy()
    labels[changed] = (truth[changed] + 1 + rng.integers(0, 4, 20)) % 5
    place = {path: number for number, path in enumerate(paths)}
    of_train = np.array([place[path] for path in predictions.train_paths])
    margins = predictions.train_margins.copy()
    wrong = np.isin(of_train, changed)
    margins[wrong] = rng.normal(-0.3, 0.3, wrong.sum()).clip(-1, 1)
    predictions = Predictions(
        predictions.vocab, predictions.paths,
        labels[[place[path] for path in predictions.paths]], predictions.probabilities,
        predictions.train_paths, labels[of_train], margins,
    )  # fmt: skip
    baseline = Baseline(
        baseline.vocab, paths, labels, baseline.probabilities, baseline.valid_paths,
        baseline.valid_probabilities,
    )  # fmt: skip
    table = rank_suspects(baseline, predictions, pd.Series(paths, paths), 20)
    found = [place[path] for path in table["path"] if place[path] in set(changed)]
    assert len(found) >= 14
    suggested = table.set_index("path")["suggested"]
    assert np.mean([suggested[paths[one]] == "abcde"[truth[one]] for one in found]) > 0.6
