"""Reading the report's numbers, or one line that says what is wrong with their file."""

import json
import shutil
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.stats.metrics_file import read_metrics

METRICS = Path(__file__).parents[2] / "reports/interpret/metrics.json"


def test_the_report_of_this_repository_is_read(tmp_path: Path) -> None:
    """The content comes back as it stands in the file."""
    shutil.copy(METRICS, tmp_path / "metrics.json")
    assert read_metrics(tmp_path / "metrics.json") == json.loads(METRICS.read_bytes())


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "is missing"), ("{", "is no JSON"), ("7", "is no JSON"), ("{}", "lacks .*accuracy")],
)
def test_another_content_is_named(content: str | None, words: str, tmp_path: Path) -> None:
    """A file that is missing, broken or of another kind is an error with the stage to run."""
    path = tmp_path / "metrics.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=rf"metrics\.json {words}.*dvc repro"):
        read_metrics(path)


def test_a_report_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    """One that does not say which temperature it applies is an error with the stage to run."""
    content = json.loads(METRICS.read_bytes())
    content["calibration"].pop("applied_temperature", None)
    (tmp_path / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="lacks applied_temperature; dvc repro interpret"):
        read_metrics(tmp_path / "metrics.json")
