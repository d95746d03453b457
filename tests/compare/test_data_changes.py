"""What happened to the images and their labels between two revisions."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from stages.compare.data_changes import DataChanges, data_changes, renamed_images
from tests.compare.example_history import ExampleHistory, Photos
from tests.measured_work import measured_work

BEFORE = {
    "unlabelled.jpg": ("9", "dog", "train"),
    "same.jpg": ("1", "cat", "valid"),
    "old.jpg": ("2", "dog", "valid"),  # is called new.jpg after
    "label.jpg": ("3", "cat", "valid"),
    "content.jpg": ("4", "cat", "valid"),
    "gone.jpg": ("5", "dog", "train"),
    "dropped.jpg": ("6", "dog", "train"),
    "before.jpg": ("7", "dog", "train"),  # is called after.jpg after, with another label
}
AFTER = {
    "unlabelled.jpg": ("9", "", "train"),
    "same.jpg": ("1", "cat", "train"),
    "new.jpg": ("2", "dog", "valid"),
    "label.jpg": ("3", "dog", "valid"),
    "content.jpg": ("44", "cat", "valid"),
    "dropped.jpg": ("6", "", "dropped"),
    "after.jpg": ("7", "cat", "train"),
    "added.jpg": ("8", "cat", "valid"),
}


def changes_between(root: Path, before: Photos, after: Photos) -> DataChanges | None:
    """Return the changes between two commits of these photos."""
    history = ExampleHistory(root)
    for name, photos in (("v1", before), ("v2", after)):
        history.write_run(None, photos)
        history.commit(name)
    return data_changes(history.snapshot("v1"), history.snapshot("v2"))


def test_every_change_is_a_row(tmp_path: Path) -> None:
    """Rows say what happened to which image, under which label, and what was before."""
    changes = changes_between(tmp_path / "repo", BEFORE, AFTER)
    assert changes is not None
    assert list(changes.rows.itertuples(index=False, name=None)) == [
        ("added.jpg", "added", "cat", ""),
        ("dropped.jpg", "dropped", "dog", "dog"),
        ("after.jpg", "relabelled", "cat", "dog"),
        ("label.jpg", "relabelled", "dog", "cat"),
        ("gone.jpg", "removed", "dog", ""),
        ("after.jpg", "renamed", "cat", "before.jpg"),
        ("new.jpg", "renamed", "dog", "old.jpg"),
        ("content.jpg", "replaced", "cat", ""),
        ("unlabelled.jpg", "unlabelled", "dog", "dog"),
    ]


def test_changes_are_counted_by_kind_and_by_class(tmp_path: Path) -> None:
    """Added, removed and relabelled images count for their class, renamed ones for none."""
    changes = changes_between(tmp_path / "repo", BEFORE, AFTER)
    assert changes is not None
    assert changes.counts() == {
        "added": 1,
        "removed": 1,
        "relabelled": 2,
        "unlabelled": 1,
        "dropped": 1,
        "replaced": 1,
        "renamed": 2,
    }
    assert changes.by_class() == {
        "cat": {"added": 1, "relabelled": 1},
        "dog": {"removed": 1, "relabelled": 1, "unlabelled": 1, "dropped": 1},
    }


def test_a_new_label_is_no_correction(tmp_path: Path) -> None:
    """An image that had no label before is labelled, and a dropped one is no longer dropped."""
    changes = changes_between(tmp_path / "repo", AFTER, BEFORE)
    assert changes is not None
    of_dogs = changes.by_class()["dog"]
    assert (of_dogs["labelled"], of_dogs["no longer dropped"]) == (1, 1)


def test_the_same_data_has_no_changes(tmp_path: Path) -> None:
    """Two revisions of the same photos differ in nothing, which is not the same as unknown."""
    changes = changes_between(tmp_path / "repo", BEFORE, BEFORE)
    assert changes is not None
    assert changes.counts() == {}
    assert changes.by_class() == {}


def test_an_image_without_a_label_has_no_class(tmp_path: Path) -> None:
    """An added image without a label counts as added, and for no class."""
    changes = changes_between(tmp_path / "repo", {}, {"a.jpg": ("1", "", "train")})
    assert changes is not None
    assert changes.counts() == {"added": 1}
    assert changes.by_class() == {}


def test_a_shared_content_renames_no_image(tmp_path: Path) -> None:
    """Of two copies nobody knows which one became which, so they are removed and added."""
    before = {"a.jpg": ("1", "cat", "valid"), "b.jpg": ("1", "cat", "valid")}
    after = {"c.jpg": ("1", "cat", "valid"), "d.jpg": ("1", "cat", "valid")}
    changes = changes_between(tmp_path / "repo", before, after)
    assert changes is not None
    assert changes.counts() == {"added": 2, "removed": 2}


@pytest.mark.parametrize(
    ("before", "after", "new_paths"),
    [
        ({"a": "1"}, {"b": "1"}, {"a": "b"}),
        ({"a": "1"}, {"a": "1", "b": "1"}, {}),  # a copy, and the first is still there
        ({"a": "1", "b": "1"}, {"c": "1"}, {}),
        ({"a": "1"}, {"b": "1", "c": "1"}, {}),
        ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {}),  # both names are still in use
    ],
)
def test_a_rename_is_one_name_for_another(
    before: dict[str, str], after: dict[str, str], new_paths: dict[str, str]
) -> None:
    """An image is renamed where its content has lost one name and got one other."""
    tables = [
        pd.DataFrame({"sha256": images.values()}, index=pd.Index(images, dtype="str"))
        for images in (before, after)
    ]
    assert renamed_images(tables[0], tables[1]) == new_paths


def test_many_photos_are_looked_up_together(tmp_path: Path) -> None:
    """30,000 photos take less than a second, and one by one in the tables they took four."""
    photos = {f"{number}.jpg": (f"{number}", "cat", "train") for number in range(30_000)}
    history = ExampleHistory(tmp_path / "repo")
    history.write_run(None, photos)
    history.commit("v1")
    snapshot = history.snapshot("v1")
    with measured_work() as work:
        changes = data_changes(snapshot, snapshot)
    assert work.seconds < 2
    assert changes is not None
    assert changes.rows.empty


def test_without_lists_the_changes_are_unknown(tmp_path: Path) -> None:
    """Where the cache lacks the lists, None says so instead of a zero."""
    history = ExampleHistory(tmp_path / "repo")
    history.write_run(None, BEFORE)
    history.commit("v1")
    shutil.rmtree(history.root / ".dvc")
    assert data_changes(history.snapshot("v1"), history.snapshot("workspace")) is None
