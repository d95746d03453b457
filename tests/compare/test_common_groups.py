"""Groups of the images that two runs have in common."""

from pathlib import Path

import pandas as pd

from stages.compare.common_groups import common_groups, past_groups
from stages.compare.setups import Setup
from tests.compare.example_history import ExampleHistory, validated

PHOTOS = {f"{name}.jpg": (name, "cat", "valid") for name in "abcd"}
COMMON = pd.DataFrame({"base": list(PHOTOS), "other": list(PHOTOS), "actual": "cat"})


def setups(folder: Path, *groups: dict[str, str] | None) -> list[Setup]:
    """Return a setup for each, whose run has these groups; None of a run without the list."""
    found = []
    for number, names in enumerate(groups):
        history = ExampleHistory(folder / str(number))
        history.groups = names
        history.write_run(validated(PHOTOS), PHOTOS)
        history.commit("v1")
        found.append(Setup((history.snapshot("v1"),)))
    return found


def test_the_others_groups_count(tmp_path: Path) -> None:
    """Where both have groups, those of the other are the newer."""
    base, other = setups(tmp_path, {"a.jpg": "x", "b.jpg": "x"}, {"c.jpg": "y", "d.jpg": "y"})
    groups = common_groups(base, other, COMMON)
    assert groups is not None
    assert groups.tolist() == [0, 1, 2, 2]


def test_names_that_no_two_common_images_share_are_none(tmp_path: Path) -> None:
    """Where the other's groups part all common images, those of the base count."""
    grouped = {"a.jpg": "x", "b.jpg": "x"}
    apart = {"a.jpg": "y", "b.jpg": "z", "gone.jpg": "z"}
    base, other = setups(tmp_path, grouped, apart)
    groups = common_groups(base, other, COMMON)
    assert groups is not None
    assert groups.tolist() == [0, 0, 1, 2]
    assert common_groups(other, other, COMMON) is None


def test_an_older_run_without_the_list_is_still_read(tmp_path: Path) -> None:
    """Groups of either side count, and where neither has any, images are independent."""
    grouped, old, none = setups(tmp_path, {"a.jpg": "x", "b.jpg": "x"}, None, {})
    for pair in ((grouped, old), (old, grouped), (grouped, none)):
        groups = common_groups(*pair, COMMON)
        assert groups is not None
        assert groups.tolist() == [0, 0, 1, 2]
    assert common_groups(old, none, COMMON) is None
    assert past_groups(old.lead) == {}
    assert not [note for note in old.lead.notes if "groups" in note]
