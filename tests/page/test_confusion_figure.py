"""The confusion matrix at any number of classes."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from stages.page.confusion_figure import (
    MAX_LABELLED_CLASSES,
    confusion_figures,
    confusion_order,
    most_confused_classes,
    short_label,
)
from tests.example_results import STRANGE_LABELS
from tests.page.example_page import svg_texts


def example_matrix(classes: int) -> np.ndarray:
    """Return a matrix in which pairs at a distance of half the classes are confused."""
    rng = np.random.default_rng(0)
    matrix = np.diag(rng.integers(5, 20, classes))
    half = classes // 2
    for index in range(half):
        matrix[index, index + half] = rng.integers(1, 9)
    return matrix


def numbered_names(classes: int) -> np.ndarray:
    """Return a name for each class."""
    return np.array([f"kind {number}" for number in range(classes)])


def cell_colours(svg: str) -> np.ndarray:
    """Return the colours of the matrix in a figure, (C, C, 4) int."""
    encoded = re.search(r"data:image/png;base64,\s*([\w+/=\s]+)", svg)
    assert encoded is not None
    with Image.open(io.BytesIO(base64.b64decode(encoded[1]))) as image:
        return np.asarray(image.convert("RGBA")).astype(int)


@pytest.mark.parametrize("classes", [1, 2, 5, 12, 13, 37, MAX_LABELLED_CLASSES])
def test_every_class_is_named_twice_and_every_count_written(classes: int) -> None:
    """Up to sixty classes one figure shows all: both labels and each number that is not zero."""
    class_names = numbered_names(classes)
    matrix = example_matrix(classes)
    [figure] = confusion_figures(class_names, matrix)
    texts = svg_texts(figure.svg)
    assert all(texts.count(label) == 2 for label in class_names)
    numbers = sorted(int(text) for text in texts if text.isdigit())
    assert numbers == sorted(matrix[matrix > 0].tolist())


@pytest.mark.parametrize("classes", [MAX_LABELLED_CLASSES + 1, 200, 1000])
def test_many_classes_are_a_map_and_a_block(classes: int) -> None:
    """Above sixty, the whole stays small, and the most confused classes are shown by name."""
    whole, block = confusion_figures(numbered_names(classes), example_matrix(classes))
    assert len(whole.svg) < 60_000
    assert svg_texts(whole.svg) == ["predicted", "actual"]
    labels = {text for text in svg_texts(block.svg) if text.startswith("kind")}
    assert 2 <= len(labels) <= 24
    assert str(len(labels)) in block.caption


def test_shades_in_the_block_are_shares_of_all_images_of_a_class() -> None:
    """Predictions outside the block count too: half of the images have half of the shade."""
    classes = MAX_LABELLED_CLASSES + 1
    matrix = np.diag([10] * classes)
    matrix[0, 1] = 10
    matrix[2] = 0
    matrix[2, 3:43] = 1
    matrix[2, 2] = 40
    whole, block = confusion_figures(numbered_names(classes), matrix)
    colours = cell_colours(block.svg)
    diagonal = np.diagonal(colours[..., 3])
    assert whole.caption.startswith("All 61 classes")
    assert set(diagonal.tolist()) == {round(0.9 * 255), round(0.45 * 255)}


def test_many_classes_without_a_mistake_need_no_block() -> None:
    """When all is right the map is enough."""
    assert len(confusion_figures(numbered_names(80), np.eye(80, dtype=int))) == 1


def test_a_set_without_predictions_can_be_drawn() -> None:
    """Rows without images stay empty."""
    [figure] = confusion_figures(np.array(["a", "b"]), np.zeros((2, 2), int))
    assert "predicted" in svg_texts(figure.svg)


def test_confused_classes_stand_side_by_side() -> None:
    """The order brings each pair together, though it was far apart in the order of the names."""
    order = confusion_order(example_matrix(40)).tolist()
    assert [abs(order.index(n) - order.index(n + 20)) for n in range(20)] == [1] * 20
    assert sorted(order) == list(range(40))


def test_few_classes_stay_in_order() -> None:
    """Up to a dozen the reader finds a class by its name."""
    assert confusion_order(example_matrix(10)).tolist() == list(range(10))


def test_the_most_confused_pairs_are_chosen_whole() -> None:
    """The most frequent mistakes, counted both ways, fill the block."""
    matrix = np.diag([9] * 6)
    matrix[0, 1] = 3
    matrix[1, 0] = 3
    matrix[2, 3] = 4
    matrix[4, 5] = 1
    assert most_confused_classes(matrix, 2) == {0, 1}
    assert most_confused_classes(matrix, 5) == {0, 1, 2, 3}
    assert most_confused_classes(matrix, 6) == {0, 1, 2, 3, 4, 5}


def test_a_rare_mistake_shows_on_a_map_of_a_thousand_classes() -> None:
    """A single mistake far from the diagonal is red on the map, however many classes there are."""
    matrix = 50 * np.eye(1000, dtype=int)
    matrix[700, 100] = 1
    whole, _ = confusion_figures(numbered_names(1000), matrix)
    colours = cell_colours(whole.svg)
    assert colours.shape == (200, 200, 4)
    red = (colours[..., 0] > colours[..., 2]) & (colours[..., 3] > 0)
    assert red.sum() == 1


def test_a_map_of_two_hundred_classes_has_a_cell_for_each() -> None:
    """Cells are merged only where they would be smaller than two pixels."""
    [whole] = confusion_figures(numbered_names(200), np.eye(200, dtype=int))
    assert cell_colours(whole.svg).shape == (200, 200, 4)


def test_colours_part_right_from_wrong() -> None:
    """The diagonal is blue, a mistake red and stronger the more frequent, the rest clear."""
    matrix = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
    [figure] = confusion_figures(np.array(["a", "b", "c"]), matrix)
    colours = cell_colours(figure.svg)
    assert colours[0, 0, 2] > colours[0, 0, 0]
    assert colours[0, 1, 0] > colours[0, 1, 2]
    assert colours[0, 1, 3] > colours[1, 0, 3] > 0
    assert colours[2, :, 3].tolist() == [0, 0, 0]


def test_labels_fit_on_a_line() -> None:
    """Long labels lose their middle, control characters become spaces, others stay."""
    assert [len(short_label(label)) <= 24 for label in STRANGE_LABELS] == [True] * len(
        STRANGE_LABELS
    )
    assert short_label("a\nb\x07c\udcff") == "a b c "
    assert short_label("x" * 100 + "end").endswith("xend")
    [figure] = confusion_figures(np.array(STRANGE_LABELS), np.eye(len(STRANGE_LABELS), dtype=int))
    assert "دجاجة مشوية" in svg_texts(figure.svg)
    assert "<script" not in figure.svg
