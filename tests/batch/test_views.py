"""Views: the matrix of each operation alone, and what is drawn at random."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from stages.base.seed import derive
from stages.batch.random_draws import RandomDraws, draw_numbers
from stages.batch.views import (
    CORNERS,
    AugmentParams,
    Views,
    _random_lighting,
    box,
    centre_views,
    homography,
    mirror,
    random_crop,
    random_operations,
    random_views,
    rotation,
    warp,
    zoom,
)

UNCHANGING: dict[str, Any] = {
    "size": 32,
    "min_scale": 1.0,
    "max_rotate": 0.0,
    "max_zoom": 1.0,
    "max_warp": 0.0,
    "max_lighting": 0.0,
    "max_darkening": 0.0,
    "p_affine": 1.0,
    "p_lighting": 1.0,
    "flip": False,
}


def params(**changes: Any) -> AugmentParams:
    """Return params that change nothing but what is named."""
    return AugmentParams(**{**UNCHANGING, **changes})


def draw(count: int, size: tuple[int, int] = (40, 40), **changes: Any) -> Views:
    """Return the views of `count` images of one size."""
    generators = [derive(1, "test", i) for i in range(count)]
    return random_views([size] * count, params(**changes), generators)


def through(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return where a matrix takes points (N, 2)."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    points_after: np.ndarray = moved[:, :2] / moved[:, 2:]
    return points_after


def test_centre_view_is_the_largest_centred_square() -> None:
    """Validation takes the whole shorter side and the middle of the longer one."""
    views = centre_views([(30, 50), (50, 30), (20, 20)])
    assert through(views.matrices[0], CORNERS).tolist() == [[10, 0], [10, 30], [40, 0], [40, 30]]
    assert through(views.matrices[1], CORNERS).tolist() == [[0, 10], [0, 40], [30, 10], [30, 40]]
    assert through(views.matrices[2], CORNERS).tolist() == [[0, 0], [0, 20], [20, 0], [20, 20]]
    assert not views.lighting.changes.any()


def test_warp_has_its_closed_form() -> None:
    """A warp along one axis equals the keystone worked out by hand."""
    x = 0.15
    expected = np.array([[1, 0, x], [0, 1 - x * x, 0], [x, 0, 1]])
    assert warp(x, 0) == pytest.approx(expected)


def test_warp_moves_corners_as_fastai_does() -> None:
    """The left side grows by x and the right shrinks by it; top and bottom likewise by y."""
    x, y = 0.1, -0.05
    expected = [[-1 - y, -1 - x], [-1 + y, 1 + x], [1 + y, -1 + x], [1 - y, 1 - x]]
    assert through(warp(x, y), CORNERS) == pytest.approx(np.array(expected))


def test_no_warp_is_no_change() -> None:
    """A warp of nothing is the identity."""
    assert warp(0, 0) == pytest.approx(np.eye(3))


def test_homography_meets_any_four_points() -> None:
    """The projective matrix takes each of four points to its partner."""
    rng = np.random.default_rng(0)
    target = CORNERS + rng.uniform(-0.4, 0.4, (4, 2))
    assert through(homography(CORNERS, target), CORNERS) == pytest.approx(target)


def test_rotation_turns_about_the_centre() -> None:
    """A quarter turn takes right to down and keeps the centre."""
    turned = through(rotation(90), np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert turned == pytest.approx(np.array([[0.0, 1.0], [0.0, 0.0]]))


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 1), (0.5, 0.5), (0.2, 0.9)])
def test_zoom_stays_inside(x: float, y: float) -> None:
    """A zoom by 2 shows half the side, centred where x and y say, and never outside."""
    corners = through(zoom(2, x, y), CORNERS)
    assert np.ptp(corners, axis=0) == pytest.approx([1, 1])
    assert np.abs(corners).max() <= 1 + 1e-12
    assert corners.mean(axis=0) == pytest.approx([x - 0.5, y - 0.5])


def test_mirror_swaps_left_and_right() -> None:
    """The mirror negates x and nothing else."""
    assert through(mirror(), np.array([[0.3, 0.7]])).tolist() == [[-0.3, 0.7]]


@pytest.mark.parametrize("size", [(40, 40), (40, 300), (300, 40), (17, 23)])
def test_crops_stay_inside_and_keep_their_bounds(size: tuple[int, int]) -> None:
    """A crop lies in its image, with a ratio of 3/4 to 4/3, and no smaller than min_scale says."""
    height, width = size
    draws = RandomDraws(draw_numbers([derive(i, "crop") for i in range(200)]))
    for crop in random_crop([size] * 200, 0.4, draws):
        corners = through(crop, CORNERS)
        left, top = corners[0]
        right, bottom = corners[3]
        assert min(left, top) >= -1e-9
        assert right <= width + 1e-9
        assert bottom <= height + 1e-9
        ratio = (right - left) / (bottom - top)
        assert 3 / 4 - 1e-9 <= ratio <= 4 / 3 + 1e-9
        largest = min(width, height * ratio) * min(height, width / ratio)
        assert 0.4 - 1e-9 <= (right - left) * (bottom - top) / largest <= 1 + 1e-9


def test_a_view_takes_all_the_numbers_that_are_drawn_for_it() -> None:
    """As many numbers are drawn as decide a view, so that none is missing and none is wasted."""
    draws = RandomDraws(draw_numbers([derive(1, "all")]))
    random_operations([(40, 40)], params(), draws)
    _random_lighting(params(), draws)
    assert not list(draws._numbers)


def test_matrices_mix_numbers_and_arrays() -> None:
    """One number counts for all images."""
    zeros = np.zeros(3)
    assert box(zeros, 0, 1, 1)[2] == pytest.approx(box(0, 0, 1, 1))
    assert zoom(2, zeros, zeros)[2] == pytest.approx(zoom(2, 0, 0))
    assert warp(0.1, zeros)[2] == pytest.approx(warp(0.1, 0))


def test_all_off_leaves_the_crop() -> None:
    """With every range at zero a view is a crop and nothing else."""
    views = draw(20, size=(40, 40))
    for matrix in views.matrices:
        assert matrix[0, 1] == matrix[1, 0] == 0
        assert matrix[2].tolist() == [0, 0, 1]
    assert not views.lighting.changes.any()


def test_flip_mirrors_about_half() -> None:
    """With flip about half of the images are mirrored; without it none is."""
    assert 70 < (draw(200, flip=True).matrices[:, 0, 0] < 0).sum() < 130
    assert (draw(200).matrices[:, 0, 0] > 0).all()


def test_rotation_stays_in_range() -> None:
    """Angles reach out to max_rotate either way and not beyond."""
    matrices = draw(300, max_rotate=10.0).matrices
    shape = matrices[:, :2, :2] / np.linalg.norm(matrices[:, :2, :2], axis=2, keepdims=True)
    angles = np.rad2deg(np.arctan2(shape[:, 1, 0], shape[:, 1, 1]))
    assert 9 < angles.max() <= 10.0 + 1e-6
    assert -10.0 - 1e-6 <= angles.min() < -9


def test_probability_decides_how_many_change() -> None:
    """p_affine is the share of images that an operation touches; zero touches none."""
    touched = draw(400, max_warp=0.2, p_affine=0.75).matrices[:, 2, 0] != 0
    assert 0.68 < touched.mean() < 0.82
    assert not (draw(50, max_warp=0.2, p_affine=0.0).matrices[:, 2, 0] != 0).any()


def test_zoom_stays_in_range() -> None:
    """Zoom factors reach up to max_zoom and not beyond, and none makes a picture smaller."""
    area = np.linalg.det(draw(300).matrices[:, :2, :2])
    zoomed_area = np.linalg.det(draw(300, max_zoom=1.5).matrices[:, :2, :2])
    factors = np.sqrt(area / zoomed_area)
    assert 1 - 1e-9 <= factors.min() < 1.02
    assert 1.48 < factors.max() <= 1.5 + 1e-9


def test_warp_stays_in_range() -> None:
    """Perspective reaches out to max_warp either way, in both directions, and not beyond."""
    strongest = warp(np.full(1, 0.2), np.zeros(1))[0, 2]
    limit = np.abs(strongest[:2] / strongest[2]).max()
    bottom = draw(400, max_warp=0.2).matrices[:, 2]
    tilts = np.abs(bottom[:, :2] / bottom[:, 2:])
    assert (tilts.max(axis=0) > 0.9 * limit).all()
    assert (draw(400, max_warp=0.1).matrices[:, 2, :2] < 0.6 * limit).all()


def test_p_lighting_is_the_share_of_images_that_change() -> None:
    """Gain, brightness and contrast each touch p_lighting of the images, and independently."""
    lighting = draw(800, max_lighting=0.2, max_darkening=0.5, p_lighting=0.75).lighting
    drawn = [lighting.gain != 1, lighting.brightness != 0, lighting.contrast != 1]
    for one in drawn:
        assert 0.7 < one.mean() < 0.8
        for other in drawn:
            assert one is other or 0.5 < (one & other).mean() < 0.62
    none = draw(50, max_lighting=0.2, max_darkening=0.5, p_lighting=0.0).lighting
    assert not none.changes.any()


def test_lighting_stays_in_range() -> None:
    """Brightness and contrast keep fastai's ranges: logit(.4...6) and .8 to 1.25 at 0.2."""
    lighting = draw(500, max_lighting=0.2).lighting
    limit = np.log(0.6 / 0.4)
    assert 0.95 * limit < np.abs(lighting.brightness).max() <= limit
    assert 0.8 <= lighting.contrast.min() < 0.82
    assert 1.23 < lighting.contrast.max() <= 1.25
    assert (lighting.gain == 1).all()


@pytest.mark.parametrize("largest", [0.05, 0.7, 0.999])
def test_gains_are_as_many_in_every_stop(largest: float) -> None:
    """A gain is at least what max_darkening leaves and at most 1, its logarithm uniform."""
    gain = draw(1000, max_darkening=largest).lighting.gain
    assert gain.min() >= (1 - largest) * (1 - 1e-9)
    assert gain.max() <= 1
    exposures = stats.uniform(np.log(1 - largest), -np.log(1 - largest))
    assert stats.kstest(np.log(gain), exposures.cdf).pvalue > 0.01


def test_darkening_moves_no_other_draw() -> None:
    """With and without it an image has the same geometry, brightness and contrast."""
    with_it, without = (
        draw(50, max_rotate=10.0, max_lighting=0.2, p_lighting=0.5, max_darkening=darkening)
        for darkening in (0.7, 0.0)
    )
    assert with_it.matrices.tolist() == without.matrices.tolist()
    assert with_it.lighting.brightness.tolist() == without.lighting.brightness.tolist()
    assert with_it.lighting.contrast.tolist() == without.lighting.contrast.tolist()
    assert (without.lighting.gain == 1).all()
    assert (with_it.lighting.gain < 1).any()


def test_a_view_depends_on_its_own_generator_alone() -> None:
    """An image gets the same view whatever batch it is in."""
    sizes = [(40, 50), (60, 30), (45, 45)]
    strong = params(
        max_rotate=10.0, max_warp=0.2, max_zoom=1.1, max_darkening=0.5, max_lighting=0.2
    )
    together = random_views(sizes, strong, [derive(1, name) for name in "abc"])
    alone = random_views(sizes[2:], strong, [derive(1, "c")])
    assert (together.matrices[2] == alone.matrices[0]).all()
    assert together.lighting.brightness[2] == alone.lighting.brightness[0]
    assert together.lighting.gain[2] == alone.lighting.gain[0]


def test_a_view_is_the_product_of_its_operations() -> None:
    """The matrix is crop, warp, flip, rotation and zoom multiplied in this order."""
    strong = params(max_rotate=10.0, max_warp=0.2, max_zoom=1.1, flip=True, min_scale=0.5)
    names = ["a", "b", "c"]
    draws = RandomDraws(draw_numbers([derive(1, name) for name in names]))
    crop, warped, flipped, rotated, zoomed = random_operations([(40, 50)] * 3, strong, draws)
    views = random_views([(40, 50)] * 3, strong, [derive(1, name) for name in names])
    assert views.matrices == pytest.approx(crop @ warped @ flipped @ rotated @ zoomed)
