"""Two setups from history, compared."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.compare.comparison import Comparison, compare_setups
from stages.compare.setups import Setup
from stages.stats.intervals import Interval
from tests.compare.example_history import (
    OUTCOMES,
    ExampleHistory,
    Photos,
    outcomes_table,
    validated,
)

LABELS = ["cat", "dog", "owl"]
PHOTOS = {f"{number:02}.jpg": (str(number), LABELS[number % 3], "valid") for number in range(30)}


def predictions(wrong: int, photos: Photos = PHOTOS) -> pd.DataFrame:
    """Return the outcomes of all photos, of which the first are predicted as the next class."""
    return outcomes_table(
        [
            (path, label, LABELS[(LABELS.index(label) + 1) % 3] if number < wrong else label)
            for number, (path, (_, label, _)) in enumerate(photos.items())
        ]
    )


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with v1 (6 of 30 wrong) and v2 (2 wrong, trained longer)."""
    history = ExampleHistory(tmp_path / "repo")
    history.write_run(predictions(6), PHOTOS)
    history.commit("v1")
    history.write_run(predictions(2), PHOTOS, {"fine_tune": {"epochs": 9}})
    history.commit("v2")
    return history


def compare(history: ExampleHistory, base: list[str], other: list[str]) -> Comparison:
    """Compare two setups by the names of their runs."""
    setups = [Setup(tuple(history.snapshot(name) for name in names)) for names in (base, other)]
    return compare_setups(setups[0], setups[1], OUTCOMES)


def test_the_comparison_counts_every_common_image(history: ExampleHistory) -> None:
    """Error rates, the images newly right, their predictions and the cause fit together."""
    comparison = compare(history, ["v1"], ["v2"])
    assert comparison.class_names == LABELS
    assert comparison.scores.error_rates.base == pytest.approx(6 / 30)
    assert comparison.scores.error_rates.other == pytest.approx(2 / 30)
    assert comparison.newly_wrong.tolist() == []
    newly_right = comparison.images.iloc[comparison.newly_right]
    assert sorted(newly_right["other"]) == ["02.jpg", "03.jpg", "04.jpg", "05.jpg"]
    assert (newly_right["other_predicted"] == newly_right["actual"]).all()
    assert (newly_right["base_predicted"] != newly_right["actual"]).all()
    assert comparison.stage_differences is not None
    (difference,) = comparison.stage_differences
    assert difference.params == {"fine_tune.epochs": (4, 9)}
    assert comparison.notes == []


def test_reliability_is_that_of_each_side(history: ExampleHistory) -> None:
    """Both sides have the confidence of their outcomes, and their own accuracy."""
    reliability = compare(history, ["v1"], ["v2"]).reliability
    assert reliability.base is not None
    assert reliability.other is not None
    assert reliability.base.confidence == pytest.approx(0.9)
    assert reliability.base.accuracy == pytest.approx(24 / 30)
    assert reliability.other.accuracy == pytest.approx(28 / 30)


def test_seeds_have_a_spread_and_a_single_run_none(history: ExampleHistory) -> None:
    """The standard deviation over seeds is numpy's, with one degree of freedom less."""
    for seed, wrong in ((1, 3), (2, 6), (3, 3)):
        history.write_run(predictions(wrong), PHOTOS, {"seed": seed, "fine_tune": {"epochs": 9}})
        history.commit(f"s{seed}")
    comparison = compare(history, ["v1"], ["s1", "s2", "s3"])
    assert comparison.seed_sd.base is None
    assert comparison.seed_sd.other == pytest.approx(np.std([0.1, 0.2, 0.1], ddof=1))


def test_the_label_shown_of_several_runs_is_the_majority(history: ExampleHistory) -> None:
    """The actual label counts with more than half of the runs, else the most frequent wrong one."""
    predicted = {
        "s1": ["cat", "dog", "dog", "owl"],
        "s2": ["cat", "dog", "dog", "dog"],
        "s3": ["dog", "cat", "owl", "dog"],
        "s4": ["dog", "cat", "cat", "cat"],
    }
    paths = ["a", "b", "c", "d"]
    photos = {path: (path, "cat", "valid") for path in paths}
    for name, labels in predicted.items():
        rows = [(path, "cat", label) for path, label in zip(paths, labels, strict=True)]
        history.write_run(outcomes_table(rows), photos, {"seed": int(name[1:])})
        history.commit(name)
    history.write_run(validated(photos), photos, {"fine_tune": {"epochs": 9}})
    history.commit("right")
    four = compare(history, ["right"], ["s1", "s2", "s3", "s4"])
    # Half of the runs are no majority: a and b are wrong too.
    assert four.images["other_predicted"].tolist() == ["dog", "dog", "dog", "dog"]
    assert four.images["base_predicted"].tolist() == ["cat"] * 4
    assert sorted(four.newly_wrong.tolist()) == [0, 1, 2, 3]
    three = compare(history, ["right"], ["s1", "s2", "s3"])
    assert three.images["other_predicted"].tolist() == ["cat", "dog", "dog", "dog"]
    assert sorted(three.newly_wrong.tolist()) == [1, 2, 3]


def test_a_side_that_is_always_right_is_compared(history: ExampleHistory) -> None:
    """Where no run of a side is wrong, its predictions are the actual labels."""
    history.write_run(predictions(0), PHOTOS)
    history.commit("right")
    comparison = compare(history, ["v1"], ["right"])
    images = comparison.images
    assert images["other_predicted"].tolist() == images["actual"].tolist()
    assert len(comparison.newly_right) == 6


def test_a_class_of_one_side_is_noted(history: ExampleHistory) -> None:
    """A class that only one side has makes its task the harder; with one on each side neither."""
    more = PHOTOS | {"emu.jpg": ("emu", "emu", "train")}
    history.write_run(predictions(2), more)
    history.commit("emu")
    (note,) = compare(history, ["v1"], ["emu"]).notes
    assert note == (
        "Only emu has the class emu: these images are not compared, and its task is the harder"
    )
    fewer = {path: photo for path, photo in more.items() if photo[1] != "owl"}
    history.write_run(validated(fewer), fewer)
    history.commit("fewer")
    notes = compare(history, ["v1"], ["fewer"]).notes
    assert notes[:2] == [
        "Only v1 has the class owl: these images are not compared",
        "Only fewer has the class emu: these images are not compared",
    ]


def test_many_classes_are_named_in_part(history: ExampleHistory) -> None:
    """Of many classes that one side lacks the first eight are named."""
    letters = {f"{letter}.jpg": (letter, letter, "train") for letter in "abcdefghij"}
    history.write_run(predictions(2), {**PHOTOS, **letters})
    history.commit("letters")
    (note,) = compare(history, ["v1"], ["letters"]).notes
    assert "has the classes a, b, c, d, e, f, g, h: " in note


def test_few_common_images_are_noted(history: ExampleHistory) -> None:
    """Where fewer than half of the validation images are common, a note says so."""
    fewer = dict(list(PHOTOS.items())[:14])
    history.write_run(predictions(1, fewer), fewer)
    history.commit("fewer")
    assert "Fewer than half" in compare(history, ["v1"], ["fewer"]).notes[-1]
    half = dict(list(PHOTOS.items())[:15])
    history.write_run(predictions(1, half), half)
    history.commit("half")
    assert compare(history, ["v1"], ["half"]).notes == []


def test_nothing_in_common_is_a_comparison(history: ExampleHistory) -> None:
    """Without common images there are no scores, no diagram, and a note."""
    photos = {"new.jpg": ("new", "cat", "valid")}
    history.write_run(validated(photos), photos)
    history.commit("new")
    comparison = compare(history, ["v1"], ["new"])
    assert comparison.images.empty
    assert comparison.reliability.base is None
    assert comparison.scores.error.images == 0
    assert "No image is in both" in comparison.notes[-1]


def test_without_a_lock_the_cause_is_unknown(history: ExampleHistory) -> None:
    """Outcomes alone are compared, and what changed is None."""
    (history.root / "dvc.lock").unlink()
    history.commit("unlocked")
    comparison = compare(history, ["v1"], ["unlocked"])
    assert comparison.stage_differences is None
    assert comparison.data is None
    assert comparison.scores.error.images == 30


def test_a_run_of_the_same_model_is_noted(history: ExampleHistory) -> None:
    """Where only a label of validation changed, the model is the same; otherwise a note says so."""
    photos = {**PHOTOS, "29.jpg": ("29", "cat", "valid")}
    model = {"model.safetensors": b"weights"}
    for name, validation in (("before", PHOTOS), ("after", photos)):
        history.write_run(predictions(6, validation), validation, model=model)
        history.commit(name)
    same = "The model is the same, to the byte"
    expected = f"{same}: only labels or photos of validation changed"
    comparison = compare(history, ["before"], ["after"])
    assert (comparison.same_model, comparison.notes) == (expected, [])
    assert comparison.scores.error.difference == Interval(0.0, 0.0, 0.0)
    history.write_run(predictions(2), PHOTOS, model=model)
    history.commit("evaluated")
    comparison = compare(history, ["before"], ["evaluated"])
    assert comparison.same_model == ""
    assert comparison.notes == [f"{same}: its evaluation differs"]
    assert comparison.scores.error.difference.low < comparison.scores.error.difference.high
    others = {"new.jpg": ("new", "cat", "valid")}
    history.write_run(validated(others), others, model=model)
    history.commit("others")
    assert compare(history, ["before"], ["others"]).same_model == same


def test_unequal_classes_are_those_of_training(history: ExampleHistory) -> None:
    """Where a class trains on five times another's photos, the mean recall is compared."""
    for owls in (9, 10):
        train = {f"cat{n}.jpg": (f"cat{n}", "cat", "train") for n in range(2)}
        train |= {f"dog{n}.jpg": (f"dog{n}", "dog", "train") for n in range(5)}
        train |= {f"owl{n}.jpg": (f"owl{n}", "owl", "train") for n in range(owls)}
        history.write_run(predictions(2), {**PHOTOS, **train})
        history.commit(f"owls{owls}")
    assert compare(history, ["owls9"], ["owls9"]).scores.macro_recall is None
    changed = compare(history, ["owls9"], ["owls10"]).scores.macro_recall
    assert changed is not None
    assert changed.base == pytest.approx(28 / 30)


def test_a_test_set_is_no_class(history: ExampleHistory) -> None:
    """Test images, without labels in splits.csv, make no class, and so no unequal classes."""
    train = {f"t{number}.jpg": (f"t{number}", LABELS[number % 3], "train") for number in range(18)}
    for name, split in (("all", "train"), ("tested", "test")):
        history.write_run(predictions(2), {**PHOTOS, **train, "x.jpg": ("x", "cat", split)})
        history.commit(name)
    comparison = compare(history, ["all"], ["tested"])
    assert comparison.scores.macro_recall is None
    assert comparison.notes == []
