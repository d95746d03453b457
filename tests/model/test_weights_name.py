"""Weights by name: a file in the folder of weights, or one of three words."""

import pytest

from stages.model.weights_name import is_file_name, refuse_other_places


@pytest.mark.parametrize("name", ["package", "hub", "none", "w.pth", "of me/w 1.safetensors"])
def test_names_in_the_folder_of_weights_are_taken(name: str) -> None:
    """A file is named by its path below data/weights; three names stand for no file."""
    assert refuse_other_places(name) == name
    assert is_file_name(name) == (name not in ("package", "hub", "none"))


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("../w.pth", "put or link the file there and write w.pth"),
        ("/home/me/w.pth", "put or link the file there and write w.pth"),
        ("C:\\me\\w.pth", "put or link the file there and write w.pth"),
        ("./w.pth", "write w.pth"),
        ("sub/../../w.pth", "put or link the file there and write w.pth"),
        ("data/weights/w.pth", "write w.pth"),
        ("data/weights/sub/w.pth", "write sub/w.pth"),
        (".", "put or link"),
    ],
)
def test_other_places_are_refused_with_what_to_do(path: str, remedy: str) -> None:
    """DVC follows data/weights alone; the error says which name to write."""
    with pytest.raises(ValueError, match=f"{remedy}.*$"):
        refuse_other_places(path)
