"""What differs between two dvc.lock, and whether it can have changed the result."""

from stages.compare.stage_differences import stage_differences
from tests.compare.example_lock import RESULT, example_lock, stage_run


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
