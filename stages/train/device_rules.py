"""Device rules: FINETRACK_DEVICE, FINETRACK_KERNELS and fine_tune.precision, without torch."""

import os
import shutil
import sys
from typing import Literal

from stages.base.echo import echo
from stages.base.environment import KernelChoice
from stages.base.errors import UserError
from stages.base.ranks import Rank

PrecisionName = Literal["auto", "fp16", "bf16", "fp32"]
# With one of these set torch computes uncompiled, and says nothing.
_UNCOMPILED_BY = ("TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE", "TORCHDYNAMO_SUPPRESS_ERRORS")


def named_device(name: str, gpu: bool, rank: Rank) -> str:
    """Return the device of a process by its name; gpu: whether the machine has one.

    A name without a number means the first GPU, and of several processes each takes the GPU of its
    own number on its machine, whatever the name's.
    """
    kind, _, number = (("cuda" if gpu else "cpu") if name == "auto" else name).partition(":")
    if kind != "cuda":
        return name if number else kind
    return f"cuda:{rank.local if rank.count > 1 else int(number or 0)}"


def may_be_refused(name: str, precision: PrecisionName, kernels: KernelChoice) -> bool:
    """Return whether a device asked for by its name, a precision, or a compiler may be missing.

    >>> may_be_refused("auto", "auto", "same"), may_be_refused("cuda", "auto", "same")
    (False, True)
    """
    return name not in ("auto", "cpu") or precision == "fp16" or kernels == "compiled"


def refuse_several_compiled(kernels: KernelChoice, processes: int) -> None:
    """Raise a UserError where several processes would train a compiled step together."""
    if kernels == "compiled" and processes > 1:
        raise UserError(
            f"FINETRACK_KERNELS=compiled trains in one process, not in {processes}: set it to same "
            "or any, or train on one GPU"
        )


def refuse_uncompiled() -> None:
    """Raise a UserError where a variable of torch would leave a step uncompiled, in silence."""
    for name in _UNCOMPILED_BY:
        value = os.environ.get(name, "")
        if value not in ("", "0"):
            raise UserError(
                f"FINETRACK_KERNELS=compiled, and {name}={echo(value)} lets torch go on "
                f"uncompiled: unset {name}, or set FINETRACK_KERNELS=same"
            )


def refuse_no_cxx() -> None:
    """Raise a UserError where the C++ compiler that torch.compile calls is not installed."""
    default = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    command = os.environ.get("CXX", default)
    names = [command, *command.split()[:1]]  # a path with spaces, or a name with options after it
    if not any(map(shutil.which, names)):
        raise UserError(
            f"FINETRACK_KERNELS=compiled needs a C++ compiler, and there is no {echo(command)}: "
            "install g++ (Debian, Ubuntu: apt install g++), on macOS by xcode-select --install, on "
            "Windows Visual Studio's build tools, or unset FINETRACK_KERNELS"
        )
