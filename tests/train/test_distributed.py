"""Two processes train as one does on the same batches; when one dies, all end with one line."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from stages.base.errors import UserError
from stages.base.ranks import Rank
from stages.model.classifier import ModelParams, build_classifier
from stages.train.device import Compute
from stages.train.distributed import synchronize_batch_norm
from stages.train.launch import launch
from tests.train import pair

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _signals_as_before():
    """Give back the signals that the launcher takes over for the rest of its process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = [(number, signal.getsignal(number)) for number in numbers]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def both(folder, norms: bool) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return what one process ends with, and what two do."""
    pair.train(folder, norms)
    (folder / "checkpoint").unlink()
    launch(pair.train, 2, "cpu", folder, norms)
    first, second = (dict(np.load(folder / f"2-{number}.npz")) for number in (0, 1))
    for name, value in first.items():
        if "running" not in name:  # statistics of batch norm are the first's
            assert np.array_equal(value, second[name]), name
    return dict(np.load(folder / "1-0.npz")), first


def test_two_processes_are_one(tmp_path: Path) -> None:
    """Without dropout and batch norm, weights, losses, margins and predictions agree to 1e-5."""
    one, two = both(tmp_path, norms=False)
    for name, value in one.items():
        assert two[name] == pytest.approx(value, abs=1e-5), name


def test_batch_norm_by_halves_differs_a_little(tmp_path: Path) -> None:
    """On processors each half is normalised by itself, so losses of training agree to .15 only."""
    one, two = both(tmp_path, norms=True)
    assert two["losses"] == pytest.approx(one["losses"], abs=0.15)


def test_batch_norm_on_gpus_is_that_of_the_whole_batch() -> None:
    """Between GPUs every batch norm is a synchronised one, with its activation, and the same."""
    model = build_classifier(
        ModelParams(arch="test_efficientnet", weights="none", head="fastai", cut="none"), 3, 1, 32
    )
    images, names = torch.rand(2, 3, 32, 32), list(model.state_dict())
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    before = model.eval()(images)
    cuda = Compute(torch.device("cuda"), torch.float16, Rank(0, 2))
    synchronize_batch_norm(model, cuda)
    now = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    assert len(now) == len(norms) > 10
    assert all(isinstance(part, nn.SyncBatchNorm) for part in now)
    assert list(model.state_dict()) == names
    assert torch.equal(model.eval()(images), before)


def test_a_process_that_is_killed_ends_all_with_one_line(tmp_path: Path) -> None:
    """The error names the process and the signal that ended it."""
    words = "process 1 of those that train together was ended by SIGKILL"
    with pytest.raises(UserError, match=words):
        launch(pair.ended, 2, "cpu", tmp_path, 1, signal.SIGKILL)


def test_a_process_that_fails_tells_why(tmp_path: Path) -> None:
    """The error names the process and has its message."""
    with pytest.raises(UserError, match=r"process 1 .* failed: ValueError: no such luck"):
        launch(pair.failing, 2, "cpu", tmp_path)


@pytest.mark.parametrize("number", [0, 1])
def test_asked_to_stop_all_stop_at_the_same_step(number, tmp_path: Path) -> None:
    """Whichever is asked, the first keeps a checkpoint, and going on ends in the same bytes."""
    launch(pair.train, 2, "cpu", tmp_path)
    wanted = dict(np.load(tmp_path / "2-0.npz"))
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(KeyboardInterrupt, match="the next run goes on from the last checkpoint"):
        launch(pair.ended, 2, "cpu", tmp_path, number, signal.SIGTERM)
    assert b'"where": "epoch 2, step 4"' in (tmp_path / "checkpoint").read_bytes()
    launch(pair.train, 2, "cpu", tmp_path)
    for name, value in np.load(tmp_path / "2-0.npz").items():
        assert np.array_equal(value, wanted[name]), name
