"""The command that compares revisions, in an example git repository."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.fingerprint import fingerprint
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import stage_lock
from stages.images.resize import PresizeParams
from stages.stats.power import images_to_tell
from stages.store.writer import write_store
from stages.tools import compare
from stages.tools.project_files import PROJECT_FILES
from tests.compare.example_history import OUTCOMES, ExampleHistory, outcomes_table

LABELS = ["cat", "dog", "owl", "<b>&|`"]
PATHS = [f"{LABELS[number % 4]}_{number:03}.jpg" for number in range(200)]
PHOTOS = {
    path: (fingerprint(path), LABELS[number % 4], "valid") for number, path in enumerate(PATHS)
}


def predictions(wrong: int, labels: Sequence[str] = LABELS) -> pd.DataFrame:
    """Return outcomes of all photos, of which so many, spread over all classes, are wrong."""
    rows = []
    for number, path in enumerate(PATHS):
        actual = labels[number % 4]
        rows.append((path, actual, labels[(number + 1) % 4] if number < wrong else actual))
    return outcomes_table(rows)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExampleHistory:
    """Return a repository with v1 (40 wrong), v2 (38 wrong) and v3 (10 wrong), and stand in it."""
    history = ExampleHistory(tmp_path / "repo")
    for name, wrong, epochs in (("v1", 40, 4), ("v2", 38, 5), ("v3", 10, 6)):
        history.write_run(predictions(wrong), PHOTOS, {"fine_tune": {"epochs": epochs}})
        history.commit(name)
    monkeypatch.chdir(history.root)
    return history


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[dict[str, Any]]:
    """Run the command; return compare.json."""
    monkeypatch.setattr(sys, "argv", ["compare", *arguments])
    compare.main()
    content = (compare.COMPARE_FOLDER / "compare.json").read_text(encoding="utf-8")
    results: list[dict[str, Any]] = json.loads(content)
    return results


def test_the_record_is_what_scripts_rely_on(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """compare.json is a list with base, other, verdict, difference, p and n_common."""
    (result,) = run(monkeypatch, "v1", "v3")
    assert (result["base"], result["other"], result["verdict"]) == ("v1", "v3", "better")
    assert result["difference"]["value"] == pytest.approx(-30 / 200)
    assert result["difference"]["high"] < 0
    assert result["p"] < 0.001
    assert result["n_common"] == 200
    assert result["base_commit"] == history.git("rev-parse", "v1").strip()[:10]
    assert len(result["newly_right"]) == 30
    assert result["newly_wrong"] == []
    assert result["images_to_tell"] is None


def test_the_best_of_all_runs_is_corrected_for_choosing(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs that are not compared count too, and terminal, page and compare.md say so."""
    (result,) = run(monkeypatch, "v1", "v2")
    choosing = result["choosing"]
    assert (choosing["runs"], choosing["images"]) == (3, 200)
    assert choosing["best"] == "v3"
    assert choosing["error_rate"]["value"] == pytest.approx(10 / 200)
    assert choosing["corrected"]["value"] >= choosing["error_rate"]["value"]
    words = "Best of 3 runs on the 200 images that all of them have"
    assert words in capsys.readouterr().out
    for name in ("index.html", "compare.md"):
        assert words in (compare.COMPARE_FOLDER / name).read_text(encoding="utf-8")


def test_a_small_difference_is_no_verdict_and_more_images_would_tell(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two images more are no verdict; the table and the texts say how many would tell."""
    (result,) = run(monkeypatch, "v1", "v2")
    assert result["verdict"] == "cannot tell"
    assert result["images_to_tell"] > 200
    assert f"about {result['images_to_tell']:,} images would tell" in capsys.readouterr().out


def test_among_many_comparisons_more_images_are_needed_than_there_were(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A difference that only the number of comparisons hides needs more images than were there."""
    names = [f"w{epochs}" for epochs in range(7, 15)]
    for name in names:
        history.write_run(predictions(32), PHOTOS, {"fine_tune": {"epochs": int(name[1:])}})
        history.commit(name)
    for result in run(monkeypatch, "v1", *names):
        assert result["p"] < 0.05 < result["p_holm"]
        assert result["images_to_tell"] > result["n_common"] == 200


def test_a_majority_that_is_not_right_predicted_something_wrong(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where half of the seeds are right, an image counts as wrong, and what is shown is wrong."""
    for seed, wrong in ((1, 12), (2, 20)):
        history.write_run(predictions(wrong), PHOTOS, {"fine_tune": {"epochs": 9}, "seed": seed})
        history.commit(f"s{seed}")
    (result,) = run(monkeypatch, "v3", "s1", "s2")
    assert [len(result[key]) for key in ("newly_wrong", "newly_right")] == [10, 0]
    for image in result["newly_wrong"]:
        assert image["base"] == image["actual"] != image["other"]


def test_the_workspace_is_the_other_by_default(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one name the workspace is compared with it, and nothing in it is touched."""
    history.write_run(predictions(80), PHOTOS, {"fine_tune": {"epochs": 6}})
    before = {
        path: path.read_bytes()
        for path in history.root.rglob("*.*")
        if path.is_file() and ".git/" not in str(path)
    }
    (result,) = run(monkeypatch, "v3")
    assert (result["other"], result["other_commit"], result["verdict"]) == (
        "workspace",
        "",
        "worse",
    )
    assert {path: path.read_bytes() for path in before} == before
    assert history.git("stash", "list") == ""


def test_fail_if_worse_sets_the_exit_code(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --fail-if worse the exit code is 1 for that verdict and for no other."""
    run(monkeypatch, "--fail-if", "worse", "v1", "v2", "v3")
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, "v3", "v1", "--fail-if", "worse")
    assert stopped.value.code == 1


def test_fail_if_worse_does_not_pass_what_cannot_be_compared(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outcomes that cannot be read are no proof that nothing is worse: the exit code is 1."""
    outcomes = history.root / PROJECT_FILES.outcomes
    outcomes.write_text("path,actual\n\0\n")
    run(monkeypatch, "v1")
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, "v1", "--fail-if", "worse")
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "workspace: no image in common with v1\n"


def test_several_revisions_share_their_chance_of_error(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a row, in the order given, and p is Holm's."""
    results = run(monkeypatch, "v1", "v3", "v2")
    assert [result["other"] for result in results] == ["v3", "v2"]
    assert results[0]["p_holm"] == pytest.approx(2 * results[0]["p"])


def test_seeds_of_one_recipe_are_one_group(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revisions that differ only in the seed give one row, with mean and spread."""
    for seed, wrong in ((1, 8), (2, 12), (3, 10)):
        history.write_run(predictions(wrong), PHOTOS, {"fine_tune": {"epochs": 9}, "seed": seed})
        history.commit(f"s{seed}")
    (result,) = run(monkeypatch, "v1", "s1", "s2", "s3")
    assert result["other"] == "s1 and 2 more seeds"
    assert result["error_rate"]["other"] == pytest.approx(30 / 600)
    assert result["seeds"]["other"]["sd"] == pytest.approx(0.01)
    assert result["verdict"] == "better"
    text = (compare.COMPARE_FOLDER / "compare.md").read_text(encoding="utf-8")
    assert "standard deviation 1.0 points over 3 seeds" in text


def test_seeds_of_the_base_are_compared_one_by_one(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all are of the base's own recipe, each is compared with it; the cause is the seed."""
    for seed, wrong in ((1, 8), (2, 12)):
        history.write_run(predictions(wrong), PHOTOS, {"fine_tune": {"epochs": 9}, "seed": seed})
        history.commit(f"s{seed}")
    (result,) = run(monkeypatch, "s1", "s2")
    assert (result["other"], result["seeds"]) == ("s2", None)
    assert result["changed"]["stages"][0]["params"] == {"seed": [1, 2]}


def test_the_same_run_under_two_names_is_two_rows(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same run in another commit is no second seed: it has a row of its own."""
    history.commit("again")
    first, second = run(monkeypatch, "v1", "v3", "again")
    assert (first["other"], second["other"]) == ("v3", "again")
    assert first["difference"] == second["difference"]
    assert first["seeds"] is None


def test_a_name_given_twice_is_compared_once(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that come twice are one comparison, so the same p decides as if they came once."""
    expected = run(monkeypatch, "v1", "v3")
    assert run(monkeypatch, "v1", "v3", "v1", "v3") == expected


@pytest.mark.parametrize("count", [1, 4])
def test_the_images_that_would_tell_are_for_all_comparisons(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """A p near 1, which Holm cannot raise further, hides nothing of how many are compared."""
    names = [f"n{epochs}" for epochs in range(7, 7 + count)]
    for name in names:
        history.write_run(predictions(39), PHOTOS, {"fine_tune": {"epochs": int(name[1:])}})
        history.commit(name)
    for result in run(monkeypatch, "v1", *names):
        assert result["p"] == 1
        assert result["images_to_tell"] == images_to_tell(1 / 200, 0, 0.05 / count)


def test_a_class_that_only_trains_is_not_missing(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one side's splits are gone from the cache, validation speaks for both sides."""
    photos = PHOTOS | {"ant.jpg": (fingerprint("ant"), "ant", "train")}
    for name, epochs in (("gone", 7), ("here", 8)):
        history.write_run(predictions(10), photos, {"fine_tune": {"epochs": epochs}})
        history.commit(name)
        if name == "gone":
            shutil.rmtree(history.root / ".dvc/cache")
            (history.root / "data/splits.csv").unlink(missing_ok=True)
    (result,) = run(monkeypatch, "gone", "here")
    assert not any("Only" in note for note in result["notes"])


def test_another_list_of_classes_is_noted(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that only one side has is named, and its images are not compared."""
    labels = ["cat", "dog", "owl", "emu"]
    photos = {
        path: (content, labels[number % 4], split)
        for number, (path, (content, _, split)) in enumerate(PHOTOS.items())
    }
    history.write_run(predictions(10, labels), photos)
    history.commit("v4")
    (result,) = run(monkeypatch, "v3", "v4")
    assert result["n_common"] == 150
    assert result["not_common"] == {"relabelled": 50}
    assert any("Only v4 has the class emu" in note for note in result["notes"])


def test_nothing_in_common_is_no_verdict(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other validation sets altogether: cannot tell, in words and in JSON."""
    history.write_run(
        outcomes_table([("new.jpg", "cat", "cat")]), {"new.jpg": ("x", "cat", "valid")}
    )
    history.commit("v4")
    (result,) = run(monkeypatch, "v3", "v4")
    assert (result["verdict"], result["n_common"], result["p"]) == ("cannot tell", 0, 1.0)
    assert result["error_rate"] == {"base": None, "other": None}
    assert result["not_common"] == {"added": 1, "removed": 200}
    text = (compare.COMPARE_FOLDER / "compare.md").read_text(encoding="utf-8")
    assert "no image on which the two can be compared" in text
    assert "No image is in both validation sets" in text


def test_a_revision_without_outcomes_is_no_verdict(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revision from before there were outcomes is noted, and the command goes on."""
    (history.root / OUTCOMES).unlink()
    (history.root / "dvc.lock").unlink()
    history.commit("v0")
    (result,) = run(monkeypatch, "v0", "v3")
    assert result["verdict"] == "cannot tell"
    assert result["changed"] == {"stages": None, "data": None, "processors": None}
    assert any(OUTCOMES in note for note in result["notes"])


def test_a_workspace_without_a_finished_run_is_one_line(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a stage runs it is named, and where outcomes are missing so are they; no verdict."""
    with (
        stage_lock(PRIVATE_FOLDER, "fine_tune"),
        pytest.raises(UserError, match=r"^fine_tune \(process \d+ .* is at work here") as error,
    ):
        run(monkeypatch, "v1")
    assert len(error.value.lines) == 1
    (history.root / OUTCOMES).unlink()
    with pytest.raises(UserError, match=f"{OUTCOMES} is missing; `make repro`"):
        run(monkeypatch, "v1")
    assert not compare.COMPARE_FOLDER.exists()


def test_outcomes_from_before_a_column_are_compared_without(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older outcomes without losses and confidence still give a verdict on the error."""
    history.write_run(predictions(40).drop(columns=["p_predicted", "loss"]), PHOTOS)
    history.commit("v0")
    (result,) = run(monkeypatch, "v0", "v3")
    assert result["verdict"] == "better"
    assert result["log_loss"] is None
    assert result["confidence"]["base"] is None
    assert any("before it had the column p_predicted, loss" in note for note in result["notes"])


def test_the_same_twice_gives_the_same_bytes(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in the three files depends on when or where they were written."""
    run(monkeypatch, "v1", "v2", "v3")
    first = {path.name: path.read_bytes() for path in compare.COMPARE_FOLDER.iterdir()}
    assert len(first) == 3
    run(monkeypatch, "v1", "v2", "v3")
    assert {path.name: path.read_bytes() for path in compare.COMPARE_FOLDER.iterdir()} == first


def test_names_are_escaped(history: ExampleHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class called like HTML and Markdown is shown as it is written, on the page and in .md."""
    run(monkeypatch, "v1", "v3")
    page = (compare.COMPARE_FOLDER / "index.html").read_text(encoding="utf-8")
    assert "<b>&|`" not in page
    assert "&lt;b&gt;&amp;|`" in page
    table = [
        line
        for line in (compare.COMPARE_FOLDER / "compare.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert len(table) == 1


def test_pictures_come_from_the_store_of_the_workspace(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is newly right is shown, when a presized photo of the same content is at hand."""
    folder = tmp_path / "photos"
    folder.mkdir()
    contents = {}
    for path in PATHS[30:40]:
        Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(folder / path)
        contents[path] = sha256_bytes((folder / path).read_bytes())
    photos = {
        path: (contents.get(path, content), label, split)
        for path, (content, label, split) in PHOTOS.items()
    }
    for name, wrong in (("w1", 40), ("w2", 30)):
        history.write_run(predictions(wrong), photos)
        history.commit(name)
    images = pd.DataFrame(
        [(path, sha, "JPEG", 40, 40) for path, sha in contents.items()],
        columns=["path", "sha256", "format", "width", "height"],
    )
    params = PresizeParams(size=32, format="jpeg", quality=90, shards=2, max_rejected=0.1)
    write_store(
        images, folder, history.root / "data/presized", tmp_path / "private", params, workers=1
    )
    run(monkeypatch, "w1", "w2")
    page = (compare.COMPARE_FOLDER / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "nobody is neither a git revision"),
        (["v1", "v9"], "v9 is neither a git revision"),
        (["v1", "v1"], "nothing to compare v1 with"),
    ],
)
def test_a_wrong_name_is_one_line(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    """What cannot be compared is refused by its name, and nothing is written."""
    with pytest.raises(UserError, match=message):
        run(monkeypatch, *arguments)
    assert not compare.COMPARE_FOLDER.exists()


def test_outside_of_git_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without git the command says what is missing."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no git repository"):
        run(monkeypatch, "HEAD")


def test_comparing_does_not_load_heavy_packages() -> None:
    """The command and all that it imports do without packages that take seconds to load."""
    code = (
        "import sys, stages.tools.compare;"
        "print({'torch', 'sklearn', 'scipy.stats'} & set(sys.modules) or 'none')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "none"
