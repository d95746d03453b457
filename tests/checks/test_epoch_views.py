"""The pictures of one image are what validation and training make of it."""

import numpy as np
import pytest
import torch

from stages.batch.batches import BatchPlan
from stages.batch.image_set import ImageSet
from stages.batch.loader import train_batches, valid_batches
from stages.checks.epoch_views import to_uint8, views_over_epochs
from tests.checks.example_views import AUGMENT, RENDER, SEED


def noise(height: int = 48, width: int = 60) -> np.ndarray:
    """Return a picture of noise."""
    return np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_each_picture_is_what_the_loader_gives_the_model() -> None:
    """Validation's view, then each epoch's, is the loader's batch with normalisation undone."""
    photo = noise()
    epochs = views_over_epochs("a.jpg", photo, AUGMENT, SEED, 3)
    assert epochs.shape == (4, 32, 32, 3)
    assert epochs.dtype == np.uint8
    image_set = ImageSet(
        paths=["a.jpg"],
        targets=np.zeros(1, int),
        load_image=lambda _: torch.from_numpy(photo),
    )
    plan = BatchPlan(batch_size=1, seed=SEED)
    loaders = [
        valid_batches(image_set, RENDER, 1),
        *(train_batches(image_set, RENDER, AUGMENT, plan, epoch) for epoch in (1, 2, 3)),
    ]
    mean = torch.tensor(RENDER.mean)[:, None, None]
    std = torch.tensor(RENDER.std)[:, None, None]
    for batches, picture in zip(loaders, epochs, strict=True):
        image = next(iter(batches)).images[0]
        pixels = ((image * std + mean) * 255).permute(1, 2, 0).numpy()
        assert np.abs(pixels - picture).max() <= 0.501


def test_every_epoch_has_a_view_of_its_own() -> None:
    """No two pictures are the same, and another seed or path gives other views."""
    pictures = views_over_epochs("a.jpg", noise(), AUGMENT, SEED, 5)
    assert len({picture.tobytes() for picture in pictures}) == 6
    for path, seed in (("b.jpg", SEED), ("a.jpg", SEED + 1)):
        others = views_over_epochs(path, noise(), AUGMENT, seed, 5)
        assert np.array_equal(others[0], pictures[0])
        assert not (others[1:] == pictures[1:]).all(axis=(1, 2, 3)).any()


def test_more_epochs_only_add_pictures() -> None:
    """The views of the first epochs do not depend on how many follow."""
    few = views_over_epochs("a.jpg", noise(), AUGMENT, SEED, 2)
    many = views_over_epochs("a.jpg", noise(), AUGMENT, SEED, 6)
    assert np.array_equal(many[:3], few)


def test_a_square_of_the_models_size_is_its_own_validation_view() -> None:
    """Where nothing is to be cropped or resized, validation sees the very pixels."""
    photo = noise(32, 32)
    assert np.array_equal(views_over_epochs("a.jpg", photo, AUGMENT, SEED, 1)[0], photo)


@pytest.mark.parametrize(
    ("value", "level"), [(-0.5, 0), (0.0, 0), (1 / 255, 1), (0.5, 128), (1.0, 255), (1.7, 255)]
)
def test_levels_are_rounded_and_cut(value: float, level: int) -> None:
    """Values in 0..1 become 0..255, to the nearest level, and channels come last."""
    x = torch.full((2, 3, 4, 4), value)
    assert np.array_equal(to_uint8(x), np.full((2, 4, 4, 3), level, np.uint8))


def test_channels_come_last() -> None:
    """Each channel stays at its pixel."""
    pixels = noise(8, 8)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    assert np.array_equal(to_uint8(x)[0], pixels)
