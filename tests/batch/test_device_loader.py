"""The device's path on a processor: the same code, with a stream that is as late as it may be."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.base.errors import UserError
from stages.batch import device_loader, pinned_ring
from stages.batch.batches import Batch, BatchPlan
from stages.batch.image_set import ImageSet
from stages.batch.loader import batches_on_device, train_batches, valid_batches
from stages.batch.random_draws import view_numbers
from stages.batch.render_spec import RenderSpec
from stages.batch.side_stream import SideStream
from stages.batch.views import Views, centre_views, drawn_views
from tests.batch.device_examples import (
    LateStream,
    flat_image_set,
    kernel_spec,
    sized_images,
    views_by_rows,
)
from tests.batch.examples import AUGMENT, CPU, imagenet_spec, noise_image

pytest.importorskip("triton", reason="Triton is not installed: it is for Linux alone")

PLAN = BatchPlan(batch_size=4, seed=5)
IMAGES = sized_images()


def training(
    image_set: ImageSet, spec: RenderSpec, epoch: int = 1, side: SideStream | None = None
) -> list[Batch]:
    """Return the batches of an epoch by the device's path."""

    def views_of(rows: np.ndarray, sizes: np.ndarray) -> Views:
        paths = [image_set.paths[row] for row in rows]
        return drawn_views(sizes, AUGMENT, view_numbers(5, epoch, paths))

    rows = PLAN.epoch_rows(len(image_set), epoch)
    return list(batches_on_device(image_set, spec, rows, views_of, side))


@pytest.fixture(params=[True, False], ids=["resident", "streamed"])
def image_set(request: pytest.FixtureRequest) -> ImageSet:
    """Return images on the device, and then such as stream to it."""
    return flat_image_set(IMAGES, resident=request.param)


def test_training_has_the_bytes_of_the_processor(image_set: ImageSet) -> None:
    """By the kernel an epoch's images, targets and rows are those of the processor's path."""
    expected = list(train_batches(image_set, imagenet_spec(), AUGMENT, PLAN, 1))
    for batch, other in zip(training(image_set, kernel_spec()), expected, strict=True):
        assert torch.equal(batch.images, other.images)
        assert torch.equal(batch.targets, other.targets)
        assert batch.rows.tolist() == other.rows.tolist()
        assert batch.images.is_contiguous(memory_format=torch.channels_last)


def test_validation_has_the_bytes_of_the_processor(image_set: ImageSet) -> None:
    """In order, each image through its centre view, the last batch being smaller."""
    rows = [np.arange(4), np.arange(4, 8), np.arange(8, 11)]
    got = list(
        batches_on_device(image_set, kernel_spec(), rows, lambda _, sizes: centre_views(sizes))
    )
    expected = list(valid_batches(image_set, imagenet_spec(), 4))
    for batch, other in zip(got, expected, strict=True):
        assert torch.equal(batch.images, other.images)
        assert torch.equal(batch.targets, other.targets)


def test_torch_renders_where_there_is_no_kernel(image_set: ImageSet) -> None:
    """Array by array the images are those of the processor to .1 of a level, and targets equal."""
    expected = list(train_batches(image_set, imagenet_spec(), AUGMENT, PLAN, 1))
    for batch, other in zip(training(image_set, imagenet_spec()), expected, strict=True):
        assert (batch.images - other.images).abs().max() < 0.1 / 255 / 0.224
        assert torch.equal(batch.targets, other.targets)


def test_half_precision_is_rounded_once(image_set: ImageSet) -> None:
    """In fp16 images are those of float32, rounded."""
    exact = training(image_set, kernel_spec())
    half = training(image_set, kernel_spec(dtype=torch.float16))
    for batch, other in zip(half, exact, strict=True):
        assert torch.equal(batch.images, other.images.half())


@pytest.mark.parametrize("limit", [1, 9000, 10**9])
@pytest.mark.parametrize("kernel", [True, False])
def test_a_stream_that_is_late_changes_nothing(
    limit: int, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late copies and kernels run, and however small the pieces, the bytes are the same."""
    monkeypatch.setattr(device_loader, "SLOT_BYTES", limit)
    image_set = flat_image_set(IMAGES, resident=False)
    spec = replace(imagenet_spec(), kernel=kernel)
    expected = training(image_set, spec)
    side = LateStream()
    for batch, other in zip(training(image_set, spec, side=side), expected, strict=True):
        assert torch.equal(batch.images, other.images)
        assert torch.equal(batch.targets, other.targets)
    assert side.done > 0


@pytest.mark.parametrize("kernel", [True, False])
def test_what_streams_in_pieces_has_the_bytes_of_what_is_resident(
    kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the photos of a batch lie on the device or come one by one, its bytes are the same.

    Widths that are no powers of two round what is scaled by them.
    """
    monkeypatch.setattr(device_loader, "SLOT_BYTES", 1)
    images = [noise_image(301 + 17 * n, 613 - 23 * n, n) for n in range(11)]
    spec = replace(imagenet_spec(size=48), kernel=kernel)
    resident = training(flat_image_set(images, resident=True), spec)
    streamed = training(flat_image_set(images, resident=False), spec)
    for batch, other in zip(streamed, resident, strict=True):
        assert torch.equal(batch.images, other.images)
        assert torch.equal(batch.targets, other.targets)


def test_a_slot_that_is_not_waited_for_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same late stream, pixels that are overwritten before their copy give other bytes."""
    monkeypatch.setattr(device_loader, "SLOT_BYTES", 1)
    image_set = flat_image_set(IMAGES, resident=False)
    expected = training(image_set, kernel_spec())

    class Careless(LateStream):
        def mark(self) -> None:
            return None

        def hand_over(self, mark: object, tensors: object) -> None:
            self.wait(self.given)

    batches = training(image_set, kernel_spec(), side=Careless())
    same = [torch.equal(a.images, b.images) for a, b in zip(batches, expected, strict=True)]
    assert not all(same)


def test_batches_begin_before_they_are_asked_for() -> None:
    """The first batches of an epoch are made while another one is still validated."""
    image_set = flat_image_set(IMAGES, resident=True)
    side = LateStream()
    rows = PLAN.epoch_rows(len(image_set), 1)
    batches = batches_on_device(image_set, imagenet_spec(), rows, views_by_rows, side)
    deadline = time.monotonic() + 20
    while not side.waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    assert side.waiting
    assert len(list(batches)) == 2


def test_an_epoch_may_be_left_early() -> None:
    """After a batch the rest may be given up, and the thread that makes them ends."""
    before = threading.active_count()
    image_set = flat_image_set(IMAGES, resident=False)
    batches = batches_on_device(
        image_set, imagenet_spec(), [np.arange(2)] * 50, views_by_rows, SideStream(CPU)
    )
    next(batches)
    batches.close()  # type: ignore[attr-defined] # it is a generator
    assert threading.active_count() == before


def test_a_photo_that_cannot_be_read_stops_the_epoch() -> None:
    """An error in a thread that decodes is raised where the batch is taken."""

    def read_into(row: int, out: np.ndarray) -> None:
        if row == 7:
            raise UserError("shard-0001.tar is damaged")
        out[:] = IMAGES[row]

    image_set = flat_image_set(IMAGES, resident=False)
    assert image_set.flat is not None
    broken = replace(image_set, flat=replace(image_set.flat, read_into=read_into))
    with pytest.raises(UserError, match="damaged"):
        training(broken, imagenet_spec())


def test_images_in_memory_need_no_flat_ones() -> None:
    """A set that was made of tensors is rendered on a device too."""
    flat = flat_image_set(IMAGES, resident=True)
    plain = ImageSet(flat.paths, flat.targets, flat.load_image)
    for batch, other in zip(
        training(plain, kernel_spec()), training(flat, kernel_spec()), strict=True
    ):
        assert torch.equal(batch.images, other.images)


def test_the_images_in_flight_are_bounded() -> None:
    """A batch of 400 MB is cut into pieces of one slot each, at most."""
    sizes = np.full((500, 2), 520)
    pieces = pinned_ring.cut_pieces([np.arange(500)], sizes)
    assert max(piece.bytes for piece in pieces) <= pinned_ring.SLOT_BYTES
    assert sum(len(piece.rows) for piece in pieces) == 500
