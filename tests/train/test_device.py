"""Device and precision: where to compute, and in which arithmetic."""

from typing import get_args

import pytest
import torch
from torch import nn

from stages.base.environment import KernelChoice
from stages.base.errors import UserError
from stages.base.processor import processor_maker
from stages.base.ranks import Rank
from stages.train import device
from stages.train.device import (
    Compute,
    choose_kernels,
    open_device,
    refuse_missing,
    suits_bf16,
)
from stages.train.device_rules import PrecisionName
from tests.train.tiny_training import tiny_model

PLAIN = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 8))
DEPTHWISE = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8))
needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@needs_no_gpu
def test_auto_is_the_processor_in_float32_without_a_gpu() -> None:
    """Without a GPU, auto computes in float32 on the processor."""
    assert open_device("auto", "auto") == Compute(torch.device("cpu"), torch.float32)


@needs_gpu
def test_auto_is_the_gpu_in_fp16_where_there_is_one() -> None:
    """With a GPU, auto computes there in fp16."""
    compute = open_device("auto", "auto")
    assert compute.device.type == "cuda"
    assert compute.dtype == torch.float16


@pytest.mark.parametrize("name", ["cuda:99", "toaster"])
def test_a_device_that_does_not_exist_is_an_error(name: str) -> None:
    """A device that is asked for and missing is named, never silently replaced."""
    with pytest.raises(UserError, match=f"FINETRACK_DEVICE={name} cannot be used"):
        open_device(name, "auto")


@needs_no_gpu
def test_a_gpu_that_is_missing_is_an_error() -> None:
    """A GPU that was asked for is never silently replaced by the processor."""
    with pytest.raises(UserError, match="FINETRACK_DEVICE=cuda cannot be used here"):
        open_device("cuda", "auto")


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_nothing_is_allocated_before_the_process_has_its_gpu(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third process of a machine takes the third GPU first, and renders there only if asked."""
    model = tiny_model()
    calls: list[tuple[str, torch.device]] = []
    zeros = torch.zeros

    def allocate(size: int, device: torch.device) -> torch.Tensor:
        calls.append(("allocate", device))
        return zeros(size)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: calls.append(("take", device)))
    monkeypatch.setattr(torch, "zeros", allocate)
    monkeypatch.setattr(device, "kernel_serves", lambda device: calls.append(("try", device)))
    compute = open_device(name, "fp16", rank=Rank(6, 8, 2))
    third = torch.device("cuda", 2)
    assert calls == [("take", third), ("allocate", third)]
    assert compute.device == third
    compute.render_spec(model, 24)
    assert calls[2:] == [("try", third)]


@needs_no_gpu
@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_more_gpus_than_there_are_is_an_error(name: str) -> None:
    """FINETRACK_GPUS beyond what the machine has stops before anything starts."""
    with pytest.raises(UserError, match="FINETRACK_GPUS=2, but this machine has 0"):
        refuse_missing(2, name)


def test_one_device_for_several_processes_is_a_contradiction() -> None:
    """A device by its number cannot serve several processes."""
    with pytest.raises(UserError, match="FINETRACK_GPUS=2 and FINETRACK_DEVICE=cuda:1 contradict"):
        refuse_missing(2, "cuda:1")


def test_processes_on_a_processor_are_allowed() -> None:
    """The device cpu takes any number of processes, where a GPU for each would be missing."""
    refuse_missing(2, "cpu")
    with pytest.raises(UserError, match="FINETRACK_GPUS"):
        refuse_missing(2 + torch.cuda.device_count(), "cuda")


def test_one_process_needs_no_second_gpu() -> None:
    """One process takes any device by name, where two would contradict it."""
    refuse_missing(1, "cuda:1")
    with pytest.raises(UserError, match="contradict"):
        refuse_missing(2, "cuda:1")


def test_fp16_needs_a_gpu() -> None:
    """On a processor fp16 is refused, with what to set."""
    with pytest.raises(UserError, match="fp16 needs a GPU; choose auto or bf16"):
        open_device("cpu", "fp16")


@pytest.mark.parametrize(
    ("model", "instructions", "dtype"),
    [
        (PLAIN, True, torch.bfloat16),
        (PLAIN, False, torch.float32),
        (DEPTHWISE, True, torch.float32),
        (None, True, torch.float32),
    ],
)
def test_auto_takes_bf16_where_it_is_faster(
    model: nn.Module | None,
    instructions: bool,
    dtype: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a processor with bf16 instructions, models without depthwise convolutions use them."""
    monkeypatch.setattr(device, "multiplies_bf16", lambda: instructions)
    assert open_device("cpu", "auto", model).dtype == dtype


def test_a_named_precision_is_taken() -> None:
    """A precision by name is taken, whether or not it is the faster one."""
    assert open_device("cpu", "fp32", PLAIN).dtype == torch.float32
    assert open_device("cpu", "bf16", DEPTHWISE).dtype == torch.bfloat16


def test_depthwise_convolutions_do_not_suit_bf16() -> None:
    """One depthwise convolution anywhere makes float32 the faster precision."""
    assert suits_bf16(PLAIN)
    assert not suits_bf16(nn.Sequential(PLAIN, DEPTHWISE))


def test_the_facts_are_what_last_digits_depend_on() -> None:
    """Device, precision, threads, processes, renderer, choice of kernels and torch's version."""
    facts = open_device("cpu", "bf16", rank=Rank(1, 2, 1)).facts()
    assert facts == {
        "device": "cpu",
        "precision": "bfloat16",
        "threads": torch.get_num_threads(),
        "processes": 2,
        "renderer": "numba",
        "kernels": "same",
        "torch": torch.__version__,
    }


def test_the_processor_is_named_by_what_changes_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its maker and its instructions, and not its model, so that sister models write the same."""
    compute = open_device("cpu", "fp32")
    assert compute.processor() == f"{processor_maker()}, {compute.machine()['unit']}"
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "SOME")
    assert compute.processor() == f"{processor_maker()}, SOME"
    assert "processor" not in compute.machine()


def test_another_kind_of_processor_is_another_machine() -> None:
    """A checkpoint is known by the instructions that computed it too; the model's facts are not."""
    compute = open_device("cpu", "fp32")
    unit = torch.backends.cpu.get_cpu_capability()
    assert compute.machine() == {**compute.facts(), "unit": unit}


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_autocast_computes_products_in_the_precision(
    precision: PrecisionName, dtype: torch.dtype
) -> None:
    """Inside the context a matrix product of float32 comes out in the chosen precision."""
    with open_device("cpu", precision).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_kernels_are_deterministic() -> None:
    """An open device has torch choose the same kernels every time, in true float32."""
    open_device("cpu", "auto", kernels="any")
    open_device("cpu", "auto")
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_any_lets_torch_take_the_fastest_kernels() -> None:
    """With any, torch tries kernels, takes those that vary too, and shortens floats to TF32."""
    compute = open_device("cpu", "auto", kernels="any")
    try:
        assert compute.facts()["kernels"] == "any"
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.benchmark
        assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        choose_kernels("same")


def test_the_choice_of_kernels_is_part_of_the_machine() -> None:
    """What a checkpoint is known by differs where the kernels are chosen otherwise."""
    machines = [
        Compute(torch.device("cpu"), torch.float32, kernels=choice).machine()
        for choice in get_args(KernelChoice)
    ]
    assert [machine["kernels"] for machine in machines] == ["same", "any", "compiled"]
    assert not any(machine == machines[0] for machine in machines[1:])


def test_several_processes_compile_nothing() -> None:
    """A compiled step of several processes is refused in a line, with what to set."""
    with pytest.raises(UserError, match="compiled trains in one process, not in 2: set it to same"):
        open_device("cpu", "auto", rank=Rank(0, 2), kernels="compiled")


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor needs the C++ compiler that torch would call, and a GPU Triton that works."""
    monkeypatch.setenv("CXX", "no-such-compiler -O3")
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler, and there is no 'no-such-comp"):
        open_device("cpu", "auto", kernels="compiled")
    monkeypatch.setattr(device, "_usable", lambda asked, name: torch.device(name))
    monkeypatch.setattr(device, "kernel_serves", lambda _: False)
    with pytest.raises(UserError, match="needs Triton and a C compiler"):
        open_device("cuda", "fp16", kernels="compiled")
    with pytest.raises(UserError, match="compiled is for cpu and cuda, not mps"):
        open_device("mps", "fp16", kernels="compiled")


def test_torch_told_not_to_compile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of compiled kernels alone: the others compile nothing."""
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    with pytest.raises(UserError, match="unset TORCH_COMPILE_DISABLE"):
        open_device("cpu", "auto", kernels="compiled")
    assert open_device("cpu", "auto").kernels == "same"


def test_the_facts_say_what_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU either Triton's kernel renders or torch, which gives other last digits."""
    gpu = torch.device("cuda")
    monkeypatch.setattr(device, "kernel_serves", lambda _: True)
    assert Compute(gpu, torch.float16).facts()["renderer"] == "triton"
    monkeypatch.setattr(device, "kernel_serves", lambda _: False)
    assert Compute(gpu, torch.float16).facts()["renderer"] == "torch"


def test_images_have_the_precision_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU takes images in its precision, and a processor in float32 whatever it multiplies."""
    model = tiny_model()
    monkeypatch.setattr(device, "kernel_serves", lambda place: place.type == "cuda")
    spec = Compute(torch.device("cuda"), torch.float16).render_spec(model, 24)
    assert (spec.size, spec.mean, spec.std) == (24, model.mean, model.std)
    assert (spec.dtype, spec.kernel) == (torch.float16, True)
    spec = Compute(torch.device("cpu"), torch.bfloat16).render_spec(model, 24)
    assert (spec.dtype, spec.kernel) == (torch.float32, False)


def test_only_one_process_on_a_gpu_looks_at_losses_late() -> None:
    """A processor has nothing to wait for, and several processes exchange losses step by step."""
    gpu = torch.device("cuda")
    assert Compute(gpu, torch.float16).steps_late == 1
    assert Compute(gpu, torch.float16, Rank(0, 2)).steps_late == 0
    assert Compute(torch.device("cpu"), torch.float32).steps_late == 0
