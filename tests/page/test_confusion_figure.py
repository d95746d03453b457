"""The confusion matrix at any number of classes."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from stages.page.confusion_figure import (
    LABELLED,
    confusion_figures,
    confusion_order,
    short,
    worst_classes,
)
from tests.example_results import NASTY


def made_up(classes: int, seed: int = 0) -> np.ndarray:
    """Return a matrix in which pairs at a distance of half the classes are confused."""
    rng = np.random.default_rng(seed)
    matrix = np.diag(rng.integers(5, 20, classes))
    for one in range(classes // 2):
        matrix[one, one + classes // 2] = rng.integers(1, 9)
    return matrix


def words(svg: str) -> list[str]:
    """Return the words of a picture."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.text]


def cells(svg: str) -> np.ndarray:
    """Return the colours of the matrix in a picture, (C, C, 4) int."""
    encoded = re.search(r"data:image/png;base64,\s*([\w+/=\s]+)", svg)
    assert encoded is not None
    with Image.open(io.BytesIO(base64.b64decode(encoded[1]))) as image:
        return np.asarray(image.convert("RGBA")).astype(int)


@pytest.mark.parametrize("classes", [1, 2, 5, 12, 13, 37, LABELLED])
def test_every_class_is_named_twice_and_every_count_written(classes: int) -> None:
    """Up to sixty classes one picture shows all: both labels and each number that is not zero."""
    class_names = np.array([f"kind {number}" for number in range(classes)])
    matrix = made_up(classes)
    [(_, svg)] = confusion_figures(class_names, matrix)
    found = words(svg)
    assert all(found.count(label) == 2 for label in class_names)
    numbers = sorted(int(word) for word in found if word.isdigit())
    assert numbers == sorted(matrix[matrix > 0].tolist())


@pytest.mark.parametrize("classes", [LABELLED + 1, 200, 1000])
def test_many_classes_are_a_map_and_the_worst_block(classes: int) -> None:
    """Above sixty, the whole stays small, and the most confused classes are shown by name."""
    class_names = np.array([f"kind {number}" for number in range(classes)])
    (_, whole), (caption, block) = confusion_figures(class_names, made_up(classes))
    assert len(whole) < 60_000
    assert words(whole) == ["predicted", "actual"]
    named = {word for word in words(block) if word.startswith("kind")}
    assert 2 <= len(named) <= 24
    assert str(len(named)) in caption


def test_many_classes_without_a_mistake_need_no_block() -> None:
    """When all is right the map is enough."""
    class_names = np.array([f"kind {number}" for number in range(80)])
    assert len(confusion_figures(class_names, np.eye(80, dtype=int))) == 1


def test_a_set_without_predictions_can_be_drawn() -> None:
    """Rows without images stay empty."""
    [(_, svg)] = confusion_figures(np.array(["a", "b"]), np.zeros((2, 2), int))
    assert "predicted" in words(svg)


def test_confused_classes_stand_side_by_side() -> None:
    """The order brings each pair together, though it was far apart in the vocabulary."""
    order = confusion_order(made_up(40)).tolist()
    apart = [abs(order.index(one) - order.index(one + 20)) for one in range(20)]
    assert apart == [1] * 20
    assert sorted(order) == list(range(40))
    assert confusion_order(made_up(10)).tolist() == list(range(10))


def test_the_worst_pairs_are_chosen_whole() -> None:
    """The most frequent mistakes, counted both ways, fill the block."""
    matrix = np.diag([9] * 6)
    matrix[0, 1], matrix[1, 0], matrix[2, 3], matrix[4, 5] = 3, 3, 4, 1
    assert worst_classes(matrix, 2) == {0, 1}
    assert worst_classes(matrix, 5) == {0, 1, 2, 3}
    assert worst_classes(matrix, 6) == {0, 1, 2, 3, 4, 5}


def test_a_rare_mistake_shows_on_a_map_of_a_thousand_classes() -> None:
    """A single mistake far from the diagonal is red on the map, however many classes there are."""
    matrix = 50 * np.eye(1000, dtype=int)
    matrix[700, 100] = 1
    (_, whole), _ = confusion_figures(
        np.array([f"kind {number}" for number in range(1000)]), matrix
    )
    pixels = cells(whole)
    assert pixels.shape == (200, 200, 4)
    red = (pixels[..., 0] > pixels[..., 2]) & (pixels[..., 3] > 0)
    assert red.sum() == 1
    plain = cells(
        confusion_figures(np.array([str(n) for n in range(200)]), matrix[:200, :200])[0][1]
    )
    assert plain.shape == (200, 200, 4)


def test_shades_tell_right_from_wrong() -> None:
    """The diagonal is blue, a mistake red and stronger the more frequent, the rest clear."""
    matrix = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    [(_, svg)] = confusion_figures(np.array(["a", "b", "c"]), matrix)
    pixels = cells(svg)
    assert pixels[0, 0, 2] > pixels[0, 0, 0]
    assert pixels[0, 1, 0] > pixels[0, 1, 2]
    assert pixels[0, 1, 3] > pixels[1, 0, 3] > 0
    assert pixels[2, :, 3].tolist() == [0, 0, 0]


def test_labels_fit_on_a_line() -> None:
    """Long labels lose their middle, control characters become spaces, others stay."""
    assert [len(short(label)) <= 24 for label in NASTY] == [True] * len(NASTY)
    assert short("a\nb\x07c\udcff") == "a b c "
    assert short("x" * 100 + "end").endswith("xend")
    [(_, svg)] = confusion_figures(np.array(NASTY), np.eye(len(NASTY), dtype=int))
    assert "دجاجة مشوية" in words(svg)
    assert "<script" not in svg
