"""What a param means is written once, in its model, and reaches params.yaml and the docs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stages.base.errors import UserError
from stages.base.param_docs import OF_RECIPE, OTHERS, ParamDoc
from stages.base.yaml_file import read_yaml
from stages.tools import params
from stages.tools.param_sections import SECTIONS
from stages.tools.yaml_text import values_as_written
from stages.train.recipe import DEEP

ROOT = Path(__file__).parents[2]
DOCS = {
    "seed": ParamDoc(description="of every draw", values=("from 0",)),
    "model.cut": ParamDoc(description="where it ends", values=("none (all of it)", "4")),
    "model.arch": ParamDoc(description="any classifier", values=()),
}


def fields(model: type[BaseModel]) -> Iterator[FieldInfo]:
    """Yield every field of a model that is a value, those of inner sections too."""
    for field in model.model_fields.values():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields(inner)
        else:
            yield field


def choices(kind: Any) -> set[str]:
    """Return the choices in an annotation, as text."""
    if get_origin(kind) is Literal:
        return {str(choice) for choice in get_args(kind)}
    return set[str]().union(*(choices(member) for member in get_args(kind)))


def test_the_files_are_those_of_the_models() -> None:
    """params.yaml's comments and docs/params.md say what the models say: else, make deps."""
    for path, text in params.written_files(ROOT).items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path} is stale; run make deps"


def test_every_param_has_a_description() -> None:
    """The descriptions are those of the keys of params.yaml, none is empty, none is used twice."""
    docs = params.all_params()
    assert sorted(docs) == sorted(values_as_written((ROOT / "params.yaml").read_text("utf-8")))
    descriptions = [doc.description for doc in docs.values()]
    assert all(descriptions)
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.parametrize("model", SECTIONS.values())
def test_only_choices_that_exist_are_explained(model: type[BaseModel]) -> None:
    """What json_schema_extra explains is a choice of the same field."""
    for field in fields(model):
        extra = field.json_schema_extra
        explained = set(extra if isinstance(extra, dict) else {})
        others = {OTHERS} if field.annotation is str else set()
        assert explained - set(OF_RECIPE) - others <= choices(field.annotation)


def test_what_may_be_auto_has_a_value_in_every_recipe() -> None:
    """A param is described as auto exactly where the recipes have a value for it."""
    described = {
        key.rpartition(".")[2]: key
        for key, doc in params.all_params().items()
        if "auto (as the recipe says)" in doc.values
    }
    assert set(described) == set(vars(DEEP)) - {"name"}
    assert len(described) == len(set(described.values()))


def test_the_table_has_a_row_for_each_param() -> None:
    """The page lists key, meaning and values."""
    rows = params.params_table(DOCS).splitlines()
    assert rows[-5:] == [
        "| key | meaning | values |",
        "| --- | --- | --- |",
        "| `seed` | of every draw | from 0 |",
        "| `model.cut` | where it ends | `none` (all of it), `4` |",
        "| `model.arch` | any classifier | |",
    ]


def test_the_command_compares_without_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--check refuses, naming the stale files; without it comments and docs are written."""

    def run(*options: str) -> None:
        monkeypatch.setattr(sys, "argv", ["params", *options])
        params.main()

    monkeypatch.chdir(tmp_path)
    stale = "# Mine.\nseed: 7 # old\n\nmodel:\n  arch: resnet18\n"
    (tmp_path / "params.yaml").write_text(stale)
    with pytest.raises(UserError, match="make deps") as refused:
        run("--check")
    assert all(name in str(refused.value) for name in ("params.yaml", "docs/params.md"))
    assert (tmp_path / "params.yaml").read_text() == stale
    with pytest.raises(UserError, match="takes --check or nothing"):
        run("--chekc")
    run()
    written = (tmp_path / "params.yaml").read_text()
    assert written.startswith("# Mine.\nseed: 7 # every random draw")
    assert read_yaml(tmp_path / "params.yaml") == {"seed": 7, "model": {"arch": "resnet18"}}
    run("--check")
