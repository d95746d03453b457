"""The view plan: the same views as batch by batch."""

import numpy as np
import pytest

from stages.base.seed import derive
from stages.batch import view_plan
from stages.batch.random_draws import view_numbers
from stages.batch.render_gpu import shrink_factors
from stages.batch.view_plan import ViewPlan
from stages.batch.views import Views, drawn_views, random_views
from tests.batch.examples import AUGMENT

PATHS = [f"images/O'neil {row}.jpg" for row in range(23)]
SIZES = np.random.default_rng(0).integers(20, 300, (23, 2))


@pytest.mark.parametrize("chunk", [1, 4, 9, 1000])
@pytest.mark.parametrize("batch_size", [4, 23, 30])
def test_views_are_those_of_each_batch(
    chunk: int, batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are computed together, every batch has the bytes that it has alone."""
    monkeypatch.setattr(view_plan, "_CHUNK", chunk)
    order = np.random.default_rng(1).permutation(23)
    batch_rows = [order[start : start + batch_size] for start in range(0, 23, batch_size)]

    def views_of(rows: np.ndarray) -> Views:
        return drawn_views(SIZES[rows], AUGMENT, view_numbers(7, 2, [PATHS[row] for row in rows]))

    plan = ViewPlan(batch_rows, views_of, 16)
    for number, rows in enumerate(batch_rows):
        generators = [derive(7, "view", 2, PATHS[row]) for row in rows]
        alone = random_views(SIZES[rows], AUGMENT, generators)
        planned = plan.of_batch(number)
        assert planned.views.matrices.tolist() == alone.matrices.tolist()
        lighting = planned.views.lighting
        assert lighting.gain.tolist() == alone.lighting.gain.tolist()
        assert lighting.brightness.tolist() == alone.lighting.brightness.tolist()
        assert lighting.contrast.tolist() == alone.lighting.contrast.tolist()
        assert planned.factors.tolist() == shrink_factors(alone.matrices, 16).tolist()


def test_each_chunk_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views are computed for several batches together, and kept until the last has them."""
    monkeypatch.setattr(view_plan, "_CHUNK", 8)
    computed: list[int] = []

    def views_of(rows: np.ndarray) -> Views:
        computed.append(len(rows))
        return drawn_views(SIZES[rows], AUGMENT, view_numbers(7, 2, [PATHS[row] for row in rows]))

    plan = ViewPlan(np.split(np.arange(20), 5), views_of, 16)
    for number in range(5):
        plan.of_batch(number)
    assert computed == [8, 8, 4]


def test_an_epoch_without_batches_has_a_plan() -> None:
    """No batches need no views."""
    computed: list[int] = []

    def views_of(rows: np.ndarray) -> Views:
        computed.append(len(rows))
        return drawn_views(SIZES[rows], AUGMENT, view_numbers(7, 2, [PATHS[row] for row in rows]))

    ViewPlan([], views_of, 16)
    assert computed == []
