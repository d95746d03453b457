"""Params and inputs are checked before anything runs: all mistakes at once, with the remedy."""

import shutil
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.base.errors import UserError
from stages.tools import check

ROOT = Path(__file__).parents[2]
YAML_12 = YAML()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the params, pipeline and tables of the project, and no photos."""
    (tmp_path / "data").mkdir()
    for name in ("params.yaml", "dvc.yaml", "data/labels.csv", "data/corrections.csv"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(repo: Path) -> Path:
    """Return the folder of somebody's photos, which params.yaml names."""
    folder = repo / "data" / "photos"
    folder.mkdir()
    (folder / "cat_1.jpg").write_bytes(b"")
    change({"fetch.dataset": "none", "ingest.images": "data/photos", "model.weights": "none"})
    return folder


def change(values: dict[str, object]) -> None:
    """Set values in params.yaml by their dotted names; None removes."""
    content = YAML_12.load(Path("params.yaml"))
    for key, value in values.items():
        section = content
        *above, last = key.split(".")
        for name in above:
            section = section[name]
        if value is None:
            del section[last]
        else:
            section[last] = value
    YAML_12.dump(content, Path("params.yaml"))


def check_lines() -> list[str]:
    """Return the lines of the check's error, without its headline."""
    with pytest.raises(UserError) as error:
        check.main()
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_the_params_of_the_project_are_in_order(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """params.yaml as committed passes, though the sample is not made yet, and quickly."""
    start = time.perf_counter()
    check.main()
    assert time.perf_counter() - start < 5
    assert capsys.readouterr().out == "Params and inputs are in order.\n"


def test_all_mistakes_are_listed_at_once(repo: Path) -> None:
    """Mistakes of several sections and of the inputs appear together, by dotted name."""
    (repo / "data" / "corrections.csv").write_text("path,label\n")
    change(
        {
            "seed": -1,
            "presize.size": 5,
            "presize.colour": "red",
            "augment.flip": None,
            "fine_tune.base_lr": "fast",
            "ingest.label.regex": "(a)(b)",
            "lr_find.steps": 60.5,
            "model.arch": "resnet_34",
            "model.weights": "none",
            "extra": {"a": 1},
        }
    )
    lines = check_lines()
    names = {line.split(":")[0] for line in lines}
    assert {
        "seed",
        "presize.size",
        "presize.colour",
        "augment.flip",
        "ingest.label.regex",
        "lr_find.steps",
        "model.arch",
        "extra",
    } <= names
    assert any(line.startswith("data/corrections.csv: no column named 'sha256'") for line in lines)
    assert any(name.startswith("fine_tune.base_lr") for name in names)
    assert "near it: " in next(line for line in lines if line.startswith("model.arch"))


def test_a_missing_section_says_what_it_holds(repo: Path) -> None:
    """A section that is gone is named with the keys that it should have."""
    change({"lr_find": None})
    assert check_lines() == ["lr_find: the section is missing; it holds steps, start, end"]


@pytest.mark.parametrize("images", ["data/photos", "./data/photos/", "../elsewhere"])
def test_photos_may_lie_inside_or_beside_the_repository(
    photos: Path, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder in the repository passes, and so does one beside it, with a note."""
    outside = photos.parents[2] / "elsewhere"
    outside.mkdir(exist_ok=True)
    (outside / "a.jpg").write_bytes(b"")
    change({"ingest.images": images})
    check.main()
    out = capsys.readouterr().out
    assert ("queued runs will not see it" in out) == images.startswith("..")
    assert ("dvc add" in out) == (not images.startswith(".."))


def test_photos_under_dvc_need_no_note(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once `dvc add` has tracked the folder, or one above it, nothing is left to say."""
    (photos.parent / "photos.dvc").write_text("outs: []\n")
    (photos / "deeper").mkdir()
    (photos / "deeper" / "a.jpg").write_bytes(b"")
    for images in ("data/photos", "data/photos/deeper"):
        change({"ingest.images": images})
        check.main()
        assert "note" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "images",
    ["data/presized", "data/presized/", "./data/model/x", "data/sample/mine", "reports", "."],
)
def test_photos_inside_an_output_are_refused(photos: Path, images: str) -> None:
    """DVC deletes outputs before a run: a folder that overlaps one is refused, existing or not."""
    change({"ingest.images": images})
    [line] = check_lines()
    assert line.startswith(f"ingest.images: {images} overlaps ")
    assert "data/photos" in line


def test_a_link_into_an_output_is_refused(photos: Path) -> None:
    """A folder that leads into an output by a link is as lost as the output."""
    (photos.parent / "presized").mkdir()
    (photos.parent / "link").symlink_to("presized")
    change({"ingest.images": "data/link"})
    assert "overlaps data/presized" in check_lines()[0]


def test_photos_that_are_not_there(photos: Path) -> None:
    """A missing folder, a file in its place and an empty folder each give one line."""
    change({"ingest.images": "data/foto"})
    assert check_lines()[0].startswith("ingest.images: data/foto does not exist; ")
    change({"ingest.images": "data/photos/cat_1.jpg"})
    assert check_lines()[0].startswith("ingest.images: data/photos/cat_1.jpg is no folder; ")
    (photos / "cat_1.jpg").unlink()
    (photos / "cats" / "old").mkdir(parents=True)
    change({"ingest.images": "data/photos"})
    assert check_lines()[0].startswith("ingest.images: data/photos holds no file; ")


def test_no_sample_and_no_photos(repo: Path) -> None:
    """With fetch.dataset none, the sample's folder stays empty: it cannot be the photos."""
    change({"fetch.dataset": "none"})
    [line] = check_lines()
    assert line.startswith("ingest.images: data/sample stays empty")


def test_the_csv_of_labels_must_exist(photos: Path) -> None:
    """DVC needs the file even where labels come from names; it is named when it is gone."""
    Path("data/labels.csv").unlink()
    assert check_lines()[0].startswith("ingest.label.csv: data/labels.csv is missing")


def test_the_csv_of_labels_must_have_its_columns_and_rows(photos: Path) -> None:
    """When labels come from the CSV, its columns, its rows and its encoding are checked."""
    change({"ingest.label.by": "csv"})
    assert "data/labels.csv has no rows" in check_lines()[0]
    table = Path("data/labels.csv")
    table.write_text("file;label\ncat_1.jpg;cat\n")
    assert "no column named 'path'" in check_lines()[0]
    change({"ingest.label.path_column": "file", "ingest.label.delimiter": ";"})
    check.main()
    table.write_bytes("file;label\ncat_1.jpg;Kätzchen\n".encode("latin-1"))
    assert "not UTF-8" in check_lines()[0]


def test_a_split_column_must_be_there(photos: Path) -> None:
    """A split by column needs the column's name, and the column in the CSV."""
    change({"datablock.split.by": "column"})
    assert check_lines()[0].startswith("datablock.split.by: column needs ingest.label.split_column")
    change({"ingest.label.split_column": "side"})
    assert "no column named 'side'" in check_lines()[0]
    Path("data/labels.csv").write_text("path,side\ncat_1.jpg,train\n")
    check.main()


def test_corrections_must_have_their_columns(photos: Path) -> None:
    """corrections.csv is read as ingest will read it."""
    Path("data/corrections.csv").unlink()
    assert check_lines()[0].startswith("data/corrections.csv is missing")
    Path("data/corrections.csv").write_text("path,sha256,action,note\n")
    assert "no column named 'label'" in check_lines()[0]


@pytest.mark.parametrize(
    ("arch", "weights", "cut", "words"),
    [
        ("resnet18", "package", 16, "no package holds weights of resnet18"),
        ("resnet18", "data/my.safetensors", 16, "there is no file data/my.safetensors"),
        ("resnet18", "data/labels.csv", 16, "cannot be read as weights"),
        ("vit_b_32", "none", "none", "does not work on images of augment.size 96"),
        ("vit_b_32", "none", 16, "cannot be ended where its map is 16 times smaller; choose none"),
        ("resnet18", "none", 5, "should be 'none', 4, 8 or 16"),
    ],
)
def test_a_model_that_cannot_be_made_is_refused_now(
    repo: Path, arch: str, weights: str, cut: str | int, words: str
) -> None:
    """An architecture or weights that fail only in training would cost the time before it."""
    change({"model.arch": arch, "model.weights": weights, "model.cut": cut})
    [line] = check_lines()
    assert line.startswith("model.")
    assert words in line


def test_a_device_that_is_not_there_is_refused_now(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU that is asked for and missing is refused before any stage, and so is fp16 without."""
    monkeypatch.setenv("FINETRACK_DEVICE", "cuda:99")
    (line,) = check_lines()
    assert line.startswith("FINETRACK_DEVICE=cuda:99 cannot be used here")
    monkeypatch.setenv("FINETRACK_DEVICE", "cpu")
    change({"fine_tune.precision": "fp16"})
    (line,) = check_lines()
    assert "fp16 needs a GPU" in line


def test_weights_of_a_hub_are_not_fetched(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check needs no network: of hub weights only the architecture is tried."""
    change({"model.arch": "test_resnet", "model.weights": "hub"})
    check.main()
    assert "Params and inputs are in order" in capsys.readouterr().out


def test_enlarging_is_allowed_with_a_note(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A training size above the presized one works, and is worth a note."""
    (photos.parent / "photos.dvc").write_text("outs: []\n")
    change({"presize.size": 100, "augment.size": 100})
    check.main()
    assert "note" not in capsys.readouterr().out
    change({"augment.size": 101})
    check.main()
    assert "note: augment.size: 101 is larger than presize.size, 100" in capsys.readouterr().out


def test_broken_yaml_is_one_line(repo: Path) -> None:
    """A params.yaml that is no YAML is reported at once, before anything else can be."""
    Path("params.yaml").write_text("seed: [1\n")
    with pytest.raises(UserError, match=r"params\.yaml is not valid YAML"):
        check.main()
