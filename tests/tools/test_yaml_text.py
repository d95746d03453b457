"""Values and comments of a YAML text are changed, and every other byte stays."""

import pytest
from ruamel.yaml import YAML

from stages.base.errors import UserError
from stages.tools.yaml_text import (
    value_places,
    values_as_written,
    with_comments,
    with_values,
    yaml_scalar,
)

TEXT = """\
# A header.

seed: 42 # the seed

model:   # the model
  label:
    delimiter: ","   # one character
    regex: ^(.+)_\\d+$
  rates: [1, 2] # a list is left alone

  empty:
  last: 1.0e-7
"""


def test_every_single_value_is_found_as_it_is_written() -> None:
    """Quotes and exponents are as in the text; sections and lists are no values."""
    assert values_as_written(TEXT) == {
        "seed": "42",
        "model.label.delimiter": '","',
        "model.label.regex": "^(.+)_\\d+$",
        "model.empty": "",
        "model.last": "1.0e-7",
    }
    place = value_places(TEXT)["seed"]
    assert TEXT[place.start : place.end] == "42"


def test_a_text_without_values_has_none() -> None:
    """An empty text, or a list, has no value with a name."""
    assert value_places("") == {}
    assert value_places("- 1\n- 2\n") == {}


def test_only_the_comments_change() -> None:
    """A comment is replaced or added, one space behind the value; the values stay."""
    changed = with_comments(TEXT, {"seed": "any # at all", "model.last": "new"})
    assert changed == TEXT.replace("# the seed", "# any # at all").replace("1.0e-7", "1.0e-7 # new")
    assert YAML(typ="safe").load(changed) == YAML(typ="safe").load(TEXT)
    assert with_comments(changed, {"seed": "any # at all", "model.last": "new"}) == changed


def test_a_line_of_several_values_takes_no_comment() -> None:
    """Behind the first of two values on a line a comment would swallow the second."""
    with pytest.raises(UserError, match=r"a\.b shares its line with ', c: 2}'"):
        with_comments("a: {b: 1, c: 2}\n", {"a.b": "one"})


def test_only_the_values_change() -> None:
    """Values of any text are read back as they are; comments, spaces and lists stay."""
    values: dict[str, str | float] = {
        "seed": 0.5,
        "model.label.delimiter": "\t",
        "model.label.regex": r"^(.*[^'\d]) # \d+$",
        "model.empty": "yes",
        "model.last": "",
    }
    changed = with_values(TEXT, values)
    read = YAML(typ="safe").load(changed)
    assert read["seed"] == 0.5
    assert read["model"]["label"] == {
        "delimiter": "\t",
        "regex": values["model.label.regex"],
    }
    assert (read["model"]["empty"], read["model"]["last"]) == ("yes", "")
    assert "# one character" in changed
    assert "rates: [1, 2] # a list is left alone" in changed
    assert with_values(TEXT, {}) == TEXT


@pytest.mark.parametrize(
    "text", ["data/photos", "null", "Off", "0.0", "a: b", "- a", "#", "é", "", " ", "\t", "'", '"']
)
def test_a_scalar_is_read_back(text: str) -> None:
    """A text is written so that YAML reads this text, and no number or truth value."""
    assert YAML(typ="safe").load(f"key: {yaml_scalar(text)}\n") == {"key": text}


def test_a_key_that_is_not_there_takes_no_value() -> None:
    """A params.yaml without the key is refused by its name."""
    with pytest.raises(UserError, match=r"model\.gone is missing"):
        with_values(TEXT, {"model.gone": "1"})
