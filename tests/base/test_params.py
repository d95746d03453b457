"""Params are checked whole: every mistake by its dotted name, with the remedy."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Literal, TypeAlias

import pytest
from pydantic import Field, ValidationError, model_validator

from stages.base.errors import UserError
from stages.base.params import (
    PARAMS,
    Section,
    dotted_keys,
    read_all_params,
    read_section,
    read_seed,
    read_value,
    validation_lines,
)
from stages.base.yaml_file import read_yaml

WriteParams: TypeAlias = Callable[[str], None]


class Inner(Section):
    """A section within a section."""

    by: Literal["name", "path"] = "name"
    valid: float = Field(0.2, gt=0, lt=1)


class Outer(Section):
    """A section as stages have them."""

    size: int = Field(ge=16, le=4096)
    rate: float | Literal["auto"]
    flip: bool
    inner: Inner

    @model_validator(mode="after")
    def _agree(self) -> "Outer":
        if self.flip and self.size == 99:
            raise ValueError("flip and a size of 99 contradict each other")
        return self


GOOD = "size: 32\n  rate: 1e-3\n  flip: true\n  inner: {by: path, valid: 0.5}\n"


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteParams:
    """Return a function that writes params.yaml in an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> None:
        Path(PARAMS).write_text(text, encoding="utf-8")

    return write


def complaint(function: Callable[..., object], *args: object) -> str:
    """Return the message of the UserError that a call raises."""
    with pytest.raises(UserError) as error:
        function(*args)
    return str(error.value)


def test_a_section_becomes_a_frozen_model(params: WriteParams) -> None:
    """A right section is read with its types, and cannot be changed afterwards."""
    params(f"outer:\n  {GOOD}")
    section = read_section("outer", Outer)
    assert section == Outer(size=32, rate=0.001, flip=True, inner=Inner(by="path", valid=0.5))
    with pytest.raises(ValidationError, match="frozen"):
        section.size = 5  # type: ignore[misc]  # what is refused at run time too


def test_auto_is_what_the_recipe_says(params: WriteParams) -> None:
    """A key that says auto has the recipe's value, checked as any other; a value stands."""
    params("outer:\n  size: auto\n  rate: 0.5\n  flip: auto\n  inner: {by: path, valid: 0.5}\n")
    recipe = SimpleNamespace(size=48, rate=0.1, flip=False)
    section = read_section("outer", Outer, recipe)
    assert (section.size, section.rate, section.flip) == (48, 0.5, False)
    assert read_value("outer.size", int, recipe) == 48
    assert read_value("outer.rate", float, recipe) == 0.5
    assert "outer.flip" in complaint(read_section, "outer", Outer, SimpleNamespace(size=48))
    assert "outer.size" in complaint(read_value, "outer.size", int)


def test_scientific_notation_is_a_number(params: WriteParams) -> None:
    """1e-3 is a number, as DVC reads it, and not the string that YAML 1.1 makes of it."""
    params("a: 1e-3\nb: 1.0e-7\nc: no")
    assert read_value("a", float) == 0.001
    assert read_value("b", float) == 1e-7
    assert read_value("c", str) == "no"


def test_all_mistakes_are_named_at_once(params: WriteParams) -> None:
    """Unknown keys, wrong types, ranges and missing keys appear together, by dotted name."""
    params(
        "outer:\n  siez: 3\n  size: 5\n  flip: 'yes'\n  inner: {by: colour, valid: 1, vaild: 0}\n"
    )
    text = complaint(read_section, "outer", Outer)
    lines = text.splitlines()
    assert lines[0] == "params.yaml: please mend"
    assert sorted(line.split(":")[0].strip() for line in lines[1:]) == [
        "outer.flip",
        "outer.inner.by",
        "outer.inner.vaild",
        "outer.inner.valid",
        "outer.rate",
        "outer.siez",
        "outer.size",
    ]
    assert "outer.siez: no such parameter; did you mean outer.size?" in text
    assert "outer.inner.vaild: no such parameter; did you mean outer.inner.valid?" in text
    assert "outer.size: input should be greater than or equal to 16, not 5" in text
    assert "outer.rate: is missing" in text
    assert "outer.inner.by: input should be 'name' or 'path', not 'colour'" in text


def test_a_far_off_name_gets_no_guess(params: WriteParams) -> None:
    """A key that resembles nothing is refused without a misleading suggestion."""
    params(f"outer:\n  {GOOD}  zzzzzzzz: 1\n")
    assert complaint(read_section, "outer", Outer).endswith("outer.zzzzzzzz: no such parameter")


def test_contradictions_are_plain_sentences(params: WriteParams) -> None:
    """Keys that contradict each other are an error of the section."""
    params(f"outer:\n  {GOOD.replace('32', '99')}")
    text = complaint(read_section, "outer", Outer)
    assert text.splitlines()[1].strip() == "outer: flip and a size of 99 contradict each other"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("size: 32.0", "size"),
        ("size: true", "size"),
        ("size: '32'", "size"),
        ("rate: .nan", "rate"),
        ("rate: .inf", "rate"),
        ("flip: 1", "flip"),
        ("inner: 3", "inner"),
        ("inner:", "inner"),
    ],
)
def test_nothing_is_converted_silently(params: WriteParams, line: str, name: str) -> None:
    """A value of another type is a mistake: text for a number, 1 for true, NaN, nothing."""
    others = [text for text in GOOD.splitlines() if text.strip().split(":")[0] != name]
    params("outer:\n  " + "\n  ".join([*(text.strip() for text in others), line]))
    assert f"outer.{name}" in complaint(read_section, "outer", Outer)


def test_a_missing_section_is_named(params: WriteParams) -> None:
    """A section that is missing or empty is named in the error."""
    params("other: {}")
    assert "section outer is missing" in complaint(read_section, "outer", Outer)
    params("outer:")
    assert "outer" in complaint(read_section, "outer", Outer)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "params.yaml is missing; run from the root"),
        ("a: [1", "is not valid YAML"),
        ("a: 1\na: 2", "is not valid YAML"),
        ("", "must hold sections"),
        ("- a\n- b", "must hold sections"),
        ("just words", "must hold sections"),
        ("a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_params_file_is_one_line(
    params: WriteParams, text: str | None, words: str
) -> None:
    """No file, broken YAML, a key twice, a list or a tag that would run code: one clear line."""
    if text is not None:
        params(text)
    message = complaint(read_section, "outer", Outer)
    assert words in message
    assert "\n" not in message


def test_one_value_is_read_by_its_dotted_name(params: WriteParams) -> None:
    """A stage that uses a single key of a section reads just that, with its type checked."""
    params(f"outer:\n  {GOOD}")
    assert read_value("outer.size", int) == 32
    assert read_value("outer.inner.valid", float) == 0.5
    assert "outer.size: input should be a valid string" in complaint(read_value, "outer.size", str)
    for key in ("outer.none", "none", "outer.size.deeper", "outer.inner.by.x"):
        assert f"{key} is missing" in complaint(read_value, key, int)


def test_seed_is_a_whole_number_from_0(params: WriteParams) -> None:
    """The seed may be anything that derive takes, and nothing else."""
    for good in (0, 42, 2**63 - 1):
        params(f"seed: {good}")
        assert read_seed() == good
    for bad in ("-1", str(2**63), "1.5", "abc", "true", ""):
        params(f"seed: {bad}")
        assert "seed" in complaint(read_seed)


def test_all_params_are_the_whole_file(params: WriteParams) -> None:
    """Every section comes as the file has it, in its order, unchecked but for the seed."""
    params("fetch: {dataset: anything}\nseed: 7\nouter: [1, 2.5, null, {deep: yes}]")
    content = read_all_params()
    assert list(content) == ["fetch", "seed", "outer"]
    assert content["outer"] == [1, 2.5, None, {"deep": "yes"}]
    assert content["seed"] == 7
    for bad in ("seed: -1", "seed: x", "fetch: {}"):
        params(bad)
        assert "seed" in complaint(read_all_params)


def test_keys_are_dotted_and_in_order() -> None:
    """Every value that a model takes is listed once, sections opened."""
    assert list(dotted_keys(Outer, "outer")) == [
        "outer.size",
        "outer.rate",
        "outer.flip",
        "outer.inner.by",
        "outer.inner.valid",
    ]
    assert list(dotted_keys(Inner)) == ["by", "valid"]


def test_mistakes_need_no_prefix() -> None:
    """Without a prefix, names start at the model."""
    with pytest.raises(ValidationError) as error:
        Inner.model_validate({"by": "nmae", "vlid": 1})
    lines = validation_lines(error.value, Inner)
    assert any(line.startswith("vlid: no such parameter; did you mean valid?") for line in lines)


def test_the_real_params_can_be_read() -> None:
    """The params.yaml of the project is valid YAML with a seed."""
    content = read_yaml(Path(__file__).parents[2] / PARAMS)
    assert isinstance(content["seed"], int)


class Described(Section):
    """A section whose params say what they mean."""

    size: int = Field(ge=16, le=4096, description="side in pixels")
    rate: Literal["auto"] | Annotated[float, Field(gt=0, le=10)] = Field(
        description="peak rate", json_schema_extra={"auto": "by itself"}
    )


def test_a_wrong_value_comes_with_the_description(params: WriteParams) -> None:
    """Behind what is wrong with a value stands what it means, and its range where it is missing."""
    params("outer:\n  size: 5\n  rate: auto\n")
    assert complaint(read_section, "outer", Described).endswith(
        "outer.size: input should be greater than or equal to 16, not 5 (side in pixels)"
    )
    params("outer:\n  rate: auto\n")
    assert complaint(read_section, "outer", Described).endswith(
        "outer.size: is missing (side in pixels; 16 to 4096)"
    )


@pytest.mark.parametrize("value", ["0.0", "11", "fast"])
def test_a_value_of_two_kinds_gets_one_line(params: WriteParams, value: str) -> None:
    """What is neither the choice nor a number in the range is refused once, with both named."""
    params(f"outer:\n  size: 16\n  rate: {value}\n")
    _, *lines = complaint(read_section, "outer", Described).splitlines()
    [line] = lines
    allowed = "auto (by itself) | a number above 0, at most 10"
    assert line.strip().startswith(f"outer.rate: input should be {allowed}, not ")


def test_a_wrong_seed_says_what_the_seed_is(params: WriteParams) -> None:
    """The seed has its range and its description in one place."""
    params("seed: -1")
    assert complaint(read_seed) == (
        "params.yaml: seed: input should be greater than or equal to 0, not -1"
        " (every random draw of the project is derived from it)"
    )
