"""The checks over the whole set find every fault, name it, and never stop at the first."""

import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.checks.findings import (
    Finding,
    blank_images,
    check_images,
    count_classes,
    counted,
)
from stages.checks.findings_text import (
    aligned_table,
    class_table,
    dataset_line,
    findings_json,
    findings_text,
    paragraph,
)

repeatable = settings(derandomize=True, deadline=None, max_examples=50)


def photos(**classes: tuple[int, ...]) -> pd.DataFrame:
    """Return images of 160x160, each its own group; a class is (train, valid, excluded)."""
    rows = [
        (label, split)
        for label, numbers in classes.items()
        for split, number in zip(("train", "valid", "excluded"), numbers, strict=False)
        for _ in range(number)
    ]
    images = pd.DataFrame(rows, columns=["label", "split"]).astype(str)
    images["path"] = [f"{label}_{row:04}.jpg" for row, label in enumerate(images["label"])]
    return images.assign(group=range(len(images)), width=160, height=160)


def found(images: pd.DataFrame, size: int = 128, blank: tuple[str, ...] = ()) -> dict[str, Finding]:
    """Return check -> finding, having seen that no check reports twice."""
    findings = check_images(images, size, blank)
    assert max(Counter(each.check for each in findings).values(), default=0) <= 1
    return {each.check: each for each in findings}


def serious(images: pd.DataFrame, size: int = 128) -> list[str]:
    """Return the names of the errors and warnings."""
    return [name for name, each in found(images, size).items() if each.severity != "note"]


def test_a_healthy_set_has_no_errors_or_warnings() -> None:
    """Two balanced classes of distinct images give nothing but the note on precision."""
    assert list(found(photos(a=(8, 2), b=(8, 2)))) == ["precision"]


def test_no_images() -> None:
    """An empty set is one error, without its consequences."""
    assert serious(photos()) == ["no_images"]


def test_no_training_images() -> None:
    """A set without training images says so once, not once more for each class."""
    images = found(photos(a=(0, 2), b=(0, 2)))
    assert images["no_training_images"].severity == "error"
    assert serious(photos(a=(0, 2), b=(0, 2))) == ["no_training_images"]


def test_no_validation_images() -> None:
    """A set without validation images says so once, and names the parameter to raise."""
    error = found(photos(a=(8,), b=(8,)))["no_validation_images"]
    assert error.severity == "error"
    assert "datablock.split.valid" in error.message
    assert serious(photos(a=(8,), b=(8,))) == ["no_validation_images"]


def test_one_class() -> None:
    """A single class is an error that names the class."""
    error = found(photos(cat=(8, 2)))["one_class"]
    assert error.severity == "error"
    assert "'cat'" in error.message


def test_class_only_in_validation() -> None:
    """A class with validation images alone is an error naming it and the stratified split."""
    error = found(photos(a=(8, 2), b=(8, 2), lynx=(0, 1)))["class_unknown_in_training"]
    assert error.severity == "error"
    assert "'lynx'" in error.message
    assert "stratified" in error.message


def test_class_with_excluded_images_alone() -> None:
    """A class whose images are all excluded is an error naming it and the remedy."""
    error = found(photos(a=(8, 2), b=(8, 2), lynx=(0, 0, 1)))["class_without_training_images"]
    assert error.severity == "error"
    assert "'lynx'" in error.message
    assert "corrections.csv" in error.message


def test_class_empty_in_validation() -> None:
    """Classes without validation images are one warning that names them all."""
    warning = found(photos(a=(8, 2), b=(8,), c=(8,)))["class_empty_in_validation"]
    assert warning.severity == "warning"
    assert "'b', 'c'" in warning.message


def test_few_training_images() -> None:
    """A class with 4 training images is warned about, one with 5 is not."""
    warning = found(photos(a=(5, 2), b=(4, 2)))["few_training_images"]
    assert "'b'" in warning.message
    assert "'a'" not in warning.message


def test_imbalance_beyond_ten_times() -> None:
    """Ten times as many training images pass, eleven times are warned about with both numbers."""
    assert serious(photos(a=(50, 2), b=(5, 2))) == []
    assert "55 images and 'b' with 5" in found(photos(a=(55, 2), b=(5, 2)))["imbalance"].message


@pytest.mark.parametrize("other", ["Maine Coon", "mainecoon", "maine  coon", "MAINE COON"])
def test_similar_labels(other: str) -> None:
    """Labels that differ by case or spaces alone are warned about, both spelled out."""
    images = photos(a=(8, 2), b=(8, 2))
    images["label"] = images["label"].map({"a": "maine coon", "b": other})
    assert repr(other) in found(images)["similar_labels"].message


def test_different_labels_are_not_similar() -> None:
    """Another letter makes another label."""
    assert serious(photos(coon=(8, 2), coons=(8, 2))) == []


def test_excluded_images_are_counted_and_named() -> None:
    """Excluded images are one warning with their number and paths, sorted."""
    warning = found(photos(a=(8, 2, 2), b=(8, 2, 1)).iloc[::-1])["duplicates_across_the_split"]
    assert warning.message.startswith("3 images")
    assert warning.paths == ("a_0010.jpg", "a_0011.jpg", "b_0022.jpg")


def test_disagreeing_duplicates_show_their_labels() -> None:
    """Duplicates with different labels are one warning that shows each path with its label."""
    images = photos(a=(8, 2), b=(8, 2))
    images.loc[[0, 10], "group"] = 0  # a_0000 and b_0010
    images.loc[[1, 2], "group"] = 1  # both a
    warning = found(images)["duplicates_disagree"]
    assert "a_0000.jpg (a) = b_0010.jpg (b)" in warning.message
    assert warning.paths == ("a_0000.jpg", "b_0010.jpg")


def test_agreeing_duplicates_in_training_are_a_note() -> None:
    """Duplicates within training are noted, each but the first."""
    images = photos(a=(8, 2), b=(8, 2))
    images.loc[[1, 2, 3], "group"] = 1
    note = found(images)["duplicates_in_training"]
    assert note.severity == "note"
    assert note.paths == ("a_0002.jpg", "a_0003.jpg")


def test_small_images() -> None:
    """An image whose shorter side is below augment.size is named; one that equals it is not."""
    images = photos(a=(8, 2), b=(8, 2))
    images.loc[0, "height"], images.loc[1, "width"], images.loc[2, "width"] = 127, 127, 128
    assert found(images)["smaller_than_the_model_sees"].paths == ("a_0000.jpg", "a_0001.jpg")


def test_extreme_shapes() -> None:
    """More than three times as long as wide is named, lying or standing; three times is not."""
    images = photos(a=(8, 2), b=(8, 2))
    images.loc[0, "height"], images.loc[1, "width"], images.loc[2, "width"] = 481, 481, 480
    assert found(images)["extreme_shape"].paths == ("a_0000.jpg", "a_0001.jpg")


def test_all_faults_are_found_at_once() -> None:
    """A set with everything wrong reports everything, errors first."""
    images = photos(a=(100, 2, 1), A=(4,), c=(0, 3), d=(0, 0, 1), e=(8, 2))
    images.loc[[0, 110], "group"] = 0
    images.loc[1, "width"], images.loc[2, "width"] = 10, 999
    findings = check_images(images, 128, ["a_0003.jpg"])
    severities = [each.severity for each in findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert {each.check for each in findings} == {
        "class_unknown_in_training",
        "class_without_training_images",
        "class_empty_in_validation",
        "few_training_images",
        "imbalance",
        "similar_labels",
        "duplicates_across_the_split",
        "duplicates_disagree",
        "smaller_than_the_model_sees",
        "extreme_shape",
        "blank",
        "precision",
    }


@repeatable
@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=4),
            st.sampled_from(["train", "valid", "excluded"]),
            st.integers(0, 5),
            st.integers(1, 999),
            st.integers(1, 999),
        ),
        max_size=30,
    )
)
def test_any_set_is_summarised(rows: list) -> None:
    """Any set ends in findings, text, and counts that add up; none makes a check fall over."""
    columns = ["label", "split", "group", "width", "height"]
    images = pd.DataFrame(rows, columns=columns).assign(path=[f"{n}.jpg" for n in range(len(rows))])
    findings, classes = check_images(images, 128), count_classes(images)
    assert classes[["train", "valid", "excluded"]].to_numpy().sum() == len(rows)
    assert classes["label"].tolist() == sorted({row[0] for row in rows})
    stops = not {"train", "valid"} <= set(images["split"]) or len(classes) < 2
    trained = set(images["label"][images["split"] == "train"])
    stops = stops or set(images["label"]) != trained
    assert any(each.severity == "error" for each in findings) == stops
    assert findings_text(classes, findings).startswith(f"{len(rows)} image")
    again = json.loads(json.dumps(findings_json(classes, findings), allow_nan=False))
    assert sum(again["counts"][side] for side in ("train", "valid", "excluded")) == len(rows)


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    """Return the JPEG of an array."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("side", [32, 160, 460])
def test_blank_images_are_found(side: int, optimize: bool) -> None:
    """One colour is blank; a gradient, a line or noise is not."""
    grey = np.full((side, side, 3), 128, np.uint8)
    line = grey.copy()
    line[:, side // 2 : side // 2 + 3] = 0
    noise = np.random.default_rng(0).normal(0, 1, grey.shape)
    pictures = {
        "blank": grey,
        "gradient": np.broadcast_to(np.linspace(60, 200, side)[:, None, None], grey.shape),
        "line": line,
        "noise": 128 + 20 * noise,
    }
    pictures = {name: np.asarray(picture).astype(np.uint8) for name, picture in pictures.items()}
    index = pd.DataFrame(
        [(name, len(jpeg(each, optimize=optimize)), side, side) for name, each in pictures.items()],
        columns=["path", "length", "width", "height"],
    )
    assert blank_images(index, pictures.__getitem__) == ["blank"]


def test_detailed_images_are_not_decoded() -> None:
    """An image that takes the bytes of a photograph is never asked for."""
    index = pd.DataFrame({"path": ["a"], "length": [8000], "width": [160], "height": [213]})
    assert blank_images(index, {}.__getitem__) == []


def test_blank_images_are_a_warning() -> None:
    """What blank_images found is one warning with the paths."""
    images = photos(a=(8, 2), b=(8, 2))
    assert found(images, blank=("b_0010.jpg", "a_0000.jpg"))["blank"].paths == (
        "a_0000.jpg",
        "b_0010.jpg",
    )


def test_precision_is_the_normal_interval() -> None:
    """With 1,478 validation images a 5 % error is sure to within 1.1 points either way."""
    assert "about 1.1 points" in found(photos(a=(8, 739), b=(8, 739)))["precision"].message


def test_counts_come_with_commas_and_nouns() -> None:
    """Numbers have separators, and nouns their number."""
    assert [counted(n, "class", "classes") for n in (0, 1, 12345)] == [
        "0 classes",
        "1 class",
        "12,345 classes",
    ]


def test_text_names_everything() -> None:
    """The text holds each class with its counts, the totals, and each finding with its paths."""
    images = photos(cat=(80, 20, 1), dog=(8, 2))
    text = findings_text(count_classes(images), check_images(images, 128))
    assert text.startswith("111 images in 2 classes: 88 train, 22 valid, 1 excluded\n")
    lines = {line.split()[0]: line.split()[1:4] for line in text.splitlines() if line.strip()}
    assert lines["cat"] == ["80", "20", "1"]
    assert lines["dog"] == ["8", "2", "0"]
    assert lines["all"] == ["88", "22", "1"]
    assert "    cat_0100.jpg" in text
    assert text.endswith("\n")
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_json_has_the_promised_keys() -> None:
    """The JSON holds counts, one record a class, and each finding with its paths."""
    images = photos(cat=(80, 20, 1), dog=(8, 2))
    classes = count_classes(images)
    found = findings_json(classes, [Finding("note", "check", "message", ("a.jpg",))])
    assert json.loads(json.dumps(found)) == {
        "counts": {"train": 88, "valid": 22, "excluded": 1, "classes": 2},
        "classes": [
            {"label": "cat", "train": 80, "valid": 20, "excluded": 1},
            {"label": "dog", "train": 8, "valid": 2, "excluded": 0},
        ],
        "findings": [
            {"severity": "note", "check": "check", "message": "message", "paths": ["a.jpg"]}
        ],
    }


def test_headline() -> None:
    """The headline counts images, classes and sides, one image in the singular."""
    classes = count_classes(photos(a=(1000, 234), b=(0, 0, 1)))
    assert dataset_line(classes) == "1,235 images in 2 classes: 1,000 train, 234 valid, 1 excluded"
    assert dataset_line(classes.iloc[1:]) == "1 image in 1 class: 0 train, 0 valid, 1 excluded"


def test_bars_are_in_proportion() -> None:
    """The longest class fills 36 marks, the others their share, each side its part."""
    table = class_table(count_classes(photos(a=(54, 18, 0), b=(18, 12, 6))))
    assert table.splitlines()[1].endswith("  " + "█" * 27 + "▒" * 9)
    assert table.splitlines()[2].endswith("  " + "█" * 9 + "▒" * 6 + "·" * 3)


def test_a_thousand_classes_show_the_smallest() -> None:
    """Of many classes the table shows the 60 with the fewest training images, and the totals."""
    classes = pd.DataFrame({"label": [f"c{n}" for n in range(1000)], "train": range(1000, 0, -1)})
    lines = class_table(classes.assign(valid=1, excluded=0)).splitlines()
    assert len(lines) == 63
    assert lines[1].startswith("c999 ")
    assert lines[-2].startswith("940 larger classes")
    assert lines[-1].split()[:2] == ["all", "500,500"]


def test_long_lists_are_cut() -> None:
    """A sentence is wrapped at 96 characters and shows five paths, then how many more there are."""
    lines = paragraph("word " * 60, [f"{n}.jpg" for n in range(12)]).splitlines()
    assert max(map(len, lines)) <= 96
    assert lines[-2:] == ["    4.jpg", "    ... and 7 more in summary.json"]


def test_columns_are_aligned() -> None:
    """Columns take their widest cell, on the side asked for, without trailing spaces."""
    assert aligned_table([["a", "1", "x"], ["bcd", "22", ""]], "<><") == "a     1  x\nbcd  22"
