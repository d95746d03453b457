"""Reading the report's numbers, or one line that says what is wrong with their file."""

import copy
import json
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import write_json
from stages.stats.metrics_file import read_metrics
from tests.example_results import example_metrics


def test_a_report_is_read(tmp_path: Path) -> None:
    """The content comes back as it was written."""
    metrics = example_metrics()
    write_json(tmp_path / "details.json", metrics)
    assert read_metrics(tmp_path / "details.json") == metrics


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "is missing"), ("{", "is no JSON"), ("7", "is no JSON"), ("{}", "lacks .*accuracy")],
)
def test_another_content_is_named(content: str | None, words: str, tmp_path: Path) -> None:
    """A file that is missing, broken or of another kind is an error with the stage to run."""
    path = tmp_path / "details.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=rf"details\.json {words}.*dvc repro"):
        read_metrics(path)


def test_a_report_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    """One that does not say which temperature it applies is an error with the stage to run."""
    content = copy.deepcopy(example_metrics())
    content["calibration"].pop("applied_temperature")  # type: ignore[misc]
    (tmp_path / "details.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="lacks applied_temperature; dvc repro interpret"):
        read_metrics(tmp_path / "details.json")
