"""Hash groups: photos whose perceptual hashes differ in few bits, found without all pairs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# Bits of 256. Measured on 1,099 pet photos | 1,008 photographed digits, presized:
# saved again at quality 50, at most 6 | 10; at half size 18 | 12; 15 % brighter 26 | 26;
# 2 % cropped on each side, median 32 | 26; 5 % cropped, median 74 | 66.
# Of different photos the nearest two are 82 | 50 apart. With the usual 64 bits (8 x 8) they are
# 12 | 10 apart, where brighter copies are up to 8 | 14: there no threshold tells them apart.
NEAR_BITS = 30
# A hash is cut into pieces of 16 bits. Hashes that differ in at most 2 * 16 - 1 bits differ in
# at most one bit of some piece (Norouzi et al. 2012, multi-index hashing), so it is enough to look
# up each piece and its 16 neighbours: all pairs are found, and few others are compared.
PIECES = 16
PIECE_BITS = 16
_CHUNK = 1 << 17  # pairs compared at a time, so that what is in work stays near the processor

Ints = NDArray[np.int64]
RowPairs = tuple[Ints, Ints]  # rows that are linked one to one, (L,) each
Words = NDArray[np.uint64]  # (4, N), the hashes as columns


def near_groups(words: NDArray[np.uint16]) -> Ints:
    """Return a group number for each hash; linked are those at most NEAR_BITS apart.

    words: (N, PIECES). Of random hashes 60,000 take 1.3 s on one core, 240,000 6.5 s. The pairs
    compared are N squared / 480, at a million 2,000 a photo, as with longer or shorter pieces. The
    worst are many that stay just too far apart.
    """
    unique, inverse = np.unique(words, axis=0, return_inverse=True)
    hashes = unique.view(np.uint64)  # (N, 4)
    group = np.arange(len(unique))
    flips = [1 << bit for bit in range(PIECE_BITS)]
    # What is joined is not compared again, so the steps that join most for their work come first.
    candidates: list[Callable[[Ints, Ints], tuple[Ints, Iterator[RowPairs]]]] = [
        _sorted_neighbours,
        partial(_pairs, flips=[0]),
        partial(_pairs, flips=flips),
    ]
    for candidate_pairs in candidates:
        for piece in unique.T:
            order, pairs = candidate_pairs(piece.astype(np.int64), group)
            ordered = np.ascontiguousarray(hashes[order].T)
            links = [_near_pairs(ordered, a, b) for a, b in pairs]
            group = join_groups(group, [(order[a], order[b]) for a, b in links])
    return group[inverse.ravel()]


def _near_pairs(hashes: Words, a: Ints, b: Ints) -> RowPairs:
    """Return the pairs whose hashes differ in at most NEAR_BITS bits.

    Half of each hash is compared first: hardly a pair of different photos is near there.
    """
    bits = np.bitwise_count(hashes[0, a] ^ hashes[0, b])
    bits += np.bitwise_count(hashes[1, a] ^ hashes[1, b])
    near = np.flatnonzero(bits <= NEAR_BITS)
    bits, a, b = bits[near], a[near], b[near]
    for word in hashes[2:]:
        bits += np.bitwise_count(word[a] ^ word[b])
    near = np.flatnonzero(bits <= NEAR_BITS)
    return a[near], b[near]


def _sorted_neighbours(keys: Ints, _group: Ints) -> tuple[Ints, Iterator[RowPairs]]:
    """Return the order of the rows by key, and the pairs of places side by side there."""
    place = np.arange(len(keys))
    return np.argsort(keys, kind="stable"), iter([(place[:-1], place[1:])])


def _pairs(keys: Ints, group: Ints, flips: Sequence[int]) -> tuple[Ints, Iterator[RowPairs]]:
    """Return the order of the rows by key, and places there of rows of different groups.

    The pairs are, in chunks, all whose keys differ in the bits of a flip. Those of one row lie side
    by side.
    """
    # By key, then group: a pair is met once, from its lower group.
    full = keys * len(keys) + group
    order = np.argsort(full, kind="stable")
    return order, _flipped_pairs(full[order], keys[order], group[order], flips)


def _flipped_pairs(full: Ints, keys: Ints, group: Ints, flips: Sequence[int]) -> Iterator[RowPairs]:
    """Yield the pairs of `_pairs`; all three are sorted by full, key and group in one number."""
    ends = np.searchsorted(keys, np.arange(1 << PIECE_BITS), side="right")
    for flip in flips:
        flipped = keys ^ flip
        begin = np.searchsorted(full, flipped * len(keys) + group, side="right")
        yield from _ranges(begin, ends[flipped])


def _ranges(begin: Ints, end: Ints) -> Iterator[RowPairs]:
    """Yield each row with every number from begin[row] up to end[row], about _CHUNK at a time."""
    counts = end - begin
    total = np.cumsum(np.append(0, counts))
    shift = begin - total[:-1]
    cuts = np.searchsorted(total[1:], np.arange(_CHUNK, total[-1], _CHUNK))
    for rows in np.split(np.arange(len(begin)), cuts):
        if len(rows):
            number = np.arange(total[rows[0]], total[rows[-1] + 1])
            yield np.repeat(rows, counts[rows]), number + np.repeat(shift[rows], counts[rows])


def join_groups(group: Ints, links: Iterable[RowPairs]) -> Ints:
    """Return the groups after linking rows to rows, numbered anew from 0."""
    a, b = np.concatenate([np.zeros((2, 0), np.int64), *map(np.stack, links)], axis=1)
    graph = coo_array((np.ones(len(a), bool), (group[a], group[b])), shape=(len(group),) * 2)
    component: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return component[group]


def first_rows(group: Ints) -> Ints:
    """Return for each row the first row of the same group."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return first[inverse]
