"""What a recipe sets for so many images, and within a budget."""

import pytest

from stages.base.errors import UserError
from stages.batch.epoch_size import steps_per_epoch
from stages.train.plan import epoch_plans, phases
from stages.train.recipe import (
    DEEP,
    FAR_FROM_PROBE,
    FROM_PROBE,
    HEAD_FIRST,
    Recipe,
    deep_recipe,
    far_recipe,
    first_recipe,
    shallow_recipe,
)
from tests.train.tiny_training import changed_params


@pytest.mark.parametrize("recipe", [FROM_PROBE, FAR_FROM_PROBE, HEAD_FIRST, DEEP])
@pytest.mark.parametrize(("budget", "images"), [(1000, 879), (16, 100), (30_000, 40), (9, 9)])
def test_a_budget_is_met(recipe: Recipe, budget: int, images: int) -> None:
    """The epochs for a number of images see so many, as steps of whole batches allow."""
    limited = recipe.with_budget(budget, images, 16)
    params = changed_params(epochs=limited.epochs, freeze_epochs=limited.freeze_epochs)
    steps = sum(
        plan.steps for plan in epoch_plans(phases(params, 0.02, 2), steps_per_epoch(images, 16))
    )
    assert abs(steps * min(images, 16) - budget) <= 16
    assert recipe.with_budget("auto", images, 16) == recipe


def test_a_budget_beyond_all_epochs_is_refused() -> None:
    """More images than 1,000 epochs have are refused with the most that there may be."""
    assert DEEP.with_budget(32_000, 40, 16).epochs == 1000
    with pytest.raises(
        UserError, match=r"images_seen: 32,001 .* 1,000 epochs of 32 images; .*000$"
    ):
        DEEP.with_budget(32_001, 40, 16)


def test_recipes_of_other_backbones_see_what_these_were_made_for() -> None:
    """The recipes of an architecture that was not measured see 224 pixels, uncut, and stay near."""
    assert first_recipe("vit_b_16").size == 224
    assert far_recipe("vit_b_16", 100) == first_recipe("vit_b_16")
    assert (deep_recipe("vit_b_16", 100).size, deep_recipe("vit_b_16", 100).cut) == (224, "none")
    assert shallow_recipe("vit_b_16") is None
    assert shallow_recipe("auto") == DEEP
    assert far_recipe("auto", 1500) == FAR_FROM_PROBE
