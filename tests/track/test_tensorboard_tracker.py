"""TensorBoard's own reader finds the run."""

from pathlib import Path

import pytest

from tests.track.tracked_run import is_there, tell_run


@pytest.mark.slow
def test_its_reader_finds_each_epoch(tmp_path: Path) -> None:
    """Scalars stand at their epochs, and those of the end beside the params."""
    if not is_there("tensorboard", tmp_path):
        return
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    tell_run(tmp_path, "tensorboard")
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "logs/tensorboard")).Reload()
    (run,) = runs.Runs()
    errors = [(event.step, event.value) for event in runs.Scalars(run, "error_rate")]
    assert errors == [(step, pytest.approx(0.25 / step)) for step in (1, 2, 3)]
    assert [event.value for event in runs.Scalars(run, "final/error_rate")] == [pytest.approx(0.08)]
    assert "hparams" in runs.PluginRunToTagToContent("hparams")[run].popitem()[0]
