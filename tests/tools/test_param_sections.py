"""Each section of params.yaml is checked by itself, so that one mistake hides no other."""

import copy
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from stages.base.params import without_auto
from stages.base.yaml_file import read_yaml
from stages.tools.param_sections import SECTIONS, ValidSections, validate_sections
from stages.train.recipe import FROM_PROBE

PARAMS = read_yaml(Path(__file__).parents[2] / "params.yaml")


@pytest.fixture
def content() -> dict[str, Any]:
    """Return the content of params.yaml, to be changed."""
    return copy.deepcopy(PARAMS)


def test_right_sections_are_models(content: dict[str, Any]) -> None:
    """Every section becomes its model, with the first recipe for auto, and there is no line."""
    sections, lines = validate_sections(content)
    assert lines == []
    for name, model in SECTIONS.items():
        assert getattr(sections, name) == model.model_validate(
            without_auto(PARAMS[name], FROM_PROBE)
        )


def test_the_fields_are_those_of_the_list() -> None:
    """ValidSections has a field for each section, in order, with the model of the list."""
    hints = get_type_hints(ValidSections)
    assert [field.name for field in fields(ValidSections)] == list(SECTIONS)
    assert {name: get_args(hints[name])[0] for name in hints} == SECTIONS


@pytest.mark.parametrize("name", SECTIONS)
def test_a_wrong_section_is_none_and_the_others_stand(name: str, content: dict[str, Any]) -> None:
    """A section that is no mapping, or is missing, gives one line with its name and no model."""
    content[name] = 3
    sections, lines = validate_sections(content)
    assert [line.split(":")[0] for line in lines] == [name]
    assert getattr(sections, name) is None
    assert all(getattr(sections, other) for other in SECTIONS if other != name)
    del content[name]
    sections, lines = validate_sections(content)
    assert lines[0].startswith(f"{name}: the section is missing; it holds ")
    assert getattr(sections, name) is None


def test_mistakes_of_all_sections_are_listed_together(content: dict[str, Any]) -> None:
    """An unknown section comes first, then the mistakes of each section in its order."""
    content["extra"] = {}
    content["presize"]["size"] = 5
    content["lr_find"]["steps"] = 60.5
    del content["augment"]["flip"]
    sections, lines = validate_sections(content)
    names = [line.split(":")[0] for line in lines]
    assert names == ["extra", "presize.size", "augment.flip", "lr_find.steps"]
    assert sections.presize is None
    assert sections.model is not None


def test_auto_is_refused_where_no_recipe_has_a_value(content: dict[str, Any]) -> None:
    """Of presize and lr_find no param may say auto, though a recipe has one of the same name."""
    content["presize"]["size"] = "auto"
    content["lr_find"]["steps"] = "auto"
    _, lines = validate_sections(content)
    assert [line.split(":")[0] for line in lines] == ["presize.size", "lr_find.steps"]
