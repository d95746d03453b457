"""Device and precision: where training computes, in which arithmetic, always the same way."""

from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import nn
from torch.backends import cpu

from stages.base.environment import KernelChoice
from stages.base.errors import UserError
from stages.base.processor import processor_maker
from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.batch.render_flat import kernel_serves
from stages.batch.render_spec import RenderSpec
from stages.model.classifier import Classifier
from stages.train.device_rules import (
    PrecisionName,
    named_device,
    refuse_no_cxx,
    refuse_several_compiled,
    refuse_uncompiled,
)

_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}


class ComputeFacts(TypedDict):
    """What the last digits of a result depend on beside code, data and params."""

    device: str
    precision: str
    threads: int
    processes: int
    renderer: str  # numba, triton or torch: what makes batches of photos
    kernels: KernelChoice
    torch: str


class MachineFacts(ComputeFacts):
    """The same, and which GPU, or which instructions of a processor, computes."""

    unit: str


@dataclass(frozen=True)
class Compute:
    """Where and how to compute; `dtype` is that of matrix products while training."""

    device: torch.device
    dtype: torch.dtype
    rank: Rank = SINGLE_PROCESS  # among those that train together
    kernels: KernelChoice = "same"

    @property
    def kernel(self) -> bool:
        """Return whether Triton's kernel renders here, for which a first call compiles it."""
        return kernel_serves(self.device)

    @property
    def steps_late(self) -> int:
        """Return how many steps later than it ends a step's loss is looked at.

        On a GPU, which then need not wait for the next one. Several processes exchange the losses
        between the steps, all of them at the same time.
        """
        return int(self.device.type == "cuda" and self.rank.count == 1)

    def render_spec(self, model: Classifier, size: int) -> RenderSpec:
        """Return what the images of a model must be like, size pixels wide and high."""
        return RenderSpec(
            size=size,
            mean=model.mean,
            std=model.std,
            device=self.device,
            # What autocast would round them to in the first layer.
            dtype=self.dtype if self.device.type == "cuda" else torch.float32,
            kernel=self.kernel,
        )

    def facts(self) -> ComputeFacts:
        """Return what model.json says of how the model was computed."""
        precision = str(self.dtype).removeprefix("torch.")
        return {
            "device": self.device.type,
            "precision": precision,
            "threads": torch.get_num_threads(),
            "processes": self.rank.count,
            "renderer": self._renderer(),
            "kernels": self.kernels,
            "torch": torch.__version__,
        }

    def processor(self) -> str:
        """Return the kind of what computes: a GPU's name, or a processor's maker and instructions.

        The instructions are those that torch computes with, as in "AMD, AVX512".
        """
        unit = self.machine()["unit"]
        return unit if self.device.type == "cuda" else f"{processor_maker()}, {unit}"

    def _renderer(self) -> str:
        if self.device.type == "cpu":
            return "numba"
        return "triton" if self.kernel else "torch"

    def machine(self) -> MachineFacts:
        """Return what a checkpoint is known by: another kind of machine gives other digits."""
        cuda = self.device.type == "cuda"
        unit = torch.cuda.get_device_name(self.device) if cuda else cpu.get_cpu_capability()
        return {**self.facts(), "unit": unit}

    def autocast(self) -> torch.autocast:
        """Return the context in which a model runs in the chosen precision."""
        return torch.autocast(
            self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32
        )


def open_device(
    name: str,
    precision: PrecisionName,
    model: nn.Module | None = None,
    rank: Rank = SINGLE_PROCESS,
    kernels: KernelChoice = "same",
) -> Compute:
    """Return the device by name (auto: a GPU where there is one), its kernels chosen as asked for.

    A GPU that is asked for and missing is an error, never a silent run on the processor. The model
    is what precision `auto` is chosen for; of several processes each has a GPU of its own.
    """
    refuse_several_compiled(kernels, rank.count)
    device = _usable(name, named_device(name, torch.cuda.is_available(), rank))
    if kernels == "compiled":
        refuse_uncompiled()
        _refuse_no_compiler(device)
    choose_kernels(kernels)
    dtype = _DTYPES[_precision(precision, device, model)]
    return Compute(device, dtype, rank, kernels)


def choose_kernels(kernels: KernelChoice) -> None:
    """Let torch take kernels of which two runs give the same bytes, or for `any` the fastest."""
    same = kernels != "any"
    torch.use_deterministic_algorithms(same, warn_only=True)
    # Filling every new tensor, in case one is read unset, costs a quarter of the speed (45 images/s
    # instead of 35 on two cores), and nothing here reads unset memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not same
    # float32 means float32: by default torch rounds the factors of convolutions to 10 bits.
    torch.backends.cudnn.allow_tf32 = not same
    torch.backends.cuda.matmul.allow_tf32 = not same


def refuse_missing(gpus: int, name: str) -> None:
    """Stop when more GPUs are asked for than there are; on cpu any number of processes is fine."""
    if gpus == 1 or name == "cpu":
        return
    if name not in ("auto", "cuda"):
        raise UserError(f"FINETRACK_GPUS={gpus} and FINETRACK_DEVICE={name} contradict each other")
    if gpus > torch.cuda.device_count():
        raise UserError(f"FINETRACK_GPUS={gpus}, but this machine has {torch.cuda.device_count()}")


def _usable(asked: str, name: str) -> torch.device:
    """Return a device once something could be put there; a UserError says what was asked for.

    A GPU becomes the process's own before that, since torch puts what has no device's number on
    the first GPU, where every process would then hold some hundred MB.
    """
    try:
        device = torch.device(name)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        line = str(error).splitlines()[0]
        raise UserError(f"FINETRACK_DEVICE={asked} cannot be used here: {line}") from None
    return device


def _refuse_no_compiler(device: torch.device) -> None:
    """Raise a UserError where torch.compile would find nothing that compiles for a device."""
    if device.type == "cpu":
        refuse_no_cxx()
    elif device.type != "cuda":
        raise UserError(
            f"FINETRACK_KERNELS=compiled is for cpu and cuda, not {device.type}: unset it, or set "
            "FINETRACK_DEVICE=cpu"
        )
    elif not kernel_serves(device):
        raise UserError(
            "FINETRACK_KERNELS=compiled needs Triton and a C compiler (Debian, Ubuntu: apt install "
            "gcc), which do not work for this GPU: install them, or unset FINETRACK_KERNELS"
        )


def _precision(name: PrecisionName, device: torch.device, model: nn.Module | None) -> str:
    if name == "auto":
        if device.type == "cuda":
            return "fp16"
        faster = device.type == "cpu" and model and multiplies_bf16() and suits_bf16(model)
        return "bf16" if faster else "fp32"
    if name == "fp16" and device.type == "cpu":
        raise UserError("params.yaml: fine_tune.precision: fp16 needs a GPU; choose auto or bf16")
    return name


def multiplies_bf16() -> bool:
    """Return whether the processor has instructions for products of bf16."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def suits_bf16(model: nn.Module) -> bool:
    """Return whether a processor with such instructions trains a model faster in bf16.

    Images/s at 128 px, bf16 and float32: resnet34 80 and 33 with AMX, 41 and 24 with AVX-512;
    efficientnet_lite0, whose convolutions are depthwise, 50 and 70, 48 and 77.
    """
    return not any(isinstance(part, nn.Conv2d) and part.groups > 1 for part in model.modules())
