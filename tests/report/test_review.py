"""Which pictures the page has, and what its script knows of them."""

from types import SimpleNamespace

import pandas as pd

from stages.report.review import examples, review, shown

RESULT = SimpleNamespace(
    classes=pd.DataFrame({"label": ["dog", "cat"]}),
    confused=pd.DataFrame({"actual": ["cat", "dog"], "predicted": ["dog", "cat"]}),
    outcomes=pd.DataFrame(
        [
            ("a.jpg", "cat", "dog", 0.6),
            ("b.jpg", "cat", "dog", 0.9),
            ("c.jpg", "cat", "dog", 0.9),
            ("d.jpg", "cat", "dog", 0.7),
            ("e.jpg", "cat", "cat", 0.99),
            ("f.jpg", "dog", "cat", 0.5),
        ],
        columns=["path", "actual", "predicted", "p_predicted"],
    ),
    worst=pd.DataFrame({"path": ["a.jpg", "e.jpg"], "actual": "cat", "predicted": ["dog", "cat"]}),
    suspects=pd.DataFrame({"path": ["a.jpg", "z.jpg"], "label": "cat", "suggested": "fox"}),
)
HASHES = pd.DataFrame({"path": ["z.jpg", "a.jpg", "e.jpg", "q.jpg"], "sha256": list("zaeq")})
DECIDED = pd.DataFrame(
    [("gone.jpg", "", "drop", "", "x", "cat", "row without photo", "line 2")],
    columns=["path", "sha256", "action", "label", "note", "before", "problem", "detail"],
)


def test_a_pair_is_shown_by_its_surest_mistakes() -> None:
    """At most three a pair, the most confident first, ties by path."""
    assert examples(RESULT) == [["b.jpg", "c.jpg", "d.jpg"], ["f.jpg"]]


def test_every_use_of_a_picture_counts() -> None:
    """A picture that stands in two places is there twice, since the page holds it twice."""
    assert shown(RESULT, [["b.jpg"], ["f.jpg"]]) == [
        *("a.jpg", "e.jpg"),
        *("a.jpg", "z.jpg"),
        *("b.jpg", "f.jpg"),
    ]


def test_an_image_is_decided_on_once() -> None:
    """What is a suspect and a mistake is one image, with the suspect's suggestion."""
    made = review(RESULT, HASHES, DECIDED, "key")
    assert made["images"] == [
        {"path": "a.jpg", "label": "cat", "suggested": "fox", "sha256": "a"},
        {"path": "z.jpg", "label": "cat", "suggested": "fox", "sha256": "z"},
        {"path": "e.jpg", "label": "cat", "suggested": "cat", "sha256": "e"},
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
