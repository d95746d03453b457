"""Recipe: the params that are auto, by two linear probes on this set and by a trial.

One sees the features of the whole backbone, which know things in photographs, the other those of a
shortened one at a small size, which know strokes and shapes. Where the whole is clearly better,
training starts from its probe, the first half of the backbone stays as it is, and the other changes
little or much, as the probe errs seldom or often. Else a trial decides whether all layers of the
shortened one learn anew, for many epochs. Every number here was chosen on the half `choosing` of
the sets of benchmarks/recipe_sets.py.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from stages.base.errors import UserError
from stages.base.params import AUTO
from stages.base.plural import count_noun
from stages.batch.epoch_size import images_per_epoch
from stages.model.model_params import Cut, LossName, ModelParams, can_be_probe
from stages.model.packages import PACKAGES
from stages.train.probe_start import ProbeStart

StartName = Literal["auto", "probe", "zero"]
ImagesSeen = Literal["auto"] | Annotated[int, Field(ge=1, le=10**9)]
LARGEST_EPOCHS = 1000
RecipeName = Literal["from the probe", "far from the probe", "head first", "deep"]
# The error of the shortened backbone's probe by that of the whole one's, from which on a set is
# probably of things in photographs, where no trial can be made. Out of fold, %, the whole at 288
# pixels and the shortened at 96: digits 29.8 and 32.5, grey scans 28.0 and 14.5, more of them 14.1
# and 6.0, letters of an alphabet 16.0 and 8.1. Learning anew left 4.3 % of two divisions of the
# letters wrong, the probe 17.3; of the digits it leaves 3.3, and training from their probe 27.4.
SHALLOW_RATIO = 4 / 3
# From which on a trial of learning anew is not worth its time. Below it only a trial can tell: out
# of fold the two probes err on 15.6 and 22.9 % of traffic signs, 9.0 and 17.3 of hands, 16.0 and
# 21.5 of textures, 13.5 and 25.6 of trash, of which learning anew leaves 0.7, 0.8, 29 and 14 % of
# the validation images wrong, and the whole one's probe 20.1, 8.3, 11 and 8. Of pets it is 7.4 and
# 56.3, and the photos are what ImageNet knows.
CLEAR_RATIO = 3.0
# Of the whole one's probe, from which on the ratio says something; and fewer leave little to win.
FEWEST_ERRORS = 10
# Of the training images out of fold, up to which the probe is good: see FAR_FROM_PROBE.
GOOD_PROBE_ERROR = 0.1
# Where there is no other probe to compare with: of the training images out of fold, up to which
# training starts from the probe. Of textures, trash and pets it errs on 13, 13 and 7 %, of the
# digits and of grey scans on 26 and 29 %.
LARGEST_PROBE_ERROR = 0.2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What each param of augment, model and fine_tune is that says auto."""

    name: RecipeName
    arch: str
    size: int
    flip: bool
    max_darkening: float
    cut: Cut
    epochs: float
    freeze_epochs: float
    base_lr: float | Literal["find"]
    lr_mult: float
    train_bn: bool
    frozen_share: float
    trained_share: float

    @property
    def from_probe(self) -> bool:
        """Return whether training starts from the probe."""
        return self.name in (FROM_PROBE.name, FAR_FROM_PROBE.name)

    def with_budget(self, images_seen: ImagesSeen, images: int, batch_size: int) -> "Recipe":
        """Return the recipe with the epochs of images that see so many, in the same proportion."""
        if images_seen == "auto":
            return self
        per_epoch = images_per_epoch(images, batch_size)
        epochs = images_seen / per_epoch
        if epochs > LARGEST_EPOCHS:
            raise UserError(
                f"params.yaml: fine_tune.images_seen: {images_seen:,} are more than "
                f"{LARGEST_EPOCHS:,} epochs of {count_noun(per_epoch, 'image')}; "
                f"set at most {LARGEST_EPOCHS * per_epoch}"
            )
        factor = epochs / (self.epochs + self.freeze_epochs)
        return replace(self, epochs=self.epochs * factor, freeze_epochs=self.freeze_epochs * factor)


FROM_PROBE = Recipe(
    name="from the probe",
    # The probe alone, five divisions, of lite0 and of lite2 at 288 pixels, in %: pets 6.8 and 6.3,
    # trash 12.9 and 11.1, textures 14.0 and 13.8; out of fold 7.6 and 7.0, 14.7 and 12.9, 15.0 and
    # 16.1. lite1 leaves 6.1 of pets wrong, out of fold 7.7. The features take 1.3 times as long.
    arch="efficientnet_lite2",
    # The probe alone, five divisions, %, of lite0: pets 6.7 and at 224 pixels 7.6, textures 13.2
    # and 13.4, trash 13.2 and 12.7; of lite2 at 320 pixels pets 6.5.
    size=288,
    flip=True,
    max_darkening=0.0,
    cut="none",
    epochs=3,
    freeze_epochs=0,
    # Three divisions of pets, %: the probe 5.6, from it at 3e-4 5.5, at 1e-3 8.2, and half way back
    # from there 6.7. Trash: the probe 12.6, 11.0, 11.4 and 11.4.
    base_lr=3e-4,
    lr_mult=10.0,
    train_bn=False,
    # Twice as fast as the whole. Of trash, two divisions at 224 pixels, it left 7.6 % wrong; the
    # whole, from logistic regression, 11.2.
    frozen_share=0.5,
    # Half way back to the probe (WiSE-FT). Of pets and trash, four divisions, it errs less on
    # three and alike on one (5.5 for 5.9, 8.2 for 9.4, 7.1 for 8.2, 15.3 for 15.3 %); on three more
    # of each 5.5 for 5.5 and 11.8 for 11.0 %. The log loss of trash prefers the end, of pets not.
    trained_share=0.5,
)
# For photos of things that the probe often mistakes. One division each, %: the probe, near it as
# above, and as here. Cars 28, 30, 17; flowers 33, 33, 25; clothes 17, 18, 14; expressions 42, 38,
# 35; trash 7, 8, 7; textures 13, 11, 11. Half way back from here 25, 27, 15, 42, 7, 11. Of clothes
# 2,500 images left 15. Of pets, where the probe errs on 5.5, it left 5.9.
FAR_FROM_PROBE = replace(FROM_PROBE, name="far from the probe", base_lr=1e-3, trained_share=1.0)
_FAR_IMAGES = 4_500
# For a head or a loss that cannot be the probe: the head learns before anything else does.
HEAD_FIRST = replace(
    FROM_PROBE,
    name="head first",
    epochs=2,
    freeze_epochs=4,
    base_lr=7e-4,
    lr_mult=100.0,
    frozen_share=0.0,
    trained_share=1.0,
)
DEEP = Recipe(
    name="deep",
    arch="efficientnet_lite0",
    size=96,
    flip=False,
    # White paper is white in every view but for this. Of an alphabet's letters, darkened to
    # .4, 77 % were wrong without it and 5.8 with it; of those not darkened 5.8 and 5.8.
    max_darkening=0.7,
    cut=16,
    epochs=12,
    freeze_epochs=0,
    base_lr="find",
    lr_mult=1.0,
    train_bn=True,
    frozen_share=0.0,
    trained_share=1.0,
)
# Seen in training, at least. Of 160 grey scans 12 epochs left 5.6 % wrong and 40 left 2.5 %.
_DEEP_IMAGES = 9_000
_MOST_EPOCHS = 40
# Of backbones that are not packaged: most were made for it, and some take no other.
_SIZE_OF_OTHERS = 224


def first_recipe(arch: str) -> Recipe:
    """Return the recipe by which the probe is fitted, before it can tell which one suits."""
    return FROM_PROBE if _is_measured(arch) else replace(FROM_PROBE, size=_SIZE_OF_OTHERS)


def shallow_recipe(arch: str) -> Recipe | None:
    """Return the recipe by which the other probe is fitted; None where no backbone is shortened."""
    return DEEP if _is_measured(arch) else None


def _is_measured(arch: str) -> bool:
    """Return whether the recipes were measured on an architecture, or on one like it."""
    return arch == AUTO or arch in PACKAGES


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The recipes that may suit a set, of which a trial decides."""

    anew: Recipe | None  # all layers learn anew; None where that is out of the question
    otherwise: Recipe  # where the first errs no less than the probe in a trial
    likely: Recipe  # of the two, where no trial can be made

    def named(self, name: str | None) -> Recipe:
        """Return the one of that name, or the likely one where none is named."""
        if self.anew and name == self.anew.name:
            return self.anew
        return self.otherwise if name == self.otherwise.name else self.likely

    def with_budget(self, images_seen: ImagesSeen, images: int, batch_size: int) -> "Candidates":
        """Return the same with the epochs of images that see so many: see `Recipe.with_budget`."""
        return Candidates(
            anew=self.anew and self.anew.with_budget(images_seen, images, batch_size),
            otherwise=self.otherwise.with_budget(images_seen, images, batch_size),
            likely=self.likely.with_budget(images_seen, images, batch_size),
        )


def candidates(
    start: StartName, model: ModelParams, loss: LossName, probe: ProbeStart
) -> Candidates:
    """Return the recipes for the training images that the probe was fitted on."""
    probed = can_be_probe(model, loss)
    if start == "probe" and not probed:
        raise UserError(
            "params.yaml: fine_tune.start: only model.head: linear with fine_tune.loss: "
            "cross_entropy can start from the probe; set auto or zero"
        )
    from_probe = _recipe_from_probe(model.arch, probe)
    if start == "probe":
        return Candidates(anew=None, otherwise=from_probe, likely=from_probe)
    unfit = start == "zero" or not probed
    other = replace(HEAD_FIRST, size=from_probe.size) if unfit else from_probe
    if not _may_learn_anew(probe):
        return Candidates(anew=None, otherwise=other, likely=other)
    deep = _deep_recipe(model.arch, probe.images.item())
    return Candidates(anew=deep, otherwise=other, likely=other if _suffices(probe) else deep)


def _recipe_from_probe(arch: str, probe: ProbeStart) -> Recipe:
    """Return how far training goes from the probe: as far as it is wrong."""
    near = first_recipe(arch)
    if _is_good(probe):
        return near
    epochs = _epochs_to_see(_FAR_IMAGES, probe.images.item(), FAR_FROM_PROBE.epochs)
    return replace(FAR_FROM_PROBE, size=near.size, epochs=epochs)


def _deep_recipe(arch: str, images: int) -> Recipe:
    """Return how all layers learn anew from so many training images."""
    epochs = _epochs_to_see(_DEEP_IMAGES, images, DEEP.epochs)
    if _is_measured(arch):
        return replace(DEEP, epochs=epochs)
    # Where another backbone could be ended early is not measured, nor whether it can be.
    return replace(DEEP, epochs=epochs, cut="none", size=_SIZE_OF_OTHERS)


def _epochs_to_see(seen: int, images: int, least: float) -> float:
    """Return the whole epochs of images that see so many, within limits."""
    return min(max(-(-seen // max(1, images)), least), _MOST_EPOCHS)


def _is_good(probe: ProbeStart) -> bool:
    """Return whether the probe errs so seldom that little is to change; also where few can tell."""
    return float(probe.error) <= GOOD_PROBE_ERROR or _has_few_errors(probe)


def _has_few_errors(probe: ProbeStart) -> bool:
    """Return whether the probe errs on too few images to say something."""
    return float(probe.error) * float(probe.images) < FEWEST_ERRORS


def _may_learn_anew(probe: ProbeStart) -> bool:
    """Return whether a trial of learning anew is worth its time."""
    error = float(probe.error)
    shallow = float(probe.shallow_error)
    return not _has_few_errors(probe) and not shallow >= error * CLEAR_RATIO


def _suffices(probe: ProbeStart) -> bool:
    """Return whether the features of the whole backbone are probably what this set needs."""
    error = float(probe.error)
    shallow = float(probe.shallow_error)
    return error <= LARGEST_PROBE_ERROR if math.isnan(shallow) else shallow >= error * SHALLOW_RATIO
