"""A regex with one group catches the same of every name, or stops in time."""

import pytest

from stages.base.errors import UserError
from stages.labels import name_regex
from stages.labels.name_regex import catch_in_names, one_group_regex


def test_one_group_is_caught() -> None:
    """Each name gives what the group catches, also in decomposed Unicode, None without a match."""
    names = ["anna_1.jpg", "1.jpg", "zoe\u0301_2.jpg"]
    found = catch_in_names(r"^(\w+)_\d", names, "key")
    assert list(found) == ["anna", None, "zo\u00e9"]


def test_a_group_that_took_no_part_catches_nothing() -> None:
    """Where the match goes another way, there is no name."""
    assert list(catch_in_names(r"^(?:(cat)|\d)", ["1.jpg"], "key")) == [None]


@pytest.mark.parametrize("wrong", ["cat", "(a)(b)", "(cat", ""])
def test_another_number_of_groups_is_refused(wrong: str) -> None:
    """No group, two groups and what is no regex are errors that say what belongs there."""
    with pytest.raises(ValueError, match=r"which catches the person|no regular expression"):
        one_group_regex(wrong, "person")
    assert one_group_regex("(a)(?:b)", "person") == "(a)(?:b)"


def test_a_slow_regex_names_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A regex that would run for years ends in one line with the key."""
    monkeypatch.setattr(name_regex, "_NAME_SECONDS", 0.05)
    with pytest.raises(UserError, match=r"^some\.key .* took over 0\.05 s on 'aaaa"):
        list(catch_in_names(r"^(?:(?:a|aa)+)+(b)$", ["a" * 60 + "!"], "some.key"))
