"""What changed in the photos that a run is judged on, and in their labels."""

from pathlib import Path

import pandas as pd
import pytest

from stages.compare.validation_changes import (
    no_photo_in_common,
    same_labels,
    same_model_note,
    validation_changes,
)
from tests.compare.example_history import (
    ExampleHistory,
    Photos,
    csv_bytes,
    outcomes_table,
    validated,
)

BEFORE = {f"{name}.jpg": (name, "cat", "valid") for name in "abcdefgh"}
MODEL = {"model.safetensors": b"weights", "model.json": b'{"vocab": ["cat", "dog"]}'}


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with one run of eight cats, as v1."""
    history = ExampleHistory(tmp_path / "repo")
    history.write_run(validated(BEFORE), BEFORE, model=MODEL)
    history.commit("v1")
    return history


def changes(history: ExampleHistory, photos: Photos, *corrected: str, action: str = "") -> str:
    """Return the changes since v1, where corrections in force relabelled some photos."""
    history.write_run(validated(photos), photos)
    if corrected:
        rows = [(path, action or "relabel", "") for path in corrected]
        rows += [(path, "drop", "") for path, (_, _, split) in photos.items() if split == "dropped"]
        table = pd.DataFrame(rows, columns=["path", "action", "problem"])
        present = history.put_in_cache(csv_bytes(table))
        lock = (history.root / "dvc.lock").read_text("utf-8")
        old = history.snapshot("workspace").lock
        assert old is not None
        before = old["ingest"].outs["reports/ingest/corrections.csv"]
        (history.root / "dvc.lock").write_text(lock.replace(before, present), "utf-8")
    return validation_changes(history.snapshot("v1"), history.snapshot("workspace"))


def test_corrected_labels_and_dropped_photos_are_those_of_corrections(
    history: ExampleHistory,
) -> None:
    """Labels that rows in force give and photos that they drop have one clause."""
    photos = BEFORE | {
        "a.jpg": ("a", "dog", "valid"),
        "b.jpg": ("b", "dog", "valid"),
        "c.jpg": ("c", "", "dropped"),
    }
    expected = "corrections changed 2 validation labels and dropped 1 validation photo"
    assert changes(history, photos, "a.jpg", "b.jpg") == expected
    assert changes(history, photos, "a.jpg", "b.jpg", action="new class") == expected


def test_a_photo_that_is_no_longer_dropped_was_brought_back(history: ExampleHistory) -> None:
    """Taking a correction back changes the validation photos too."""
    history.write_run(validated(BEFORE), BEFORE | {"z.jpg": ("z", "", "dropped")})
    history.commit("v0")
    history.git("tag", "-f", "v1")
    photos = BEFORE | {"z.jpg": ("z", "cat", "valid")}
    assert changes(history, photos) == "corrections brought back 1 validation photo"


def test_other_causes_are_not_called_corrections(history: ExampleHistory) -> None:
    """A label that the rule changed, a photo that came, went or has another content."""
    photos = {path: photo for path, photo in BEFORE.items() if path != "h.jpg"}
    photos |= {"a.jpg": ("a", "dog", "valid"), "b.jpg": ("new", "cat", "valid")}
    photos |= {"new.jpg": ("n", "cat", "valid")}
    assert changes(history, photos) == (
        "1 validation label changed, 3 validation photos came, went or changed"
    )
    photos["c.jpg"] = ("c", "dog", "valid")
    assert changes(history, photos, "c.jpg").startswith(
        "corrections changed 1 validation label, 1 other validation label changed, 3 "
    )


def test_the_same_validation_and_a_changed_training_set_are_no_change(
    history: ExampleHistory,
) -> None:
    """What only training has leaves the sentence empty, and so does the same run."""
    assert changes(history, BEFORE) == ""
    assert changes(history, BEFORE | {"t.jpg": ("t", "dog", "train")}) == ""


def test_labels_are_compared_by_path() -> None:
    """The same paths and labels are the same whatever was predicted; a missing run says nothing."""
    rows = [("a.jpg", "cat", "cat"), ("b.jpg", "dog", "dog")]
    first = outcomes_table(rows).set_index("path")
    assert same_labels(first, first.assign(predicted="emu"))
    assert not same_labels(first, first.assign(actual="emu"))
    assert not same_labels(first, first.iloc[:1])
    assert same_labels(first, None)


def test_photos_in_common_are_counted_by_path() -> None:
    """One path in common is enough, and a missing run says nothing."""
    rows = [("a.jpg", "cat", "cat"), ("b.jpg", "dog", "dog")]
    first = outcomes_table(rows).set_index("path")
    assert no_photo_in_common(first.iloc[:1], first.iloc[1:])
    assert not no_photo_in_common(first, first.iloc[1:])
    assert not no_photo_in_common(first, None)


def test_the_same_folder_is_the_same_model(history: ExampleHistory) -> None:
    """A correction in validation leaves the model; another one, or an unknown one, has no note."""
    photos = BEFORE | {"a.jpg": ("a", "dog", "valid")}
    base = history.snapshot("v1")
    history.write_run(validated(photos), photos, model=MODEL)
    other = history.snapshot("workspace")
    same = "The model is the same, to the byte"
    assert same_model_note(base, other, same_answers=True) == (
        f"{same}: only labels or photos of validation changed"
    )
    assert same_model_note(base, base, same_answers=True) == same
    assert same_model_note(base, other, same_answers=False) == f"{same}: its evaluation differs"
    assert same_model_note(base, other, same_answers=None) == same
    for model in (MODEL | {"model.safetensors": b"others"}, None):
        history.write_run(validated(photos), photos, model=model)
        assert same_model_note(base, history.snapshot("workspace"), same_answers=True) == ""


def test_the_same_weights_of_another_machine_are_the_same_model(history: ExampleHistory) -> None:
    """That its card names another processor makes another folder, and no other model."""
    base = history.snapshot("v1")
    card = b'{"vocab": ["cat", "dog"], "processor": "AMD, AVX2"}'
    history.write_run(validated(BEFORE), BEFORE, model=MODEL | {"model.json": card})
    other = history.snapshot("workspace")
    assert base.model.folder != other.model.folder
    expected = "The model is the same, to the byte"
    assert same_model_note(base, other, same_answers=True) == expected


def test_the_same_weights_under_other_class_names_are_another_model(
    history: ExampleHistory,
) -> None:
    """Where the rule renames a class, the tensors stay and the names in model.json do not."""
    renamed = {path: (content, "kitten", side) for path, (content, _, side) in BEFORE.items()}
    model = MODEL | {"model.json": b'{"vocab": ["dog", "kitten"]}'}
    history.write_run(validated(renamed), renamed, model=model)
    base, other = history.snapshot("v1"), history.snapshot("workspace")
    assert same_model_note(base, other, same_answers=True) == ""


def test_the_model_is_compared_without_the_cache(history: ExampleHistory) -> None:
    """dvc.lock alone says which model it is: a listing that rotted in the cache changes nothing."""
    lock = history.snapshot("v1").lock
    assert lock is not None
    listing = history.cache.file(lock["fine_tune"].outs["data/model"])
    assert listing is not None
    listing.write_bytes(b"[]")
    snapshot = history.snapshot("v1")
    assert (snapshot.model.folder, snapshot.notes) == (lock["fine_tune"].outs["data/model"], ())
    assert snapshot.model.is_same(snapshot.model)
