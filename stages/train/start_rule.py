"""Start rule: whether training starts from the linear probe, by how good that is on this set."""

from typing import Literal

from stages.base.errors import UserError

StartName = Literal["auto", "probe", "zero"]
# Of the training images out of fold, with which auto starts from the probe.
LARGEST_PROBE_ERROR = 0.25


def starts_from_probe(start: StartName, can_be_probe: bool, probe_error: float) -> bool:
    """Return whether training starts from the probe; can_be_probe: whether the model can be it.

    A bad probe is a bad start: of the digits it errs on 36 % out of fold, and 12 epochs from it
    left 4.0 % wrong where 12 from a head of zeros left 3.2 % (two divisions, 404 images, which may
    be chance); and from it the finder's curve says nothing. Of textures, trash and pets it errs on
    8 to 14 %, and half way from it to what three epochs make leaves 6 to 11 %.
    """
    if start == "probe" and not can_be_probe:
        raise UserError(
            "params.yaml: fine_tune.start: only model.head: linear with fine_tune.loss: "
            "cross_entropy can start from the probe; set auto or zero"
        )
    good = start == "probe" or probe_error <= LARGEST_PROBE_ERROR
    return can_be_probe and good and start != "zero"
