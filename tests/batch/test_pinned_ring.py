"""The pinned ring: pieces of a bounded size, decoded by threads, in slots that take turns."""

import threading
import time

import numpy as np
import pytest
import torch

from stages.batch.pinned_ring import Piece, cut_pieces, decode_through_ring
from stages.batch.side_stream import SideStream
from tests.batch.device_examples import LateStream
from tests.batch.examples import CPU

SIZES = np.array([[2, 5], [10, 10], [1, 1], [3, 3], [4, 8]])
ROWS = [np.array([4, 0, 2]), np.array([1, 3])]


def fill(row: int, out: np.ndarray) -> None:
    """Decode a row as an image that holds its number."""
    out[:] = row


def pixels_by_piece(pieces: list[Piece], side: SideStream, threads: int = 2) -> list[list[int]]:
    """Return what arrives of each piece, copied as a device would."""
    arrived = [torch.empty(piece.bytes, dtype=torch.uint8) for piece in pieces]
    decoded = decode_through_ring(pieces, SIZES, fill, threads, side)
    for target, (_, pixels) in zip(arrived, decoded, strict=True):
        side.copy(target, pixels)
    side.wait(side.mark())
    return [target.tolist() for target in arrived]


@pytest.mark.parametrize("limit", [1, 100, 150, 300, 10**6])
def test_pieces_are_the_batches(limit: int) -> None:
    """Joined, pieces have the rows of their batches, one image after the other, in the limit."""
    pieces = cut_pieces(ROWS, SIZES, limit)
    lengths = 3 * SIZES.prod(axis=1)
    for number, rows in enumerate(ROWS):
        own = [piece for piece in pieces if piece.batch == number]
        assert np.concatenate([piece.rows for piece in own]).tolist() == rows.tolist()
        assert [piece.ends_batch for piece in own] == [False] * (len(own) - 1) + [True]
        assert [piece.first for piece in own] == np.cumsum([0, *map(len_of, own)])[:-1].tolist()
    for piece in pieces:
        assert piece.bytes == lengths[piece.rows].sum()
        assert piece.bytes <= limit or len(piece.rows) == 1
        assert piece.begins.tolist() == [0, *np.cumsum(lengths[piece.rows])[:-1]]


def len_of(piece: Piece) -> int:
    """Return the number of images."""
    return len(piece.rows)


def test_no_rows_give_no_pieces() -> None:
    """Without batches nothing is decoded."""
    assert cut_pieces([], SIZES, 100) == []
    assert list(decode_through_ring([], SIZES, fill, 2, SideStream(CPU))) == []


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("limit", [1, 100, 10**6])
def test_pixels_arrive_in_order(late: bool, limit: int) -> None:
    """Each image fills its place, however late the copies are and however often a slot serves."""
    pieces = cut_pieces(ROWS * 5, SIZES, limit)
    side = LateStream() if late else SideStream(CPU)
    expected = [np.repeat(piece.rows, 3 * SIZES[piece.rows].prod(axis=1)) for piece in pieces]
    assert pixels_by_piece(pieces, side) == [values.tolist() for values in expected]


def test_a_slot_is_waited_for_before_it_serves_again() -> None:
    """Before an image is decoded into a slot, the copy out of it has been waited for."""
    pieces = cut_pieces([np.array([row % 5]) for row in range(9)], SIZES, 1)
    side = LateStream()
    pixels_by_piece(pieces, side)
    assert side.waits == 9 + 1  # the last is the test's own


def test_images_of_one_piece_are_decoded_side_by_side() -> None:
    """The work is shared image by image: two threads decode a piece of two together."""
    together = threading.Barrier(2, timeout=20)

    def wait_and_fill(row: int, out: np.ndarray) -> None:
        together.wait()
        fill(row, out)

    pieces = cut_pieces([np.array([1, 3])], SIZES)
    [(_, pixels)] = decode_through_ring(pieces, SIZES, wait_and_fill, 2, SideStream(CPU))
    assert set(pixels.tolist()) == {1, 3}


def test_no_more_is_decoded_than_the_slots_hold() -> None:
    """While the first piece is in use, two more are decoded, and no fourth."""
    decoded: list[int] = []

    def note(row: int, out: np.ndarray) -> None:
        decoded.append(row)
        fill(row, out)

    pieces = cut_pieces([np.array([row]) for row in (0, 1, 2, 3, 4)], SIZES, 1)
    pieces_decoded = decode_through_ring(pieces, SIZES, note, 2, SideStream(CPU))
    next(pieces_decoded)
    deadline = time.monotonic() + 5
    while len(decoded) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert sorted(decoded) == [0, 1, 2]


def test_an_error_of_a_thread_is_raised() -> None:
    """What fails for one image is raised where its piece is taken."""

    def fail(row: int, out: np.ndarray) -> None:
        raise ValueError(f"row {row}")

    pieces = cut_pieces(ROWS, SIZES)
    with pytest.raises(ValueError, match="row 4"):
        list(decode_through_ring(pieces, SIZES, fail, 1, SideStream(CPU)))
