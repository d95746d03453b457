"""Compiled steps: near the uncompiled ones, alike in every run, and one line where they fail."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.base.environment import KernelChoice
from stages.base.errors import UserError
from stages.train.checkpoint import CheckpointFacts, Checkpoints, CheckpointState
from stages.train.compiled import compile_advice, compile_where_asked
from stages.train.device import choose_kernels, open_device
from stages.train.loop import fine_tune
from stages.train.param_groups import freeze, train_mode, unfreeze
from stages.train.step import StepResult, Trainer, make_trainer
from tests.train.tiny_training import tiny_batches, tiny_model, tiny_task

ROOT = Path(__file__).parents[2]
needs_cxx = pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for compiled code that starts empty."""
    return tmp_path_factory.mktemp("inductor")


def trainer_of(kernels: KernelChoice, frozen: bool = False, accumulate: int = 1) -> Trainer:
    """Return the trainer of a phase of the tiny model."""
    model = tiny_model()
    if frozen:
        freeze(model, train_bn=False)
    else:
        unfreeze(model, train_bn=True, frozen_share=0)
    train_mode(model, train_bn=not frozen)
    compute = open_device("cpu", "fp32", kernels=kernels)
    return compile_where_asked(make_trainer(model, compute, "cross_entropy", 0.0, accumulate))


def counted(kind: str) -> int:
    """Return how many of a kind torch.compile has counted in this process, as unique_graphs."""
    from torch._dynamo.utils import counters

    return int(counters["stats"][kind])


def three_steps(trainer: Trainer) -> list[StepResult]:
    """Return the results of three steps, each with its own dropout."""
    batches = enumerate(tiny_batches(3))
    return [trainer.step(batch, [1e-3, 1e-2], 0.95, number) for number, batch in batches]


def run_tiny(path: Path, kernels: KernelChoice) -> dict[str, torch.Tensor]:
    """Train the short run to its end; return the model's tensors."""
    task = tiny_task(path, compute=open_device("cpu", "fp32", kernels=kernels))
    fine_tune(task, 0.02, lambda line: None)
    return task.model.state_dict()


@pytest.mark.parametrize("kernels", ["same", "any"])
def test_nothing_is_compiled_unless_asked_for(kernels: KernelChoice) -> None:
    """Of the other choices the trainer stays as it is, and calls the model itself."""
    try:
        trainer = trainer_of(kernels)
        assert trainer.forward is trainer.model
        assert compile_where_asked(trainer) is trainer
    finally:
        choose_kernels("same")


def test_any_kernels_are_the_same_ones_on_a_processor(tmp_path: Path) -> None:
    """Nothing there is chosen for sameness, so that both choices end in the same bytes."""
    same = run_tiny(tmp_path / "same", "same")
    try:
        fastest = run_tiny(tmp_path / "any", "any")
    finally:
        choose_kernels("same")
    assert all(torch.equal(same[name], value) for name, value in fastest.items())


def test_a_checkpoint_of_other_kernels_is_not_continued(tmp_path: Path) -> None:
    """The choice is part of the machine by which a checkpoint is known."""
    task = tiny_task(tmp_path / "checkpoint")
    files = {
        kernels: Checkpoints(
            task.checkpoints.path, {"machine": replace(task.compute, kernels=kernels).machine()}
        )
        for kernels in ("same", "any")
    }
    files["same"].save(lambda: _empty_state(task.model), "epoch 1, step 3")
    assert files["same"].load()[0] is not None
    state, message = files["any"].load()
    assert state is None
    assert "is of another run, with other machine, and ignored" in message


def _empty_state(model: torch.nn.Module) -> CheckpointState:
    return CheckpointState(dict(model.state_dict()), CheckpointFacts([], [], {}))


def test_what_cannot_be_compiled_is_one_line() -> None:
    """Of a compiler's page the line with the error is shown; other errors pass as they are."""
    from torch._dynamo.exc import FailOnRecompileLimitHit
    from torch._inductor.exc import CppCompileError

    page = "x.cpp:1:10: fatal error: Python.h: No such file or directory\n  1 | #include <Python.h>"
    with pytest.raises(UserError) as error, compile_advice():
        raise CppCompileError(["g++", "x.cpp"], page)
    assert str(error.value) == (
        "FINETRACK_KERNELS=compiled: this network cannot be compiled here (x.cpp:1:10: fatal error:"
        " Python.h: No such file or directory); set FINETRACK_KERNELS=same"
    )
    with pytest.raises(UserError, match=r"here \(limit reached\); set"), compile_advice():
        raise FailOnRecompileLimitHit("limit reached")
    with pytest.raises(RuntimeError, match="of the step itself"), compile_advice():
        raise RuntimeError("of the step itself")


class Broken(torch.nn.Module):
    """A backbone with an operation that torch.compile leaves out of what it compiles."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return eight features of the images, (B, 8, H, W)."""
        torch._dynamo.graph_break()
        return images.repeat(1, 3, 1, 1)[:, :8]


@needs_cxx
def test_every_step_runs_what_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is traced once, whole, and what the compiler made of it runs in each step.

    The compiler here returns what it is given: g++ takes 20 to 190 s, in the tests below.
    """
    calls: list[str] = []

    def compiler(graph: torch.fx.GraphModule, *_: object, **options: object) -> Callable[..., Any]:
        calls.append("compiled")

        def run(*inputs: torch.Tensor) -> object:
            calls.append("run")
            return graph(*inputs)

        return run

    monkeypatch.setattr("torch._inductor.compile_fx.compile_fx", compiler)
    expected = three_steps(trainer_of("same"))
    assert calls == []
    results = three_steps(trainer_of("compiled"))
    assert calls == ["compiled", "run", "run", "run"]
    assert [result.loss for result in results] == [result.loss for result in expected]


@needs_cxx
@pytest.mark.parametrize("suppressed", [False, True])
def test_a_step_that_compiles_in_part_is_an_error(suppressed: bool) -> None:
    """By itself torch would compute the rest uncompiled, or the whole, without a word."""
    import torch._dynamo.config as dynamo

    model = tiny_model()
    model.body = Broken()
    compute = open_device("cpu", "fp32", kernels="compiled")
    with dynamo.patch(suppress_errors=suppressed, fail_on_recompile_limit_hit=not suppressed):
        trainer = compile_where_asked(make_trainer(model, compute, "cross_entropy", 0.0))
        refused = pytest.raises(UserError, match=r"cannot be compiled here .*graph_break")
        with refused, compile_advice():
            trainer.step(tiny_batches(1)[0], [1e-3, 1e-2], 0.95, 0)


@needs_cxx
@pytest.mark.slow
@pytest.mark.thorough  # g++ takes a minute or two
@pytest.mark.parametrize(("frozen", "accumulate"), [(False, 1), (False, 2), (True, 1)])
def test_a_compiled_step_is_near_the_uncompiled_one(
    frozen: bool, accumulate: int, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses and margins of three steps agree to 1e-4, so dropout draws alike; parts may differ.

    A graph is compiled for each size of parts: of 9 images in two parts these are 5 and 4.
    """
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(cache))
    graphs = counted("unique_graphs")
    expected = three_steps(trainer_of("same", frozen, accumulate))
    assert counted("unique_graphs") == graphs
    results = three_steps(trainer_of("compiled", frozen, accumulate))
    assert counted("unique_graphs") == graphs + accumulate
    for result, plain in zip(results, expected, strict=True):
        assert result.loss == pytest.approx(plain.loss, abs=1e-4)
        assert result.margins.numpy() == pytest.approx(plain.margins.numpy(), abs=1e-4)


@needs_cxx
@pytest.mark.slow
@pytest.mark.thorough
def test_more_compilations_than_torch_allows_are_an_error(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch would go on uncompiled, silently; a step of one more size stops instead."""
    import torch._dynamo.config as dynamo

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(cache))
    with dynamo.patch(recompile_limit=1):
        trainer = trainer_of("compiled")
        trainer.step(tiny_batches(1)[0], [1e-3, 1e-2], 0.95, 0)
        with pytest.raises(UserError, match="cannot be compiled here"), compile_advice():
            trainer.step(tiny_batches(1, size=6)[0], [1e-3, 1e-2], 0.95, 0)


def compiled_run(
    cache: Path, *arguments: str, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run the short run in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tests.train.compiled_run", *arguments],
        cwd=ROOT,
        env=os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(cache)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@needs_cxx
@pytest.mark.slow
@pytest.mark.thorough
def test_a_killed_run_ends_in_the_bytes_of_a_whole_one(cache: Path, tmp_path: Path) -> None:
    """So does a second run, whose code comes from the cache; each phase is compiled once."""
    whole = compiled_run(cache, str(tmp_path / "whole"))
    assert whole.returncode == 0, whole.stderr
    assert whole.stderr.count("compiling the step of the") == 2
    again = compiled_run(cache, str(tmp_path / "again"))
    killed = compiled_run(cache, str(tmp_path / "killed"), "14")
    assert killed.returncode == -signal.SIGKILL
    resumed = compiled_run(cache, str(tmp_path / "killed"))
    assert "Going on from" in resumed.stderr
    assert again.stdout == resumed.stdout == whole.stdout


@needs_cxx
@pytest.mark.slow
@pytest.mark.thorough
def test_a_compiler_that_fails_is_one_line(tmp_path: Path) -> None:
    """A compiler without its headers, say, ends the run at its first step, in a UserError."""
    compiler = tmp_path / "g++"
    compiler.write_text(
        '#!/bin/sh\ncase "$1" in --version | -v | -dump*) exec g++ "$@";; esac\n'
        'echo "x.cpp:1:1: fatal error: Python.h: No such file" >&2\nexit 1\n'
    )
    compiler.chmod(0o755)
    failed = compiled_run(tmp_path / "cache", str(tmp_path / "checkpoint"), CXX=str(compiler))
    assert failed.returncode == 1
    last = failed.stderr.strip().splitlines()[-1]
    assert "FINETRACK_KERNELS=compiled: this network cannot be compiled here" in last
    assert "Python.h" in last
