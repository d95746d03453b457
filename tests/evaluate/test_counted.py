"""Which photos count, and what is said of the others."""

import numpy as np

from stages.evaluate.counted import CountedPhotos, count_photos
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.twins import Twins
from tests.evaluate.example_evaluation import CLASSES, judged, twins_of, unread


def counted(
    photos: list[JudgedPhoto], twins: Twins | None = None, *, seen_known: bool = True
) -> CountedPhotos:
    """Return the photos that count."""
    return count_photos(
        photos, twins or twins_of(photos), CLASSES, not_labelled=4, seen_known=seen_known
    )


def test_every_photo_counts_or_has_its_reason() -> None:
    """Known, unread, unknown and repeated photos do not count; the counts add up to all photos."""
    photos = [
        judged("new"), judged("trained"), judged("validated"), judged("again"), unread("broken"),
        judged("sealed"),
        judged("strange", label="emu"), judged("strange too", label="emu"),
    ]  # fmt: skip
    twins = twins_of(
        photos,
        seen={"trained": "training", "validated": "validation", "sealed": "test"},
        same={"again": "new", "strange too": "strange"},
    )
    result = counted(photos, twins)
    assert result.paths.tolist() == ["new"]
    assert result.counts == {
        "photos": 12, "not_labelled": 4, "unread": 1, "seen_in_training": 1,
        "seen_in_validation": 1, "set_aside": 1, "labels_in_conflict": 0, "repeats": 2,
        "unknown_class": 1, "counted": 1,
    }  # fmt: skip
    parts = [count for name, count in result.counts.items() if name != "photos"]
    assert sum(map(int, map(str, parts))) == result.counts["photos"]
    assert result.unknown_classes == {"emu": 1}


def test_what_nobody_can_tell_is_not_none() -> None:
    """Where the model's photos are not known, how many were seen is unknown, never zero."""
    counts = counted([judged("a")], seen_known=False).counts
    assert counts["seen_in_training"] is None
    assert counts["seen_in_validation"] is None
    assert counts["set_aside"] is None


def test_a_refusal_is_a_wrong_answer() -> None:
    """An answer "none of these" is wrong, though its most probable class is the label."""
    result = counted([judged("a"), judged("b", confidence=0.4, refused=True)])
    assert result.right.tolist() == [True, False]
    assert result.predicted.tolist() == [0, len(CLASSES)]
    assert np.array_equal(result.most_probable, result.targets)


def test_one_picture_under_two_labels_does_not_count() -> None:
    """Photos that are one picture are left out where their labels conflict, known or not."""
    photos = [
        judged("a"), judged("b", label="dog"), judged("c", label="owl"),
        judged("d"), judged("e", label="emu"), judged("f", label="dog"), judged("g", label="dog"),
        judged("seen"), judged("seen too", label="dog"),
    ]  # fmt: skip
    twins = twins_of(
        photos,
        seen={"seen": "training", "seen too": "training"},
        same={"b": "a", "e": "d", "g": "f", "seen too": "seen"},
    )
    result = counted(photos, twins)
    assert result.paths.tolist() == ["c", "f"]
    assert result.counts["labels_in_conflict"] == 4
    assert (result.counts["repeats"], result.unknown_classes) == (1, {})


def test_nothing_counts() -> None:
    """Without any photo the arrays are empty, and of their types."""
    result = counted([])
    assert result.counts["counted"] == 0
    assert result.right.tolist() == []
    assert {values.dtype for values in result.properties.values()} == {np.dtype(float)}
