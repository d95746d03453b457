"""The whole chain under real DVC, in a git repository of its own, on tiny photos."""

import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages import baseline
from stages.base.yaml_file import read_yaml
from stages.train.probe_start import read_probe_start
from tests.tiny_repo import STAGES, Repo, copy_of, hashes, ran

pytestmark = pytest.mark.slow


def test_everything_declared_is_made(built: Repo) -> None:
    """One command makes every output, and leaves in git nothing but dvc.lock and small results."""
    assert built.status() == set()
    assert built.run("git", "status", "--short") == ""
    tracked = built.run("git", "ls-files", "data", "reports").split()
    assert not [name for name in tracked if name.endswith((".jpg", ".png", ".npz", ".html"))]
    assert "reports/interpret/metrics.json" in tracked
    for name in ("data/model/model.safetensors", "data/model/model.json", "data/export/README.md"):
        assert (built.path / name).stat().st_size > 0


def test_the_result_has_an_interval_and_a_baseline(built: Repo) -> None:
    """The metrics hold the error rate with its interval, beside that of the baseline."""
    metrics = built.json("reports/interpret/metrics.json")
    for rate in (metrics["error_rate"], metrics["baseline"]["error_rate"]):
        assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1
    assert "Error rate" in built.run("python", "-m", "stages.tools.headline")


def test_every_photo_is_accounted_for(built: Repo) -> None:
    """Each photo is in the manifest, and trains, validates or is excluded with a reason."""
    splits = built.table("data/splits.csv")
    assert len(splits) == len(built.table("data/manifest/images.csv")) == 72
    assert {row["split"] for row in splits} <= {"train", "valid", "excluded"}
    assert all(row["reason"] for row in splits if row["split"] == "excluded")
    valid = {row["path"] for row in splits if row["split"] == "valid"}
    assert {row["path"] for row in built.table("reports/fine_tune/outcomes.csv")} == valid


@pytest.mark.thorough  # tests/tools/test_deps.py watches what DVC compares
def test_another_size_is_not_taken_for_the_one_before(built: Repo, tmp_path: Path) -> None:
    """Each size has photos of its own, though DVC's run cache overlooks keys of that name."""
    repo = copy_of(built, tmp_path / "repo")
    for value, runs in ((40, True), (44, True), (40, False)):
        repo.change({"presize.size": value})
        output = repo.run("dvc", "repro", "presize")
        assert ("presize" in ran(output)) == runs
        rows = repo.table("data/presized/index.csv")
        assert {min(int(row["width"]), int(row["height"])) for row in rows} == {value}


def test_a_second_run_does_nothing(built: Repo) -> None:
    """Where nothing changed, nothing runs."""
    assert built.repro() == set()
    assert built.run("git", "status", "--short") == ""


def test_touching_files_changes_nothing(repo: Repo) -> None:
    """New dates on code, params and photos rerun nothing: only content counts."""
    for name in ("stages/base/files.py", "params.yaml", "data/photos/disc_00.jpg"):
        os.utime(repo.path / name, (0, 0))
    assert repo.repro() == set()


def test_a_param_of_the_report_reruns_the_report_alone(repo: Repo) -> None:
    """What only interpret reads does not train again."""
    repo.change({"interpret.top_losses": 3})
    assert repo.repro() == {"interpret"}
    assert len(repo.table("reports/interpret/top_losses.csv")) == 3
    difference = repo.run("dvc", "params", "diff")
    assert re.search(r"interpret\.top_losses\s.*4.*3", difference)


def test_a_corrected_label_decodes_no_photo_again(repo: Repo) -> None:
    """A relabelled image reruns datablock and what learns from it; presizing stays as it is."""
    image = repo.table("data/manifest/images.csv")[0]
    with (repo.path / "data" / "corrections.csv").open("a") as file:
        file.write(f"{image['path']},{image['sha256']},relabel,square,a slip\n")
    assert repo.repro("datablock") == {"ingest", "datablock"}
    for name in ("data/manifest/labels.csv", "data/splits.csv"):
        assert {row["path"]: row["label"] for row in repo.table(name)}[image["path"]] == "square"
    assert repo.status() == {"baseline", "lr_find", "fine_tune", "interpret"}


@pytest.mark.thorough  # tests/train watches the rule
def test_two_probes_are_fitted_where_the_backbone_can_be_shortened(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packaged weights get a second probe, unless params make both of one cut and size."""
    monkeypatch.chdir(repo.path)
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    repo.change(
        {"model.arch": "efficientnet_lite0", "model.weights": "package", "augment.size": "auto"}
    )
    baseline.main()
    start = read_probe_start(repo.path / "data/probe.npz")
    assert 0 <= start.shallow_error <= 1
    repo.change({"model.cut": 16, "augment.size": 32})
    baseline.main()
    assert np.isnan(read_probe_start(repo.path / "data/probe.npz").shallow_error)


@pytest.mark.thorough  # the dependency is in dvc.yaml
def test_other_content_of_the_file_of_weights_reruns_what_reads_it(repo: Repo) -> None:
    """A file in data/weights, under DVC or a link, is an input: overwritten, stages run again."""
    readers = {"datablock", "baseline", "lr_find", "fine_tune"}
    weights = repo.path / "data" / "weights" / "w.pth"
    weights.write_bytes(b"tensors")
    repo.run("dvc", "add", "-q", "data/weights/w.pth")
    repo.commit()
    assert "data/weights/w.pth" not in repo.run("git", "ls-files", "data/weights").split()
    repo.change({"model.weights": "w.pth"})
    repo.run("dvc", "commit", "-f", "-q", *readers, "interpret")  # which shows all params
    assert repo.status() == set()
    elsewhere = repo.path / "elsewhere.pth"
    weights.rename(elsewhere)
    weights.symlink_to(elsewhere)
    elsewhere.write_bytes(b"other tensors")
    assert readers <= repo.status() <= readers | {"data/weights/w.pth.dvc"}


@pytest.mark.parametrize(
    "module",
    ["stages/base/files.py", "stages/batch/views.py", "stages/stats/metrics.py"],
)
def test_a_changed_module_concerns_those_who_import_it(repo: Repo, module: str) -> None:
    """A changed line marks the stages whose import closure has the module, and no others."""
    stages = read_yaml(repo.path / "dvc.yaml")["stages"]
    users = {name for name, stage in stages.items() if module in stage["deps"]}
    assert users
    with (repo.path / module).open("a") as file:
        file.write("\n# A line.\n")
    assert repo.status() == users


@pytest.mark.thorough  # what a changed module concerns is watched above
def test_a_changed_line_of_the_report_reruns_the_report_alone(repo: Repo) -> None:
    """A module that only interpret imports reruns nothing but interpret; same bytes, no change."""
    page = hashes(repo.path / "reports")
    stages = read_yaml(repo.path / "dvc.yaml")["stages"]
    others = {dep for name, stage in stages.items() if name != "interpret" for dep in stage["deps"]}
    own = [dep for dep in stages["interpret"]["deps"] if dep.startswith("stages/page/")]
    module = next(dep for dep in own if dep not in others and dep.endswith(".py"))
    with (repo.path / module).open("a") as file:
        file.write("\n# A line.\n")
    assert repo.repro() == {"interpret"}
    assert hashes(repo.path / "reports") == page


def test_a_new_version_of_a_package_concerns_those_who_import_it(repo: Repo) -> None:
    """An update of a package reruns the stages that name it, and the page, which lists versions."""
    versions = repo.path / "stages" / "packages.yaml"
    versions.write_text(re.sub(r'(?m)^safetensors: "', 'safetensors: "9', versions.read_text()))
    stages = read_yaml(repo.path / "dvc.yaml")["stages"]
    users = {
        name
        for name, stage in stages.items()
        for entry in stage["params"]
        if isinstance(entry, dict) and "safetensors" in entry["stages/packages.yaml"]
    }
    assert "fine_tune" in users
    assert repo.status() == users | {"interpret"}


def test_an_experiment_is_run_and_compared(longer: Repo) -> None:
    """An experiment trains with its params, and dvc exp show has both runs with their errors."""
    assert len(longer.table("reports/fine_tune/history.csv")) == 3
    rows = list(csv.DictReader(longer.run("dvc", "exp", "show", "--csv").splitlines()))
    epochs = {row["Experiment"]: row["fine_tune.epochs"] for row in rows}
    assert epochs["longer"] == "2"
    assert all(float(row["error_rate.value"]) <= 1 for row in rows)
    assert all(float(row["reports/fine_tune/metrics.json:error_rate"]) <= 1 for row in rows)
    difference = longer.run("dvc", "exp", "diff", "HEAD", "longer")
    assert re.search(r"fine_tune\.epochs +1 +2", difference)
    assert "train_loss" in difference


def test_going_back_restores_instead_of_training(longer: Repo, built: Repo, tmp_path: Path) -> None:
    """An earlier param brings the earlier results from DVC's cache; no stage runs."""
    repo = copy_of(longer, tmp_path / "repo")
    assert hashes(repo.path / "data" / "model") != hashes(built.path / "data" / "model")
    repo.change({"fine_tune.epochs": 1})
    output = repo.run("dvc", "repro")
    assert ran(output) == set()
    assert "Stage 'fine_tune' is cached" in output
    for name in ("data/model", "reports"):
        assert hashes(repo.path / name) == hashes(built.path / name)
    assert repo.run("git", "status", "--short", "dvc.lock", "reports") == ""


@pytest.mark.parametrize(
    "stages",
    [
        # tests/test_resume.py compares trainings.
        ("baseline", "interpret"),
        pytest.param(tuple(STAGES), marks=pytest.mark.thorough),
    ],
)
def test_forced_runs_make_the_same_bytes(repo: Repo, stages: tuple[str, ...]) -> None:
    """What is made anew, without any cache of ours, is what dvc.lock already says."""
    shutil.rmtree(repo.path / ".finetrack", ignore_errors=True)
    lock = (repo.path / "dvc.lock").read_bytes()
    assert repo.repro("-f", "-s", *stages) == set(stages)
    assert (repo.path / "dvc.lock").read_bytes() == lock
    assert repo.run("git", "status", "--short") == ""


def test_a_clone_with_the_cache_has_nothing_to_do(built: Repo, tmp_path: Path) -> None:
    """Who clones, and has DVC's objects, gets all results without running a stage."""
    built.run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    clone.run("dvc", "cache", "dir", "--local", str(built.path / ".dvc" / "cache"))
    clone.run("dvc", "checkout", "-q")
    assert clone.repro() == set()
    assert hashes(clone.path / "data" / "model") == hashes(built.path / "data" / "model")


def test_metrics_are_shown(built: Repo) -> None:
    """The errors of training and of the report, and the suggestion, are DVC metrics, not params."""
    shown = json.loads(built.run("dvc", "metrics", "show", "--json"))[""]["data"]
    error = shown["reports/interpret/metrics.json"]["data"]["error_rate"]
    assert error == built.json("reports/interpret/metrics.json")["error_rate"]
    assert "reports/lr_find/suggestion.json" in shown
    training = shown["reports/fine_tune/metrics.json"]["data"]
    assert training.keys() == {"error_rate", "accuracy", "train_loss", "valid_loss", "base_lr"}
    table = built.run("dvc", "metrics", "show", "--md")
    assert "error_rate.value" in table


def test_plots_are_shown(built: Repo, tmp_path: Path) -> None:
    """The plots of DVC are the finder's curve, losses, error rate and confusion matrix."""
    plots = json.loads(built.run("dvc", "plots", "show", "--json"))["data"]
    titles = {plot[0]["content"]["title"]["text"] for plot in plots.values()}
    assert titles == {
        "Learning-rate finder",
        "Losses in training and validation",
        "Error rate in validation",
        "Confusion matrix",
    }
    curve = plots["reports/lr_find/curve.csv"][0]["content"]
    assert curve["encoding"]["x"]["scale"] == {"type": "log"}
    # What diverges at the end would flatten the minimum.
    filters = {layer["transform"][0]["filter"] for layer in curve["layer"]}
    assert filters == {f"datum['{name}'] <= datum['highest']" for name in ("loss", "smoothed")}
    built.run("dvc", "plots", "show", "-o", str(tmp_path))
    page = (tmp_path / "index.html").read_text()
    for text in ("smoothed", "valid_loss", "disc", "stripes"):
        assert text in page


def test_the_model_and_its_export_are_artifacts(built: Repo) -> None:
    """Both can be found by their names: dvc artifacts and the registry know them."""
    artifacts = read_yaml(built.path / "dvc.yaml")["artifacts"]
    for name, path in (("model", "data/model"), ("export", "data/export")):
        assert (artifacts[name]["path"], artifacts[name]["type"]) == (path, "model")
    assert "artifacts" not in built.run("dvc", "status")


@pytest.mark.thorough  # a walk through docs/export.md with DVC's own commands
def test_another_project_gets_the_export(built: Repo, tmp_path: Path) -> None:
    """By its path, or by the version whose tag was pushed, it gets the files of this commit."""
    repo = copy_of(built, tmp_path / "repo")
    shared = str(tmp_path / "shared.git")
    repo.run("git", "init", "-q", "--bare", shared)
    repo.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    repo.commit()
    repo.run("dvc", "push", "data/export")
    repo.run("git", "push", "-q", shared, "HEAD")
    repo.run("gto", "register", "export", "--version", "v1.0.0")
    made = hashes(repo.path / "data/export")
    assert made
    repo.run("dvc", "get", shared, "data/export", "-o", str(tmp_path / "got"))
    get_version = ("dvc", "artifacts", "get", shared, "export", "-o", str(tmp_path / "artifact"))
    assert "Unable to find artifact 'export'" in repo.run(*get_version, code=1)
    repo.run("git", "push", "-q", shared, "export@v1.0.0")
    repo.run(*get_version)
    assert hashes(tmp_path / "got") == hashes(tmp_path / "artifact") == made


def test_a_failed_run_says_how_to_come_back_and_can(repo: Repo) -> None:
    """When a stage fails its outputs are gone; the commands that the error names restore them."""
    before = {name: hashes(repo.path / name) for name in ("data", "reports")}
    repo.change({"ingest.label.regex": "^(x+)$"})
    output = repo.run("dvc", "repro", code=255)
    assert "ingest.label.regex" in output
    assert not (repo.path / "data" / "manifest" / "labels.csv").exists()
    assert "comes back with: dvc checkout -f ingest && git restore reports" in output
    assert repo.run("git", "status", "--short", "data") == ""
    repo.run("dvc", "checkout", "-f", "ingest")
    repo.run("git", "restore", "reports")
    assert {name: hashes(repo.path / name) for name in before} == before
    repo.run("git", "restore", "params.yaml")
    assert repo.repro() == set()


def truncate_ten(repo: Repo) -> None:
    """Truncate ten of the photos."""
    for path in sorted((repo.path / "data" / "photos").glob("*.jpg"))[:10]:
        path.write_bytes(path.read_bytes()[:400])


def only(repo: Repo, *beginnings: str) -> None:
    """Remove all photos but those whose names begin so."""
    for path in (repo.path / "data" / "photos").glob("*.jpg"):
        if not path.name.startswith(beginnings):
            path.unlink()


def images(folder: str) -> Callable[[Repo], None]:
    """Return a change of the folder of photos."""
    return lambda repo: repo.change({"ingest.images": folder})


# What is done to photos or params, and words that the message must have.
BAD: dict[str, tuple[Callable[[Repo], None], str]] = {
    "missing folder": (images("data/foto"), "data/foto"),
    "empty folder": (lambda repo: only(repo, "nothing"), "data/photos"),
    "photos in an output": (images("data/presized"), "both a dependency and an output"),
    "no match": (lambda repo: repo.change({"ingest.label.regex": "^(x+)$"}), "label.regex ^(x+)$"),
    "one class": (lambda repo: only(repo, "disc"), "class"),
    "one image of a class": (lambda repo: only(repo, "disc_01", "square", "stripes"), "disc"),
    "rotten photos": (truncate_ten, "presize.max_rejected"),
}


# tests/tools/test_check.py watches the first two, a failed run above the third, and of the last two
# tests/labels/test_label_coverage.py and tests/checks/test_findings.py the rules.
WATCHED = ("missing folder", "empty folder", "no match", "one class", "one image of a class")


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, marks=pytest.mark.thorough) for case in WATCHED),
        *(case for case in BAD if case not in WATCHED),
    ],
)
def test_bad_input_is_one_clear_line(fresh: Repo, case: str) -> None:
    """What cannot work stops with its name and without a traceback; no photo is touched."""
    spoil, words = BAD[case]
    spoil(fresh)
    photos = hashes(fresh.path / "data" / "photos")
    output = fresh.run("dvc", "repro", code=255)
    assert words in output
    assert re.search(r"(?m)^(finetrack|ERROR): ", output)
    assert "Traceback" not in output
    assert hashes(fresh.path / "data" / "photos") == photos


def test_the_check_comes_first(fresh: Repo) -> None:
    """The check that `make repro` begins with stops before DVC would, with all that is wrong."""
    fresh.change({"ingest.images": "data/foto", "presize.siez": 4})
    output = fresh.run("python", "-m", "stages.tools.check", code=1)
    assert "data/foto does not exist" in output
    assert "did you mean presize.size?" in output


@pytest.mark.thorough  # tests/test_damage.py damages single files
def test_single_bad_files_are_rows_in_a_report(fresh: Repo) -> None:
    """A text file named .jpg and a truncated photo are set aside by name; the rest goes on."""
    photos = fresh.path / "data" / "photos"
    (photos / "disc_90.jpg").write_text("this is no photograph\n")
    (photos / "square_91.jpg").write_bytes((photos / "square_00.jpg").read_bytes()[:700])
    (photos / "stripes_92.jpg").write_bytes(b"")
    before = hashes(photos)
    assert fresh.repro("datablock") == {"ingest", "presize", "datablock"}
    problems = {
        row["path"]: row["problem"]
        for name in ("reports/ingest/problems.csv", "reports/presize/rejected.csv")
        for row in fresh.table(name)
    }
    assert {"disc_90.jpg", "square_91.jpg", "stripes_92.jpg"} <= set(problems)
    assert all(problems.values())
    assert not {"disc_90.jpg", "square_91.jpg"} & {
        row["path"] for row in fresh.table("data/splits.csv")
    }
    assert hashes(photos) == before
