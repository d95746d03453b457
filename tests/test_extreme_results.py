"""Results at the edges through every tool and page: perfect, all wrong, one class, one image, none.

The real functions run on them, and a warning of numpy's (a mean of nothing, a division by zero) is
a failure.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import stages.interpret
from stages.base.errors import UserError
from stages.compare.dvc_cache import md5_of
from stages.stats.predictions import (
    Baseline,
    Predictions,
    read_baseline,
    read_predictions,
    write_baseline,
    write_predictions,
)
from stages.tools import compare, headline, past_page
from stages.tools.project_files import PROJECT_FILES
from stages.train.discriminant import fit_probe
from stages.train.linear_probe import out_of_fold
from tests.compare.example_history import ExampleHistory, lock_entry, outcomes_table
from tests.example_results import write_project
from tests.page.github_markdown import Rendered

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
LABELS = ["cat", "dog", "owl"]
WRONG = {"cat": "dog", "dog": "owl", "owl": "cat"}
# Name of a result -> actual and predicted label of each image.
PAST_RESULTS = {
    "usual": [(label, label) for label in LABELS * 8] + [("cat", "dog")],
    "perfect": [(label, label) for label in [*LABELS * 8, "cat"]],
    "all-wrong": [(label, WRONG[label]) for label in [*LABELS * 8, "cat"]],
    "all-one": [(label, "cat") for label in [*LABELS * 8, "cat"]],
    "one-right": [("cat", "cat")],
    "one-wrong": [("cat", "dog")],
    "none": [],
}


def perfect_probabilities(targets: np.ndarray, classes: int) -> np.ndarray:
    """Return probabilities (N, classes) of 1 for the label and 0 for the others."""
    rows: np.ndarray = np.eye(classes, dtype=np.float32)[targets]
    return rows


def extreme(name: str, usual: Predictions, probe: Baseline) -> tuple[Predictions, Baseline]:
    """Return a result at an edge, of the model and of the linear probe."""
    targets = usual.targets
    all_targets = probe.targets
    images = len(targets)
    if name == "one class wrong":
        targets = np.zeros_like(targets)
    if name.startswith("one image"):
        images = 1
    if name == "no image":
        images = 0
    shift = 1 if name.endswith("wrong") else 0
    classes = len(LABELS)
    pred_probs = perfect_probabilities((targets + shift) % classes, classes)
    out_of_folds = perfect_probabilities((all_targets + shift) % classes, classes)
    if name == "nothing is likely":  # as with bce
        pred_probs[:] = 0
        out_of_folds[:] = 0
    model = replace(
        usual,
        paths=usual.paths[:images],
        targets=targets[:images],
        pred_probs=pred_probs[:images],
        map_paths=usual.map_paths[:0],
        maps=usual.maps[:0],
    )
    baseline = replace(
        probe,
        pred_probs=out_of_folds,
        valid_paths=model.paths,
        valid_pred_probs=model.pred_probs,
    )
    if name != "a single class":
        return model, baseline
    names = probe.class_names[:1]
    zeros = np.zeros_like(all_targets)
    ones = np.ones((len(zeros), 1), np.float32)
    valid = np.zeros_like(targets)
    model = replace(
        model,
        class_names=names,
        targets=valid,
        pred_probs=ones[: len(valid)],
        train_targets=usual.train_targets * 0,
    )
    return model, replace(
        baseline,
        class_names=names,
        targets=zeros,
        pred_probs=ones,
        valid_pred_probs=ones[: len(valid)],
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder up to interpret, with 25 images in validation."""
    root = tmp_path_factory.mktemp("extreme")
    write_project(root, LABELS, images=125)
    write_predictions(root / "usual.npz", read_predictions(root / "data/predictions.npz"))
    write_baseline(root / "usual-baseline.npz", read_baseline(root / "data/baseline.npz"))
    return root


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("all right", 0.0),
        ("one class wrong", 1.0),
        ("a single class", 0.0),
        ("one image wrong", 1.0),
        ("nothing is likely", None),
    ],
)
def test_the_report_of_an_extreme_result(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    errors: float | None,
) -> None:
    """Metrics, tables, page, Markdown and headline are made, with numbers and without NaN."""
    monkeypatch.chdir(project)
    usual = read_predictions("usual.npz"), read_baseline("usual-baseline.npz")
    model, baseline = extreme(name, *usual)
    write_predictions("data/predictions.npz", model)
    write_baseline("data/baseline.npz", baseline)
    stages.interpret.main()
    headline.main()
    metrics = json.loads(Path("reports/interpret/metrics.json").read_text())
    assert errors in (None, metrics["error_rate"]["value"])
    assert metrics["versus_baseline"]["verdict"] == "cannot tell"
    assert metrics["images"] == len(model.paths)
    page = Path("reports/index.html").read_text()
    for text in (page, Path("reports/report.md").read_text(), capsys.readouterr().out):
        assert "nan" not in text.lower().split()
        assert "nan%" not in text.lower()
        assert ">nan" not in text.lower()


def test_the_report_of_no_image_is_a_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without validation images there is no report, and the line says what gives some."""
    monkeypatch.chdir(project)
    usual = read_predictions("usual.npz"), read_baseline("usual-baseline.npz")
    model, baseline = extreme("no image", *usual)
    write_predictions("data/predictions.npz", model)
    write_baseline("data/baseline.npz", baseline)
    with pytest.raises(UserError, match=r"raise datablock\.split\.valid"):
        stages.interpret.main()


@pytest.mark.parametrize("targets", [[0, 1] * 6, [0] * 11 + [1], [0] * 12, [1], []])
def test_the_linear_probe_of_an_extreme_set(targets: list[int]) -> None:
    """Classes that are easily told apart, of one image, or alone give probabilities, not errors."""
    labels = np.array(targets, int)
    features = np.eye(2)[labels].reshape(len(labels), 2)
    answers, _ = out_of_fold(features, labels, np.arange(len(labels)), 2)
    pred_probs = np.concatenate([*answers.blocks()])
    assert pred_probs.shape == (len(labels), 2)
    assert np.isfinite(pred_probs).all()
    if len(set(targets)) == 2:
        probe = fit_probe(features, labels)
        assert (probe.probabilities(features, 2).argmax(axis=1) == labels).all()
        assert probe.probabilities(features[:0], 2).shape == (0, 2)


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with each of PAST_RESULTS as a commit, and two seeds of two of them."""
    history = ExampleHistory(tmp_path / "repo")
    for number, (name, labels) in enumerate(PAST_RESULTS.items()):
        write_result(history, name, labels, {"fine_tune": {"epochs": number}})
    for name in ("perfect", "all-wrong"):
        for seed in (1, 2):
            params = {"seed": seed, "fine_tune": {"epochs": f"seeds of {name}"}}
            write_result(history, f"{name}-{seed}", PAST_RESULTS[name], params)
    return history


def write_result(
    history: ExampleHistory,
    name: str,
    labels: Sequence[tuple[str, str]],
    params: Mapping[str, object],
) -> None:
    """Commit a result."""
    rows = [(f"{number:02}.jpg", *pair) for number, pair in enumerate(labels)]
    photos = {path: (path, actual, "valid") for path, actual, _ in rows}
    history.write_run(outcomes_table(rows), photos, params)
    history.commit(name)


@pytest.mark.parametrize("base", ["perfect", "none"])
def test_extreme_results_are_compared(
    history: ExampleHistory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    base: str,
) -> None:
    """One comparison of all has each with its numbers, in the terminal, JSON, Markdown and page."""
    monkeypatch.chdir(history.root)
    monkeypatch.setattr(compare, "open_dvc_cache", lambda root: history.cache)  # dvc takes 1 s
    others = [name for name in PAST_RESULTS if name != base]
    seeds = ["perfect-1", "perfect-2", "all-wrong-1", "all-wrong-2"]
    monkeypatch.setattr(sys, "argv", ["compare", base, *others, *seeds])
    compare.main()
    records = json.loads((compare.COMPARE_FOLDER / "compare.json").read_text())
    verdicts = {record["other"]: record["verdict"] for record in records}
    assert len(verdicts) == len(others) + 2
    if base == "none":
        assert set(verdicts.values()) == {"cannot tell"}
    else:
        assert verdicts["all-wrong"] == verdicts["all-wrong-1 and 1 more seed"] == "worse"
        assert verdicts["one-wrong"] == verdicts["none"] == "cannot tell"
        by_name = {record["other"]: record for record in records}
        assert (by_name["usual"]["only_base_right"], by_name["usual"]["only_other_right"]) == (1, 0)
        assert len(by_name["all-wrong"]["newly_wrong"]) == len(PAST_RESULTS["all-wrong"])
    page = (compare.COMPARE_FOLDER / "index.html").read_text()
    markdown = (compare.COMPARE_FOLDER / "compare.md").read_text()
    assert Rendered(markdown).live == []
    for text in (page, markdown, capsys.readouterr().out):
        assert "nan" not in text.lower().split()
        assert all(name in text for name in others)


def test_the_page_of_an_extreme_run_is_copied(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty page is a page; its md5 is that of nothing."""
    monkeypatch.chdir(history.root)
    monkeypatch.setattr(past_page, "open_dvc_cache", lambda root: history.cache)
    page = {PROJECT_FILES.page: history.put_in_cache(b"")}
    history.write_lock({"interpret": lock_entry({}, {}, {}, page)})
    history.commit("empty-page")
    monkeypatch.setattr(sys, "argv", ["past_page", "empty-page"])
    past_page.main()
    (written,) = compare.COMPARE_FOLDER.glob("*.html")
    assert md5_of(written.read_bytes()) == md5_of(b"")
