"""The stage splits, checks and draws presized images; it names all errors at once."""

import json
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.datablock import main
from stages.dataset.inseparable import read_groups
from stages.dataset.manifest import write_labels
from stages.dataset.split_files import read_splits, read_test_set
from stages.images.resize import PresizeParams
from stages.store.writer import write_store
from tests.dataset.example_photos import fixed_camera, resaved, scene

PARAMS = """\
seed: 7
datablock: {split: {by: BY, valid: 0.2, folds: 5, test: 0.0, group: ""}, near_duplicates: exclude}
augment: {size: 32, min_scale: 0.75, max_rotate: 10.0, max_zoom: 1.1, max_warp: 0.2,
  max_lighting: 0.2, max_darkening: 0.0, p_affine: 0.75, p_lighting: 0.75, flip: false}
model: {arch: test_efficientnet, weights: none, head: linear, cut: none}
fine_tune: {batch_size: 8, balance: none}
"""
PRESIZE = PresizeParams(size=40, format="jpeg", quality=90, shards=2, max_rejected=0.0)
BLANK = "grey_0.png"
REPORT = Path("reports/datablock")


def make_set(by: str = "stratified", **classes: int) -> None:
    """Write params, labels and a store of pictures, then remove the photos; grey_0 is blank."""
    Path("params.yaml").write_text(PARAMS.replace("BY", by), encoding="utf-8")
    photos = Path("photos")
    photos.mkdir()
    rng = np.random.default_rng(1)
    rows = []
    for label, number in classes.items():
        for n in range(number):
            path = photos / f"{label}_{n}.png"
            blocks = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            blocks = np.full_like(blocks, 128) if path.name == BLANK else blocks
            Image.fromarray(blocks).resize((48 + n, 56), Image.Resampling.BICUBIC).save(path)
            rows.append((path.name, label, sha256(path.read_bytes()).hexdigest()))
    table = pd.DataFrame(rows, columns=["path", "label", "sha256"])
    write_labels(
        Path("data/manifest/labels.csv"), table.assign(source="filename", split="", group="")
    )
    write_store(table, photos, Path("data/presized"), Path("cache"), PRESIZE, 1)
    for photo in photos.iterdir():
        photo.unlink()


def relabel(**labels: str) -> None:
    """Give some images another label, by the stem of their path."""
    file = Path("data/manifest/labels.csv")
    table = pd.read_csv(file, dtype=str, keep_default_na=False).set_index("path")
    for stem, label in labels.items():
        table.loc[f"{stem}.png", "label"] = label
    write_labels(file, table.reset_index())


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def summary() -> dict[str, Any]:
    """Return summary.json."""
    content: dict[str, Any] = json.loads((REPORT / "summary.json").read_text(encoding="utf-8"))
    return content


def test_a_healthy_set(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the photos at hand, the stage writes splits, both summaries and three pictures."""
    make_set(cat=10, dog=10)
    main()
    splits = read_splits(Path("data/splits.csv"))
    assert splits.groupby(["label", "split"]).size().to_dict() == {
        ("cat", "train"): 8,
        ("cat", "valid"): 2,
        ("dog", "train"): 8,
        ("dog", "valid"): 2,
    }
    content = summary()
    assert list(content) == ["counts", "classes", "duplicates", "findings", "steps", "presizing"]
    assert content["counts"] == {"train": 16, "valid": 4, "excluded": 0, "classes": 2}
    assert content["steps"][-1]["step"] == "loss"
    assert "first batch, step by step" in (REPORT / "summary.txt").read_text(encoding="utf-8")
    once, stepwise = content["presizing"].values()
    assert once["psnr"] > stepwise["psnr"]
    assert f"{once['psnr']:.1f} dB" in (REPORT / "summary.txt").read_text(encoding="utf-8")
    # Eight pictures of 96 pixels in a row, and two rows of six.
    assert Image.open(REPORT / "batch.png").width > 8 * 96
    assert Image.open(REPORT / "unique.png").width > 6 * 96
    assert Image.open(REPORT / "presizing.png").width > 6 * 96
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("20 images in 2 classes: 16 train, 4 valid, 0 excluded; loss ")
    assert line.endswith(" at the start, ln(2) = 0.69")


def test_the_same_input_gives_the_same_bytes() -> None:
    """A second run writes every file again, byte for byte."""
    make_set(cat=10, dog=10)
    main()
    files = [Path("data/splits.csv"), *sorted(REPORT.iterdir())]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    main()
    assert [file.read_bytes() for file in files] == before


def test_all_errors_at_once_after_the_reports() -> None:
    """Errors stop the stage together, each named, and the reports are there to read."""
    make_set(by="column", cat=1, dog=2)
    labels = pd.read_csv("data/manifest/labels.csv", dtype=str, keep_default_na=False)
    write_labels(Path("data/manifest/labels.csv"), labels.assign(split="train", label="dog"))
    with pytest.raises(UserError) as caught:
        main()
    assert "no image is left to validate with" in str(caught.value)
    assert "every image is labelled 'dog'" in str(caught.value)
    findings = summary()["findings"]
    assert {finding["check"] for finding in findings if finding["severity"] == "error"} == {
        "no_validation_images",
        "one_class",
    }
    assert "error: " in (REPORT / "summary.txt").read_text(encoding="utf-8")


def test_warnings_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings are printed and do not stop the stage."""
    make_set(cat=10, dog=10)
    relabel(cat_0="Cat", cat_1="Cat")
    main()
    assert "warning: the labels 'Cat' and 'cat' look alike" in capsys.readouterr().out


def test_images_without_a_label_stay_out() -> None:
    """An image that was dropped from the labels is in the store and yet not in the split."""
    make_set(cat=10, dog=10)
    labels = pd.read_csv("data/manifest/labels.csv", dtype=str)
    write_labels(Path("data/manifest/labels.csv"), labels[labels["path"] != "cat_3.png"])
    main()
    assert "cat_3.png" not in set(read_splits(Path("data/splits.csv"))["path"])
    assert summary()["counts"]["train"] == 15


def test_no_image_with_a_label() -> None:
    """When labels and store have no image in common, that is the one error."""
    make_set(cat=3, dog=3)
    write_labels(
        Path("data/manifest/labels.csv"),
        pd.DataFrame(
            {"path": ["x.png"], "label": "cat", "source": "filename", "split": "", "group": ""}
        ),
    )
    with pytest.raises(UserError, match="there is no image with a label"):
        main()


def test_blank_images_are_found() -> None:
    """A picture of one colour in the store is warned about by name."""
    make_set(cat=10, grey=10)
    main()
    blank = [finding for finding in summary()["findings"] if finding["check"] == "blank"]
    assert [finding["paths"] for finding in blank] == [[BLANK]]


def test_the_test_set_is_sealed_by_the_split() -> None:
    """Test images are counted, their labels are in test.csv alone, and no batch shows one."""
    make_set(cat=12, dog=12)
    text = Path("params.yaml").read_text(encoding="utf-8").replace("test: 0.0", "test: 0.25")
    Path("params.yaml").write_text(text, encoding="utf-8")
    main()
    tested = read_test_set(Path("data/test.csv"))
    assert tested["label"].value_counts().to_dict() == {"cat": 3, "dog": 3}
    assert not set(tested["path"]) & set(read_splits(Path("data/splits.csv"))["path"])
    assert Path("data/splits.csv").read_text(encoding="utf-8").count(",,test,") == 6
    assert summary()["counts"]["test"] == 6
    assert summary()["classes"][0] == {"label": "cat", "train": 7, "valid": 2, "excluded": 0}
    assert not any(path in json.dumps(summary()) for path in tested["path"])


def test_groups_are_declared_by_a_regex() -> None:
    """Photos whose names agree in what the regex catches are on one side, and in groups.csv."""
    make_set(cat=12, dog=12)
    text = Path("params.yaml").read_text(encoding="utf-8")
    text = text.replace('group: ""', r"group: '_\d*(\d)\.'")
    Path("params.yaml").write_text(text, encoding="utf-8")
    main()
    groups = read_groups(Path("data/groups.csv"))
    assert len(groups) == 24
    assert groups["group"].tolist() == groups["path"].str[-5].tolist()
    sides = groups.merge(read_splits(Path("data/splits.csv")), on="path")
    assert all(len(set(side)) == 1 for _, side in sides.groupby("group")["split"])
    assert "groups" in {finding["check"] for finding in summary()["findings"]}


def write_photos(photos: dict[str, Image.Image], by: str, near: str = "exclude") -> None:
    """Write params, labels (the parent folder) and a store of photos by path."""
    text = PARAMS.replace("BY", by).replace("exclude", near)
    Path("params.yaml").write_text(text, encoding="utf-8")
    rows = []
    for path, photo in photos.items():
        file = Path("photos") / path
        file.parent.mkdir(parents=True, exist_ok=True)
        photo.save(file)
        label = Path(path).parent.name
        rows.append((path, label, sha256(file.read_bytes()).hexdigest()))
    table = pd.DataFrame(rows, columns=["path", "label", "sha256"])
    write_labels(
        Path("data/manifest/labels.csv"), table.assign(source="folder", split="", group="")
    )
    write_store(table, Path("photos"), Path("data/presized"), Path("cache"), PRESIZE, 1)


def split_counts() -> dict[str, int]:
    """Return the images on each side of the split."""
    counts = read_splits(Path("data/splits.csv"))["split"].value_counts()
    return {str(side): int(count) for side, count in counts.items()}


def test_a_fixed_camera_loses_no_photo(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 60 photos of one place none is excluded; one short warning says that they are alike."""
    photos = {}
    for number in range(60):
        label, photo = fixed_camera(number)
        photos[f"{label}/{number:02}.png"] = photo
    write_photos(photos, "hash")
    main()
    assert split_counts().keys() == {"train", "valid"}
    checks = {finding["check"] for finding in summary()["findings"]}
    assert "series" in checks
    assert "duplicates_disagree" not in checks
    lines = capsys.readouterr().out.splitlines()
    assert any("series of more than 4 that look alike" in line for line in lines)
    assert max(map(len, lines[:-1])) <= 100


@pytest.mark.parametrize(("near", "excluded"), [("exclude", 1), ("warn", 0), ("off", 0)])
def test_copies_in_training_are_excluded_as_the_params_say(near: str, excluded: int) -> None:
    """A copy of a validation photo is excluded, or named, or not looked for; the record says so."""
    photos = {
        f"{side}/{n}/{side}.png": scene(2 * n + (side == "train"))
        for n in range(6)
        for side in ("train", "val")
    }
    photos["train/0/copy.png"] = resaved(scene(0), 70)
    write_photos(photos, "folder", near)
    main()
    counts = split_counts()
    assert counts.get("excluded", 0) == excluded
    content = summary()
    assert content["duplicates"]["same"] == (near != "off")
    checks = {finding["check"] for finding in content["findings"]}
    assert ("duplicates_across_the_split" in checks) == (near == "exclude")
    assert ("same_picture_on_both_sides" in checks) == (near == "warn")
    text = (REPORT / "summary.txt").read_text(encoding="utf-8")
    line = "train/0/copy.png: near-duplicate of val/0/val.png (difference 0."
    assert (line in text) == (near == "exclude")


def test_a_common_layout_works_as_it_is() -> None:
    """train/, val/ and test/ with a class called train in each divide by their place."""
    photos = {
        f"{side}/{label}/{n}.png": scene(100 * k + n)
        for k, (side, label) in enumerate(product(("train", "val", "test"), ("train", "bus")))
        for n in range(3)
    }
    write_photos(photos, "folder")
    main()
    assert split_counts() == {"train": 6, "valid": 6}
    assert len(read_test_set(Path("data/test.csv"))) == 6
    assert summary()["counts"] == {"train": 6, "valid": 6, "test": 6, "excluded": 0, "classes": 2}
