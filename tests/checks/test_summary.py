"""summary.json holds the counts, classes, findings, steps and losses of all checks."""

import json

import numpy as np
import pandas as pd
from hypothesis import given, settings

from stages.checks.finding import Finding
from stages.checks.findings import check_images, count_classes
from stages.checks.resampling_loss import MethodLoss, ResamplingLoss
from stages.checks.summary import DuplicateCounts, count_duplicates, summarise_checks
from stages.checks.trace_log import TraceStep
from tests.checks.example_images import ImageRow, image_rows, images_from, images_of

NONE = DuplicateCounts(exact=0, same=0, alike=0, series=0, excluded=[])


def test_the_record_has_the_promised_keys() -> None:
    """Counts, a record a class, a finding, a step and the means, in this order."""
    loss = ResamplingLoss(
        pictures=np.zeros((3, 2, 2, 3), np.uint8),
        one_resample=MethodLoss(psnr=41.26, invented=0.0),
        one_per_operation=MethodLoss(psnr=33.91, invented=0.12345),
    )
    summary = summarise_checks(
        count_classes(images_of(cat=(80, 20, 1), dog=(8, 2))),
        NONE,
        [Finding("note", "precision", "message", ("a.jpg",))],
        [TraceStep(step="collect", shape=[111], dtype="path", note="a ... b")],
        [loss],
    )
    expected = {
        "counts": {"train": 88, "valid": 22, "excluded": 1, "classes": 2},
        "classes": [
            {"label": "cat", "train": 80, "valid": 20, "excluded": 1},
            {"label": "dog", "train": 8, "valid": 2, "excluded": 0},
        ],
        "duplicates": {"exact": 0, "same": 0, "alike": 0, "series": 0, "excluded": []},
        "findings": [
            {
                "severity": "note",
                "check": "precision",
                "message": "message",
                "paths": ["a.jpg"],
                "leak": "",
            }
        ],
        "steps": [
            {
                "step": "collect",
                "shape": [111],
                "dtype": "path",
                "min": None,
                "max": None,
                "mean": None,
                "note": "a ... b",
            }
        ],
        "presizing": {
            "one_resample": {"psnr": 41.3, "invented": 0.0},
            "one_per_operation": {"psnr": 33.9, "invented": 0.1235},
        },
    }
    # As text, so that the order of the keys counts too.
    assert json.dumps(summary) == json.dumps(expected)


def test_a_trace_that_took_no_step_leaves_empty_parts() -> None:
    """Without steps and photos both parts are there and empty."""
    summary = summarise_checks(count_classes(images_of()), NONE, [], [], [])
    assert summary["counts"] == {"train": 0, "valid": 0, "excluded": 0, "classes": 0}
    assert (summary["classes"], summary["steps"], summary["presizing"]) == ([], [], {})


@settings(derandomize=True, deadline=None, max_examples=50)
@given(image_rows)
def test_counts_add_up_for_any_set(rows: list[ImageRow]) -> None:
    """Every image is in one count and in one class, and the record is valid JSON."""
    images = images_from(rows)
    summary = summarise_checks(
        count_classes(images), NONE, check_images(images, 128, "hash"), [], []
    )
    again = json.loads(json.dumps(summary, allow_nan=False))
    sides = ("train", "valid", "excluded")
    assert sum(again["counts"][side] for side in sides) == len(rows)
    assert sum(counts[side] for counts in again["classes"] for side in sides) == len(rows)
    assert again["counts"]["classes"] == len(again["classes"])


def test_excluded_images_have_their_reason() -> None:
    """Pairs are counted by kind, and each excluded image stands with what it repeats."""
    columns = ["path", "twin", "kind", "bits", "difference"]
    pairs = [("b", "a", "same", "4", "0.30"), ("d", "c", "alike", "9", "3.10")]
    splits = pd.DataFrame({"path": ["a", "b"], "split": ["valid", "excluded"]})
    splits["reason"] = ["", "near-duplicate of a (difference 0.30)"]
    counts = count_duplicates(pd.DataFrame(pairs, columns=columns), splits)
    assert counts == {
        "exact": 0,
        "same": 1,
        "alike": 1,
        "series": 0,
        "excluded": [{"path": "b", "reason": "near-duplicate of a (difference 0.30)"}],
    }


def test_a_test_side_is_counted() -> None:
    """Images that are set aside for a test are counted, but not by class, which is their label."""
    images = images_of(cat=(8, 2, 3))
    images["split"] = images["split"].replace("excluded", "test")
    summary = summarise_checks(count_classes(images), NONE, [], [], [])
    assert summary["counts"]["test"] == 3
    assert summary["classes"] == [{"label": "cat", "train": 8, "valid": 2, "excluded": 0}]


def test_by_folds_no_class_has_validation_images() -> None:
    """By folds the counts have no key for validation: all images that train are validated."""
    classes = count_classes(images_of(cat=(8, 0, 1)).assign(fold="1"))
    summary = summarise_checks(classes, NONE, [], [], [])
    assert summary["counts"] == {"train": 8, "excluded": 1, "classes": 1}
    assert summary["classes"] == [{"label": "cat", "train": 8, "excluded": 1}]
