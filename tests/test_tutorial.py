"""The tutorial as it stands in docs/: every command is run, in order, and prints what is shown."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.doc_pages import DOCS, ROOT, all_blocks, commands, says
from tests.tiny_repo import Repo, copy_project, draw, hashes

KINDS = {"cup": "disc", "plate": "square", "spoon": "stripes"}


@pytest.fixture
def project(tmp_path: Path) -> Repo:
    """Return a small clone of Finetrack, with its results, beside the photos of a phone."""
    repo = copy_project(tmp_path / "project")
    (repo.path / ".venv").symlink_to(ROOT / ".venv")
    copy_results(repo)
    repo.change({"fetch.dataset": "digits", "ingest.images": "data/sample", "export.onnx": True})
    repo.commit()
    repo.run("git", "branch", "-qm", "main")
    for folder, first, count in (("phone", 0, 40), ("new", 100, 4)):
        for label, kind in KINDS.items():
            (tmp_path / folder / label).mkdir(parents=True)
            for number in range(first, first + count):
                photo = tmp_path / folder / label / f"IMG_{number:04}.jpg"
                draw(kind, number).save(photo, quality=90)
    return repo


def copy_results(repo: Repo) -> None:
    """Add the committed results, which a clone of Finetrack begins with."""
    listed = subprocess.run(
        ["git", "ls-files", "dvc.lock", "reports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        (repo.path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, repo.path / name)


def dotted(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their dotted names."""
    values: dict[str, Any] = {}
    for key, value in content.items():
        inner = dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        values.update(inner or {f"{prefix}{key}": value})
    return values


@pytest.mark.thorough
def test_the_tutorial_is_true(project: Repo) -> None:
    """Params, corrections and commands of the tutorial lead from photos to a model and back."""
    phone = hashes(project.path.parent / "phone")
    for language, block in all_blocks(DOCS / "tutorial.md"):
        if language == "yaml":
            project.change(dotted(YAML(typ="safe").load(block)))
        elif language == "csv":
            (project.path / "data" / "corrections.csv").write_text(block, "utf-8")
        else:
            for command in commands(block):
                printed = project.run("bash", "-c", command.line)
                assert says(command.output, printed), f"{command.line}\n{printed}"
    assert hashes(project.path / "data" / "photos") == phone
    assert project.run("git", "status", "--short") == ""
    assert (project.path.parent / "new-report" / "index.html").is_file()


@pytest.mark.parametrize(
    ("shown", "printed", "is_so"),
    [
        (("1 file",), "12 files", False),
        (("1 file",), "12 file", True),
        (("Error  ...",), "before\nError  3 %\nafter", True),
        (("a", "...", "b"), "a\n1\n2\nb", True),
        (("a", "b"), "a\n1\nb", False),
        (("b", "...", "a"), "a\nb", False),
        ((), "anything", True),
    ],
)
def test_what_a_command_printed_is_compared_line_by_line(
    shown: tuple[str, ...], printed: str, is_so: bool
) -> None:
    """Numbers may differ, dots stand for what is left out, and all else must be there in order."""
    assert says(shown, printed) == is_so
