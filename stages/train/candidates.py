"""Candidates: the recipes that may suit a set, by two linear probes on it, and by a trial.

One probe sees the features of the whole backbone, which know things in photographs, the other those
of a shortened one at a small size, which know strokes and shapes. Where the whole is clearly
better, training starts from its probe, the first half of the backbone stays as it is, and the other
changes little or much, as the probe errs seldom or often. Else a trial decides whether all layers
of the shortened one learn anew, for many epochs. Every number here was chosen on the half
`choosing` of the sets of benchmarks/recipe_sets.py.
"""

import math
from dataclasses import dataclass, replace

from stages.base.errors import UserError
from stages.model.model_params import LossName, ModelParams, can_be_probe
from stages.train.probe_start import ProbeStart
from stages.train.recipe import (
    HEAD_FIRST,
    ImagesSeen,
    Recipe,
    StartName,
    deep_recipe,
    far_recipe,
    first_recipe,
)

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
# Of the training images out of fold, up to which the probe is good: recipe.py says what for.
GOOD_PROBE_ERROR = 0.1
# Where there is no other probe to compare with: of the training images out of fold, up to which
# training starts from the probe. Of textures, trash and pets it errs on 13, 13 and 7 %, of the
# digits and of grey scans on 26 and 29 %.
LARGEST_PROBE_ERROR = 0.2


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
    deep = deep_recipe(model.arch, probe.images.item())
    return Candidates(anew=deep, otherwise=other, likely=other if _suffices(probe) else deep)


def _recipe_from_probe(arch: str, probe: ProbeStart) -> Recipe:
    """Return how far training goes from the probe: as far as it is wrong."""
    return first_recipe(arch) if _is_good(probe) else far_recipe(arch, probe.images.item())


def _is_good(probe: ProbeStart) -> bool:
    """Return whether the probe errs so seldom that little is to change; also where few can tell."""
    return float(probe.error) <= GOOD_PROBE_ERROR or _has_few_errors(probe)


def _has_few_errors(probe: ProbeStart) -> bool:
    """Return whether the probe errs on too few images to say something."""
    return round(float(probe.error) * float(probe.images)) < FEWEST_ERRORS


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
