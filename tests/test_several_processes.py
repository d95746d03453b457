"""Stages whose work several processes share write what one process would, once."""

import sys

import numpy as np
import pytest

from tests.tiny_repo import Repo

pytestmark = pytest.mark.slow

TWO = ("env", "FINETRACK_GPUS=2", "FINETRACK_DEVICE=cpu", sys.executable, "-m")


@pytest.mark.thorough  # tests/train/test_lr_range.py sweeps with two processes
def test_lr_find_answers_once(repo: Repo) -> None:
    """Two processes sweep as far as one, from the same loss but for dropout, and print one line."""
    alone = repo.table("reports/lr_find/curve.csv")
    answer = repo.json("reports/lr_find/suggestion.json")
    output = repo.run(*TWO, "stages.lr_find")
    together = repo.table("reports/lr_find/curve.csv")
    assert output.count("Recipe: ") == 1
    assert "Traceback" not in output
    assert repo.json("reports/lr_find/suggestion.json")["recipe"] == answer["recipe"]
    assert [row["lr"] for row in together[:15]] == [row["lr"] for row in alone[:15]]
    losses = [[float(row["loss"]) for row in rows[:5]] for rows in (alone, together)]
    assert np.abs(np.diff(losses, axis=0)).max() < 0.3
    assert losses[0] != losses[1]
