"""Groups of near hashes are those that a slow comparison of all pairs finds."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stages.base.seed import derive
from stages.dataset.hash_groups import NEAR_BITS, PIECE_BITS, PIECES, near_groups
from tests.measured_memory import measured_memory

repeatable = settings(derandomize=True, deadline=None, max_examples=30)


def hashes(count: int, seed: int = 1) -> NDArray[np.uint16]:
    """Return random hashes, (count, 16)."""
    return derive(seed, "hashes").integers(0, 1 << PIECE_BITS, (count, PIECES), dtype=np.uint16)


def flipped(words: NDArray[np.uint16], bits: int, seed: int) -> NDArray[np.uint16]:
    """Return the hashes, each with so many different bits flipped at random."""
    draw = derive(seed, "flips")
    unpacked = np.unpackbits(words.view(np.uint8), axis=1)
    for row in unpacked:
        row[draw.permutation(256)[:bits]] ^= 1
    return np.packbits(unpacked, axis=1).view(np.uint16)


def plain_groups(words: NDArray[np.uint16]) -> list[int]:
    """Return the lowest row that each row is linked to, comparing all pairs."""
    values = [int.from_bytes(row.tobytes(), "big") for row in words]
    group = list(range(len(values)))
    for i, a in enumerate(values):
        for j, b in enumerate(values[:i]):
            if (a ^ b).bit_count() <= NEAR_BITS and group[i] != group[j]:
                low, high = sorted((group[i], group[j]))
                group = [low if number == high else number for number in group]
    return group


def lowest(group: NDArray[np.int64]) -> list[int]:
    """Return for each row the lowest row of its group."""
    first: dict[int, int] = {}
    return [first.setdefault(number, row) for row, number in enumerate(group.tolist())]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 45), st.integers(0, 99)), max_size=40))
@repeatable
def test_groups_equal_those_of_all_pairs(rows: list[tuple[int, int, int]]) -> None:
    """Whatever the distances, the fast search links exactly what the slow one links."""
    bases = hashes(5)
    copies = [flipped(bases[[base]], bits, seed) for base, bits, seed in rows]
    words = np.concatenate(copies) if copies else hashes(0)
    assert lowest(near_groups(words)) == plain_groups(words)


def test_the_limit_is_sharp_wherever_the_bits_lie() -> None:
    """30 bits apart is near and 31 is not, whether spread over all pieces or heaped in a few."""
    base = hashes(1)
    spread = np.arange(256).reshape(PIECES, PIECE_BITS).T.ravel()
    for order in (spread, np.arange(256), spread[::-1], derive(2, "order").permutation(256)):
        for bits, expected in ((NEAR_BITS, 1), (NEAR_BITS + 1, 2)):
            unpacked = np.unpackbits(base.view(np.uint8))
            unpacked[order[:bits]] ^= 1
            pair = np.concatenate([base, np.packbits(unpacked).view(np.uint16)[None]])
            assert len(set(near_groups(pair).tolist())) == expected


def test_the_search_is_complete_up_to_the_limit() -> None:
    """The pieces guarantee what the limit promises: a piece with at most one flipped bit."""
    assert NEAR_BITS < 2 * PIECES
    assert PIECES * PIECE_BITS == 256


def test_2000_copies_are_all_found() -> None:
    """Each of 1,000 hashes finds its copy at 30 bits, and nobody else's."""
    base = hashes(1000)
    group = near_groups(np.concatenate([base, flipped(base, NEAR_BITS, seed=5)]))
    assert (group[:1000] == group[1000:]).all()
    assert len(set(group.tolist())) == 1000


def test_copies_of_copies_chain() -> None:
    """A burst of shots is one group, though its ends differ by more than the limit."""
    burst = [hashes(1)]
    for shot in range(5):
        burst.append(flipped(burst[-1], 20, seed=shot))
    words = np.concatenate(burst)
    assert np.bitwise_count(words[0] ^ words[-1]).sum() > NEAR_BITS
    assert set(near_groups(words).tolist()) == {0}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(hashes(20_000), id="random"),
        pytest.param(flipped(np.repeat(hashes(1), 3000, axis=0), 8, seed=1), id="all alike"),
    ],
)
def test_time_is_far_from_that_of_all_pairs(words: NDArray[np.uint16]) -> None:
    """20,000 random hashes, or 3,000 alike, take well under the minutes that all pairs would."""
    start = time.process_time()
    near_groups(words)
    assert time.process_time() - start < 5


def test_memory_is_some_hundred_bytes_a_hash() -> None:
    """Beside 16 MB for the pairs in work, the search needs at most 300 bytes a hash."""
    words = hashes(20_000)
    with measured_memory() as memory:
        near_groups(words)
    assert memory.peak < 16e6 + 300 * len(words)
