"""Which recipe a set gets, by its probes and its size."""

import math

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.batch.batches import steps_per_epoch
from stages.model.classifier import HeadName, LossName, ModelParams
from stages.model.probe import Probe
from stages.train.plan import epoch_plans, phases
from stages.train.probe_start import ProbeStart
from stages.train.recipe import (
    DEEP,
    FROM_PROBE,
    HEAD_FIRST,
    LARGEST_PROBE_ERROR,
    SHALLOW_RATIO,
    Recipe,
    StartName,
    choose_recipe,
    first_recipe,
)
from tests.train.tiny_training import changed_params

HEADS: tuple[HeadName, ...] = ("linear", "fastai")
LITE = ModelParams(arch="efficientnet_lite0", weights="package", head="linear", cut="none")


def chosen(
    start: StartName = "auto",
    errors: tuple[float, float] = (0.1, math.nan),
    images: int = 800,
    head: HeadName = "linear",
    loss: LossName = "cross_entropy",
    arch: str = "efficientnet_lite0",
) -> Recipe:
    """Return the recipe of a set of 800 images, if nothing else is said.

    errors: of the probe of the whole backbone, and of the other.
    """
    model = LITE.model_copy(update={"head": head, "arch": arch})
    return choose_recipe(start, model, loss, fitted(*errors, images))


def fitted(error: float, shallow_error: float, images: int) -> ProbeStart:
    """Return a probe on so many training images that errs on a share of them, and another."""
    numbers = np.zeros(1)
    probe = Probe(
        classes=numbers, means=numbers, variances=numbers, weights=numbers, biases=numbers,
        temperature=numbers,
    )  # fmt: skip
    return ProbeStart(
        probe=probe, trial_probe=probe, held_out=numbers, held_out_right=numbers,
        error=np.array(error), shallow_error=np.array(shallow_error),
        images=np.array(images),
    )  # fmt: skip


def test_two_probes_decide() -> None:
    """Training goes deep exactly where the shortened backbone's probe errs less than 4/3 of it."""
    assert chosen(errors=(0.14, 0.06)) == chosen(errors=(0.3, 0.33)) == DEEP
    assert chosen(errors=(0.3, 0.3 * SHALLOW_RATIO - 1e-6)) == chosen(errors=(1, 1)) == DEEP
    assert chosen(errors=(0.3, 0.3 * SHALLOW_RATIO)) == chosen(errors=(0.6, 0.9)) == FROM_PROBE
    assert chosen(errors=(0, 0)) == chosen(errors=(0, 0.1)) == FROM_PROBE
    assert chosen("zero", errors=(0.2, 0.3)) == HEAD_FIRST
    assert chosen(errors=(0.1, 0.05), images=99) == FROM_PROBE
    assert chosen(errors=(0.1, 0.05), images=101).name == DEEP.name
    assert chosen("probe", errors=(0.2, 0.1)) == FROM_PROBE


def test_a_good_probe_is_the_start_where_there_is_no_other() -> None:
    """Up to the largest error training starts from the probe, and above it goes deep."""
    assert (
        chosen(errors=(0.0, math.nan))
        == chosen(errors=(LARGEST_PROBE_ERROR, math.nan))
        == FROM_PROBE
    )
    assert (
        chosen(errors=(LARGEST_PROBE_ERROR + 0.001, math.nan))
        == chosen(errors=(1.0, math.nan))
        == DEEP
    )


def test_what_cannot_be_the_probe_trains_its_head_first() -> None:
    """Another head or loss starts at its own; so does what is told to start at zero."""
    assert chosen(head="fastai") == chosen(loss="bce") == chosen("zero") == HEAD_FIRST
    assert (
        chosen(head="fastai", errors=(0.5, math.nan))
        == chosen("zero", errors=(0.5, math.nan))
        == DEEP
    )


def test_the_probe_may_be_asked_for() -> None:
    """However bad it is, with fine_tune.start: probe it is the start."""
    assert chosen("probe", errors=(1.0, math.nan)) == FROM_PROBE
    with pytest.raises(UserError, match=r"fine_tune.start: only model.head: linear .* zero$"):
        chosen("probe", head="fastai")


@pytest.mark.parametrize(
    ("images", "epochs"),
    [(0, 40), (1, 40), (160, 40), (400, 23), (749, 13), (750, 12), (10**6, 12)],
)
def test_few_images_are_seen_more_often(images: int, epochs: int) -> None:
    """Going deep takes enough epochs for 9,000 images, from 12 to 40."""
    assert chosen(errors=(0.5, math.nan), images=images).epochs == epochs


@pytest.mark.parametrize("recipe", [FROM_PROBE, HEAD_FIRST, DEEP])
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


def test_another_backbone_stays_whole() -> None:
    """Only the backbones that were measured are ended early, or see more than 224 pixels."""
    deep = chosen(errors=(0.5, math.nan), arch="resnet34")
    assert (deep.cut, deep.size, deep.train_bn) == ("none", 224, True)
    for head in HEADS:
        assert chosen(arch="vit_b_16", head=head).size == 224
    assert first_recipe("vit_b_16").size == 224
    assert first_recipe("efficientnet_lite2") == FROM_PROBE
