"""View records: what a GPU needs to render a batch, in one buffer, so that one copy brings it.

Beside the pixels that is 16.5 kB an image, nearly all of it the lookup table of lighting. A table
is made by numpy, as for a processor, since no two libraries of functions give tanh the same bits.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.batch.lighting_table import LIGHTING_PIECES, WEIGHT_ONE, lighting_tables
from stages.batch.render_spec import RenderSpec
from stages.batch.views import Views

_LEVELS = 255 * LIGHTING_PIECES + 2
# A field begins where 16 divides its place, so that whatever the batch, one compiled kernel serves.
_ALIGNMENT = 16
# Each field's type and its shape for one image.
_FIELDS: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {
    "begins": (torch.int64, ()),
    "targets": (torch.int64, ()),
    "matrices": (torch.float64, (3, 3)),
    "sizes": (torch.int32, (2,)),
    "factors": (torch.int32, ()),
    "scales": (torch.float32, ()),
    "tables": (torch.float32, (_LEVELS,)),
}
_NORMALISATION = (2, 3)


@dataclass(frozen=True, kw_only=True)
class ViewRecord:
    """B images of a flat buffer, their targets and views; all fields lie in one buffer."""

    begins: Tensor  # (B,) int64, where an image's first byte is
    targets: Tensor  # (B,) int64, class numbers
    matrices: Tensor  # (B, 3, 3) float64, to cells of factor x factor pixels
    sizes: Tensor  # (B, 2) int32, heights and widths
    factors: Tensor  # (B,) int32, whole shrink factors
    scales: Tensor  # (B,) float32, from a weighted sum to pieces of a grey level
    tables: Tensor  # (B, levels) float32, lookup tables of lighting
    normalisation: Tensor  # (2, 3) float32


def record_bytes(images: int) -> int:
    """Return the size of the buffer of so many images."""
    fields = sum(_padded(images * _image_bytes(name)) for name in _FIELDS)
    return fields + _padded(4 * prod(_NORMALISATION))


def record_in(buffer: Tensor, images: int) -> ViewRecord:
    """Return the fields of a record as views of its buffer, (record_bytes(images),) uint8."""
    fields: dict[str, Tensor] = {}
    place = 0
    for name, (dtype, shape) in _FIELDS.items():
        end = place + images * _image_bytes(name)
        fields[name] = buffer[place:end].view(dtype).view(images, *shape)
        place = _padded(end)
    end = place + 4 * prod(_NORMALISATION)
    normalisation = buffer[place:end].view(torch.float32).view(_NORMALISATION)
    return ViewRecord(**fields, normalisation=normalisation)


def _image_bytes(name: str) -> int:
    dtype, shape = _FIELDS[name]
    return dtype.itemsize * prod(shape)


def _padded(count: int) -> int:
    return -(-count // _ALIGNMENT) * _ALIGNMENT


@dataclass(frozen=True, kw_only=True)
class PlacedImages:
    """B images in a flat buffer, and what to make of them."""

    begins: NDArray[np.int64]  # (B,)
    sizes: NDArray[np.int32]  # (B, 2) heights and widths
    targets: NDArray[np.int64]  # (B,)
    views: Views
    factors: NDArray[np.int64]  # (B,) as of shrink_factors


def fill_record(record: ViewRecord, images: PlacedImages, render: RenderSpec) -> None:
    """Fill in a record on the processor."""
    factors = images.factors
    to_cells = np.ones((len(factors), 3, 1))
    to_cells[:, :2, 0] = (1 / factors)[:, None]
    _array(record.begins)[:] = images.begins
    _array(record.targets)[:] = images.targets
    _array(record.sizes)[:] = images.sizes
    _array(record.factors)[:] = factors
    _array(record.matrices)[:] = to_cells * images.views.matrices
    _array(record.scales)[:] = LIGHTING_PIECES / WEIGHT_ONE / factors**2
    lighting_tables(images.views.lighting, _array(record.tables))
    _array(record.normalisation)[:] = render.scale_and_shift()


def _array(field: Tensor) -> np.ndarray:
    return field.numpy()
