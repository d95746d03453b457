"""The checks over the whole set find every fault, name it, and never stop at the first."""

import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from PIL import Image

from stages.checks.finding import Finding
from stages.checks.findings import blank_images, check_images, count_classes
from stages.dataset.split_params import SplitRule
from tests.checks.example_images import ImageRow, image_rows, images_from, images_of

repeatable = settings(derandomize=True, deadline=None, max_examples=50)


def findings_by_check(
    images: pd.DataFrame, size: int = 128, blank: tuple[str, ...] = (), by: SplitRule = "hash"
) -> dict[str, Finding]:
    """Return check -> finding; no check may report twice."""
    findings = check_images(images, size, by, blank)
    assert max(Counter(finding.check for finding in findings).values(), default=0) <= 1
    return {finding.check: finding for finding in findings}


def serious(images: pd.DataFrame, size: int = 128) -> list[str]:
    """Return the names of the errors and warnings."""
    findings = findings_by_check(images, size)
    return [check for check, finding in findings.items() if finding.severity != "note"]


def test_a_healthy_set_has_no_errors_or_warnings() -> None:
    """Two balanced classes of distinct images give nothing but the note on precision."""
    assert list(findings_by_check(images_of(a=(8, 2), b=(8, 2)))) == ["precision"]


def test_no_images() -> None:
    """An empty set is one error, without its consequences."""
    assert serious(images_of()) == ["no_images"]


def test_no_training_images() -> None:
    """A set without training images says so once, not once more for each class."""
    findings = findings_by_check(images_of(a=(0, 2), b=(0, 2)))
    assert findings["no_training_images"].severity == "error"
    assert serious(images_of(a=(0, 2), b=(0, 2))) == ["no_training_images"]


def test_no_validation_images() -> None:
    """A set without validation images says so once, and names the parameter to raise."""
    error = findings_by_check(images_of(a=(8,), b=(8,)))["no_validation_images"]
    assert error.severity == "error"
    assert "datablock.split.valid" in error.message
    assert serious(images_of(a=(8,), b=(8,))) == ["no_validation_images"]


def test_one_class() -> None:
    """A single class is an error that names the class."""
    error = findings_by_check(images_of(cat=(8, 2)))["one_class"]
    assert error.severity == "error"
    assert "'cat'" in error.message


def test_class_only_in_validation() -> None:
    """A class with validation images alone is an error naming it and the stratified split."""
    error = findings_by_check(images_of(a=(8, 2), b=(8, 2), lynx=(0, 1)))[
        "class_unknown_in_training"
    ]
    assert error.severity == "error"
    assert "'lynx'" in error.message
    assert "stratified" in error.message


def test_class_with_excluded_images_alone() -> None:
    """A class whose images are all excluded is an error naming it and the remedy."""
    error = findings_by_check(images_of(a=(8, 2), b=(8, 2), lynx=(0, 0, 1)))[
        "class_without_training_images"
    ]
    assert error.severity == "error"
    assert "'lynx'" in error.message
    assert "corrections.csv" in error.message


def test_class_empty_in_validation() -> None:
    """Classes without validation images are one warning that names them all."""
    warning = findings_by_check(images_of(a=(8, 2), b=(8,), c=(8,)))["class_empty_in_validation"]
    assert warning.severity == "warning"
    assert "'b', 'c'" in warning.message


def test_few_training_images() -> None:
    """A class with 4 training images is warned about, one with 5 is not."""
    warning = findings_by_check(images_of(a=(5, 2), b=(4, 2)))["few_training_images"]
    assert "'b'" in warning.message
    assert "'a'" not in warning.message


def test_imbalance_beyond_ten_times() -> None:
    """Ten times as many training images pass, eleven times are warned about with both numbers."""
    assert serious(images_of(a=(50, 2), b=(5, 2))) == []
    assert (
        "55 images and 'b' with 5"
        in findings_by_check(images_of(a=(55, 2), b=(5, 2)))["imbalance"].message
    )


@pytest.mark.parametrize(
    "other",
    [
        "Maine Coon",
        "mainecoon",
        "maine  coon",
        "MAINE COON",
        "m\N{CYRILLIC SMALL LETTER A}ine coon",
    ],
)
def test_similar_labels(other: str) -> None:
    """Labels that differ by case, spaces or a letter's script are warned about, spelled out."""
    images = images_of(a=(8, 2), b=(8, 2))
    images["label"] = images["label"].map({"a": "maine coon", "b": other})
    assert repr(other) in findings_by_check(images)["similar_labels"].message


def test_different_labels_are_not_similar() -> None:
    """Another letter makes another label."""
    assert serious(images_of(coon=(8, 2), coons=(8, 2))) == []


RULES: list[SplitRule] = ["hash", "stratified", "column", "folder", "folds"]
TROUBLES = {
    "no_training_images": images_of(a=(0, 2), b=(0, 2)),
    "no_validation_images": images_of(a=(8,), b=(8,)),
    "class_unknown_in_training": images_of(a=(8, 2), b=(8, 2), lynx=(0, 1)),
    "class_empty_in_validation": images_of(a=(8, 2), b=(8,)),
}


@pytest.mark.parametrize("by", RULES)
@pytest.mark.parametrize("check", TROUBLES)
def test_advice_is_not_what_the_params_do_already(check: str, by: SplitRule) -> None:
    """No advice names the rule that is set, nor a fraction that the rule does not use."""
    message = findings_by_check(TROUBLES[check], by=by)[check].message
    assert f"datablock.split.by to {by}" not in message
    if by in ("column", "folder", "folds"):
        assert "datablock.split.valid" not in message
        assert "stratified" not in message
    assert ": " in message, "advice follows a colon"


def test_a_class_in_the_test_alone_cannot_be_learned() -> None:
    """A class whose images are all set aside for a test is an error that says so."""
    images = images_of(a=(8, 2), b=(8, 2), lynx=(0, 0, 3))
    images["split"] = images["split"].replace("excluded", "test")
    error = findings_by_check(images, by="folder")["class_without_training_images"]
    assert "set aside for a test" in error.message
    assert count_classes(images)["test"].tolist() == [0, 0, 3]


def test_the_precision_of_a_test_is_noted() -> None:
    """With 100 test images the note says 4.3 points, and without any there is none."""
    images = images_of(a=(80, 20, 50), b=(80, 20, 50))
    images["split"] = images["split"].replace("excluded", "test")
    note = findings_by_check(images)["test_precision"]
    assert note.severity == "note"
    assert note.message.startswith("with 100 test images")
    assert "between 0.7 and 9.3 %" in note.message
    assert "test_precision" not in findings_by_check(images_of(a=(80, 20), b=(80, 20)))


def test_many_spellings_are_one_short_warning() -> None:
    """However many labels differ by case, one warning names the first five sets."""
    classes = {f"{name}{n}": (8, 2) for n in range(20) for name in ("cat", "CAT")}
    warning = findings_by_check(images_of(**classes))["similar_labels"]
    assert "15 more" in warning.message
    assert len(warning.message) < 300


def test_small_images() -> None:
    """An image whose shorter side is below augment.size is named; one that equals it is not."""
    images = images_of(a=(8, 2), b=(8, 2))
    images.loc[0, "height"] = 127
    images.loc[1, "width"] = 127
    images.loc[2, "width"] = 128
    assert findings_by_check(images)["smaller_than_the_model_sees"].paths == (
        "a_0000.jpg",
        "a_0001.jpg",
    )


def test_extreme_shapes() -> None:
    """More than three times as long as wide is named, lying or standing; three times is not."""
    images = images_of(a=(8, 2), b=(8, 2))
    images.loc[0, "height"] = 481
    images.loc[1, "width"] = 481
    images.loc[2, "width"] = 480
    assert findings_by_check(images)["extreme_shape"].paths == ("a_0000.jpg", "a_0001.jpg")


def test_all_faults_are_found_at_once() -> None:
    """A set with everything wrong reports everything, errors first."""
    images = images_of(a=(100, 2, 1), A=(4,), c=(0, 3), d=(0, 0, 1), e=(8, 2))
    images.loc[1, "width"] = 10
    images.loc[2, "width"] = 999
    findings = check_images(images, 128, "hash", ["a_0003.jpg"])
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert {finding.check for finding in findings} == {
        "class_unknown_in_training",
        "class_without_training_images",
        "class_empty_in_validation",
        "few_training_images",
        "imbalance",
        "similar_labels",
        "smaller_than_the_model_sees",
        "extreme_shape",
        "blank",
        "precision",
    }


@repeatable
@given(image_rows)
def test_any_set_is_checked(rows: list[ImageRow]) -> None:
    """Any set ends in findings and counts that add up; errors are what training fails on."""
    images = images_from(rows)
    findings = check_images(images, 128, "hash")
    classes = count_classes(images)
    assert classes[["train", "valid", "excluded"]].to_numpy().sum() == len(rows)
    assert classes["label"].tolist() == sorted({row[0] for row in rows})
    sides_missing = not {"train", "valid"} <= set(images["split"])
    trained = set(images["label"][images["split"] == "train"])
    untrainable = sides_missing or len(classes) < 2 or set(images["label"]) != trained
    assert any(finding.severity == "error" for finding in findings) == untrainable


def jpeg(pixels: np.ndarray, optimize: bool) -> bytes:
    """Return the JPEG of an array."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92, optimize=optimize)
    return buffer.getvalue()


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("side", [32, 160, 460])
def test_blank_images_are_found(side: int, optimize: bool) -> None:
    """One colour is blank; a gradient, a line or noise is not."""
    grey = np.full((side, side, 3), 128, np.uint8)
    line = grey.copy()
    line[:, side // 2 : side // 2 + 3] = 0
    noise = np.random.default_rng(0).normal(0, 1, grey.shape)
    arrays: dict[str, np.ndarray] = {
        "blank": grey,
        "gradient": np.broadcast_to(np.linspace(60, 200, side)[:, None, None], grey.shape),
        "line": line,
        "noise": 128 + 20 * noise,
    }
    pictures = {name: array.astype(np.uint8) for name, array in arrays.items()}
    index = pd.DataFrame(
        [(name, len(jpeg(picture, optimize)), side, side) for name, picture in pictures.items()],
        columns=["path", "length", "width", "height"],
    )
    assert blank_images(index, pictures.__getitem__) == ["blank"]


def test_detailed_images_are_not_decoded() -> None:
    """An image that takes the bytes of a photograph is never asked for."""
    index = pd.DataFrame({"path": ["a"], "length": [8000], "width": [160], "height": [213]})
    pictures: dict[str, np.ndarray] = {}
    assert blank_images(index, pictures.__getitem__) == []


def test_blank_images_are_a_warning() -> None:
    """What blank_images found is one warning with the paths."""
    images = images_of(a=(8, 2), b=(8, 2))
    assert findings_by_check(images, blank=("b_0010.jpg", "a_0000.jpg"))["blank"].paths == (
        "a_0000.jpg",
        "b_0010.jpg",
    )


def test_precision_is_the_normal_interval() -> None:
    """With 1,478 validation images an error of 5 % is known from 3.9 to 6.1; with 2 from 0."""
    many = findings_by_check(images_of(a=(8, 739), b=(8, 739)))["precision"].message
    assert many == (
        "with 1,478 validation images, where the model errs on 5 % of them, its true error rate"
        " probably lies between 3.9 and 6.1 %"
    )
    few = findings_by_check(images_of(a=(8, 1), b=(8, 1)))["precision"].message
    assert few.endswith("between 0.0 and 35.2 %")


def test_by_folds_what_trains_is_validated() -> None:
    """By folds no column counts validation, and its precision is that of all images."""
    images = images_of(a=(8,), b=(8, 0, 1)).assign(fold="1")
    assert list(count_classes(images)) == ["label", "train", "excluded"]
    findings = findings_by_check(images, by="folds")
    assert list(findings) == ["precision"]
    assert "with 16 validation images" in findings["precision"].message
