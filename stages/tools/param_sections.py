"""The sections of params.yaml: the model of each, and which of them are right."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from stages.base.echo import cut, echo
from stages.base.params import AUTO, Section, SectionT, dotted_keys, validation_lines, without_auto
from stages.batch.views import AugmentParams
from stages.dataset.ingest_params import IngestParams
from stages.dataset.split_params import DatablockParams
from stages.fetch import FetchParams
from stages.forms.export_params import ExportParams
from stages.images.resize import PresizeParams
from stages.model.model_params import ModelParams
from stages.stats.interpret_params import InterpretParams
from stages.train.lr_find_params import LrFindParams
from stages.train.plan import FineTuneParams
from stages.train.recipe import first_recipe

SECTIONS: dict[str, type[Section]] = {
    "fetch": FetchParams,
    "ingest": IngestParams,
    "presize": PresizeParams,
    "datablock": DatablockParams,
    "augment": AugmentParams,
    "model": ModelParams,
    "lr_find": LrFindParams,
    "fine_tune": FineTuneParams,
    "interpret": InterpretParams,
    "export": ExportParams,
}

_WITH_RECIPE = ("augment", "model", "fine_tune")  # sections that a recipe has values for


@dataclass(frozen=True, kw_only=True)
class ValidSections:
    """The sections of params.yaml that are right by themselves; None where one is not."""

    fetch: FetchParams | None
    ingest: IngestParams | None
    presize: PresizeParams | None
    datablock: DatablockParams | None
    augment: AugmentParams | None
    model: ModelParams | None
    lr_find: LrFindParams | None
    fine_tune: FineTuneParams | None
    interpret: InterpretParams | None
    export: ExportParams | None


def validate_sections(content: Mapping[str, Any]) -> tuple[ValidSections, list[str]]:
    """Return the sections that are right, and a line for each mistake in the others.

    Where a param says auto, they have the value of the first recipe.
    """
    known = ["seed", *SECTIONS]
    lines = [_unknown(name, known) for name in content if name not in known]

    model_section = content.get("model")
    arch = model_section.get("arch") if isinstance(model_section, Mapping) else None
    recipe = first_recipe(str(arch))

    def valid(name: str, model: type[SectionT]) -> SectionT | None:
        try:
            section = content[name]
            filled = without_auto(section, recipe) if name in _WITH_RECIPE else section
            return model.model_validate(filled)
        except KeyError:
            keys = ", ".join(dotted_keys(model))
            lines.append(f"{name}: the section is missing; it holds {keys}")
        except ValidationError as error:
            lines.extend(validation_lines(error, model, name))
        return None

    model = valid("model", ModelParams)
    if model and arch == AUTO and model.weights not in ("package", "none"):
        lines.append(
            f"model.weights: {echo(model.weights)} is of one network, and model.arch: auto chooses "
            "between two; name the network, such as model.arch: resnet34"
        )
        model = None
    sections = ValidSections(
        fetch=valid("fetch", FetchParams),
        ingest=valid("ingest", IngestParams),
        presize=valid("presize", PresizeParams),
        datablock=valid("datablock", DatablockParams),
        augment=valid("augment", AugmentParams),
        model=model,
        lr_find=valid("lr_find", LrFindParams),
        fine_tune=valid("fine_tune", FineTuneParams),
        interpret=valid("interpret", InterpretParams),
        export=valid("export", ExportParams),
    )
    return sections, lines


def _unknown(name: object, known: list[str]) -> str:
    """Return a line about a key at the top that is none, with the nearest of those that are."""
    near = get_close_matches(str(name), known, n=1)
    meant = f"did you mean {near[0]}? There" if near else "there"
    return f"{cut(str(name), 120)}: no such key at the top; {meant} are {', '.join(known)}"
