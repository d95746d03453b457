"""The sections of params.yaml that a recipe has values for."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.yaml_file import read_yaml
from stages.train.recipe import DEEP, FROM_PROBE
from stages.train.run_params import read_run_params

PARAMS_FILE = Path(__file__).parents[2] / "params.yaml"


def test_auto_is_what_the_recipe_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each auto of the three sections has the recipe's value, and what is named stays."""
    content = PARAMS_FILE.read_text("utf-8").replace("cut: auto", "cut: 8")
    (tmp_path / "params.yaml").write_text(content, "utf-8")
    monkeypatch.chdir(tmp_path)
    for recipe in (DEEP, FROM_PROBE):
        params = read_run_params(recipe)
        assert (params.augment.size, params.augment.flip) == (recipe.size, recipe.flip)
        assert params.model.cut == 8
        assert params.fine_tune.base_lr == recipe.base_lr
        assert params.fine_tune.epochs == recipe.epochs
        assert params.fine_tune.batch_size == read_yaml(PARAMS_FILE)["fine_tune"]["batch_size"]


def test_a_mistake_in_any_of_the_sections_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that is none is refused with its dotted name."""
    content = PARAMS_FILE.read_text("utf-8").replace("trained_share: auto", "trained_share: 2")
    (tmp_path / "params.yaml").write_text(content, "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"fine_tune\.trained_share"):
        read_run_params(DEEP)
