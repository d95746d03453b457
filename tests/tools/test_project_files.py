"""Where the project keeps its results, against dvc.yaml."""

from pathlib import Path
from typing import Any

from stages.base.yaml_file import read_yaml
from stages.tools.project_files import PROJECT_FILES


def _outputs(stage: dict[str, Any]) -> set[str]:
    listed = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    return {name if isinstance(name, str) else next(iter(name)) for name in listed}


def test_every_file_is_an_output() -> None:
    """What is compared is written by a stage: dvc.yaml lists each path among the outputs."""
    stages = read_yaml(Path(__file__).parents[2] / "dvc.yaml")["stages"].values()
    outputs = set().union(*map(_outputs, stages))
    files = PROJECT_FILES
    assert {files.outcomes, *files.tables.values(), files.store, files.page, files.model} <= outputs
