"""Folders of photos within the folder of a class are listed, since they become classes."""

from stages.labels.label_rule import by_folder
from stages.labels.nested_folders import nested_folders


def problems(*paths: str) -> list[tuple[str, str]]:
    """Return folder and problem of what is listed for photos at these paths."""
    return [(row.path, row.problem) for row in nested_folders(by_folder(paths).labels)]


def test_a_folder_within_a_class_is_listed() -> None:
    """Photos two folders below those of a class are a class of their own, and are listed once."""
    found = problems(
        "056.dog/1.jpg", "056.dog/greg/vw1/1.jpg", "056.dog/greg/vw1/2.jpg", "cat/1.jpg"
    )
    assert found == [("056.dog/greg/vw1", "folder within a class")]


def test_the_detail_names_both_classes_and_the_number() -> None:
    """The detail says how many photos get which class, and which class they lie in."""
    (row,) = nested_folders(by_folder(["dog/1.jpg", "dog/new/1.jpg"]).labels)
    assert row.detail.startswith("1 photo of class 'new' within that of 'dog'")


def test_sides_and_groups_of_classes_are_no_problem() -> None:
    """Folders that hold only folders, such as train/ or animals/, name no class."""
    assert problems("train/cat/1.jpg", "val/cat/1.jpg", "animals/pets/dog/1.jpg") == []


def test_the_same_name_within_is_the_same_class() -> None:
    """dog/dog/ within dog/ has the same class, as archives unpacked twice have."""
    assert problems("dog/1.jpg", "dog/dog/2.jpg") == []


def test_photos_at_the_top_are_around_nothing() -> None:
    """A photo outside all folders has no class, so nothing lies within its class."""
    assert problems("1.jpg", "dog/1.jpg") == []
