"""The test set stays sealed through the whole chain, and its opening is counted."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.base.yaml_file import read_yaml
from stages.dataset.split_files import read_splits
from stages.model.files import load_model
from stages.predict.stored_photos import predict_stored
from stages.stats.predictions import read_predictions
from stages.store.reader import Store
from stages.tools import test_set
from tests.tiny_repo import Repo, copy_of, hashes

pytestmark = pytest.mark.slow

SIDES = {0: "test", 1: "valid"}  # by the last digit of a photo's number modulo 4
# What stages after the split wrote. The reports of ingest and presize count all files.
LEARNED = ("data/splits.csv", "data/groups.csv", "data/baseline.npz", "data/probe.npz",
           "data/model", "data/predictions.npz", "data/export", "reports/index.html",
           "reports/report.md", "reports/baseline", "reports/lr_find", "reports/fine_tune",
           "reports/interpret", "reports/datablock")  # fmt: skip


def write_table(repo: Repo, labels: dict[str, str]) -> None:
    """Write the CSV of labels and sides, by the name of the photo."""
    with (repo.path / "data" / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "label", "side"])
        for name, label in labels.items():
            number = int(name.split("_")[1].split(".")[0])
            writer.writerow([name, label, SIDES.get(number % 4, "train")])


def labels_of(repo: Repo) -> dict[str, str]:
    """Return the label of each photo, as its name says."""
    names = sorted(path.name for path in (repo.path / "data" / "photos").glob("*.jpg"))
    return {name: name.split("_")[0] for name in names}


def learned(repo: Repo) -> dict[str, str]:
    """Return the hash of every file that the stages from datablock on wrote, but test.csv."""
    everything = hashes(repo.path)
    return {path: value for path, value in everything.items() if path.startswith(LEARNED)}


@pytest.fixture(scope="module")
def divided(original: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return the project with a quarter of the photos in the test, run up to the split."""
    repo = copy_of(original, tmp_path_factory.mktemp("divided") / "repo")
    write_table(repo, labels_of(repo))
    repo.change(
        {
            "ingest.label.by": "csv",
            "ingest.label.split_column": "side",
            "datablock.split.by": "column",
        }
    )
    repo.repro("datablock")
    return repo


@pytest.fixture(scope="module")
def sealed(divided: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return that project after the whole run, committed."""
    repo = copy_of(divided, tmp_path_factory.mktemp("sealed") / "repo")
    repo.repro()
    repo.commit()
    return repo


def test_no_label_of_the_test_is_at_hand_after_the_split(divided: Repo) -> None:
    """splits.csv names the test images without labels, and no stage depends on what has them."""
    rows = [row for row in divided.table("data/splits.csv") if row["split"] == "test"]
    assert len(rows) == 18
    assert {row["label"] for row in rows} == {""}
    assert len(divided.table("data/test.csv")) == 18
    stages = read_yaml(divided.path / "dvc.yaml")["stages"]
    for name, stage in stages.items():
        assert "data/test.csv" not in stage["deps"]
        assert ("data/manifest/labels.csv" in stage["deps"]) == (name == "datablock")


@pytest.mark.thorough  # the test above watches that no stage reads them
def test_other_labels_of_the_test_rerun_nothing_after_the_split(
    sealed: Repo, tmp_path: Path
) -> None:
    """With other labels on all test images ingest and datablock run alone, and count them anew."""
    repo = copy_of(sealed, tmp_path / "repo")
    before = learned(repo)
    labels = labels_of(repo)
    tested = {row["path"] for row in repo.table("data/test.csv")}
    write_table(repo, labels | dict.fromkeys(tested, "disc"))
    assert repo.repro() == {"ingest", "datablock"}
    changed = {path for path, value in learned(repo).items() if before[path] != value}
    assert changed == {"reports/datablock/summary.txt"}  # how many of each class there are
    assert {row["label"] for row in repo.table("data/test.csv")} == {"disc"}


@pytest.mark.thorough  # the test above watches labels, and that no stage reads more
def test_other_pictures_of_the_test_give_the_same_bytes(sealed: Repo, tmp_path: Path) -> None:
    """With all pictures of the test replaced, every stage after the split writes what it did."""
    repo = copy_of(sealed, tmp_path / "repo")
    before = learned(repo)
    draw = np.random.default_rng(0)
    for row in repo.table("data/test.csv"):
        noise = draw.integers(0, 256, (70, 90, 3), dtype=np.uint8)
        Image.fromarray(noise).save(repo.path / "data" / "photos" / row["path"], quality=90)
    assert {"presize", "datablock"} <= repo.repro()
    assert learned(repo) == before


@pytest.mark.thorough  # tests/predict/test_openings.py counts openings
def test_the_opening_is_counted(sealed: Repo, tmp_path: Path) -> None:
    """Each opening is a line that stays; a later one says so, and a lost line is refused."""
    repo = copy_of(sealed, tmp_path / "repo")
    command = ("python", "-m", "stages.tools.test_set")
    said = repo.run(*command)
    assert "This is the first opening" in said
    scores = repo.json("reports/test/metrics.json")
    assert (scores["images"], scores["opening"]) == (18, 1)
    assert scores["gap"]["low"] <= scores["gap"]["value"] <= scores["gap"]["high"]
    assert set(scores["classes"]) == {"disc", "square", "stripes"}
    first = (repo.path / "reports/test/openings.csv").read_text()
    repo.commit()
    assert "second opening; the figure is no longer" in repo.run(*command)
    second = (repo.path / "reports/test/openings.csv").read_text()
    assert second.startswith(first)
    rows = repo.table("reports/test/openings.csv")
    assert len(rows) == 2
    assert rows[0]["commit"] != rows[1]["commit"]
    assert rows[0]["model"] == rows[1]["model"]
    assert repo.json("reports/test/metrics.json")["classes"] == scores["classes"]
    (repo.path / "reports/test/openings.csv").unlink()
    assert "lacks openings that git has" in repo.run(*command, code=1)
    assert repo.repro() == set()


@pytest.mark.thorough  # tests/predict/test_finished_run.py watches what changed
def test_only_a_committed_run_is_opened(
    sealed: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Params that differ from the commit, and a split that nothing was trained on, are refused."""
    repo = copy_of(sealed, tmp_path / "repo")
    monkeypatch.chdir(repo.path)
    repo.change({"fine_tune.epochs": 2})
    with pytest.raises(UserError, match=r"params\.yaml differ from the last commit"):
        test_set.main()
    repo.run("git", "restore", "params.yaml")
    with (repo.path / "data" / "test.csv").open("a", encoding="utf-8") as file:
        file.write("disc_02.jpg,disc\n")
    with pytest.raises(UserError, match=r"data/test\.csv is not that of the last run"):
        test_set.main()
    assert not (repo.path / "reports" / "test").exists()


@pytest.mark.thorough  # needs the whole run, which tests above it share
def test_the_test_is_predicted_as_validation_is(
    sealed: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of validation photos the opener's path gives the very probabilities that fine_tune wrote."""
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    data = sealed.path / "data"
    predictions = read_predictions(data / "predictions.npz")
    splits = read_splits(data / "splits.csv")
    valid = splits[splits["split"] == "valid"]
    model, card = load_model(data / "model")
    targets, pred_probs = predict_stored(model, card, Store(data / "presized"), valid, 16)
    assert valid["path"].tolist() == predictions.paths.tolist()
    assert targets.tolist() == predictions.targets.tolist()
    np.testing.assert_allclose(pred_probs, predictions.pred_probs, atol=1e-6)


@pytest.mark.thorough  # tests/dataset/test_splits.py watches that a test share keeps validation
def test_commits_before_and_after_the_test_compare(built: Repo, tmp_path: Path) -> None:
    """Setting a test share keeps validation, so all of its images are compared."""
    repo = copy_of(built, tmp_path / "repo")
    before = pd.DataFrame(repo.table("data/splits.csv")).set_index("path")["split"]
    repo.change({"datablock.split.test": 0.2})
    repo.repro("fine_tune")
    repo.commit()
    after = pd.DataFrame(repo.table("data/splits.csv")).set_index("path")["split"]
    assert set(before[after == "test"]) == {"train"}
    assert after[after != "test"].equals(before[after != "test"])
    repo.run("python", "-m", "stages.tools.compare", "HEAD~1", "HEAD")
    [record] = json.loads((repo.path / "reports/compare/compare.json").read_text("utf-8"))
    assert record["n_common"] == (after == "valid").sum()
