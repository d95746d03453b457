"""System names are told from those that photos have."""

import pytest

from stages.dataset.system_names import hidden_part, is_system_name


@pytest.mark.parametrize(
    "name", [".ds_store", "thumbs.db", "@eadir", "icon\r", "birds.lrdata", "a.jpg:zone.identifier"]
)
def test_what_systems_leave_is_no_photo(name: str) -> None:
    """Hidden files, thumbnails, bins and what programs keep beside photos are known by name."""
    assert is_system_name(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "thumbs", "db.thumbs.jpg", "icon", "eadir", "lrdata.png"]
)
def test_other_names_are_photos(name: str) -> None:
    """A name that only resembles one of them is read."""
    assert not is_system_name(name)


def test_what_is_hidden_is_named_by_its_first_part() -> None:
    """A path in a hidden folder is passed over with all that is in it, as one."""
    assert hidden_part("a/.trash/b.jpg") == hidden_part("a/.trash/c/d.jpg") == "a/.trash"
    assert hidden_part("__MACOSX/a.jpg") == "__MACOSX"
    assert hidden_part("a/b/Thumbs.db") == "a/b/Thumbs.db"
    assert hidden_part("a/b.c/d.jpg") == ""
