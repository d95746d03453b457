"""What differs between two dvc.lock, and whether it can have changed the result."""

import json
from typing import Any

import pytest

from stages.compare.dvc_lock import (
    DvcLock,
    StageRun,
    flatten_params,
    output_hashes,
    read_lock,
    read_params,
    recipe_fingerprint,
    seed_of,
    stage_differences,
    used_params,
)

RESULT = "reports/result.csv"


def stage_run(**changes: Any) -> StageRun:
    """Return a stage that used and wrote nothing, with some fields replaced."""
    nothing: dict[str, Any] = {"params": {}, "packages": {}, "code": {}, "data": {}, "outs": {}}
    return StageRun(**{**nothing, **changes})


def example_lock(**changes: Any) -> DvcLock:
    """Return three stages, of which the second writes the result; changes are of what it used.

    Its output changes with what it used, as that of a real stage would.
    """
    used: dict[str, Any] = {
        "params": {"seed": 1, "rate": 0.1},
        "packages": {"timm": "1"},
        "code": {"stages/a.py": "1"},
    }
    used |= changes
    return {
        "ingest": stage_run(
            code={"stages/b.py": "1"}, data={"data/photos": "1"}, outs={"data/list": "1"}
        ),
        "train": stage_run(**used, data={"data/list/part": "1"}, outs={RESULT: json.dumps(used)}),
        "page": stage_run(params={"top": 4}, data={RESULT: "1"}, outs={"reports/page.html": "1"}),
    }


def test_nothing_differs_from_itself() -> None:
    """The same lock gives no difference."""
    assert stage_differences(example_lock(), example_lock(), RESULT) == []


def test_each_kind_stands_at_its_stage() -> None:
    """Params, packages and modules stand at the stage that used them, with both values."""
    other = example_lock(
        params={"seed": 1, "rate": 0.2, "more": True},
        packages={"timm": "2"},
        code={"stages/c.py": "1"},
    )
    (difference,) = stage_differences(example_lock(), other, RESULT)
    assert (difference.stage, difference.effect) == ("train", "possible")
    assert difference.params == {"rate": (0.1, 0.2), "more": ("absent", True)}
    assert difference.packages == {"timm": ("1", "2")}
    assert difference.code == {"stages/a.py": "removed", "stages/c.py": "added"}


def test_sources_are_causes_and_outputs_are_not() -> None:
    """Other photos are a difference; outputs of stages, and files inside them, are not."""
    other = example_lock()
    other["ingest"].data["data/photos"] = "2"
    other["ingest"].outs["data/list"] = "2"
    other["train"].data["data/list/part"] = "2"
    (difference,) = stage_differences(example_lock(), other, RESULT)
    assert (difference.stage, difference.inputs) == ("ingest", {"data/photos": "changed"})


def test_a_stage_with_the_same_outputs_had_no_effect() -> None:
    """Changed code with unchanged outputs cannot have made a difference."""
    other = example_lock()
    other["ingest"].code["stages/b.py"] = "2"
    (difference,) = stage_differences(example_lock(), other, RESULT)
    assert difference.effect == "none"


def test_a_stage_that_does_not_lead_to_the_result_is_aside() -> None:
    """What only draws the page cannot have changed the predictions."""
    other = example_lock()
    other["page"].params["top"] = 5
    other["page"].outs["reports/page.html"] = "2"
    (difference,) = stage_differences(example_lock(), other, RESULT)
    assert (difference.stage, difference.effect) == ("page", "aside")


def test_a_stage_that_begins_to_use_a_param_has_the_value_of_the_others() -> None:
    """A param that another stage ran with before is not absent."""
    other = example_lock()
    other["ingest"].params["rate"] = 0.1
    assert stage_differences(example_lock(), other, RESULT) == []


def test_a_new_stage_is_a_difference() -> None:
    """A stage that only one side has is a difference with all that it used."""
    other = example_lock() | {"extra": stage_run(params={"x": 1})}
    (difference,) = stage_differences(example_lock(), other, RESULT)
    assert (difference.stage, difference.params) == ("extra", {"x": ("absent", 1)})


def test_recipes_differ_by_all_but_the_seed() -> None:
    """Two seeds are one recipe; another param, package, module or photo makes another."""
    other_seed = example_lock(params={"seed": 2, "rate": 0.1})
    assert recipe_fingerprint(example_lock()) == recipe_fingerprint(other_seed)
    other_photos = example_lock()
    other_photos["ingest"].data["data/photos"] = "2"
    for other in (
        example_lock(params={"seed": 1, "rate": 0.2}),
        example_lock(packages={"timm": "2"}),
        example_lock(code={"stages/a.py": "2"}),
        other_photos,
    ):
        assert recipe_fingerprint(example_lock()) != recipe_fingerprint(other)
    assert (seed_of(example_lock()), seed_of(other_seed), seed_of(None)) == (1, 2, None)


def test_a_lock_gives_all_params_and_outputs() -> None:
    """Params and outputs of all stages stand together."""
    lock = example_lock()
    assert used_params(lock) == {"seed": 1, "rate": 0.1, "top": 4}
    assert output_hashes(lock).keys() == {"data/list", RESULT, "reports/page.html"}


@pytest.mark.parametrize(
    "content", [None, b"", b"just text", b"stages: [1, 2]", b"\xff\xfe", b"a: [", b"stages: {x: 1}"]
)
def test_what_is_no_lock_is_none(content: bytes | None) -> None:
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
    lock = read_lock(text)
    assert lock is not None
    run = lock["train"]
    assert run.params == {"fine_tune.rate": 0.001, "fine_tune.deep.er": [1, 2], "seed": 7}
    assert run.packages.keys() == {"timm"}


def test_an_empty_section_is_a_value() -> None:
    """A section without keys stands by its own name."""
    assert flatten_params({"a": {}, "b": {"c": {"d": 1}}}) == {"a": {}, "b.c.d": 1}


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"[1, 2]", b"just text"])
def test_damaged_params_are_none(content: bytes) -> None:
    """What is no mapping of params is None."""
    assert read_params(content) is None


def test_params_are_read_by_their_dotted_names() -> None:
    """A params.yaml gives dotted names, and a missing one gives none."""
    assert read_params(b"a: {b: 1e-3}\nseed: 1\n") == {"a.b": 0.001, "seed": 1}
    assert read_params(None) == {}
