"""Run params: the sections of params.yaml that a recipe has values for."""

from dataclasses import dataclass

from stages.base.params import read_section
from stages.batch.views import AugmentParams
from stages.model.classifier import ModelParams
from stages.train.plan import FineTuneParams
from stages.train.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class RunParams:
    """What is seen, by which model, and how it is trained."""

    augment: AugmentParams
    model: ModelParams
    fine_tune: FineTuneParams


def read_run_params(recipe: Recipe) -> RunParams:
    """Read the three sections from params.yaml, with the recipe's value for every auto."""
    return RunParams(
        augment=read_section("augment", AugmentParams, recipe),
        model=read_section("model", ModelParams, recipe),
        fine_tune=read_section("fine_tune", FineTuneParams, recipe),
    )
