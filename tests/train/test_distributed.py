"""Processes train as one does on the same batches; when one dies, all end with one line."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from stages.base.errors import UserError
from stages.base.ranks import Rank
from stages.model.classifier import build_classifier
from stages.model.model_params import ModelParams
from stages.train import device, distributed
from stages.train.device import Compute
from stages.train.distributed import (
    StepOutcome,
    broadcast,
    data_parallel,
    mean_over_processes,
    merge_predictions,
    merge_steps,
    process_group,
    refuse_unlike_first,
    share_statistics,
    synchronize_batch_norm,
    wait_for_all,
)
from stages.train.infer import Inference
from stages.train.launch import launch
from stages.train.lost_peer import LostPeer
from tests.train import two_processes
from tests.train.tiny_training import CPU, tiny_model

FIRST = Rank(0, 2)
SECOND = Rank(1, 2)
ALONE = Rank(0, 1)

Arrays = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the address at which processes of this test would meet."""
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")


@pytest.fixture(autouse=True, scope="module")
def _signals_as_before() -> Iterator[None]:
    """Give back the signals that the launcher takes over for the rest of its process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    handlers = [(number, signal.getsignal(number)) for number in numbers]
    yield
    for number, handler in handlers:
        signal.signal(number, handler)


def results(folder: Path, rank: Rank) -> Arrays:
    """Return the arrays that a process of a run has written."""
    return dict(np.load(two_processes.result_file(folder, rank)))


def train_together(folder: Path, batch_norm: bool, count: int = 2, accumulate: int = 1) -> Arrays:
    """Return what several processes end with, all of them with the same."""
    launch(two_processes.train, count, "cpu", folder, batch_norm, accumulate)
    first, *others = (results(folder, Rank(number, count)) for number in range(count))
    for other in others:
        for name, value in first.items():
            assert np.array_equal(value, other[name]), name
    return first


def train_alone(folder: Path, batch_norm: bool) -> Arrays:
    """Return what one process ends with."""
    two_processes.train(folder, batch_norm)
    return results(folder, ALONE)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """Return what one process ends with, without batch norm."""
    return train_alone(tmp_path_factory.mktemp("alone"), batch_norm=False)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """Return what two processes end with that nothing interrupts."""
    return train_together(tmp_path_factory.mktemp("together"), batch_norm=False)


@pytest.fixture(scope="module")
def together_with_norm(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """Return the same of a model with batch norm."""
    return train_together(tmp_path_factory.mktemp("together_with_norm"), batch_norm=True)


def largest_difference(arrays: Arrays, others: Arrays) -> float:
    """Return by how much any number of the arrays differs from that of another run."""
    return max(float(np.max(np.abs(arrays[name] - others[name]), initial=0)) for name in others)


def test_one_process_exchanges_nothing() -> None:
    """Alone, a process gets back its own values, and its model is called as it is."""
    model = tiny_model()
    outcome = StepOutcome(
        loss=0.5, rows=np.arange(2), margins=np.zeros(2, np.float32), stop_asked=True
    )
    inference = Inference(np.zeros((1, 3), np.float32), 0.5)
    assert merge_steps(outcome, CPU) is outcome
    assert merge_predictions(inference, CPU) is inference
    assert broadcast(outcome, CPU) is outcome
    assert mean_over_processes(0.5, CPU) == 0.5
    share_statistics(model, CPU)
    wait_for_all(CPU)
    assert data_parallel(model, CPU) is model


@pytest.mark.slow
def test_two_processes_equal_one(together: Arrays, alone: Arrays) -> None:
    """Without dropout and batch norm both agree with one to 1e-5."""
    assert largest_difference(together, alone) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("count", "accumulate"), [(2, 2), (4, 1)])
@pytest.mark.thorough  # two do above, and parts of a batch in test_accumulation.py
def test_several_processes_equal_one(
    count: int, accumulate: int, alone: Arrays, tmp_path: Path
) -> None:
    """So do more processes, and shares of a batch in parts."""
    assert largest_difference(train_together(tmp_path, False, count, accumulate), alone) <= 1e-5


def test_all_processes_render_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process stops where its GPU renders otherwise than the first one's, and says by what."""
    monkeypatch.setattr(device, "kernel_serves", lambda _: False)
    compute = Compute(torch.device("cuda"), torch.float32, Rank(1, 2, 1))
    monkeypatch.setattr(distributed, "broadcast", lambda value, _: value)
    refuse_unlike_first(compute)
    other = {**compute.facts(), "renderer": "triton"}
    monkeypatch.setattr(distributed, "broadcast", lambda value, _: other)
    with pytest.raises(UserError, match="process 1 renders by torch and the first one by triton"):
        refuse_unlike_first(compute)


def test_all_processes_choose_kernels_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process stops where FINETRACK_KERNELS is not as the first one has it; both are named."""
    compute = Compute(torch.device("cpu"), torch.float32, Rank(1, 2, 1), kernels="any")
    first = Compute(torch.device("cpu"), torch.float32, Rank(0, 2))
    monkeypatch.setattr(distributed, "broadcast", lambda value, _: first.facts())
    expected = "process 1 has FINETRACK_KERNELS=any and the first one same: set it alike"
    with pytest.raises(UserError, match=expected):
        refuse_unlike_first(compute)


@pytest.mark.slow
@pytest.mark.thorough  # without batch norm two processes are compared above
def test_batch_norm_by_halves_differs_a_little(together_with_norm: Arrays, tmp_path: Path) -> None:
    """On processors each half is normalised by itself, so losses of training agree to .15 only.

    Both validate with the first one's statistics, as one process does with the same model.
    """
    halves = together_with_norm
    whole = train_alone(tmp_path, batch_norm=True)
    assert halves["train_losses"] == pytest.approx(whole["train_losses"], abs=0.15)
    assert halves["valid_pred_probs"] == pytest.approx(halves["whole_pred_probs"], abs=1e-6)


def test_batch_norm_on_gpus_is_that_of_the_whole_batch() -> None:
    """Between GPUs every batch norm is a synchronised one, with its activation, and the same."""
    params = ModelParams(arch="test_efficientnet", weights="none", head="fastai", cut="none")
    model = build_classifier(params, 3, 1, 32)
    images = torch.rand(2, 3, 32, 32)
    names = list(model.state_dict())
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    activations = model.eval()(images)
    synchronize_batch_norm(model, Compute(torch.device("cuda"), torch.float16, FIRST))
    converted = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    assert len(converted) == len(norms) > 10
    assert all(isinstance(part, nn.SyncBatchNorm) for part in converted)
    assert list(model.state_dict()) == names
    assert torch.equal(model.eval()(images), activations)


@pytest.mark.parametrize(
    "compute",
    [
        Compute(torch.device("cpu"), torch.float32, FIRST),
        Compute(torch.device("cuda"), torch.float16, ALONE),
    ],
)
def test_batch_norm_stays_where_there_is_nothing_to_synchronise(compute: Compute) -> None:
    """Between processors, where torch cannot, and on one GPU, batch norm is left alone."""
    model = tiny_model()
    synchronize_batch_norm(model, compute)
    assert not any(isinstance(part, nn.SyncBatchNorm) for part in model.modules())


REMOTE = (
    "NCCL error in: /pytorch/torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:3690, remote process "
    "exited or there was a network error, NCCL version 2.27.5\nncclRemoteError: A call failed "
    "possibly due to a network error or a remote process exiting prematurely.\nLast error:\n"
    "socketProgress: Connection closed by remote peer gpu-2<40123>"
)
ANOTHER = (
    "NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.cpp:94, invalid usage (run with "
    "NCCL_DEBUG=WARN for details), NCCL version 2.27.5\nncclInvalidUsage: This usually reflects "
    "invalid usage of NCCL library.\nLast error:\nDuplicate GPU detected : rank 1 and rank 0"
)


def line_of_failure(error: RuntimeError, monkeypatch: pytest.MonkeyPatch) -> Exception:
    """Return what becomes of an error in the second of two processes, which waits 5 seconds."""
    waited: list[float] = []
    monkeypatch.setattr(distributed, "sleep", waited.append)
    monkeypatch.setattr(dist, "init_process_group", lambda *_: None)
    monkeypatch.setattr(distributed, "refuse_unlike_first", lambda _: None)
    compute = Compute(torch.device("cpu"), torch.float32, SECOND)
    with pytest.raises((RuntimeError, LostPeer)) as caught, process_group(compute):
        raise error
    assert waited == ([] if caught.value is error else [5.0])
    return caught.value


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RuntimeError("[pair.cc:547] Connection closed by peer [127.0.0.1]:20451"), "20451"),
        (dist.DistBackendError(REMOTE), "remote peer gpu-2<40123>"),
        (
            dist.DistBackendError(
                "[1] is setting up NCCL communicator and retrieving ncclUniqueId from [0], but "
                "got error: failed to recv, got 0 bytes\nException raised from recvBytes at a.cpp"
                "\nframe #0: c10::Error::Error"
            ),
            "got 0 bytes",
        ),
    ],
)
def test_a_process_whose_peer_has_died_waits_for_its_launcher(
    error: RuntimeError, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits to be ended, and only then says that the connection broke, with the whole cause."""
    failure = line_of_failure(error, monkeypatch)
    assert isinstance(failure, LostPeer)
    assert str(failure).startswith("the connection to another process broke (")
    assert str(failure).endswith(f"{cause}); if that one has ended, its own line says why")


def test_a_process_that_finds_nobody_where_another_listened_waits_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that cannot meet the others, of whom one has ended, has lost a peer as well."""

    def refuse(*_: object) -> None:
        raise RuntimeError("Gloo connectFullMesh failed with SO_ERROR: Connection refused")

    waited: list[float] = []
    monkeypatch.setattr(distributed, "sleep", waited.append)
    monkeypatch.setattr(dist, "init_process_group", refuse)
    compute = Compute(torch.device("cpu"), torch.float32, SECOND)
    with pytest.raises(LostPeer, match="Connection refused"), process_group(compute):
        pass
    assert waited == [5.0]


def test_other_errors_of_nccl_are_this_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their whole text is shown, in one line; errors of another kind pass as they are."""
    failure = line_of_failure(dist.DistBackendError(ANOTHER), monkeypatch)
    assert isinstance(failure, dist.DistBackendError)
    assert str(failure) == (
        f"{ANOTHER.replace(chr(10), ' ')}; perhaps another process has ended, and its own line "
        "says why"
    )
    error = RuntimeError("shapes do not fit")
    assert line_of_failure(error, monkeypatch) is error


@pytest.mark.slow
@pytest.mark.thorough  # one is killed below too, with a restart; test_launch.py has the line
def test_a_process_that_is_killed_ends_all_with_one_line(tmp_path: Path) -> None:
    """The error names the process and the signal that ended it."""
    words = "process 1 of those that train together was ended by SIGKILL"
    with pytest.raises(UserError, match=words):
        launch(two_processes.train_and_signal, 2, "cpu", tmp_path, 1, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "words", "attempts"),
    [
        pytest.param(
            *(OSError("a disk"), r"process 1 .* failed: OSError: a disk", 2),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            *(LostPeer("the connection broke"), "process 1 .*: the connection broke", 2),
            marks=pytest.mark.thorough,
        ),
        (UserError("no such param"), "no such param", 1),
    ],
)
def test_a_fault_starts_all_again_and_a_mistake_does_not(
    error: Exception, words: str, attempts: int, tmp_path: Path
) -> None:
    """With one restart a fault is tried twice, then named; what the user can correct, at once."""
    lines: list[str] = []
    with pytest.raises(UserError, match=words):
        launch(
            two_processes.fail_in_second, 2, "cpu", tmp_path, error, restarts=1, log=lines.append
        )
    assert len(lines) == attempts - 1
    assert (tmp_path / "attempts").read_text(encoding="utf-8").splitlines() == [
        "attempt"
    ] * attempts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "norm", "expected"),
    [
        (1, False, "together"),
        # The statistics of batch norm are the first process's, which has them back from its file.
        pytest.param(0, True, "together_with_norm", marks=pytest.mark.thorough),
    ],
)
def test_a_process_that_is_killed_costs_its_last_steps_only(
    rank: int, norm: bool, expected: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """With a restart, training goes on from the checkpoint and ends in the same bytes."""
    undisturbed: Arrays = request.getfixturevalue(expected)
    lines: list[str] = []
    arguments = (tmp_path, rank, norm)
    launch(two_processes.train_and_die_once, 2, "cpu", *arguments, restarts=1, log=lines.append)
    assert lines == [
        f"process {rank} of those that train together was ended by SIGKILL; all start again from "
        "the last checkpoint"
    ]
    assert "checkpoint: epoch 2, step " in (tmp_path / "log").read_text(encoding="utf-8")
    assert largest_difference(results(tmp_path, FIRST), undisturbed) == 0


STOPPED = b'"where": "epoch 2, step 4"'


def stop_together(folder: Path, *arguments: object) -> None:
    """Let two processes train until they are asked to stop."""
    with pytest.raises(KeyboardInterrupt, match="the next run goes on from the last checkpoint"):
        launch(two_processes.train_and_signal, 2, "cpu", folder, *arguments)


@pytest.mark.thorough  # test_stop_request.py watches that they agree
@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_asked_to_stop_all_stop_at_the_same_step(
    rank: int, together: Arrays, tmp_path: Path
) -> None:
    """Whichever is asked, the first saves a checkpoint, and going on ends in the same bytes.

    When the others end, their launcher ends the first one; so they wait for its checkpoint.
    """
    stop_together(tmp_path, rank, signal.SIGTERM, 2)
    for number in (0, 1):
        assert STOPPED in two_processes.seen_checkpoint(tmp_path, number).read_bytes()
    assert largest_difference(train_together(tmp_path, batch_norm=False), together) == 0


@pytest.mark.slow
@pytest.mark.thorough
def test_the_launcher_waits_for_a_slow_checkpoint(tmp_path: Path) -> None:
    """Asked to stop itself, it keeps one that takes longer than the 30 seconds torch's waits."""
    stop_together(tmp_path, 1, signal.SIGTERM, 33, True)
    assert STOPPED in (tmp_path / "checkpoint").read_bytes()


def test_processes_without_an_address_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is exchanged, the variable that lacks is named."""
    monkeypatch.delenv("MASTER_ADDR")
    compute = Compute(torch.device("cpu"), torch.float32, SECOND)
    with pytest.raises(UserError, match=r"^MASTER_ADDR is torchrun's"), process_group(compute):
        pass
