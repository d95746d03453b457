"""Which validation images are common, and why the others are not."""

import shutil
from pathlib import Path

import pytest

from stages.compare.pairing import REASONS, pair_images
from tests.compare.example_history import OUTCOMES, ExampleHistory, validated

BEFORE = {
    "same.jpg": ("1", "cat", "valid"),
    "old.jpg": ("2", "dog", "valid"),  # is called new.jpg after
    "label.jpg": ("3", "cat", "valid"),
    "content.jpg": ("4", "cat", "valid"),
    "gone.jpg": ("5", "dog", "valid"),
    "moved.jpg": ("6", "dog", "valid"),
    "repeats.jpg": ("7", "dog", "valid"),
    "aside.jpg": ("14", "dog", "valid"),
    "rotten.jpg": ("8", "dog", "valid"),
    "dropped.jpg": ("9", "dog", "valid"),
    "unlabelled.jpg": ("13", "dog", "valid"),
    "train.jpg": ("10", "dog", "train"),
    "before.jpg": ("11", "dog", "train"),  # is called after.jpg after, and validates
}
AFTER = {
    "same.jpg": ("1", "cat", "valid"),
    "new.jpg": ("2", "dog", "valid"),
    "label.jpg": ("3", "dog", "valid"),
    "content.jpg": ("44", "cat", "valid"),
    "moved.jpg": ("6", "dog", "train"),
    "repeats.jpg": ("7", "dog", "excluded"),
    "aside.jpg": ("14", "dog", "test"),
    "rotten.jpg": ("8", "dog", "valid"),
    "dropped.jpg": ("9", "", "dropped"),
    "unlabelled.jpg": ("13", "", "valid"),
    "train.jpg": ("10", "dog", "valid"),
    "added.jpg": ("12", "cat", "valid"),
    "after.jpg": ("11", "dog", "valid"),
}


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with all that can happen to a photo, between v1 and v2."""
    history = ExampleHistory(tmp_path / "repo")
    history.write_run(validated(BEFORE), BEFORE)
    history.commit("v1")
    history.write_run(validated(AFTER, ["rotten.jpg"]), AFTER, rejected=["rotten.jpg"])
    history.commit("v2")
    return history


def test_images_are_paired_by_path_and_by_content(history: ExampleHistory) -> None:
    """Common are those under the same label, also where the file was renamed."""
    common = pair_images(history.snapshot("v1"), history.snapshot("v2")).common
    assert common.to_dict("records") == [
        {"base": "old.jpg", "other": "new.jpg", "actual": "dog"},
        {"base": "same.jpg", "other": "same.jpg", "actual": "cat"},
    ]


def test_every_other_image_has_its_reason(history: ExampleHistory) -> None:
    """Each image that is not paired has a reason, and the side that validates on it."""
    unpaired = pair_images(history.snapshot("v1"), history.snapshot("v2")).unpaired
    assert {row.path: (row.side, row.reason) for row in unpaired.itertuples()} == {
        "label.jpg": ("both", "relabelled"),
        "content.jpg": ("both", "replaced"),
        "gone.jpg": ("base", "removed"),
        "moved.jpg": ("base", "moved"),
        "repeats.jpg": ("base", "excluded"),
        "aside.jpg": ("base", "test"),
        "rotten.jpg": ("base", "rejected"),
        "dropped.jpg": ("base", "dropped"),
        "unlabelled.jpg": ("base", "unlabelled"),
        "train.jpg": ("other", "moved"),
        "added.jpg": ("other", "added"),
        "after.jpg": ("other", "moved"),
    }
    assert set(unpaired["reason"]) | {"unknown"} == set(REASONS)


def test_reasons_are_counted_in_their_own_order(history: ExampleHistory) -> None:
    """Counts stand in the order of REASONS, and a reason that did not occur is left out."""
    counts = pair_images(history.snapshot("v1"), history.snapshot("v2")).counts()
    assert list(counts) == [reason for reason in REASONS if reason != "unknown"]
    assert counts["moved"] == 3
    assert sum(counts.values()) == 12


def test_the_other_way_round_added_is_removed(history: ExampleHistory) -> None:
    """Comparing backwards pairs the same images and turns the reasons around."""
    forwards = pair_images(history.snapshot("v1"), history.snapshot("v2"))
    backwards = pair_images(history.snapshot("v2"), history.snapshot("v1"))
    assert set(backwards.common["base"]) == set(forwards.common["other"])
    turned = {"added": "removed", "removed": "added"}
    expected = sorted(turned.get(reason, reason) for reason in forwards.unpaired["reason"])
    assert sorted(backwards.unpaired["reason"]) == expected


def test_without_lists_the_reasons_are_unknown(history: ExampleHistory) -> None:
    """Outcomes alone still pair by path and label; why others are missing is not known."""
    shutil.rmtree(history.root / ".dvc")
    pairing = pair_images(history.snapshot("v1"), history.snapshot("v2"))
    assert pairing.common["other"].tolist() == ["content.jpg", "same.jpg"]
    assert set(pairing.unpaired["reason"]) == {"relabelled", "unknown"}


def test_a_side_without_outcomes_has_nothing_in_common(history: ExampleHistory) -> None:
    """When a revision has no outcomes, no image is paired and none has a reason."""
    history.write_run(None, AFTER)
    (history.root / OUTCOMES).unlink()
    history.commit("v3")
    pairing = pair_images(history.snapshot("v1"), history.snapshot("v3"))
    assert pairing.common.empty
    assert list(pairing.common.columns) == ["base", "other", "actual"]
    assert pairing.counts() == {}
