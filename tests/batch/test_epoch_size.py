"""The size of an epoch: whole batches, but at least one."""

import pytest

from stages.batch.epoch_size import images_per_epoch, steps_per_epoch


@pytest.mark.parametrize(
    ("images", "batch_size", "steps", "seen"),
    [(100, 16, 6, 96), (96, 16, 6, 96), (10, 16, 1, 10), (16, 16, 1, 16)],
)
def test_an_epoch_has_whole_batches(images: int, batch_size: int, steps: int, seen: int) -> None:
    """The images that fill no batch wait for another epoch; fewer than a batch are one."""
    assert steps_per_epoch(images, batch_size) == steps
    assert images_per_epoch(images, batch_size) == seen
