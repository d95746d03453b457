"""One resample against one per operation, on pictures whose loss is known."""

import numpy as np
import pytest
import torch

from stages.batch.views import AugmentParams, box, mirror, rotation, zoom
from stages.checks.resampling_loss import (
    apply_stepwise,
    compare_resampling,
    inside_photo,
    mean_losses,
    psnr,
    resampling_text,
)

PARAMS = AugmentParams(
    size=48, min_scale=0.5, max_rotate=10.0, max_zoom=1.1, max_warp=0.2,
    max_lighting=0.2, max_darkening=0.0, p_affine=0.0, p_lighting=0.0, flip=True,
)  # fmt: skip
PATHS = [f"{number}.jpg" for number in range(6)]


def photo(path: str = "0.jpg") -> np.ndarray:
    """Return stripes and dots that are fine but not finer than a pixel of the view."""
    y, x = np.mgrid[:120, :160] / (4.0 + int(path[0]) / 5)
    waves = 127.5 + 60 * np.sin(x + y / 3) + 60 * np.cos(y - x / 2)
    return np.repeat(waves.astype(np.uint8)[..., None], 3, axis=2)


def test_once_is_nearer_than_stepwise() -> None:
    """On every photo one resample is nearer the supersampled view, and nothing more is invented."""
    for loss in compare_resampling(PATHS, photo, PARAMS, seed=1):
        assert loss.pictures.shape == (3, 48, 48, 3)
        assert loss.one_resample.psnr > loss.one_per_operation.psnr + 3
        assert loss.one_resample.invented <= loss.one_per_operation.invented + 0.01


def test_operations_are_drawn_whatever_their_probability() -> None:
    """Params that rarely turn an image still show what turning would cost."""
    (loss,) = compare_resampling(PATHS[:1], photo, PARAMS, seed=1)
    assert loss.one_per_operation.invented > 0


def test_a_mirror_costs_nothing_either_way() -> None:
    """Crop and mirror land on whole pixels: the stepwise picture is numpy's own flip."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    x, real = apply_stepwise(noise, [box(24, 24, 48, 48), mirror()], 48)
    assert real.all()
    assert np.abs(x[0].permute(1, 2, 0).numpy() * 255 - noise[:, ::-1]).max() < 0.02


def test_what_lies_beyond_the_crop_is_invented() -> None:
    """Turned by 45 degrees, a square leaves the corners empty: 17 % of it, whatever its size."""
    steps = [box(60, 60, 64, 64), rotation(45)]
    _, real = apply_stepwise(photo(), steps, 64)
    assert 1 - real.float().mean() == pytest.approx(1 - 2 * (np.sqrt(2) - 1), abs=0.02)
    # Half the side is inside again, so looking closer afterwards invents less.
    _, closer = apply_stepwise(photo(), [*steps, zoom(2, 0.5, 0.5)], 64)
    assert closer.all()


def test_what_was_invented_stays_invented() -> None:
    """Turning there and back leaves the corners as they were filled in between."""
    steps = [box(60, 60, 64, 64), rotation(45), rotation(-45)]
    _, real = apply_stepwise(photo(), steps, 64)
    assert not real[0, 0]
    assert real[32, 32]


def test_inside_is_where_the_picture_is() -> None:
    """Half of a view across the left edge lies outside the picture."""
    where = inside_photo(box(0, 5, 10, 10), 10, 20, 10)
    assert not where[:, :5].any()
    assert where[:, 5:].all()


def test_psnr_is_the_textbooks() -> None:
    """An error of a tenth everywhere is 20 dB; no error is 99 dB, and only masked pixels count."""
    reference = torch.zeros(1, 3, 4, 4)
    everywhere = torch.ones(4, 4, dtype=torch.bool)
    assert psnr(reference + 0.1, reference, everywhere) == pytest.approx(20, abs=1e-4)
    assert psnr(reference, reference, everywhere) == 99
    spoiled = reference.clone()
    spoiled[..., 0, 0] = 1
    everywhere[0, 0] = False
    assert psnr(spoiled, reference, everywhere) == 99


def test_the_means_stand_in_the_text() -> None:
    """The means over the photos appear in the text; without photos there is no text."""
    losses = compare_resampling(PATHS, photo, PARAMS, seed=1)
    text = resampling_text(losses)
    means = mean_losses(losses)
    assert f"one resample: {means['one_resample']['psnr']:.1f} dB" in text
    assert f"one per operation: {means['one_per_operation']['psnr']:.1f} dB" in text
    assert means["one_resample"]["psnr"] == pytest.approx(
        np.mean([loss.one_resample.psnr for loss in losses]), abs=0.051
    )
    assert means["one_per_operation"]["invented"] == pytest.approx(
        np.mean([loss.one_per_operation.invented for loss in losses]), abs=1e-4
    )
    assert mean_losses([]) == {}
    assert resampling_text([]) == ""
