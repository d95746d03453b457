"""A tracker is loaded by its name, or the package that it lacks is named."""

import sys

import pytest

from stages.base.environment import TRACKERS
from stages.base.errors import UserError
from stages.track.trackers import TRACKER_PACKAGES, load_trackers


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every tracker's package be missing, wherever the tests run."""
    for name in (*TRACKERS, "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, f"stages.track.{name}_tracker", raising=False)


def test_every_tracker_has_a_package() -> None:
    """The names that FINETRACK_LOG may have are those that can be loaded."""
    assert set(TRACKER_PACKAGES) == set(TRACKERS)


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_is_a_line_that_installs_it(name: str) -> None:
    """The line has the name in FINETRACK_LOG and what to type."""
    with pytest.raises(UserError) as error:
        load_trackers([name])
    (line,) = error.value.lines
    assert line.startswith(f"FINETRACK_LOG={name}: ")
    assert line.endswith(f"; pip install {name}")


@pytest.mark.usefixtures("no_package")
def test_all_missing_packages_are_named_together() -> None:
    """Two that are missing are two lines of one error."""
    with pytest.raises(UserError) as error:
        load_trackers(["wandb", "mlflow"])
    assert [line.split(":")[0] for line in error.value.lines] == [
        "FINETRACK_LOG=wandb", "FINETRACK_LOG=mlflow",
    ]  # fmt: skip


def test_none_is_loaded_unless_named() -> None:
    """Nothing is imported for nothing."""
    assert load_trackers([]) == {}
