"""What each param means: its description and its allowed values, from the pydantic field.

Written once, in `Field(description=..., ge=..., le=...)` of a section's model, they reach from here
the comments of params.yaml, the table in docs/params.md and the messages about a wrong value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

# In json_schema_extra of a param that a recipe has a value for.
OF_RECIPE: JsonDict = {"auto": "as the recipe says"}
OTHERS = "others"  # names there what else a text may be
# An upper limit that nobody reaches is not worth saying.
_ENDLESS = 10**9


@dataclass(frozen=True, kw_only=True)
class ParamDoc:
    """The description of a param, and what it may be, in plain words; either may be empty."""

    description: str
    values: tuple[str, ...]  # each choice with its meaning in brackets, or the range of a number

    @property
    def allowed(self) -> str:
        """The values in one line."""
        return " | ".join(self.values)

    def sentence(self) -> str:
        """Return both, as they stand in a comment.

        >>> ParamDoc(description="side in pixels", values=("16 to 4096",)).sentence()
        'side in pixels; 16 to 4096'
        >>> ParamDoc(description="where labels come from", values=("csv", "folder")).sentence()
        'where labels come from: csv | folder'
        """
        link = ": " if len(self.values) > 1 else "; "
        return link.join(part for part in (self.description, self.allowed) if part)


def param_docs(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, ParamDoc]]:
    """Yield dotted name and description of every value that a model takes, in the model's order."""
    for name, field in model.model_fields.items():
        dotted = f"{prefix}.{name}" if prefix else name
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from param_docs(inner, dotted)
        else:
            yield dotted, _describe(field)


def describe_type(kind: Any) -> ParamDoc:
    """Return the description of an annotated type, such as that of a value outside all sections.

    >>> from pydantic import Field
    >>> describe_type(Annotated[int, Field(ge=1, description="images per step")])
    ParamDoc(description='images per step', values=('from 1',))
    """
    return _describe(FieldInfo.from_annotation(kind))


def _describe(field: FieldInfo) -> ParamDoc:
    """Return what a field says of its param; json_schema_extra has the meaning of some choices."""
    extra = field.json_schema_extra
    meanings = extra if isinstance(extra, dict) else {}
    values = tuple(_allowed(field.annotation, field.metadata, meanings))
    if meanings.items() >= OF_RECIPE.items():
        others = (str(meanings[OTHERS]),) if OTHERS in meanings else ("true", "false")
        values = (f"auto ({OF_RECIPE['auto']})", *(values or others))
    return ParamDoc(description=field.description or "", values=values)


def _allowed(kind: Any, rules: Sequence[Any], meanings: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a value may be: each choice of a Literal, the range of a number."""
    if get_origin(kind) is Literal:
        for choice in map(str, get_args(kind)):
            yield f"{choice} ({meanings[choice]})" if choice in meanings else choice
    elif get_origin(kind) is Annotated:
        inner = FieldInfo.from_annotation(kind)
        yield from (f"a number {text}" for text in _allowed(inner.annotation, inner.metadata, {}))
    elif members := get_args(kind):
        for member in members:
            yield from _allowed(member, (), meanings)
    elif text := _range(rules):
        yield text


def _range(rules: Sequence[Any]) -> str:
    """Return the limits of a number in words.

    >>> from pydantic import Field
    >>> [_range(Field(**limits).metadata) for limits in ({"ge": 1, "le": 95}, {"gt": 0, "le": 0.5})]
    ['1 to 95', 'above 0, at most 0.5']
    >>> [_range(Field(**limits).metadata) for limits in ({"ge": 0, "lt": 1}, {"ge": 0}, {})]
    ['0 to below 1', 'from 0', '']
    """
    limits: dict[str, float] = {
        name: getattr(rule, name)
        for rule in rules
        for name in ("ge", "gt", "le", "lt")
        if getattr(rule, name, None) is not None
    }
    words = {name: f"{limit:.10g}" for name, limit in limits.items() if abs(limit) < _ENDLESS}
    match words:
        case {"ge": low, "le": high}:
            return f"{low} to {high}"
        case {"ge": low, "lt": high}:
            return f"{low} to below {high}"
        case {"ge": low}:
            return f"from {low}"
    upper = {"lt": "below", "le": "at most"}
    parts = [f"above {words['gt']}"] if "gt" in words else []
    parts += [f"{text} {words[name]}" for name, text in upper.items() if name in words]
    return ", ".join(parts)
