"""What a step costs on a GPU, counted without one: kernels, memory traffic, copies, waiting.

Tensors without content stand for those of a GPU, so that every operator is seen that it would run.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stages.batch import render_flat
from stages.batch.batches import Batch
from stages.batch.flat_images import FlatImages
from stages.batch.image_set import ImageSet
from stages.batch.loader import batches_on_device
from stages.batch.render_spec import RenderSpec
from stages.batch.side_stream import SideStream
from stages.batch.view_record import record_bytes
from stages.train import step
from stages.train.device import Compute
from stages.train.late_fetch import LateFetch
from stages.train.param_groups import train_mode, unfreeze
from stages.train.step import make_trainer
from tests.batch.device_examples import views_by_rows
from tests.train.tiny_training import tiny_model

GPU = torch.device("cuda")
IMAGES = 64
SPEC = RenderSpec(
    size=224, mean=(0.5,) * 3, std=(0.2,) * 3, device=GPU, dtype=torch.float16, kernel=True
)
# Operators that only look at memory in another way, or take it.
VIEWS = {
    "empty", "view", "slice", "select", "unsqueeze", "expand", "alias", "detach", "permute", "t",
    "transpose", "_unsafe_view", "as_strided", "split", "unbind", "new_empty", "empty_like",
    "new_empty_strided", "empty_strided", "lift_fresh", "_reshape_alias", "diagonal",
}  # fmt: skip


@dataclass
class Costs:
    """What operators would cost on a GPU."""

    kernels: int = 0
    uploads: int = 0
    fetches: int = 0
    bytes: int = 0  # read and written by kernels


class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """A mode that counts what the operators inside it would cost on a GPU."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.costs = Costs()
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count an operator, and let it be."""
        out = func(*args, **(kwargs or {}))
        inputs = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        tensors = [*inputs, *(x for x in tree_leaves(out) if isinstance(x, Tensor))]
        if func.namespace == "prim":  # a question, such as where a tensor is
            return out
        name = func.__name__.split(".")[0]
        places = {x.device.type for x in tensors}
        if name in ("copy_", "_to_copy") and places == {"cpu", "cuda"}:
            to_gpu = (args[0] if name == "copy_" else out).device.type == "cuda"
            self.costs.uploads += to_gpu
            self.costs.fetches += not to_gpu
        elif "cuda" in places and name not in VIEWS:
            self.costs.kernels += 1
            self.names[name] += 1
            self.costs.bytes += sum(
                x.numel() * x.element_size()
                for x in {id(x): x for x in tensors}.values()
                if x.device.type == "cuda"
            )
        return out


class FakeStream(SideStream):
    """The side stream of a GPU that is not there."""

    def __init__(self) -> None:
        """Run everything at once."""
        self.device = GPU
        self._stream = None


@pytest.fixture(autouse=True)
def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTensorMode]:
    """Let tensors have no content; what is only for contents of the processor is left out."""
    monkeypatch.setattr(
        "stages.batch.render_flat.pinned_empty",
        lambda count, device: torch.empty(count, dtype=torch.uint8),
    )
    monkeypatch.setattr(render_flat, "fill_record", lambda record, images, render: None)
    monkeypatch.setattr(
        step, "fetch_later", lambda values: LateFetch(values.to("cpu", non_blocking=True), None)
    )
    with FakeTensorMode() as mode:
        yield mode


def one_batch(spec: RenderSpec) -> Batch:
    """Return a batch of 64 photographs of 613 x 460 that lie on the GPU."""
    sizes = np.array([(460, 613), (613, 460)] * (IMAGES // 2), np.int32)
    lengths = 3 * sizes.astype(np.int64).prod(axis=1)
    flat = FlatImages(
        sizes=sizes,
        read_into=lambda row, out: None,
        threads=1,
        buffer=torch.empty(int(lengths.sum()), dtype=torch.uint8, device=GPU),
        begins=np.cumsum(lengths) - lengths,
    )
    names = [str(row) for row in range(IMAGES)]
    images = ImageSet(names, np.zeros(IMAGES, np.int64), lambda row: torch.empty(0), 1, flat)
    rows = [np.arange(IMAGES)]
    # In this thread, since a mode counts what its own thread does.
    side = FakeStream()
    made: list[Batch] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.batch.device_loader.run_ahead", lambda items, count: items)
        made += batches_on_device(images, spec, rows, views_by_rows, side)
    return made[0]


def test_rendering_is_one_kernel_and_one_upload() -> None:
    """A batch is one kernel and a copy of targets; it moves less than .15 GB, after one upload."""
    with Counting() as counting:
        batch = one_batch(SPEC)
    assert batch.images.shape == (IMAGES, 3, 224, 224)
    assert batch.images.dtype == torch.float16
    costs = counting.costs
    assert counting.names == {"render_views": 1, "copy_": 1}
    assert costs.kernels <= 3
    assert costs.bytes < 0.15e9
    assert (costs.uploads, costs.fetches) == (1, 0)
    assert record_bytes(IMAGES) < 1.1e6


def test_array_by_array_it_is_forty_times_as_much() -> None:
    """Without the kernel a batch is more than forty kernels and two GB: why there is one."""
    with Counting() as counting:
        one_batch(replace(SPEC, kernel=False, dtype=torch.float32))
    assert counting.costs.kernels > 40
    assert counting.costs.bytes > 2e9


def leave_gradients(model: nn.Module) -> None:
    """Give each parameter a gradient."""
    for parameter in model.parameters():
        parameter.grad = torch.empty_like(parameter)


def test_a_step_uploads_once_and_fetches_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From photos on the GPU to the optimizer a step waits for nothing: all else stays there.

    The backward pass needs a GPU's own threads, and so leaves gradients without content here.
    In float32, since torch turns off autocast and the scaling of gradients where there is no GPU.
    """
    with GPU:
        model = tiny_model()
    unfreeze(model, train_bn=True, frozen_share=0)
    train_mode(model, train_bn=True)
    trainer = make_trainer(model, Compute(GPU, torch.float32), "cross_entropy", 0.0)
    monkeypatch.setattr(Tensor, "backward", lambda loss: leave_gradients(model))
    trainer.begin_step(one_batch(replace(SPEC, dtype=torch.float32)), [1e-3, 1e-3], 0.9, 1)
    with Counting() as counting:
        batch = one_batch(replace(SPEC, dtype=torch.float32))
        trainer.begin_step(batch, [1e-3, 1e-3], 0.9, 2)
    assert (counting.costs.uploads, counting.costs.fetches) == (1, 1)
    assert "_local_scalar_dense" not in counting.names
    assert counting.names["_fused_adamw_"] >= 1
