"""Device rules: what FINETRACK_DEVICE and fine_tune.precision mean, known without torch."""

from typing import Literal

from stages.base.ranks import Rank

PrecisionName = Literal["auto", "fp16", "bf16", "fp32"]


def named_device(name: str, gpu: bool, rank: Rank) -> str:
    """Return the device of a process by its name; gpu: whether the machine has one.

    A name without a number means the first GPU, and of several processes each takes the GPU of its
    own number on its machine, whatever the name's.
    """
    kind, _, number = (("cuda" if gpu else "cpu") if name == "auto" else name).partition(":")
    if kind != "cuda":
        return name if number else kind
    return f"cuda:{rank.local if rank.count > 1 else int(number or 0)}"


def may_be_refused(name: str, precision: PrecisionName) -> bool:
    """Return whether a device asked for by its name, or a precision, may be missing here.

    >>> may_be_refused("auto", "auto"), may_be_refused("cuda", "auto")
    (False, True)
    """
    return name not in ("auto", "cpu") or precision == "fp16"
