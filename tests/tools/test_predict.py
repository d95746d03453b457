"""The model used on new photos, by the command that people type."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image

from stages.base.errors import UserError
from stages.model.classifier import build_classifier
from stages.model.files import save_model
from stages.predict.photo_source import MOST_BYTES
from stages.tools.predict import main
from tests.predict.example_run import metrics, write_run
from tests.predict.small_model import CARD, export_model, make_model, make_photo
from tests.tar_files import write_tar
from tests.tiny_repo import Repo

ROOT = Path(__file__).parents[2]
NOT_CALIBRATED = "confidence is not calibrated and no threshold is known"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a small model in its place, in which the command runs."""
    make_model(tmp_path / "data" / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    """Run the command in this process."""
    monkeypatch.setattr(sys, "argv", ["predict", *map(str, arguments)])
    main()


def command(*arguments: str | Path) -> list[str]:
    """Return the command as people type it."""
    return [sys.executable, "-m", "stages.tools.predict", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return an environment in which the command finds the source, on one core."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "FINETRACK_WORKERS": "1"}


def predict(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, and wait for its end."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def table(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.slow
def test_every_photo_gets_a_line(project: Path) -> None:
    """Each photo is answered with its classes, most probable first, summing to all."""
    names = [make_photo(project / "a.jpg").name, make_photo(project / "b.png", 1).name]
    done = predict(project, *names)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == names
    for line in lines:
        shares = [float(part.split()[-1].rstrip("%")) for part in line.split(": ")[1].split(", ")]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(100, abs=0.3)
    assert NOT_CALIBRATED in done.stderr


def test_rows_of_photos_in_tars_are_a_table_of_photos(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written of a folder of tars, or of one, is read again as a table; so is one path."""
    photos = {f"cat/{n}.jpg": make_photo(project / f"{n}.jpg", n).read_bytes() for n in range(3)}
    write_tar(Path("tars/a.tar"), photos)
    write_tar(Path("one.tar"), photos)
    run(monkeypatch, "tars", "one.tar", "--out", "rows.csv")
    run(monkeypatch, "rows.csv", "--out", "again.csv")
    assert len(table(Path("rows.csv"))) == 6
    assert table(Path("again.csv")) == table(Path("rows.csv"))
    run(monkeypatch, "tars/cat/1.jpg", "tars/a.tar/cat/2.jpg", "--out", "two.csv")
    one, two = table(Path("two.csv"))
    assert one == table(Path("rows.csv"))[1]
    assert two == table(Path("rows.csv"))[2] | {"path": "tars/a.tar/cat/2.jpg"}
    with pytest.raises(UserError, match=r"tars/cat/9\.jpg' does not exist; name photos"):
        run(monkeypatch, "tars/cat/9.jpg")


def test_no_model_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a model the command says how to make one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="make repro") as error:
        run(monkeypatch, make_photo(tmp_path / "a.jpg"))
    assert len(error.value.lines) == 1


def hostile_folder(folder: Path) -> dict[str, str]:
    """Make a folder of trouble; return how the problem of each file begins, "" for a photo."""
    good = make_photo(folder / "good.jpg", 1)
    make_photo(folder / "sub" / 'in \x1b[2J\n,".png', 2)
    (folder / "torn.jpg").write_bytes(good.read_bytes()[:400])
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").touch()
    (folder / "camera.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    Image.new("L", (200, 100)).save(folder / "gif.jpg", "GIF")
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    with (folder / "film.jpg").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "away.jpg").symlink_to("nowhere.jpg")
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(good.read_bytes())
    return {
        "good.jpg": "", 'sub/in \x1b[2J\n,".png': "", "gif.jpg": "",
        "torn.jpg": "truncated", "text.jpg": "not an image", "empty.png": "empty",
        "camera.heic": "not an image", "bomb.png": "bomb", "film.jpg": "too large",
        "pipe.jpg": "not a file", "away.jpg": "broken link", "caf\\xe9.jpg": "name not UTF-8",
    }  # fmt: skip


def test_a_hostile_folder_becomes_a_table(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each file there is a row, its answer or its problem, and the end says how many."""
    expected = hostile_folder(project / "album")
    with pytest.raises(UserError, match="9 of 12 photos could not be read"):
        run(monkeypatch, "album", "--out", "predictions.csv")
    rows = {row["path"].removeprefix("album/"): row for row in table(Path("predictions.csv"))}
    assert rows.keys() == expected.keys()
    for name, problem in expected.items():
        row = rows[name]
        assert row["problem"].startswith(problem), row
        assert bool(row["problem"]) == bool(problem)
        assert (row["predicted"] in CARD.class_names) == (not problem)
        assert row["sure"] == ""
    assert capsys.readouterr().out == "predictions.csv: 12 photos\n"


def test_no_input_hides_the_others(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be read and a folder without photos have their lines among the photos'."""
    make_photo(project / "a.jpg")
    make_photo(project / "album" / "in \x1b[2J\n.png", 1)
    (project / "album" / "notes.txt").touch()
    (project / "empty").mkdir()
    (project / "gone.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(UserError, match="2 of 4 photos could not be read"):
        run(monkeypatch, "a.jpg", "album", "gone.jpg", "empty", "--top", "1")
    output = capsys.readouterr()
    lines = output.out.splitlines()
    names = ["a.jpg", "album/in \\x1b[2J\\n.png", "gone.jpg", "empty"]
    assert [line.partition(": ")[0] for line in lines] == names
    assert [line.endswith("%") for line in lines] == [True, True, False, False]
    assert lines[2] == "gone.jpg: unreadable: No such file or directory"
    assert "album: passed over 1 other file (1 .txt)" in output.err.splitlines()


def test_confidence_and_doubt_are_those_of_the_report(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The temperature changes confidence alone; the threshold parts sure answers from others."""
    for seed in range(6):
        make_photo(project / "album" / f"{seed}.jpg", seed)
    run(monkeypatch, "album", "--out", "plain.csv")
    plain = table(Path("plain.csv"))
    write_run(project, metrics(4.0, p95=None))
    run(monkeypatch, "album", "--out", "calibrated.csv")
    calibrated = table(Path("calibrated.csv"))
    threshold = sorted(float(row["confidence"]) for row in calibrated)[3] - 1e-5
    write_run(project, metrics(4.0, p95=threshold, p99=None))
    capsys.readouterr()
    run(monkeypatch, "album", "--out", "sure.csv")
    for before, after, sure in zip(plain, calibrated, table(Path("sure.csv")), strict=True):
        assert sure["predicted"] == after["predicted"] == before["predicted"]
        assert float(sure["confidence"]) == float(after["confidence"]) < float(before["confidence"])
        assert sure["sure"] == ("yes" if float(sure["confidence"]) >= threshold else "no")
        assert before["sure"] == after["sure"] == ""
    assert "confidence is calibrated by a temperature of 4.00" in capsys.readouterr().err
    run(monkeypatch, "album", "--right", "0.99")
    assert "no threshold is known" in capsys.readouterr().err
    run(monkeypatch, "album", "--crops", "flip")
    assert f"{NOT_CALIBRATED}: the report was made without --crops" in capsys.readouterr().err


@pytest.mark.slow
def test_an_exported_file_alone_answers_without_torch(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The .onnx gives the rows that the folder gives, in a process that never loads torch."""
    for seed in range(5):
        make_photo(project / "album" / f"{seed}.jpg", seed)
    file = export_model(project / "data" / "model")
    done = predict(project, "album", "--out", "folder.csv")
    assert done.returncode == 0, done.stderr
    file = file.rename(project / "moved.onnx")
    run(monkeypatch, "album", "--out", "torch.csv")
    code = (
        "import sys; from stages.tools.predict import main; "
        "sys.argv = ['predict', 'album', '--model', 'moved.onnx', '--out', 'onnx.csv']; main(); "
        "assert not {'torch', 'timm', 'numba'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [table(project / name) for name in ("folder.csv", "torch.csv", "onnx.csv")]
    for one, two, three in zip(*rows, strict=True):
        assert one["predicted"] == two["predicted"] == three["predicted"]
        confidences = [float(row["confidence"]) for row in (one, two, three)]
        assert confidences == pytest.approx([confidences[0]] * 3, abs=2e-5)
        assert three["sure"] in ("yes", "no")
    refused = predict(project, "album", "--model", "moved.onnx", "--crops", "flip")
    assert refused.returncode == 1
    assert "--crops flip: an .onnx sees the centre; name a folder" in refused.stderr


def test_json_lines_of_photos_in_a_list(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of paths becomes JSON lines under the names that the table has."""
    make_photo(project / "album" / "a.jpg")
    (project / "album" / "list.csv").write_text("file,label\na.jpg,cat\nb.jpg,dog\n")
    with pytest.raises(UserError, match="1 of 2 photos"):
        run(monkeypatch, "album/list.csv", "--column", "file", "--out", "p.jsonl", "--top", "9")
    first, second = map(json.loads, Path("p.jsonl").read_text(encoding="utf-8").splitlines())
    assert (first["path"], first["problem"], len(first["top"])) == ("a.jpg", None, 3)
    assert (second["path"], second["predicted"]) == ("b.jpg", None)


def test_added_photos_are_added_to_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run again, the command answers what has no row yet, and refuses a file of another model."""
    make_photo(project / "album" / "b.jpg")
    run(monkeypatch, "album", "--out", "p.csv")
    rows = table(Path("p.csv"))
    make_photo(project / "album" / "a.jpg", 1)
    run(monkeypatch, "album", "--out", "p.csv")
    assert "p.csv has 1 photo already" in capsys.readouterr().err
    again = table(Path("p.csv"))
    assert again[:1] == rows
    assert [row["path"] for row in again] == ["album/b.jpg", "album/a.jpg"]
    make_model(project / "data" / "model", seed=2)
    with pytest.raises(UserError, match=r"p\.csv was written with another model; name another"):
        run(monkeypatch, "album", "--out", "p.csv")


@pytest.mark.slow
@pytest.mark.thorough  # tests/predict/test_output_file.py goes on too
def test_a_killed_run_goes_on(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle, the command leaves no process, and run again ends as if it had not."""
    content = [make_photo(project / f"{seed}.jpg", seed).read_bytes() for seed in range(5)]
    (project / "album").mkdir()
    for number in range(1500):
        (project / "album" / f"{number:04}.jpg").write_bytes(content[number % 5])
    (project / "album" / "0007.jpg").write_bytes(b"broken")
    out = project / "killed.csv"
    process = subprocess.Popen(
        command("album", "--out", out.name),
        cwd=project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not out.exists() or out.read_bytes().count(b"\n") < 100:
        assert process.poll() is None
        time.sleep(0.005)
    others = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    rows_left = out.read_bytes().count(b"\n") - 1
    assert 99 <= rows_left < 1500
    gone, alive = psutil.wait_procs(others, timeout=20)
    assert alive == []
    assert gone
    with out.open("ab") as file:
        file.write(b'album/1499.jpg,"torn')
    done = predict(project, "album", "--out", out.name)
    assert done.returncode == 1
    assert "1 of 1,500 photos could not be read" in done.stderr
    assert f"{out.name} has {rows_left:,} photos already" in done.stderr
    with pytest.raises(UserError, match=r"1 of 1,500 photos could not be read"):
        run(monkeypatch, "album", "--out", "whole.csv")
    for ours, theirs in zip(table(out), table(project / "whole.csv"), strict=True):
        assert (ours["path"], ours["predicted"]) == (theirs["path"], theirs["predicted"])
        assert float(ours["confidence"] or 0) == pytest.approx(
            float(theirs["confidence"] or 0), abs=2e-6
        )


@pytest.mark.slow
def test_a_past_model_is_used_with_its_report(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--rev takes model and trust from git and DVC's cache, whatever lies in the work tree."""
    for name, value in repo.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repo.path)
    photos = "data/photos/disc_0*.jpg"
    run(monkeypatch, photos, "--out", "now.csv")
    now = capsys.readouterr()
    repo.run("git", "tag", "v1")
    for name in ("data/model", "reports/interpret/details.json", "dvc.lock"):
        repo.run("rm", "-r", name)
    with pytest.raises(UserError, match="make repro"):
        run(monkeypatch, photos, "--out", "no.csv")
    run(monkeypatch, photos, "--rev", "v1", "--out", "v1.csv")
    past = capsys.readouterr()
    assert repo.table("v1.csv") == repo.table("now.csv")
    assert len(repo.table("v1.csv")) == 10
    assert past.out == now.out.replace("now.csv", "v1.csv")
    assert past.err == now.err
    assert "is not of this model" not in past.err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--top", "0"), "--top 0: name at least 1 class"),
        (("--right", "1"), r"--right 1\.0: a share between 0 and 1"),
        (("--out", "a.xlsx"), r"--out a\.xlsx: a table ends in \.csv"),
    ],
)
def test_odd_options_are_refused(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], error: str
) -> None:
    """What cannot be done is refused before anything is loaded."""
    with pytest.raises(UserError, match=error):
        run(monkeypatch, "a.jpg", *options)


def test_answers_that_are_no_numbers_stop(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that overflows is named, not shown as a share of nan%."""
    classifier = build_classifier(CARD.params, 3, seed=1, size=32)
    with torch.no_grad():
        classifier.state_dict()["head.3.weight"].fill_(3e38)
    save_model(project / "data" / "model", classifier, CARD)
    make_photo(project / "a.png")
    with pytest.raises(UserError, match=r"model answers a\.png with NaN"):
        run(monkeypatch, "a.png")
