"""What differs between two dvc.lock, and whether it can matter."""

import json
from typing import Any

import pytest

from stages.compare.dvc_lock import (
    StageRun,
    differences,
    flatten_params,
    read_lock,
    recipe,
    seed_of,
)

RESULT = "reports/result.csv"


def lock(**changes: Any) -> dict[str, StageRun]:
    """Return three stages, the last beside the result; changes go to the stage before it."""
    given = {
        "params": {"seed": 1, "rate": 0.1},
        "packages": {"timm": "1"},
        "code": {"stages/a.py": "1"},
    }
    given |= changes
    outs = given.pop("outs", {RESULT: json.dumps(given)})
    return {
        "ingest": StageRun({}, {}, {"stages/b.py": "1"}, {"data/photos": "1"}, {"data/list": "1"}),
        "train": StageRun(**given, data={"data/list/part": "1"}, outs=outs),
        "page": StageRun({"top": 4}, {}, {}, {RESULT: "1"}, {"reports/page.html": "1"}),
    }


def test_nothing_differs_from_itself() -> None:
    """The same lock gives no difference."""
    assert differences(lock(), lock(), RESULT) == []


def test_each_kind_is_told_at_its_stage() -> None:
    """Params, packages and modules stand at the stage that used them, with both values."""
    other = lock(
        params={"seed": 1, "rate": 0.2, "more": True},
        packages={"timm": "2"},
        code={"stages/c.py": "1"},
    )
    (found,) = differences(lock(), other, RESULT)
    assert (found.stage, found.effect) == ("train", "possible")
    assert found.params == {"rate": (0.1, 0.2), "more": ("absent", True)}
    assert found.packages == {"timm": ("1", "2")}
    assert found.code == {"stages/a.py": "removed", "stages/c.py": "added"}


def test_sources_are_causes_and_results_are_not() -> None:
    """Other photos are told; what stages made of them, and files inside that, are not."""
    other = lock()
    other["ingest"].data["data/photos"] = "2"
    other["ingest"].outs["data/list"] = "2"
    other["train"].data["data/list/part"] = "2"
    (found,) = differences(lock(), other, RESULT)
    assert (found.stage, found.inputs) == ("ingest", {"data/photos": "changed"})


def test_a_stage_that_made_the_same_had_no_effect() -> None:
    """Changed code with unchanged outputs cannot have made a difference."""
    other = lock()
    other["ingest"].code["stages/b.py"] = "2"
    (found,) = differences(lock(), other, RESULT)
    assert found.effect == "none"


def test_a_stage_that_does_not_lead_to_the_result_stands_aside() -> None:
    """What only draws the page cannot have changed the predictions."""
    other = lock()
    other["page"].params["top"] = 5
    other["page"].outs["reports/page.html"] = "2"
    (found,) = differences(lock(), other, RESULT)
    assert (found.stage, found.effect) == ("page", "aside")


def test_a_stage_that_begins_to_use_a_param_has_the_value_of_the_others() -> None:
    """A param that another stage ran with before is not absent."""
    other = lock()
    other["ingest"].params["rate"] = 0.1
    assert differences(lock(), other, RESULT) == []


def test_a_new_stage_is_a_difference() -> None:
    """A stage that only one side has is told with all that it used."""
    other = lock() | {"extra": StageRun({"x": 1}, {}, {}, {}, {})}
    (found,) = differences(lock(), other, RESULT)
    assert (found.stage, found.params) == ("extra", {"x": ("absent", 1)})


def test_recipes_differ_by_all_but_the_seed() -> None:
    """Two seeds are one recipe; another param, package, module or photo makes another."""
    same = lock(params={"seed": 2, "rate": 0.1})
    assert recipe(lock()) == recipe(same)
    photos = lock()
    photos["ingest"].data["data/photos"] = "2"
    for other in (
        lock(params={"seed": 1, "rate": 0.2}),
        lock(packages={"timm": "2"}),
        lock(code={"stages/a.py": "2"}),
        photos,
    ):
        assert recipe(lock()) != recipe(other)
    assert (seed_of(lock()), seed_of(same), seed_of(None)) == (1, 2, None)


@pytest.mark.parametrize(
    "content", [None, b"", b"just text", b"stages: [1, 2]", b"\xff\xfe", b"a: [", b"stages: {x: 1}"]
)
def test_what_is_no_lock_is_none(content) -> None:
    """A missing or damaged dvc.lock is no failure."""
    assert read_lock(content) is None


def test_numbers_are_read_as_dvc_writes_them() -> None:
    """1e-3 is a number, and versions stay text."""
    text = b"""
stages:
  train:
    cmd: python
    params:
      params.yaml:
        fine_tune: {rate: 1e-3, deep: {er: [1, 2]}}
        seed: 7
      stages/packages.yaml:
        timm: 1.10
"""
    run = read_lock(text)["train"]
    assert run.params == {"fine_tune.rate": 0.001, "fine_tune.deep.er": [1, 2], "seed": 7}
    assert run.packages.keys() == {"timm"}
    assert flatten_params({"a": {}}) == {"a": {}}
