"""One section of params.yaml becomes one frozen model; everything wrong in it is told at once."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML, YAMLError

from stages.base.errors import UserError, error_list

PARAMS = Path("params.yaml")
S = TypeVar("S", bound="Section")


class Section(BaseModel):
    """A section of params.yaml: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read_section(name: str, model: type[S]) -> S:
    """Return a whole section, checked; the UserError lists every mistake by its dotted name."""
    content = read_yaml(PARAMS)
    if name not in content:
        raise UserError(f"{PARAMS}: the section {name} is missing; see the README for its keys")
    try:
        return model.model_validate(content[name])
    except ValidationError as error:
        raise error_list(f"{PARAMS}: please mend", validation_lines(error, model, name)) from None


def read_value(key: str, kind: Any) -> Any:
    """Return one value by its dotted name, when a stage uses no more of a section than that.

    kind: its type, as in an annotation; of another type it is a UserError.
    """
    value: Any = read_yaml(PARAMS)
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UserError(f"{PARAMS}: {key} is missing; see the README for its meaning")
        value = value[part]
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise UserError(f"{PARAMS}: {key}: {_sentence(error.errors()[0])}") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML 1.2 file, as DVC reads it (1e-3 is a number there)."""
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run from the root of the repository") from None
    except YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold sections of keys and values")
    return content


def validation_lines(error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[str]:
    """Return a line for each mistake: dotted name, what is wrong, and the nearest right name."""
    return [_line(detail, model, prefix) for detail in error.errors()]


def dotted_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every value that a model takes, in the order of the model."""
    for name, field in model.model_fields.items():
        dotted = f"{prefix}.{name}" if prefix else name
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from dotted_keys(inner, dotted)
        else:
            yield dotted


def _line(detail: Mapping[str, Any], model: type[BaseModel], prefix: str) -> str:
    dotted = ".".join(str(part) for part in (prefix, *detail["loc"]) if part != "")
    if detail["type"] != "extra_forbidden":
        return f"{dotted}: {_sentence(detail)}"
    near = _nearest(dotted, list(dotted_keys(model, prefix)))
    return f"{dotted}: no such parameter" + (f"; did you mean {near}?" if near else "")


def _nearest(dotted: str, known: list[str]) -> str:
    """Return the key or subsection whose last part resembles that of an unknown name, or nothing.

    Whole dotted names would all look alike, since they begin with the same section.
    """
    subsections = [parent for key in known if (parent := key.rpartition(".")[0]).count(".")]
    by_last = {name.rpartition(".")[2]: name for name in [*subsections, *reversed(known)]}
    near = get_close_matches(dotted.rpartition(".")[2], list(by_last), n=1, cutoff=0.5)
    return by_last[near[0]] if near else ""


def _sentence(detail: Mapping[str, Any]) -> str:
    if detail["type"] == "missing":
        return "is missing; see the README for its meaning"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return message
    return f"{message[0].lower()}{message[1:]}, not {detail['input']!r}"


def read_seed() -> int:
    """Return the seed that every random draw of the project is derived from."""
    seed = read_value("seed", int)
    if not 0 <= seed < 2**63:
        raise UserError(f"{PARAMS}: seed must be a whole number from 0 up, not {seed}")
    return seed
