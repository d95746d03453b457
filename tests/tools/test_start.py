"""Start: from a folder of photos to a params.yaml that the check accepts."""

import io
import os
import shutil
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.yaml_file import read_yaml
from stages.tools import check, start
from tests.tar_files import write_tar

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the params, pipeline and tables of the project, and no photos."""
    repo = tmp_path / "repo"
    (repo / "data" / "weights").mkdir(parents=True)
    weights = [f"data/weights/{name}" for name in ("package", "hub", "none")]
    for name in ("params.yaml", "dvc.yaml", "data/labels.csv", "data/corrections.csv", *weights):
        shutil.copy(ROOT / name, repo / name)
    monkeypatch.chdir(repo)
    return repo


def put(folder: Path, *names: str) -> Path:
    """Write empty files with these names below a folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


CLASSES = [f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(4)]
SIDES = [f"{side}/{path}" for side in ("train", "val") for path in CLASSES]
PETS = [f"{name}_{number}.jpg" for name in ("great_pyrenees", "Bengal") for number in range(4)]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the command."""
    monkeypatch.setattr(sys, "argv", ["start", *arguments])
    start.main()


@pytest.mark.parametrize(
    ("names", "label", "split"),
    [
        (CLASSES, {"by": "folder"}, "folds"),
        (SIDES, {"by": "folder"}, "folder"),
        (PETS, {"by": "filename", "on": "name"}, "folds"),
        ([f"cat/{side}/{n}.jpg" for side in ("train", "val") for n in range(3)]
         + [f"dog/{side}/{n}.jpg" for side in ("train", "val") for n in range(3)],
         {"by": "filename", "on": "path", "regex": "^([^/]+)/"}, "folder"),
    ],
    ids=["classes", "sides", "pets", "sides in classes"],
)  # fmt: skip
def test_the_check_accepts_what_is_written(
    repo: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    label: dict[str, str],
    split: str,
) -> None:
    """Each layout becomes params that the check has no mistake in; comments and keys stay."""
    before = Path("params.yaml").read_text("utf-8")
    put(repo / "data" / "photos", *names)
    run(monkeypatch, "data/photos", "--yes")
    params = read_yaml(Path("params.yaml"))
    assert params["fetch"]["dataset"] == "none"
    assert params["ingest"]["images"] == "data/photos"
    assert label.items() <= params["ingest"]["label"].items()
    assert params["datablock"]["split"]["by"] == split
    after = Path("params.yaml").read_text("utf-8")
    assert [line.partition(" # ")[2] for line in after.splitlines()] == [
        line.partition(" # ")[2] for line in before.splitlines()
    ]
    check.main()


def test_a_table_inside_the_folder(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table among the photos is named with its columns, and the check accepts it."""
    photos = put(repo / "data" / "photos", *(f"{number}.jpg" for number in range(6)))
    rows = "".join(f"{number}\t{'ab'[number % 2]}\n" for number in range(6))
    (photos / "list.tsv").write_text(f"image id\tdiagnosis\n{rows}", encoding="utf-8")
    run(monkeypatch, "data/photos", "--yes")
    label = read_yaml(Path("params.yaml"))["ingest"]["label"]
    assert (label["by"], label["csv"]) == ("csv", "data/photos/list.tsv")
    assert (label["path_column"], label["label_column"]) == ("image id", "diagnosis")
    assert label["delimiter"] == "\t"
    check.main()


def test_a_table_against_the_folders_is_said(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table beside folders of other classes is told with numbers and an example."""
    put(repo / "data" / "photos", *CLASSES)
    rows = "".join(f"{path},{'dog' if '3' in path else path[:3]}\n" for path in CLASSES)
    (repo / "data" / "photos" / "labels.csv").write_text(f"path,label\n{rows}", encoding="utf-8")
    run(monkeypatch, "data/photos", "--yes")
    against = "data/photos/labels.csv and the folders disagree about 1 of 8 photos, such as"
    assert f"  {against} 'cat/3.jpg': 'dog' and 'cat'\n" in capsys.readouterr().out
    check.main()
    assert f"note: ingest.label.by: {against}" in capsys.readouterr().out


def test_nothing_is_written_without_a_yes(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody can be asked is a failure; a no is none, and either way params.yaml stays."""
    before = Path("params.yaml").read_bytes()
    put(repo / "data" / "photos", *CLASSES)
    with pytest.raises(UserError, match="YES=1 lets it write params"):
        run(monkeypatch, "data/photos")
    for answer in ("", "no\n", "y e s\n"):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        run(monkeypatch, "data/photos")
        assert capsys.readouterr().out.endswith("[y/N]\nNothing is written.\n")
    assert Path("params.yaml").read_bytes() == before
    monkeypatch.setattr(sys, "stdin", Terminal("Yes\n"))
    run(monkeypatch, "data/photos")
    assert Path("params.yaml").read_bytes() != before


class Terminal(io.StringIO):
    """A standard input at which a person sits."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


def test_the_second_way_can_be_taken(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--take names one of the ways that are shown; a number beyond them is refused."""
    names = [f"part{part}/{name}_{n}.jpg" for part in (1, 2) for name in "ab" for n in range(4)]
    put(repo / "data" / "photos", *names)
    run(monkeypatch, "data/photos", "--yes", "--take", "2")
    assert read_yaml(Path("params.yaml"))["ingest"]["label"]["by"] == "folder"
    assert "TAKE=1: by the file name" in capsys.readouterr().out
    with pytest.raises(UserError, match="TAKE=3: there are 1 to 2"):
        run(monkeypatch, "data/photos", "--take", "3")


def test_a_table_of_several_columns_is_asked_for_by_number_or_param(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TAKE=2 takes the second column; label_column in params.yaml takes its own without one."""
    photos = put(repo / "data" / "photos", *(f"p/{number}.jpg" for number in range(40)))
    rows = "".join(f"{n}.jpg;{('glass', 'metal')[n % 2]};bin{n // 4}\n" for n in range(40))
    (photos / "list.csv").write_text(f"Datei;Art;Ort\n{rows}", encoding="utf-8")
    params = Path("params.yaml")

    def taken(*arguments: str) -> str:
        run(monkeypatch, "data/photos", "--yes", *arguments)
        check.main()
        return str(read_yaml(params)["ingest"]["label"]["label_column"])

    assert taken() == "Art"
    assert "TAKE=2: by the table data/photos/list.csv, column 'Ort'" in capsys.readouterr().out
    assert taken("--take", "2") == "Ort"
    assert taken("--take", "2") == "Ort"
    assert taken() == "Ort"
    text = params.read_text(encoding="utf-8").replace("label_column: Ort", "label_column: Art")
    params.write_text(text.replace('group_column: ""', "group_column: Ort"), encoding="utf-8")
    assert taken() == "Art"
    assert read_yaml(params)["datablock"]["split"]["group"] == "column"


@pytest.mark.parametrize("take", [1, 2, 3])
def test_each_proposal_has_the_hints_about_groups(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], take: int
) -> None:
    """Whichever way is taken, a column of patients and folders of days may be groups."""
    names = [f"day{n // 4}/{'ab'[n % 2]}x_{n}.jpg" for n in range(80)]
    photos = put(repo / "data" / "photos", *names)
    rows = "".join(f"{name},{'ab'[n % 2]},p{n % 10}\n" for n, name in enumerate(names))
    (photos / "list.csv").write_text(f"file,label,patient\n{rows}", encoding="utf-8")
    run(monkeypatch, "data/photos", "--yes", "--take", str(take))
    shown = capsys.readouterr().out
    assert "datablock.split.group: 'patient' has 10 values in 80 rows" in shown
    by_day = "datablock.split.group: the photos lie in 20 folders; if each holds photos of one"
    assert (by_day in shown) == (
        read_yaml(Path("params.yaml"))["ingest"]["label"]["by"] != "folder"
    )


def test_where_nothing_is_said_the_params_are_named(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of a camera and a table of other things are refused, with each param to set."""
    photos = put(repo / "data" / "photos", *(f"IMG_{number}.jpg" for number in range(6)))
    (photos / "prices.csv").write_text("thing,price\nx,1\n", encoding="utf-8")
    with pytest.raises(UserError) as error:
        run(monkeypatch, "data/photos", "--yes")
    text = str(error.value)
    assert "prices.csv: no column of it names these photos" in text
    assert all(f"ingest.label.{key}" in text for key in ("by: folder", "by: csv", "regex"))


def test_photos_outside_are_shown_and_not_taken(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder outside is looked at; the line that copies it is given, and nothing is written."""
    album = put(repo.parent / "my album", *CLASSES)
    before = Path("params.yaml").read_bytes()
    with pytest.raises(UserError, match=r"cp -r '../my album' data/photos && make start") as error:
        run(monkeypatch, str(album), "--yes", "--take=1")
    assert str(error.value).count(" TAKE=1") == 2
    assert "2 classes, 8 photos:" in capsys.readouterr().out
    assert Path("params.yaml").read_bytes() == before
    assert not (repo / "data" / "photos").exists()


def test_photos_outside_are_copied_where_asked(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--copy brings photos to data/photos and a table beside them to data/labels.csv, once."""
    album = put(repo.parent / "album", *(f"{number}.jpg" for number in range(6)))
    rows = "".join(f"{number}.jpg,{'ab'[number % 2]}\n" for number in range(6))
    (repo.parent / "list.csv").write_text(f"file,kind\n{rows}", encoding="utf-8")
    run(monkeypatch, str(album), "--yes", "--copy")
    assert sorted(path.name for path in Path("data/photos").iterdir()) == sorted(
        path.name for path in album.iterdir()
    )
    label = read_yaml(Path("params.yaml"))["ingest"]["label"]
    assert (label["csv"], label["label_column"]) == ("data/labels.csv", "kind")
    check.main()
    with pytest.raises(UserError, match="data/photos holds files already"):
        run(monkeypatch, str(album), "--yes", "--copy")


def test_photos_inside_are_used_where_they_are(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--copy with a folder of the repository copies nothing, and says so."""
    put(repo / "album", *(f"{'ab'[number % 2]}_{number}.jpg" for number in range(6)))
    run(monkeypatch, "album", "--yes", "--copy")
    assert "album lies in the repository and is used where it is" in capsys.readouterr().out
    assert not Path("data/photos").exists()
    assert read_yaml(Path("params.yaml"))["ingest"]["images"] == "album"


@pytest.mark.parametrize(
    ("folder", "words"),
    [("gone", "does not exist"), ("params.yaml", "is no folder"), (".", "the repository itself"),
     ("data/presized", "overlaps"), ("data/weights", "holds no photo")],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_refused(
    repo: Path, monkeypatch: pytest.MonkeyPatch, folder: str, words: str
) -> None:
    """What is no folder, holds no photo, or is an output of the pipeline has one line."""
    (repo / "data" / "presized").mkdir()
    with pytest.raises(UserError, match=words):
        run(monkeypatch, folder, "--yes")


def test_a_table_that_cannot_be_read_is_a_doubt(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken table beside photos in class folders is told, and the folders are taken."""
    photos = put(repo / "data" / "photos", *CLASSES)
    (photos / "list.csv").write_bytes(b"path,label\n\xff\xfe,1\n")
    run(monkeypatch, "data/photos", "--yes")
    assert "list.csv, line 2: not UTF-8" in capsys.readouterr().out


def test_photos_on_another_drive_are_outside(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no relative path to another drive, and the line that copies them is given too."""

    def refuse(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    album = put(repo.parent / "album", *CLASSES)
    monkeypatch.setattr(os.path, "relpath", refuse)
    with pytest.raises(UserError, match=r"cp -r \S*/album data/photos && make start"):
        run(monkeypatch, str(album), "--yes")


def test_tars_are_proposed_as_their_folder_is(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels come from the paths in the tars, or from a table beside their folder."""
    write_tar(repo / "data" / "packed" / "a.tar", dict.fromkeys(CLASSES, b""))
    run(monkeypatch, "data/packed", "--yes")
    params = read_yaml(Path("params.yaml"))
    assert params["ingest"]["images"] == "data/packed"
    assert params["ingest"]["label"]["by"] == "folder"
    check.main()
    write_tar(repo / "data" / "packed" / "a.tar", {f"{n}.jpg": b"" for n in range(6)})
    rows = "".join(f"{number}.jpg,{'ab'[number % 2]}\n" for number in range(6))
    Path("data/list.csv").write_text(f"path,label\n{rows}")
    run(monkeypatch, "data/packed", "--yes")
    assert read_yaml(Path("params.yaml"))["ingest"]["label"]["csv"] == "data/list.csv"
    check.main()


@pytest.mark.parametrize("place", ["repo/data/photos", "album"])
def test_a_name_that_dvc_cannot_read_is_refused_before_it_is_copied(
    repo: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A name in Latin-1, here or outside, is one line with the name to give; nothing is written."""
    before = Path("params.yaml").read_bytes()
    photos = put(repo.parent / place, *CLASSES)
    Path(os.fsdecode(os.fsencode(photos) + b"/cat/k\xe4se.jpg")).touch()
    with pytest.raises(UserError) as error:
        run(monkeypatch, str(photos), "--yes", "--copy")
    named = [line.strip() for line in error.value.lines if "UTF-8" in line]
    assert named == [r"cat/k\xe4se.jpg: its name is not UTF-8; rename it, perhaps to käse.jpg"]
    assert Path("params.yaml").read_bytes() == before


def test_many_names_that_dvc_cannot_read_are_counted_once(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 41 names 20 are shown, and one line says that there are 21 more."""
    photos = put(repo.parent / "album", *CLASSES)
    for number in range(41):
        Path(os.fsdecode(os.fsencode(photos) + b"/cat/k\xe4se%d.jpg" % number)).touch()
    with pytest.raises(UserError) as error:
        run(monkeypatch, str(photos), "--yes", "--copy")
    assert len([line for line in error.value.lines if "UTF-8" in line]) == 20
    assert [line.strip() for line in error.value.lines if "more" in line] == ["... and 21 more"]


def test_the_minutes_of_the_first_run_are_said(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small set has folds, and the line about the first run counts their trainings."""
    put(repo / "data" / "photos", *CLASSES)
    run(monkeypatch, "data/photos", "--yes")
    said = capsys.readouterr().out
    assert "The first run of 8 photos takes about" in said
    assert "with 6 trainings" in said
