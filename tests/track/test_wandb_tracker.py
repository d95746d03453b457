"""Weights & Biases keeps the run in files, for a later sync."""

from pathlib import Path

import pytest

from tests.track.tracked_run import is_there, tell_run


@pytest.mark.slow
def test_offline_the_run_lies_in_logs(tmp_path: Path) -> None:
    """Without a network a run that can be synchronised is written, and nothing is complained of."""
    if not is_there("wandb", tmp_path):
        return
    said = tell_run(tmp_path, "wandb", WANDB_MODE="offline")
    (file,) = (tmp_path / "logs/wandb").glob("wandb/offline-run-*/run-*.wandb")
    content = file.read_bytes()
    for text in (b"final.error_rate", b"valid_loss", b"recipe.name", b"model.arch"):
        assert text in content
    assert "hears no more" not in said
