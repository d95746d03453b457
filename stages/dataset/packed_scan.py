"""The scan of a packed folder: as that of a folder, each tar read from start to end."""

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from joblib import Parallel, delayed
from tqdm import tqdm

from stages.base.packed import PackedFile
from stages.cluster.cluster import Cluster
from stages.dataset.packed_folder import read_packed
from stages.dataset.read_on_cluster import cut_items, read_on_cluster
from stages.dataset.scan import (
    MAX_WHOLE_READ,
    FileFacts,
    Scan,
    facts_of_content,
    facts_of_file,
    headers_only,
)
from stages.labels.problem import UNREADABLE, Problem

_MOST_AT_ONCE = 512  # files that a thread reads by one opening of their tar


def scan_packed(root: Path, workers: int | Cluster) -> Scan:
    """Read and hash every file in the tars of a folder, by so many threads or by a cluster.

    UserError as of read_packed.
    """
    content = read_packed(root)
    packed = content.packed
    if not isinstance(workers, int):
        packed = packed.absolute()
    files = sorted(packed / path for path in packed.places)
    with tqdm(desc="ingest", total=len(files), unit="file", disable=None) as bar:
        if isinstance(workers, int):
            results = []
            per_task = max(1, min(_MOST_AT_ONCE, len(files) // (4 * workers)))
            run = Parallel(workers, prefer="threads", batch_size=1, return_as="generator")
            with headers_only():
                for some in run(delayed(_facts)(task) for task in cut_items(files, per_task)):
                    results += some
                    bar.update(len(some))
        else:
            known = packed.smallest_tar()
            results = read_on_cluster(read_packed_facts, known, files, workers, bar)
    facts = [result for result in results if isinstance(result, FileFacts)]
    unread = [result for result in results if isinstance(result, Problem)]
    of_members = [problem for problem, _ in content.member_problems]
    return Scan(sorted(facts), [*of_members, *sorted(unread)], content.hidden)


def read_packed_facts(files: Sequence[PackedFile]) -> list[FileFacts | Problem]:
    """Return the facts of some files, or the problems why they cannot be read, in their order."""
    with headers_only():
        return _facts(files)


def _facts(files: Sequence[PackedFile]) -> list[FileFacts | Problem]:
    return [
        facts
        for tar, group in groupby(files, lambda file: file.tar)
        for facts in _facts_in(tar, list(group))
    ]


def _facts_in(tar: Path, files: Sequence[PackedFile]) -> Iterator[FileFacts | Problem]:
    try:
        opened = io.FileIO(tar)
    except OSError as error:
        yield from (_unreadable(file, error) for file in files)
        return
    with opened:
        for file in files:
            try:
                if file.size <= MAX_WHOLE_READ:
                    yield facts_of_content(file.path, file.read_from(opened))
                else:
                    yield facts_of_file(file.path, file.window(opened), file.size)
            except OSError as error:
                yield _unreadable(file, error)


def _unreadable(file: PackedFile, error: OSError) -> Problem:
    return Problem(file.path, UNREADABLE, f"{error.strerror or error} ({file.tar.name})")
