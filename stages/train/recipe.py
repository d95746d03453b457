"""Recipe: the params that are auto, as they suit photos of one kind.

Every number here was chosen on the half `choosing` of the sets of benchmarks/recipe_sets.py. Which
recipe a set gets is in candidates.py.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from stages.base.errors import UserError
from stages.base.params import AUTO
from stages.base.plural import count_noun
from stages.batch.epoch_size import images_per_epoch
from stages.model.model_params import Cut
from stages.model.packages import PACKAGES

StartName = Literal["auto", "probe", "zero"]
ImagesSeen = Literal["auto"] | Annotated[int, Field(ge=1, le=10**9)]
LARGEST_EPOCHS = 1000
RecipeName = Literal["from the probe", "far from the probe", "head first", "deep"]


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


def far_recipe(arch: str, images: int) -> Recipe:
    """Return how training goes far from the probe of so many training images.

    For backbones that were not measured it stays near: which rate they bear nobody knows.
    """
    if not _is_measured(arch):
        return first_recipe(arch)
    epochs = _epochs_to_see(_FAR_IMAGES, images, FAR_FROM_PROBE.epochs)
    return replace(FAR_FROM_PROBE, epochs=epochs)


def deep_recipe(arch: str, images: int) -> Recipe:
    """Return how all layers learn anew from so many training images."""
    epochs = _epochs_to_see(_DEEP_IMAGES, images, DEEP.epochs)
    if _is_measured(arch):
        return replace(DEEP, epochs=epochs)
    # Where another backbone could be ended early is not measured, nor whether it can be.
    return replace(DEEP, epochs=epochs, cut="none", size=_SIZE_OF_OTHERS)


def _epochs_to_see(seen: int, images: int, least: float) -> float:
    """Return the whole epochs of images that see so many, within limits."""
    return min(max(-(-seen // max(1, images)), least), _MOST_EPOCHS)
