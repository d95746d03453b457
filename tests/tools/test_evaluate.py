"""The model is evaluated on new labelled photos, by the command that people type."""

import csv
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from stages.base.errors import UserError
from stages.evaluate import measure_photo
from stages.predict.photo_source import PhotoSource, Unread, read_source_bytes
from stages.predict.read_photo import PhotoRequest
from stages.tools import evaluate
from stages.tools.evaluate import main
from tests.evaluate.example_evaluation import FILES, write_known_project
from tests.predict.small_model import export_model, make_model, make_photo
from tests.tiny_repo import Repo, draw, hashes

OUT = Path("out")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with a small model and an album of two classes; the working folder."""
    write_known_project(tmp_path)
    for number in range(6):
        make_photo(tmp_path / "album" / "cat" / f"{number}.jpg", 200 + number)
        make_photo(tmp_path / "album" / "dog" / f"{number}.png", 300 + number)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    """Run the command in this process, on the album unless told otherwise."""
    given = arguments or ("album", "--label-by", "folder")
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, given), "--out", str(OUT)])
    main()


def metrics() -> Any:
    """Return the numbers that were written."""
    return json.loads((OUT / "metrics.json").read_text(encoding="utf-8"))


def rows() -> dict[str, dict[str, str]]:
    """Return the rows of the table by path."""
    with (OUT / "predictions.csv").open(encoding="utf-8", newline="") as lines:
        return {row["path"]: row for row in csv.DictReader(lines)}


def kept_answers() -> list[Path]:
    """Return the folders of answers that runs left."""
    return [path for path in Path(".finetrack/evaluate").iterdir() if path.is_dir()]


def end_early(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    """Run the command until all answers are there, and end it before anything is written."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(evaluate, "evaluation_results", die)
        with pytest.raises(KeyboardInterrupt):
            run(monkeypatch, *arguments)


def test_new_photos_are_evaluated(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every labelled photo is in the table with its label; one line has the error of them all."""
    photos = hashes(project / "album")
    run(monkeypatch)
    table = rows()
    assert len(table) == 12
    assert table["album/cat/0.jpg"]["label"] == "cat"
    wrong = sum(row["predicted"] != row["label"] for row in table.values())
    found = metrics()
    assert (found["images"], found["errors"], found["whole"]) == (12, wrong, True)
    assert found["counts"]["seen_in_training"] == 0
    assert found["compared"]["validation_images"] == 3
    output = capsys.readouterr()
    assert output.out.startswith(f"{100 * wrong / 12:.1f} % error (")
    assert output.out.endswith(" out/index.html\n")
    assert hashes(project / "album") == photos
    first = hashes(OUT)
    run(monkeypatch)
    assert hashes(OUT) == first
    assert kept_answers() == []


def test_seen_photos_do_not_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos of training and validation are in the table as such, and not in the numbers."""
    for number in (0, 1, 4):
        shutil.copy(f"data/photos/{number}.jpg", f"album/cat/seen_{number}.jpg")
    run(monkeypatch)
    found = metrics()
    assert found["images"] == 12
    assert (found["counts"]["seen_in_training"], found["counts"]["seen_in_validation"]) == (2, 1)
    seen = {path: row["seen"] for path, row in rows().items() if row["seen"]}
    assert seen == {
        "album/cat/seen_0.jpg": "training", "album/cat/seen_1.jpg": "training",
        "album/cat/seen_4.jpg": "validation",
    }  # fmt: skip
    assert "Trained on: 2" in (OUT / "index.html").read_text(encoding="utf-8")


def test_a_model_of_elsewhere_has_seen_nobody_knows_what(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is not the project's, and a split of another run, make `seen` unknown."""
    make_model(project / "other", seed=5)
    file = export_model(project / "data" / "model").rename(project / "moved.onnx")
    folder = ("album", "--label-by", "folder")
    run(monkeypatch, *folder, "--model", "other")
    assert metrics()["counts"]["seen_in_training"] is None
    assert {row["seen"] for row in rows().values()} == {"unknown"}
    run(monkeypatch, *folder, "--model", file)
    assert metrics()["counts"]["seen_in_training"] == 0
    Path(FILES.splits).write_text("path,label,split,reason\n")
    run(monkeypatch, *folder, "--model", file)
    found = metrics()
    assert found["counts"]["seen_in_training"] is None
    assert "data/splits.csv is not the one" in found["seen_unknown"]
    assert "is not known" in (OUT / "index.html").read_text(encoding="utf-8")


def test_a_broken_photo_leaves_the_others(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are written and say how many are missing; the exit says so too."""
    (project / "album" / "cat" / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(UserError, match="1 of 13 labelled photos could not be read"):
        run(monkeypatch)
    found = metrics()
    assert (found["whole"], found["images"], found["counts"]["unread"]) == (False, 12, 1)
    assert rows()["album/cat/broken.jpg"]["problem"].startswith("not an image")
    assert "Incomplete: 1 labelled photo" in (OUT / "index.html").read_text(encoding="utf-8")


def failing(source: PhotoSource) -> bytes | Unread:
    """Return a photo, but of one a fault of the disk."""
    if source.name == "album/dog/3.png":
        return Unread("unreadable: Input/output error", again=True)
    return read_source_bytes(source)


def test_a_fault_of_the_machine_is_no_answer(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written while a photo cannot be read for now; the next run asks for it alone."""
    run(monkeypatch)
    before = hashes(OUT)
    make_photo(project / "album" / "cat" / "more.jpg", 900)
    read: list[str] = []

    class Readers:
        """Reads in this process, and notes what it read."""

        def __init__(self, measurer: measure_photo.PhotoMeasurer) -> None:
            self._measurer = measurer

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Do nothing."""

        def read_ahead(self, sources: Any, size: int) -> Any:
            """Yield each photo as it is."""
            for source in sources:
                read.append(source.name)
                yield source, self._measurer(PhotoRequest(source, size))

    monkeypatch.setattr(evaluate, "photo_readers", lambda _, measurer: Readers(measurer))
    with monkeypatch.context() as context:
        context.setattr(measure_photo, "read_source_bytes", failing)
        with pytest.raises(UserError, match=r"1 of 13 labelled photos .* fault that may pass"):
            run(monkeypatch)
    assert hashes(OUT) == before
    assert len(read) == 13
    read.clear()
    run(monkeypatch)
    assert read == ["album/dog/3.png"]
    assert metrics()["images"] == 13


def test_other_labels_begin_anew(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run left under other labels or of photos that are gone is not in the results."""
    table = Path("labels.csv")
    table.write_text("path,label\ncat/0.jpg,cat\ncat/1.jpg,cat\n")

    end_early(monkeypatch, "album", "--labels", table)
    assert len(kept_answers()) == 1
    table.write_text("path,label\ncat/0.jpg,cat\ncat/1.jpg,dog\ngone.jpg,dog\n")
    run(monkeypatch, "album", "--labels", table)
    assert {path: row["label"] for path, row in rows().items() if row["label"]} == {
        "album/cat/0.jpg": "cat", "album/cat/1.jpg": "dog",
    }  # fmt: skip
    assert metrics()["counts"]["not_labelled"] == 10
    assert (metrics()["rows_without_photo"], metrics()["whole"]) == (1, False)
    assert kept_answers() == []


def test_a_photo_that_changed_is_answered_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that a run left are not taken for a file that was replaced under its name."""
    photo = project / "album" / "cat" / "0.jpg"
    end_early(monkeypatch)
    make_photo(photo, 999)
    run(monkeypatch)
    resumed = rows()
    shutil.rmtree(OUT)
    run(monkeypatch)
    assert rows() == resumed


def test_what_could_not_be_read_is_tried_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A problem of a run that was ended is not kept, though the file looks unchanged."""
    photo = project / "album" / "cat" / "0.jpg"
    whole = photo.read_bytes()
    times = (photo.stat().st_atime_ns, photo.stat().st_mtime_ns)
    photo.write_bytes(bytes(len(whole)))
    os.utime(photo, ns=times)
    end_early(monkeypatch)
    photo.write_bytes(whole)
    os.utime(photo, ns=times)
    run(monkeypatch)
    assert metrics()["whole"]


def test_a_table_with_rows_without_a_photo(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos that a table names and nobody has are unread, those of unknown classes apart."""
    lines = ["path,label", "cat/0.jpg,cat", "cat/1.jpg,emu", "gone.jpg,dog", "dog/0.png,dog"]
    Path("album/list.csv").write_text("\n".join(lines))
    with pytest.raises(UserError, match="1 of 4 labelled photos"):
        run(monkeypatch, "album/list.csv")
    found = metrics()
    assert found["unknown_classes"] == {"emu": 1}
    assert (found["images"], found["counts"]["unread"]) == (2, 1)


@pytest.mark.parametrize("out", ["album", "album/report", "data"])
def test_a_folder_of_the_user_is_refused_at_once(
    project: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    """Before anything is read, a folder with other files or of the photos is refused."""
    before = hashes(project)
    monkeypatch.setattr(sys, "argv", ["evaluate", "album", "--label-by", "folder", "--out", out])
    with pytest.raises(UserError, match="name another --out"):
        main()
    assert hashes(project) == before


def test_names_act_on_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names with escapes, markup and bytes that are no UTF-8 are text in terminal, table, page."""
    folder = project / "album" / "cat"
    odd = ['<img src=x onerror="a()">.jpg', "in \x1b[2J\nfinetrack: all is well.jpg"]
    for number, name in enumerate(odd):
        make_photo(folder / name, 700 + number)
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes((folder / "0.jpg").read_bytes())
    with pytest.raises(UserError) as error:
        run(monkeypatch)
    output = capsys.readouterr()
    said = output.out + output.err + str(error.value)
    assert all(line.isprintable() for line in said.split("\n"))
    assert set(rows()) >= {f"album/cat/{name}" for name in odd} | {"album/cat/caf\\xe9.jpg"}
    assert "<img src=x" not in (OUT / "index.html").read_text(encoding="utf-8")


@pytest.mark.thorough  # above a model is evaluated that nobody trained
@pytest.mark.slow
def test_a_trained_model_is_evaluated(repo: Repo) -> None:
    """After a real run new photos count, those of the run and their copies do not, as people do."""
    for label in ("disc", "square", "stripes"):
        (repo.path / "new" / label).mkdir(parents=True)
        for number in range(30, 42):
            draw(label, number).save(repo.path / "new" / label / f"{number}.jpg", quality=90)
    sides = {row["path"]: row["split"] for row in repo.table("data/splits.csv")}
    old = next(path for path, side in sides.items() if side == "train")
    valid = next(path for path, side in sides.items() if side == "valid")
    folder = repo.path / "new" / "disc"
    shutil.copy(repo.path / "data" / "photos" / old, folder / "trained.jpg")
    shutil.copy(repo.path / "data" / "photos" / valid, folder / "validated.jpg")
    command = ("python", "-m", "stages.tools.evaluate", "new", "--label-by", "folder")
    said = repo.run(*command, "--out", "out")
    found = repo.json("out/metrics.json")
    assert said.splitlines()[-1].endswith("out/index.html")
    assert found["images"] == 36
    assert (found["counts"]["seen_in_training"], found["counts"]["seen_in_validation"]) == (1, 1)
    report = repo.json("reports/interpret/details.json")
    validation = found["compared"]["error_rate"]["validation_error_rate"]
    assert validation["value"] == pytest.approx(report["error_rate"]["value"])
    assert found["calibration"]["temperature"] == report["calibration"]["applied_temperature"]
    repo.run("git", "tag", "v1")
    past = repo.run(*command, "--out", "past", "--rev", "v1")
    assert past.splitlines()[-1].split(" out/")[0].split(" past/")[0] in said
    assert repo.run("git", "status", "--porcelain", "data", "reports", "dvc.lock") == ""


def test_no_model_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a model the command says how to make one."""
    make_photo(tmp_path / "album" / "cat" / "a.jpg")
    shutil.copy(Path(__file__).parents[2] / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="make repro") as error:
        run(monkeypatch)
    assert len(error.value.lines) == 1
