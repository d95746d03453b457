"""Compiled steps: forward and backward pass as code that torch.compile makes for one network.

The loss, the optimizer and validation stay as they are. Two compiled runs give the same bytes, and
others than an uncompiled one, since sums are ordered otherwise.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from stages.base.errors import UserError
from stages.train.step import Trainer

_COMPILERS = ("torch._dynamo", "torch._inductor", "torch._functorch")
_SHOWN = 200  # characters of a compiler's message


def compile_where_asked(trainer: Trainer) -> Trainer:
    """Return a trainer that compiles its step with the first one, where its kernels are `compiled`.

    For each phase: what learns differs between them, and a compiled step is of one kind alone.
    """
    if trainer.compute.kernels != "compiled":
        return trainer
    # That it finds no CUDA, of torch for CUDA on a processor, is no news.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    torch.compiler.reset()
    # They take seconds to load.
    import torch._dynamo.config as dynamo  # noqa: PLC0415
    import torch._inductor.config as inductor  # noqa: PLC0415

    # By default torch would go on, silently, without what it compiled: beyond a number of sizes,
    # and, with fullgraph below, at an operation that it cannot compile.
    dynamo.suppress_errors = False
    dynamo.fail_on_recompile_limit_hit = True
    # Dropout draws as uncompiled; the threads are part of the key in the cache, since the order of
    # sums follows them.
    options: dict[str, Any] = {"fallback_random": True, "cpp.threads": torch.get_num_threads()}
    if hasattr(inductor, "deterministic"):  # kernels of a GPU chosen by rules, not by their speed
        options["deterministic"] = True
    # Its parts differ in size where fine_tune.accumulate does not divide the batch: two steps are
    # compiled then, each as fast as can be.
    forward: Any = torch.compile(trainer.model, fullgraph=True, dynamic=False, options=options)
    return replace(trainer, forward=forward)


@contextmanager
def compile_advice() -> Iterator[None]:
    """Turn a step that cannot be compiled into one line; torch's own error is a page."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(_COMPILERS):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = [line for line in lines if "error: " in line] or lines or [type(error).__name__]
        raise UserError(
            "FINETRACK_KERNELS=compiled: this network cannot be compiled here "
            f"({said[0][:_SHOWN]}); set FINETRACK_KERNELS=same"
        ) from None
