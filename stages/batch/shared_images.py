"""Images in memory that the processes of a machine share: each decodes its part, all see the whole.

In training every process needs every photo, sooner or later, since each epoch is shuffled anew.
"""

import mmap
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray
from tqdm import tqdm

from stages.base.ranks import Rank
from stages.batch.flat_images import FlatImages

_ValueT = TypeVar("_ValueT")
_NO_FILE = -1


def can_share(rank: Rank) -> bool:
    """Return whether there are other processes, which have met; memory is shared on Linux alone.

    Not where nobody says who is on which machine. A process that is alone on its machine says yes,
    since others, with which it must agree, may not be.
    """
    known = rank.count > 1 and rank.here > 0
    return sys.platform == "linux" and known and dist.is_initialized()


def decode_together(flat: FlatImages, fits: bool, rank: Rank) -> list[NDArray[np.uint8]] | None:
    """Return all images (H, W, 3), decoded into shared memory; None where it may not be taken.

    All processes, of all machines, must call this together. fits: whether the images fit this
    machine's memory, where its first process says so.
    """
    memory = shared_memory(flat.bytes if fits else 0, rank)
    images = [] if memory is None else _divide(memory, flat.sizes)
    rows = np.array_split(np.arange(len(images)), rank.here)[rank.local].tolist()
    with ThreadPoolExecutor(flat.threads) as pool:
        decoding = pool.map(lambda row: flat.read_into(row, images[row]), rows)
        bar = tqdm(decoding, "decoding", len(rows), unit="image", delay=1, leave=False,
                   disable=not rank.first)  # fmt: skip
        for _ in bar:
            pass
    dist.barrier()
    return None if memory is None else images


def shared_memory(size: int, rank: Rank) -> NDArray[np.uint8] | None:
    """Return so many bytes that all processes of this machine see, as its first one says; or None.

    All processes, of all machines, must call this together. The memory has no name by which it
    could be left behind: it is given back with the last process, or array, that has it.
    """
    file = _new_file(size) if rank.local == 0 and size > 0 else _NO_FILE
    first = rank.number - rank.local
    memory = _map_file(*_gather((os.getpid(), file), rank)[first])
    mapped = _gather(memory is not None, rank)
    _close(file)
    if memory is None or not all(mapped[first : first + rank.here]):
        return None
    return np.frombuffer(memory, np.uint8)


def _new_file(size: int) -> int:
    """Return the descriptor of a new file in memory; `_NO_FILE` where the system gives none.

    An error would end this process while the others wait for it.
    """
    file = _NO_FILE
    if sys.platform == "linux":
        try:
            file = os.memfd_create("finetrack")
            os.ftruncate(file, size)
        except OSError:
            _close(file)
            return _NO_FILE
    return file


def _close(file: int) -> None:
    if file != _NO_FILE:
        os.close(file)


def _map_file(process: int, file: int) -> mmap.mmap | None:
    """Return the memory behind a file that a process has open; None where there is none to be had.

    Some systems let no process look at what another one has open.
    """
    with suppress(OSError), Path(f"/proc/{process}/fd/{file}").open("r+b") as opened:
        return mmap.mmap(opened.fileno(), 0)
    return None


def _gather(value: _ValueT, rank: Rank) -> list[_ValueT]:
    values = [value] * rank.count
    dist.all_gather_object(values, value)
    return values


def _divide(memory: NDArray[np.uint8], sizes: NDArray[np.int32]) -> list[NDArray[np.uint8]]:
    """Return the place of each image in a buffer, as an array (H, W, 3)."""
    ends = np.cumsum(3 * sizes.astype(np.int64).prod(axis=1))
    parts = np.split(memory, ends[:-1])
    return [part.reshape(*size, 3) for part, size in zip(parts, sizes.tolist(), strict=True)]
