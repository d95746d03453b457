"""What the script of the page knows of the images that it shows."""

from types import SimpleNamespace

import pandas as pd

from stages.page.review import review

RESULT = SimpleNamespace(
    classes=pd.DataFrame({"label": ["dog", "cat"]}),
    worst=pd.DataFrame({"path": ["a.jpg", "e.jpg"], "actual": "cat", "predicted": ["dog", "cat"]}),
    surest=pd.DataFrame({"path": ["s.jpg"], "actual": "cat", "predicted": "dog"}),
    suspects=pd.DataFrame({"path": ["a.jpg", "z.jpg"], "label": "cat", "suggested": "fox"}),
)
HASHES = pd.DataFrame(
    {"path": ["z.jpg", "a.jpg", "e.jpg", "q.jpg", "s.jpg"], "sha256": list("zaeqs")}
)
DECIDED = pd.DataFrame(
    [("gone.jpg", "", "drop", "", "x", "cat", "row without photo", "line 2")],
    columns=["path", "sha256", "action", "label", "note", "before", "problem", "detail"],
)


def test_an_image_is_decided_on_once() -> None:
    """What is a suspect and a mistake is one image, with the suspect's suggestion."""
    made = review(RESULT, HASHES, DECIDED, "key")
    assert made["images"] == [
        {"path": "a.jpg", "label": "cat", "suggested": "fox", "sha256": "a"},
        {"path": "z.jpg", "label": "cat", "suggested": "fox", "sha256": "z"},
        {"path": "e.jpg", "label": "cat", "suggested": "cat", "sha256": "e"},
        {"path": "s.jpg", "label": "cat", "suggested": "dog", "sha256": "s"},
    ]
    assert made["classes"] == ["cat", "dog"]
    assert made["key"] == "key"


def test_earlier_rows_are_handed_on() -> None:
    """Even a row that fits no photo is kept, with its problem beside it."""
    [row] = review(RESULT, HASHES, DECIDED, "key")["decided"]
    assert row == {
        "path": "gone.jpg",
        "sha256": "",
        "action": "drop",
        "label": "",
        "note": "x",
        "problem": "row without photo",
    }
