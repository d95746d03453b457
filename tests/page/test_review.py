"""The data that the page's script reviews labels with."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.page.review import review_data
from stages.stats.interpretation import Interpretation
from tests.page.example_page import example_inputs, example_interpretation

HASHES = pd.DataFrame(
    {"path": ["z.jpg", "a.jpg", "e.jpg", "q.jpg", "s.jpg"], "sha256": list("zaeqs")}
)
CORRECTIONS = pd.DataFrame(
    [("gone.jpg", "", "drop", "", "x", "cat", "row without photo", "line 2")],
    columns=["path", "sha256", "action", "label", "note", "before", "problem", "detail"],
)


@pytest.fixture(scope="module")
def result() -> Interpretation:
    """Return an interpretation with a few label issues and mistakes."""
    paths = np.array([f"{number}.jpg" for number in range(40)])
    return replace(
        example_interpretation(*example_inputs(["dog", "cat"], paths)),
        top_losses=pd.DataFrame(
            {"path": ["a.jpg", "e.jpg"], "actual": "cat", "predicted": ["dog", "cat"]}
        ),
        confident_mistakes=pd.DataFrame({"path": ["s.jpg"], "actual": "cat", "predicted": "dog"}),
        label_issues=pd.DataFrame({"path": ["a.jpg", "z.jpg"], "label": "cat", "suggested": "fox"}),
    )


def test_an_image_is_decided_on_once(result: Interpretation) -> None:
    """What is a label issue and a mistake is one image, with the suggestion of the label issue."""
    data = review_data(result, HASHES, CORRECTIONS, "key")
    assert data["images"] == [
        {"path": "a.jpg", "label": "cat", "suggested": "fox", "sha256": "a"},
        {"path": "z.jpg", "label": "cat", "suggested": "fox", "sha256": "z"},
        {"path": "e.jpg", "label": "cat", "suggested": "cat", "sha256": "e"},
        {"path": "s.jpg", "label": "cat", "suggested": "dog", "sha256": "s"},
    ]
    assert data["classes"] == ["cat", "dog"]
    assert data["key"] == "key"


def test_earlier_rows_are_passed_on(result: Interpretation) -> None:
    """Even a row that fits no photo stays, with its problem beside it."""
    [row] = review_data(result, HASHES, CORRECTIONS, "key")["decided"]
    assert row == {
        "path": "gone.jpg",
        "sha256": "",
        "action": "drop",
        "label": "",
        "note": "x",
        "problem": "row without photo",
    }


def test_the_data_is_json(result: Interpretation) -> None:
    """Nothing of numpy is left in it, so that it can be written into the page."""
    data = review_data(result, HASHES, CORRECTIONS, "key")
    assert json.loads(json.dumps(data)) == data
