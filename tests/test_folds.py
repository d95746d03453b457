"""The whole chain by folds: each image judged once, by who did not see it; resuming; no leak."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stages.stats.predictions import Predictions, read_baseline, read_predictions
from stages.train.probe_start import read_probe_start
from tests.tiny_repo import STAGES, Repo, copy_of, copy_project, hashes, make_photos

# tests/train/test_cross_validation.py watches each part without the chain.
pytestmark = [pytest.mark.slow, pytest.mark.thorough]

PARAMS: dict[str, object] = {
    "datablock.split.by": "folds",
    "datablock.split.folds": 3,
    "fine_tune.epochs": 6,
    "fine_tune.batch_size": 8,
    "fine_tune.base_lr": 0.002,
    # Always the same recipe, and no trial: other labels are to change neither.
    "fine_tune.start": "probe",
    "fine_tune.trial": False,
}
OUTPUTS = ("data/model", "reports/fine_tune")
STAGE = (sys.executable, "-m", "stages.fine_tune")


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a project whose whole chain has run by folds. Not to be changed."""
    repo = copy_project(tmp_path_factory.mktemp("folded") / "repo")
    repo.change(PARAMS)
    make_photos(repo.path / "data" / "photos")
    repo.run("dvc", "add", "-q", "data/photos")
    repo.commit()
    assert repo.repro() == set(STAGES)
    repo.commit()
    return repo


@pytest.fixture
def repo(folded: Repo, tmp_path: Path) -> Repo:
    """Return a copy of it, to change."""
    return copy_of(folded, tmp_path / "repo")


def folds_of(repo: Repo) -> dict[str, str]:
    """Return path -> fold, of the images that train."""
    rows = repo.table("data/splits.csv")
    return {row["path"]: row["fold"] for row in rows if row["split"] == "train"}


def predictions_of(repo: Repo) -> Predictions:
    """Return what fine_tune wrote."""
    return read_predictions(repo.path / "data/predictions.npz")


def results(repo: Repo) -> tuple[dict[str, dict[str, str]], bytes]:
    """Return the bytes of what fine_tune wrote."""
    predictions = (repo.path / "data/predictions.npz").read_bytes()
    return {name: hashes(repo.path / name) for name in OUTPUTS}, predictions


def test_each_image_is_judged_once_by_its_fold(folded: Repo) -> None:
    """Model and probe predict every image, by the fold that the split says, and all train."""
    predictions = predictions_of(folded)
    folds = folds_of(folded)
    assert len(folds) == 72
    assert predictions.paths.tolist() == predictions.train_paths.tolist() == list(folds)
    assert predictions.folds is not None
    assert [str(number) for number in predictions.folds] == list(folds.values())
    baseline = read_baseline(folded.path / "data/baseline.npz")
    assert baseline.valid_paths.tolist() == list(folds)
    start = read_probe_start(folded.path / "data/probe.npz")
    validated = {str(number): fold.paths.tolist() for number, fold in start.folds.items()}
    assert {path: number for number, paths in validated.items() for path in paths} == folds


def test_the_report_is_of_all_images_and_says_how(folded: Repo) -> None:
    """Metrics, page, summary and model card are of 72 images by three folds."""
    metrics = folded.json("reports/interpret/details.json")
    assert (metrics["images"], metrics["folds"]) == (72, 3)
    assert len(folded.table("reports/fine_tune/outcomes.csv")) == 72
    history = folded.table("reports/fine_tune/history.csv")
    assert len(history) == 7
    assert all(0 <= float(row["error_rate"]) <= 1 for row in history)
    page = (folded.path / "reports/index.html").read_text("utf-8")
    assert "trained without its fold, one of 3" in " ".join(page.split())
    assert "so 4 trainings" in (folded.path / "reports/datablock/summary.txt").read_text("utf-8")
    card = (folded.path / "data/export/README.md").read_text("utf-8")
    assert "without its fold (one of 3)" in card
    assert "72 photos in training and 72 in validation (the same, by folds)" in card


def test_killed_in_the_second_fold_it_keeps_the_first(
    repo: Repo, folded: Repo, tmp_path: Path
) -> None:
    """After kill -9 the next run trains the first fold no more, and arrives at the same bytes."""
    for name in OUTPUTS:
        shutil.rmtree(repo.path / name)
    second = repo.path / ".finetrack" / "fine_tune_fold_2"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(STAGE, cwd=repo.path, env=repo.environment(), stdout=log,
                                   stderr=log, start_new_session=True)  # fmt: skip
        deadline = time.monotonic() + 300
        while not second.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    output = repo.run(*STAGE)
    assert "4 trainings: one without each of 3 folds" in output
    assert "fold 1 of 3: Going on from .finetrack/fine_tune_fold_1: finished" in output
    assert "fold 1 of 3: epoch" not in output
    assert "fold 2 of 3: Going on from .finetrack/fine_tune_fold_2" in output
    assert results(repo) == results(folded)
    assert not list((repo.path / ".finetrack").glob("fine_tune*"))


def test_other_labels_of_a_fold_do_not_change_who_judges_it(repo: Repo, folded: Repo) -> None:
    """With the labels of fold 2 shuffled its probe and all predictions of it are the same bytes."""
    before = predictions_of(folded)  # the file of repo is written anew below
    assert before.folds is not None
    fold = before.folds == 2
    names = before.class_names[np.roll(before.targets[fold], 5)]
    with (repo.path / "data/corrections.csv").open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerows(
            [path, "", "relabel", label, ""]
            for path, label, now in zip(
                before.paths[fold], names, before.class_names[before.targets[fold]], strict=True
            )
            if label != now
        )
    assert {"datablock", "baseline", "fine_tune"} <= repo.repro("fine_tune")
    after = predictions_of(repo)
    assert np.mean(after.targets[fold] != before.targets[fold]) > 0.3
    assert np.array_equal(after.targets[~fold], before.targets[~fold])
    assert np.array_equal(np.asarray(after.pred_probs)[fold], np.asarray(before.pred_probs)[fold])
    assert not np.array_equal(
        np.asarray(after.pred_probs)[~fold], np.asarray(before.pred_probs)[~fold]
    )
    probes = [
        read_probe_start(one.path / "data/probe.npz").folds[2].probe for one in (folded, repo)
    ]
    for name, array in vars(probes[0]).items():
        assert np.array_equal(array, getattr(probes[1], name)), name


def test_several_processes_are_refused_in_one_line(repo: Repo) -> None:
    """With FINETRACK_GPUS the error says that folds are for one process."""
    variables = ("FINETRACK_GPUS=2", "FINETRACK_DEVICE=cpu")
    output = repo.run("env", *variables, *STAGE, code=1)
    assert "datablock.split.by: folds is for few photos" in output
    assert "leave FINETRACK_GPUS out" in output
    assert "Traceback" not in output
