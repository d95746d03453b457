"""Which device computes, in which precision, and always the same way."""

from typing import Literal, NamedTuple

import torch

from stages.base.errors import UserError

PrecisionName = Literal["auto", "fp16", "bf16", "fp32"]
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}


class Compute(NamedTuple):
    """Where and how to compute; `dtype` is that of matrix products while training."""

    device: torch.device
    dtype: torch.dtype

    def facts(self) -> dict[str, str | int]:
        """Return what the last digits of a result depend on beside code, data and params."""
        precision = str(self.dtype).removeprefix("torch.")
        return {
            "device": self.device.type,
            "precision": precision,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    def autocast(self) -> torch.autocast:
        """Return the context in which a model runs in the chosen precision."""
        return torch.autocast(
            self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32
        )


def open_device(name: str, precision: PrecisionName) -> Compute:
    """Return the device by name (auto: a GPU where there is one) with deterministic kernels on.

    A GPU that is asked for and missing is an error, never a silent run on the processor.
    """
    device = _device(name)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling every new tensor, in case one is read unset, costs a quarter of the speed (45 images/s
    # instead of 35 on two cores), and nothing here reads unset memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    return Compute(device, DTYPES[_precision(precision, device)])


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        line = str(error).splitlines()[0]
        raise UserError(f"FINETRACK_DEVICE={name} cannot be used here: {line}") from None
    return device


def _precision(name: PrecisionName, device: torch.device) -> str:
    if name == "auto":
        # On processors bf16 slows the training of depthwise convolutions, the default's.
        return "fp16" if device.type == "cuda" else "fp32"
    if name == "fp16" and device.type == "cpu":
        raise UserError("params.yaml: fine_tune.precision: fp16 needs a GPU; choose auto or bf16")
    return name
