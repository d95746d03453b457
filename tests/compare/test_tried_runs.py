"""Every run that git has on the same validation images, and the best of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.base.seed import derive
from stages.compare.git import GitHistory
from stages.compare.tried_runs import best_of_tried, read_tried_outcomes
from stages.stats.choosing import correct_for_choosing
from tests.compare.example_history import OUTCOMES, ExampleHistory, outcomes_table

PATHS = [f"{number:03}.jpg" for number in range(100)]


def outcomes(wrong: list[int], paths: list[str] = PATHS, label: str = "cat") -> pd.DataFrame:
    """Return outcomes of photos that are all of one class; these numbers are wrong."""
    rows = [(path, label, "dog" if number in wrong else label) for number, path in enumerate(paths)]
    return outcomes_table(rows)


def by_path(table: pd.DataFrame) -> pd.DataFrame:
    """Return outcomes as they are read."""
    return table.set_index("path").sort_index()


LABELS = by_path(outcomes([]))["actual"]


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with two runs, an experiment, and a fourth run in the workspace."""
    history = ExampleHistory(tmp_path / "repo")
    for name, wrong in (("v1", [1, 2, 3]), ("v2", [4]), ("tried", [5, 6])):
        history.write_run(outcomes(wrong))
        history.commit(name)
    history.git("update-ref", "refs/exps/ab/cdef/mine", "tried")
    history.git("tag", "-d", "tried")
    history.git("reset", "-q", "--hard", "v2")
    history.write_run(outcomes([7, 8, 9, 10]))
    return history


def test_commits_experiments_and_the_workspace_are_runs(history: ExampleHistory) -> None:
    """Each run is there under its name, the workspace last."""
    tried = read_tried_outcomes(GitHistory(history.root), OUTCOMES)
    assert [int((table["predicted"] == "dog").sum()) for table in tried.values()] == [3, 1, 2, 4]
    assert list(tried)[2:] == ["mine", "workspace"]


def test_a_workspace_as_committed_is_no_run_of_its_own(history: ExampleHistory) -> None:
    """The same outcomes are one run, wherever they lie."""
    history.git("checkout", "-q", "--", OUTCOMES)
    assert len(read_tried_outcomes(GitHistory(history.root), OUTCOMES)) == 3


def test_outcomes_that_cannot_be_read_are_no_run(history: ExampleHistory) -> None:
    """Damaged outcomes in the history are left out, and the others count."""
    (history.root / OUTCOMES).write_text("path,actual\n\0\n")
    history.commit("damaged")
    assert len(read_tried_outcomes(GitHistory(history.root), OUTCOMES)) == 3


def test_the_best_run_is_named_and_corrected() -> None:
    """Rates and interval are those of the correction on the images, wrong by wrong."""
    wrongs = [[1, 2, 3], [4], [5, 6]]
    tried = {f"v{number}": by_path(outcomes(wrong)) for number, wrong in enumerate(wrongs)}
    best = best_of_tried(tried, LABELS, {})
    assert best is not None
    assert (best.runs, best.images, best.best) == (3, 100, "v1")
    wrong = np.array([[number in rows for number in range(100)] for rows in wrongs])
    expected = correct_for_choosing(wrong, derive(0, "choosing"))
    assert (best.error_rate, best.corrected) == (expected.raw, expected.corrected)


def test_a_run_on_other_images_does_not_count() -> None:
    """With fewer than nine tenths of the images under the same label it was another choice."""
    other_photos = [f"new {path}" for path in PATHS[:11]] + PATHS[11:]
    tried = {
        "one": by_path(outcomes([1])),
        "elsewhere": by_path(outcomes([2], other_photos)),
        "relabelled": by_path(outcomes([3], label="owl")),
    }
    assert best_of_tried(tried, LABELS, {}) is None


def test_runs_meet_on_the_images_that_all_have() -> None:
    """A corrected label takes one image out of the choice, and no run."""
    relabelled = outcomes([1])
    relabelled.loc[2, "actual"] = "owl"
    tried = {"one": by_path(outcomes([1])), "two": by_path(relabelled)}
    best = best_of_tried(tried, LABELS, {})
    assert best is not None
    assert (best.runs, best.images) == (2, 99)


def test_without_images_there_is_no_best_run() -> None:
    """An empty validation set, or ten runs of which none shares an image, say nothing."""
    tried = {"one": by_path(outcomes([1])), "two": by_path(outcomes([2]))}
    assert best_of_tried(tried, LABELS[:0], {}) is None
    assert best_of_tried({}, LABELS, {}) is None


def test_runs_are_measured_on_groups() -> None:
    """Images of one group are drawn together, so the interval is that of the correction by them."""
    wrongs = [range(20), range(30, 40)]
    tried = {f"v{number}": by_path(outcomes([*wrong])) for number, wrong in enumerate(wrongs)}
    group_of = {path: str(number // 10) for number, path in enumerate(LABELS.index)}
    best = best_of_tried(tried, LABELS, group_of)
    plain = best_of_tried(tried, LABELS, {})
    assert best is not None
    assert plain is not None
    assert best.corrected.high > plain.corrected.high
