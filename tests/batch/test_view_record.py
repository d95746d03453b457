"""View records: the fields of a batch in one buffer, and what is filled in."""

import numpy as np
import pytest
import torch

from stages.batch.lighting import Lighting
from stages.batch.lighting_table import LIGHTING_PIECES, WEIGHT_ONE
from stages.batch.render_cpu import prepare_views
from stages.batch.view_record import PlacedImages, fill_record, record_bytes, record_in
from stages.batch.views import Views, box
from tests.batch.examples import imagenet_spec

LIGHTING = Lighting(
    gain=np.array([0.5, 1.0]), brightness=np.array([0.2, 0.0]), contrast=np.array([1.1, 1.0])
)


@pytest.mark.parametrize("images", [1, 2, 7, 64])
def test_fields_lie_apart_and_aligned(images: int) -> None:
    """Each field begins where 16 divides its place, and what one holds no other does."""
    buffer = torch.zeros(record_bytes(images), dtype=torch.uint8)
    fields = vars(record_in(buffer, images))
    assert len(fields) == 8
    for name, field in fields.items():
        assert field.storage_offset() * field.element_size() % 16 == 0, name
        assert len(field) == (2 if name == "normalisation" else images)
        buffer.zero_()
        field.fill_(1)
        assert {other for other, value in fields.items() if value.any()} == {name}


def test_a_record_holds_images_and_views() -> None:
    """Places, sizes and targets are as given; matrices count cells, and scales their sums."""
    views = Views(
        matrices=np.stack([box(20, 30, 16, 16), box(200, 150, 120, 90)]),
        lighting=LIGHTING,
    )
    prepared = prepare_views(views, 16)
    images = PlacedImages(
        begins=np.array([0, 7]),
        sizes=np.array([[60, 40], [300, 400]], np.int32),
        targets=np.array([3, 1]),
        views=views,
        factors=prepared.factors,
    )
    record = record_in(torch.empty(record_bytes(2), dtype=torch.uint8), 2)
    fill_record(record, images, imagenet_spec())
    assert record.begins.tolist() == [0, 7]
    assert record.sizes.tolist() == [[60, 40], [300, 400]]
    assert record.targets.tolist() == [3, 1]
    assert record.factors.tolist() == [1, 5]
    by_cells = [views.matrices[0], np.diag([1 / 5, 1 / 5, 1]) @ views.matrices[1]]
    assert record.matrices.numpy().tolist() == np.stack(by_cells).tolist()
    assert record.scales.numpy() == pytest.approx(
        np.array([LIGHTING_PIECES / WEIGHT_ONE, LIGHTING_PIECES / WEIGHT_ONE / 25])
    )
    assert record.tables.numpy().tolist() == np.stack(prepared.lighting_tables).tolist()
    assert record.normalisation.numpy().tolist() == imagenet_spec().scale_and_shift().tolist()
