"""The command: it prints the address, ends at Ctrl-C, and refuses what cannot be reviewed."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools import review
from tests.serve.running_review import CORRECTIONS, running_review, write_review_project


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder with a report."""
    root = tmp_path_factory.mktemp("project")
    write_review_project(root, ["cat", "dog", "hen"])
    return root


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly(root: Path) -> None:
    """It ends with 0 and a line, also while the page listens to events, and leaves no process."""
    with running_review(root) as running:
        assert running.request("GET", f"/{running.token}/")[0] == 200
        code, out, err = running.interrupt()
    assert (code, err) == (0, "")
    assert (
        out.splitlines()[-1] == f"Ended. Decisions are in {CORRECTIONS}; `make repro` applies them."
    )


def test_an_ended_run_says_what_is_gone() -> None:
    """The stage whose outputs DVC removed is named, how to go on, and how to have the last ones."""
    first, second = review._ended_run("fine_tune")
    assert "outputs of fine_tune are gone for now; `make repro` goes on" in first
    assert "dvc checkout -f fine_tune && git restore reports" in second
    assert "before its first stage" in review._ended_run("")[0]


@pytest.mark.slow
def test_a_second_review_of_a_folder_is_refused(root: Path) -> None:
    """Two servers could write over each other; a review that has ended leaves no lock."""
    with running_review(root) as running:
        done = subprocess.run(
            [sys.executable, "-m", "stages.tools.review", "--no-browser"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert (
            f"a review of this folder is open already (process {running.process.pid})"
            in done.stderr
        )
    with running_review(root) as running:
        assert running.request("GET", f"/{running.token}/")[0] == 200


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_is_a_port(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    """A number that is no port is refused before anything is opened."""
    monkeypatch.setattr(sys, "argv", ["review", f"--port={port}"])
    with pytest.raises(UserError, match="a port is from 1 to 65535"):
        review.main()


def test_without_a_page_make_repro_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder where nothing was run yet has nothing to review."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["review", "--no-browser"])
    with pytest.raises(UserError, match=r"reports/index\.html is missing; `make repro` makes it"):
        review.main()
