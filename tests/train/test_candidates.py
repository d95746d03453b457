"""Which recipes may suit a set, by its probes and its size."""

import math
from dataclasses import replace

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.model.model_params import HeadName, LossName, ModelParams
from stages.model.probe import Probe
from stages.train.candidates import (
    CLEAR_RATIO,
    FEWEST_ERRORS,
    GOOD_PROBE_ERROR,
    LARGEST_PROBE_ERROR,
    SHALLOW_RATIO,
    Candidates,
    candidates,
)
from stages.train.probe_start import ProbeStart
from stages.train.recipe import (
    DEEP,
    FAR_FROM_PROBE,
    FROM_PROBE,
    HEAD_FIRST,
    Recipe,
    StartName,
    first_recipe,
)

HEADS: tuple[HeadName, ...] = ("linear", "fastai")
LITE = ModelParams(arch="efficientnet_lite0", weights="package", head="linear", cut="none")


def options(
    start: StartName = "auto",
    errors: tuple[float, float] = (0.1, math.nan),
    images: int = 800,
    head: HeadName = "linear",
    loss: LossName = "cross_entropy",
    arch: str = "efficientnet_lite0",
) -> Candidates:
    """Return the recipes for a set of 800 images, if nothing else is said.

    errors: of the probe of the whole backbone, and of the other.
    """
    model = LITE.model_copy(update={"head": head, "arch": arch})
    return candidates(start, model, loss, fitted(*errors, images))


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


def far(epochs: float) -> Recipe:
    """Return training that goes far from the probe, for so many epochs."""
    return replace(FAR_FROM_PROBE, epochs=epochs)


SETTLED = Candidates(anew=None, otherwise=FROM_PROBE, likely=FROM_PROBE)


def test_clear_probes_settle_it() -> None:
    """Where the other probe errs three times as often, or few are wrong, nothing is tried."""
    assert options(errors=(0.1, 0.1 * CLEAR_RATIO)) == options(errors=(0, 0)) == SETTLED
    assert options(errors=(0.1, 0.1 * CLEAR_RATIO - 1e-6)).anew == DEEP
    assert options(errors=(9 / 77, 0.05), images=77) == SETTLED
    assert options(errors=(10 / 77, 0.05), images=77).anew is not None
    assert options("probe", errors=(0.1, 0.05)) == SETTLED


def test_without_a_trial_the_ratio_of_the_probes_decides() -> None:
    """Learning anew is likely exactly where the other probe errs less than 4/3 of the whole's."""
    assert options(errors=(0.14, 0.06)).likely == options(errors=(1, 1)).likely == DEEP
    assert options(errors=(0.3, 0.3 * SHALLOW_RATIO - 1e-6)).likely == DEEP
    assert options(errors=(0.3, 0.3 * SHALLOW_RATIO)).likely == far(6)
    assert options("zero", errors=(0.2, 0.3)).likely == HEAD_FIRST


def test_training_goes_far_from_a_probe_that_errs_often() -> None:
    """Above a tenth out of fold, of ten images at least, and however it is asked to start there."""
    assert options(errors=(GOOD_PROBE_ERROR, 1)).otherwise == FROM_PROBE
    assert options(errors=(GOOD_PROBE_ERROR + 1e-6, 1)).otherwise == far(6)
    assert options("probe", errors=(1.0, 0.1)).likely == far(6)
    for images in (40, 77, 99):
        ten = FEWEST_ERRORS / images
        assert options(errors=(ten, 1), images=images).otherwise.name == FAR_FROM_PROBE.name
        assert options(errors=(ten - 1 / images, 1), images=images).otherwise == FROM_PROBE
    assert FAR_FROM_PROBE.from_probe


@pytest.mark.parametrize(
    ("images", "epochs"), [(100, 40), (112, 40), (113, 40), (240, 19), (1500, 3), (10**6, 3)]
)
def test_far_from_the_probe_few_images_are_seen_more_often(images: int, epochs: int) -> None:
    """The epochs see 4,500 images, from 3 epochs to 40."""
    assert options(errors=(0.5, 1), images=images).otherwise == far(epochs)


def test_a_good_probe_is_likely_the_start_where_there_is_no_other() -> None:
    """Up to the largest error of the one probe its start is likely, and above it learning anew."""
    assert options(errors=(0.0, math.nan)) == SETTLED
    assert options(errors=(LARGEST_PROBE_ERROR, math.nan)).likely == far(6)
    assert options(errors=(LARGEST_PROBE_ERROR + 0.001, math.nan)).likely == DEEP
    assert options(errors=(1.0, math.nan)).likely == options(errors=(0.1, math.nan)).anew == DEEP


def test_what_cannot_be_the_probe_trains_its_head_first() -> None:
    """Another head or loss starts at its own; so does what is told to start at zero."""
    for unfit in (options(head="fastai"), options(loss="bce"), options("zero")):
        assert unfit.otherwise == HEAD_FIRST
        assert unfit.anew == DEEP


def test_a_recipe_is_found_by_its_name() -> None:
    """The name in suggestion.json gives one of the candidates, and no name the likely one."""
    both = options(errors=(0.3, 0.3))
    assert both.named("deep") == both.named(None) == DEEP
    assert both.named("far from the probe") == far(6)
    assert SETTLED.named("deep") == FROM_PROBE


def test_the_probe_may_be_asked_for() -> None:
    """However bad it is, with fine_tune.start: probe it is the start."""
    assert options("probe", errors=(1.0, math.nan)).anew is None
    assert options("probe", errors=(0.0, math.nan)) == SETTLED
    with pytest.raises(UserError, match=r"fine_tune.start: only model.head: linear .* zero$"):
        options("probe", head="fastai")


@pytest.mark.parametrize(
    ("images", "epochs"),
    [(10, 40), (160, 40), (400, 23), (749, 13), (750, 12), (10**6, 12)],
)
def test_few_images_are_seen_more_often(images: int, epochs: int) -> None:
    """Going deep takes enough epochs for 9,000 images, from 12 to 40."""
    deep = options(errors=(1, math.nan), images=images).anew
    assert (deep or DEEP).epochs == epochs


def test_a_budget_is_that_of_each_candidate() -> None:
    """Whichever is chosen sees so many images."""
    both = options(errors=(0.3, 0.3))
    limited = both.with_budget(1000, 800, 16)
    assert limited.anew == limited.likely == DEEP.with_budget(1000, 800, 16)
    assert limited.otherwise == far(6).with_budget(1000, 800, 16)
    assert SETTLED.with_budget(1000, 800, 16).anew is None


def test_another_backbone_stays_whole() -> None:
    """Only the backbones that were measured are ended early, or see more than 224 pixels."""
    deep = options(errors=(0.5, math.nan), arch="resnet34").likely
    assert (deep.cut, deep.size, deep.train_bn) == ("none", 224, True)
    for head in HEADS:
        assert options(arch="vit_b_16", head=head).otherwise.size == 224
    assert first_recipe("vit_b_16").size == 224
    assert first_recipe("efficientnet_lite2") == first_recipe("auto") == FROM_PROBE
