"""One model on both sides: nothing is estimated, so no interval suggests otherwise."""

from pathlib import Path

import numpy as np
import pytest

from stages.compare.record import ScoreChange
from stages.compare.same_model import note_of_same_model, without_intervals
from stages.compare.score_changes import (
    ComparedImages,
    ScoreChanges,
    SetupOutcomes,
    compare_scores,
)
from stages.compare.setups import Setup, group_by_setup
from stages.stats.intervals import Interval
from tests.compare.example_history import ExampleHistory, validated

PHOTOS = {f"{n}.jpg": (str(n), ("cat", "dog")[n % 2], "valid") for n in range(30)}


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository without commits."""
    return ExampleHistory(tmp_path)


def scores_of(other_wrong: int, images: int = 40) -> ScoreChanges:
    """Return the scores of a base that is right and another that errs on the first images."""
    targets = np.arange(images) % 2
    other = targets.copy()
    other[:other_wrong] = 1 - other[:other_wrong]
    loss = np.linspace(0.1, 0.9, images)[None]

    def outcomes(predicted: np.ndarray) -> SetupOutcomes:
        return SetupOutcomes(predicted=predicted[None], loss=loss, confidence=None)

    generator = np.random.default_rng(0)
    return compare_scores(
        ComparedImages(targets=targets, class_names=["cat", "dog"]),
        outcomes(targets),
        outcomes(other),
        generator,
    )


def test_the_ends_of_an_interval_are_the_difference() -> None:
    """Error, macro F1, log loss and each class keep their values, and lose what is estimated."""
    before = scores_of(0)
    assert before.error.difference.low < 0 < before.error.difference.high
    after = without_intervals(before)
    assert after.error.difference == Interval(0.0, 0.0, 0.0)
    assert after.macro_f1 == ScoreChange(base=1.0, other=1.0, difference=Interval(0.0, 0.0, 0.0))
    assert after.log_loss is not None
    assert after.log_loss.difference == Interval(0.0, 0.0, 0.0)
    assert after.macro_recall is None
    assert [(one.low, one.high) for one in after.classes] == [(0.0, 0.0), (0.0, 0.0)]
    assert after.error.only_first_right == before.error.only_first_right == 0


def test_without_images_nothing_is_known() -> None:
    """Where there is no common image, the difference stays unknown."""
    nothing = scores_of(0, images=0)
    assert without_intervals(nothing) is nothing


@pytest.mark.parametrize("same", [True, False])
def test_the_note_says_whether_the_answers_are_the_same(
    history: ExampleHistory, same: bool
) -> None:
    """Of one model the note is there, and the second value tells whether its answers differ."""
    model = {"model.safetensors": b"weights"}
    for name in ("before", "after"):
        history.write_run(validated(PHOTOS), PHOTOS, model=model)
        history.commit(name)
    base, other = setups(history, "before", "after")
    tables = [setup.outcomes()[0] for setup in (base, other)]
    answered = tables[1] if same else tables[1].assign(predicted="emu")
    note, alike = note_of_same_model(base, other, [tables[0]], [answered])
    assert note.startswith("The model is the same, to the byte")
    assert alike is same
    assert note_of_same_model(base, other, [], []) == ("The model is the same, to the byte", True)


def setups(history: ExampleHistory, base: str, other: str) -> tuple[Setup, Setup]:
    """Return two commits as setups."""
    grouped, others = group_by_setup(history.snapshot(base), [history.snapshot(other)])
    return grouped, others[0]


def test_another_model_has_no_note(history: ExampleHistory) -> None:
    """Other weights are another model, whatever the answers are."""
    for name in ("before", "after"):
        history.write_run(validated(PHOTOS), PHOTOS, model={"model.safetensors": name.encode()})
        history.commit(name)
    base, other = setups(history, "before", "after")
    assert note_of_same_model(base, other, [], [])[0] == ""
