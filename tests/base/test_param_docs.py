"""The meaning of a param is written once, in its pydantic field, and read from there."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from stages.base.param_docs import ParamDoc, describe_type, param_docs
from stages.base.params import Section


class Inner(Section):
    """A section within a section."""

    by: Literal["name", 4] = Field(
        description="what counts", json_schema_extra={"name": "of the file"}
    )


class Outer(Section):
    """A section as stages have them."""

    size: int = Field(ge=16, le=4096, description="side in pixels")
    inner: Inner
    bare: str


def test_every_value_is_described_by_its_dotted_name_in_order() -> None:
    """Sections are opened, and a field that says nothing has an empty description."""
    docs = list(param_docs(Outer, "outer"))
    assert docs == [
        ("outer.size", ParamDoc(description="side in pixels", values=("16 to 4096",))),
        (
            "outer.inner.by",
            ParamDoc(description="what counts", values=("name (of the file)", "4")),
        ),
        ("outer.bare", ParamDoc(description="", values=())),
    ]
    assert [key for key, _ in param_docs(Inner)] == ["by"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Annotated[int, Field(ge=1, le=95)], ("1 to 95",)),
        (Annotated[float, Field(gt=0, le=0.5)], ("above 0, at most 0.5",)),
        (Annotated[float, Field(gt=0, lt=1)], ("above 0, below 1",)),
        (Annotated[float, Field(ge=0, lt=1)], ("0 to below 1",)),
        (Annotated[float, Field(le=1e6)], ("at most 1000000",)),
        (Annotated[int, Field(ge=0, lt=2**63)], ("from 0",)),
        (Annotated[str, Field(min_length=1)], ()),
        (bool, ()),
        (float, ()),
        (Literal["auto"] | Annotated[float, Field(gt=0)], ("auto", "a number above 0")),
        (Literal["none", 4], ("none", "4")),
    ],
)
def test_values_are_choices_or_a_range_in_words(kind: object, values: tuple[str, ...]) -> None:
    """Each limit and each choice is named; an upper limit that nobody reaches is not."""
    assert describe_type(kind).values == values


def test_a_union_keeps_the_meaning_of_its_choice() -> None:
    """A choice beside a number is explained as one among choices is."""

    class Rates(Section):
        """One param that is a choice or a number."""

        rate: Literal["auto"] | Annotated[float, Field(le=10)] = Field(
            description="rate", json_schema_extra={"auto": "by itself"}
        )

    doc = dict(param_docs(Rates))["rate"]
    assert doc.sentence() == "rate: auto (by itself) | a number at most 10"


def test_a_sentence_joins_only_what_there_is() -> None:
    """Without a description the values stand alone, and the other way round."""
    assert ParamDoc(description="side", values=()).sentence() == "side"
    assert ParamDoc(description="", values=("16 to 4096",)).sentence() == "16 to 4096"
    assert ParamDoc(description="side", values=("1 to 2",)).sentence() == "side; 1 to 2"
