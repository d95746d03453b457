"""Params: a section of params.yaml becomes a frozen model, or one error with every mistake."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stages.base.echo import cut, echo
from stages.base.errors import UserError, error_list
from stages.base.param_docs import ParamDoc, describe_type, param_docs
from stages.base.yaml_file import read_yaml

PARAMS = Path("params.yaml")
AUTO = "auto"  # in place of a value: as the recipe says
SectionT = TypeVar("SectionT", bound="Section")
_UNDESCRIBED = ParamDoc(description="", values=())
Seed: TypeAlias = Annotated[
    int, Field(ge=0, lt=2**63, description="every random draw of the project is derived from it")
]
# What YAML 1.2 can hold, without its dates.
YamlValue: TypeAlias = bool | int | float | str | list["YamlValue"] | dict[str, "YamlValue"] | None


class Section(BaseModel):
    """A section of params.yaml: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read_section(name: str, model: type[SectionT], recipe: object = None) -> SectionT:
    """Return a whole section, checked; the UserError lists every mistake by its dotted name.

    recipe: has as attributes the values of the keys that say auto.
    """
    content = read_yaml(PARAMS)
    if name not in content:
        raise UserError(f"{PARAMS}: the section {name} is missing; see docs/params.md for its keys")
    try:
        return model.model_validate(without_auto(content[name], recipe))
    except ValidationError as error:
        raise error_list(f"{PARAMS}: please mend", validation_lines(error, model, name)) from None


def without_auto(content: Any, recipe: object) -> Any:
    """Return a section, as read, with the values of a recipe in place of auto."""
    if not isinstance(content, Mapping):
        return content
    return {key: _value_of(key, value, recipe) for key, value in content.items()}


def _value_of(key: Any, value: Any, recipe: object) -> Any:
    named = isinstance(key, str) and value == AUTO
    return getattr(recipe, key, value) if named else value


def read_value(key: str, kind: Any, recipe: object = None) -> Any:
    """Return one value by its dotted name, when a stage uses no more of a section than that.

    kind: its type, as in an annotation; of another type it is a UserError. recipe: has as
    attributes the values of the keys that say auto.
    """
    value: Any = read_yaml(PARAMS)
    for name in key.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise UserError(f"{PARAMS}: {key} is missing; see docs/params.md for its meaning")
        value = _value_of(name, value[name], recipe)
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        line = _sentence(error.errors()[0], describe_type(kind))
        raise UserError(f"{PARAMS}: {key}: {line}") from None


def read_all_params() -> dict[str, YamlValue]:
    """Return the whole of params.yaml, for a stage that shows all params; only the seed is checked.

    A stage that calls this depends on every param.
    """
    params: dict[str, YamlValue] = read_yaml(PARAMS)
    return params | {"seed": read_seed()}


def read_seed() -> int:
    """Return the seed that every random draw of the project is derived from."""
    seed: int = read_value("seed", Seed)
    return seed


def validation_lines(error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[str]:
    """Return a line for each mistake: dotted name, what is wrong, and the param's description.

    An unknown name gets the nearest right one. A value that may be of two kinds gets one line.
    """
    docs = dict(param_docs(model, prefix))
    lines: dict[str, str] = {}
    for detail in error.errors():
        dotted = ".".join(str(part) for part in (prefix, *detail["loc"]) if part != "")
        # Behind the name of a param, pydantic puts each kind that its value is not.
        key = next((key for key in docs if dotted.startswith(f"{key}.")), dotted)
        if key in lines:
            continue
        if detail["type"] == "extra_forbidden":
            near = _nearest(cut(key, 120), list(docs))
            lines[key] = "no such parameter" + (f"; did you mean {near}?" if near else "")
        elif key != dotted:
            lines[key] = f"input should be {docs[key].allowed}, not {echo(detail['input'])}"
        else:
            lines[key] = _sentence(detail, docs.get(key, _UNDESCRIBED))
    return [f"{cut(key, 120)}: {line}" for key, line in lines.items()]


def dotted_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every value that a model takes, in the order of the model."""
    for key, _ in param_docs(model, prefix):
        yield key


def _nearest(dotted: str, known: list[str]) -> str:
    """Return the key or subsection whose last part resembles that of an unknown name, or nothing.

    Whole dotted names would all look alike, since they begin with the same section.
    """
    subsections = [parent for key in known if (parent := key.rpartition(".")[0]).count(".")]
    by_last = {name.rpartition(".")[2]: name for name in [*subsections, *reversed(known)]}
    near = get_close_matches(dotted.rpartition(".")[2], list(by_last), n=1, cutoff=0.5)
    return by_last[near[0]] if near else ""


def _sentence(detail: Mapping[str, Any], doc: ParamDoc) -> str:
    """Return what pydantic says is wrong with a value, and what the value means."""
    if detail["type"] == "missing":
        meaning = f" ({doc.sentence()})" if doc.description else "; see docs/params.md"
        return f"is missing{meaning}"
    message: str = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return cut(message, 400)
    meaning = f" ({doc.description})" if doc.description else ""
    return f"{message[0].lower()}{message[1:]}, not {echo(detail['input'])}{meaning}"
