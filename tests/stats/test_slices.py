"""Error slices by property of the image, against scipy."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import laplace
from scipy.stats import mannwhitneyu

from stages.stats.intervals import wilson
from stages.stats.slices import PROPERTIES, error_slices, image_properties, slice_tendencies


def photo(seed: int = 0, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    """Return grey noise, mid-bright."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.integers(60, 190, (*size, 1), dtype=np.uint8), 3, axis=2)


def properties(images: int = 100) -> pd.DataFrame:
    """Return properties of which one is constant, one rises and one falls."""
    ramp = np.arange(images)
    return pd.DataFrame({"size": 160, "brightness": ramp / images, "sharpness": -ramp})


def measured(image: np.ndarray) -> dict[str, float]:
    """Return the properties of one image."""
    originals = pd.DataFrame({"path": ["a.jpg"], "width": [900], "height": [1200]})
    [row] = image_properties(np.array(["a.jpg"]), lambda _: image, originals).to_dict("records")
    return {str(name): float(value) for name, value in row.items()}


def test_every_property_is_measured() -> None:
    """The size is the shorter side, brightness is the mean luma, all by path."""
    originals = pd.DataFrame({"path": list("abc"), "width": [3, 9, 1], "height": [4, 5, 1]})
    table = image_properties(np.array(["b", "a"]), lambda path: photo(ord(path)), originals)
    assert [*table.columns, "class_size"] == list(PROPERTIES)
    assert table["size"].to_dict() == {"b": 5, "a": 3}
    assert table["brightness"]["b"] == pytest.approx(photo(ord("b")).mean() / 255)


def test_sharpness_is_the_deviation_of_the_laplacian() -> None:
    """Inside the borders it is scipy's Laplacian of the luma."""
    image = photo()
    expected = laplace(image[..., 0].astype(float))[1:-1, 1:-1].std()
    assert measured(image)["sharpness"] == pytest.approx(expected)


def test_blur_lowers_sharpness_and_darkness_brightness() -> None:
    """Each property moves as its name says."""
    sharp = photo()
    blurred = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(1)))
    assert measured(blurred)["sharpness"] < measured(sharp)["sharpness"] / 3
    assert measured(sharp // 2)["brightness"] == pytest.approx(
        measured(sharp)["brightness"] / 2, abs=0.01
    )


def test_tiny_images_are_measured_too() -> None:
    """Two pixels have no Laplacian, and a sharpness of zero."""
    tiny = measured(np.full((2, 1, 3), 255, np.uint8))
    assert (tiny["brightness"], tiny["sharpness"]) == (1, 0)


def test_bins_are_even_and_count_their_errors() -> None:
    """A hundred images make five bins of twenty, each with its rate and Wilson's interval."""
    wrong = np.arange(100) >= 90
    table = error_slices(properties(), wrong)
    bright = table[table["property"] == "brightness"]
    assert bright["images"].tolist() == [20] * 5
    assert bright["errors"].tolist() == [0, 0, 0, 0, 10]
    assert bright["low"].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert bright["error_rate"].iloc[-1] == 0.5
    expected = wilson(10, 20)
    assert bright[["error_low", "error_high"]].iloc[-1].tolist() == [expected.low, expected.high]


def test_equal_values_share_a_bin() -> None:
    """A property that never varies is one bin with all images."""
    table = error_slices(properties(), np.zeros(100, bool))
    [row] = table[table["property"] == "size"].to_dict("records")
    assert (row["images"], row["low"], row["high"], row["error_rate"]) == (100, 160, 160, 0)


def test_few_images_make_few_bins() -> None:
    """With 45 images two bins are left, with 5 one."""
    assert len(error_slices(properties(45)[["brightness"]], np.zeros(45, bool))) == 2
    assert len(error_slices(properties(5)[["brightness"]], np.zeros(5, bool))) == 1


def test_tendencies_name_the_side_with_the_errors() -> None:
    """Errors among the last images go with brightness and blur, and not with size."""
    wrong = np.arange(100) >= 90
    tendencies = slice_tendencies(properties(), wrong)
    assert {name: tendency["verdict"] for name, tendency in tendencies.items()} == {
        "size": "cannot tell",
        "brightness": "more errors where it is high",
        "sharpness": "more errors where it is low",
    }
    ramp = np.arange(100.0)
    expected = mannwhitneyu(ramp[wrong], ramp[~wrong], method="asymptotic").pvalue
    assert tendencies["brightness"]["p"] == pytest.approx(3 * expected)


@pytest.mark.parametrize("wrong", [True, False])
def test_all_right_and_all_wrong_have_no_tendency(wrong: bool) -> None:
    """Without both kinds of images there is nothing to compare."""
    tendencies = slice_tendencies(properties(), np.full(100, wrong)).values()
    assert {tendency["verdict"] for tendency in tendencies} == {"cannot tell"}
    assert {tendency["p"] for tendency in tendencies} == {1.0}
    assert error_slices(properties(), np.full(100, wrong))["error_rate"].unique() == [float(wrong)]


def test_chance_is_seldom_called_a_tendency() -> None:
    """Over 200 draws without any connection, at most about one in twenty has a tendency."""
    rng = np.random.default_rng(1)
    significant = 0
    for _ in range(200):
        table = pd.DataFrame(rng.normal(size=(80, 4)), columns=list(PROPERTIES))
        tendencies = slice_tendencies(table, rng.random(80) < 0.2).values()
        significant += any(tendency["verdict"] != "cannot tell" for tendency in tendencies)
    assert significant <= 20


def test_numbers_of_groups_are_names() -> None:
    """Other numbers for the same groups change no tendency and no interval of a bin."""
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(20), 6)
    measured_properties = properties(120)
    wrong = rng.random(120) < np.linspace(0.1, 0.5, 120)
    named = 3 * groups + 40
    tendencies = slice_tendencies(measured_properties, wrong, named)
    for name, expected in slice_tendencies(measured_properties, wrong, groups).items():
        assert tendencies[name]["p"] == pytest.approx(expected["p"])
    bins = error_slices(measured_properties, wrong, groups)
    pd.testing.assert_frame_equal(error_slices(measured_properties, wrong, named), bins)
