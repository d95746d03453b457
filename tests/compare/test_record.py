"""The record of a comparison, and compare.json."""

import json

from stages.compare.record import (
    BaseAndOther,
    Changes,
    SeedRun,
    SeedRuns,
    records_as_json,
)
from tests.compare.example_record import example_record


def test_the_record_is_a_json_object_in_its_own_order() -> None:
    """compare.json has the keys that scripts rely on, in the order of the record."""
    (content,) = records_as_json([example_record()])
    assert list(content) == [
        *("base", "other", "base_commit", "other_commit", "same_model", "verdict"),
        *("difference", "p", "p_holm"),
        *("n_common", "error_rate", "only_base_right", "only_other_right", "images_to_tell"),
        *("macro_f1", "macro_recall", "log_loss", "seeds", "confidence", "choosing"),
        *("not_common", "classes"),
        *("newly_wrong", "newly_right", "changed", "notes"),
    ]


def test_nested_values_are_json_too() -> None:
    """Intervals, images, classes and stages are objects, and a pair of values is a list."""
    (content,) = json.loads(json.dumps(records_as_json([example_record()])))
    assert content["difference"] == {"value": -0.01, "low": -0.03, "high": 0.01}
    assert content["error_rate"] == {"base": 0.05, "other": 0.04}
    assert list(content["macro_f1"]) == ["base", "other", "difference"]
    assert content["confidence"]["base"] == {"confidence": 0.9, "accuracy": 0.95, "gap": 0.05}
    assert content["newly_wrong"] == [
        {"path": "a/b.jpg", "actual": "cat", "base": "cat", "other": "dog"}
    ]
    assert list(content["classes"][0]) == [
        *("label", "images", "base", "other", "low", "high", "p", "p_holm", "verdict")
    ]
    assert content["changed"]["stages"] == [
        {
            "stage": "fine_tune",
            "effect": "possible",
            "params": {"fine_tune.epochs": [4, 8]},
            "packages": {},
            "code": {},
            "inputs": {},
        }
    ]


def test_what_is_not_known_is_null() -> None:
    """A value that a comparison does not have is null, and its key stays."""
    unknown = BaseAndOther(base=None, other=None)
    record = example_record(
        macro_f1=None, confidence=unknown, changed=Changes(stages=None, data=None)
    )
    (content,) = records_as_json([record])
    assert content["macro_f1"] is None
    assert content["confidence"] == {"base": None, "other": None}
    assert content["changed"] == {"stages": None, "data": None, "processors": None}


def test_seeds_have_their_runs() -> None:
    """The runs of a setup stand by side, each with its seed."""
    runs = SeedRuns(runs=[SeedRun(name="a", seed=1, error_rate=0.1)], sd=None)
    (content,) = records_as_json([example_record(seeds=BaseAndOther(base=runs, other=runs))])
    of_one_side = {"runs": [{"name": "a", "seed": 1, "error_rate": 0.1}], "sd": None}
    assert content["seeds"] == {"base": of_one_side, "other": of_one_side}


def test_groups_stand_in_the_file_only_where_there_are_any() -> None:
    """Who reads compare.json of images without groups finds what there was before."""
    assert "groups" not in records_as_json([example_record()])[0]
    assert records_as_json([example_record(groups=3)])[0]["groups"] == 3
