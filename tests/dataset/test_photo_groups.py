"""Groups are named by a regex or a column, and their names decide the side."""

from hashlib import sha256

import pandas as pd
import pytest

from stages.base.errors import UserError
from stages.dataset.photo_groups import declared_groups, side_hashes

IMAGES = pd.DataFrame(
    {
        "path": ["p/anna_1.jpg", "p/anna_2.jpg", "q/3.jpg"],
        "group": ["x", "", "y"],
        "sha256": ["a" * 64, "b" * 64, "c" * 64],
    }
)


def test_a_regex_names_groups_by_the_path() -> None:
    """The group is what the regex catches in the path, "" where it does not match."""
    assert declared_groups(IMAGES, r"/(\w+)_\d").tolist() == ["anna", "anna", ""]
    assert declared_groups(IMAGES, r"^(\w)/").tolist() == ["p", "p", "q"]


def test_a_column_names_groups() -> None:
    """With column, the group is that of the labels; without a param there is none."""
    assert declared_groups(IMAGES, "column").tolist() == ["x", "", "y"]
    assert declared_groups(IMAGES, "").tolist() == ["", "", ""]


def test_a_declaration_without_effect_is_refused() -> None:
    """A regex that matches nothing, and a column that is not read, are errors with the remedy."""
    with pytest.raises(UserError, match=r"matches no path") as caught:
        declared_groups(IMAGES, "(zebra)")
    assert "p/anna_1.jpg" in str(caught.value)
    with pytest.raises(UserError, match=r"ingest\.label\.group_column"):
        declared_groups(IMAGES.assign(group=""), "column")
    assert declared_groups(IMAGES.iloc[:0], "column").empty


def test_the_hash_of_the_name_stands_for_that_of_the_content() -> None:
    """A grouped image has the SHA-256 of its group's name, another its own."""
    named = sha256(b"x").hexdigest()
    assert side_hashes(IMAGES).tolist() == [named, "b" * 64, sha256(b"y").hexdigest()]
