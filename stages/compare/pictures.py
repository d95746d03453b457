"""Pictures and figures of a comparison: photos from each revision's store, and two diagrams."""

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import pandas as pd

from stages.base.errors import UserError
from stages.compare.comparison import Comparison
from stages.compare.dvc_cache import DvcCache
from stages.compare.dvc_lock import output_hashes
from stages.compare.figures import confusion_change_figure, reliability_change_figure
from stages.compare.html import ComparisonView
from stages.compare.record import ComparisonRecord
from stages.compare.snapshot import Snapshot
from stages.page.thumbnails import thumbnail
from stages.store.reader import HASH_COLUMNS, Store

_MOST_PICTURES = 24  # of each kind and comparison
# Longer side in pixels: about 9 KB each for a few pictures, 4 KB when there are many.
_FEW_PICTURES = 100
_LARGE_SIDE = 224
_SMALL_SIDE = 128


@dataclass(kw_only=True)
class PresizedPhotos:
    """The presized photos of a revision; what is damaged of them is left out, and noted."""

    store: Store | None  # None where it is neither in DVC's cache nor in the workspace
    sha256: Mapping[str, str]  # path -> content that it must have; empty where that is not known
    shown: Collection[str]  # paths that may be asked for; of all others nothing is kept in memory
    name: str = ""  # of the store: data/presized, or data/presized of v1
    cached: bool = False  # whether it is in DVC's cache
    problem: str = ""  # the first that was found, without a path of this machine

    def data_uri(self, path: str, side: int) -> str | None:
        """Return a photo as a data URI; None where it, or one of this content, is not at hand."""
        if self.store is None:
            return None
        stored = self._stored_sha256.get(path)
        if stored is None or self.sha256.get(path, stored) != stored:
            return None
        try:
            return thumbnail(self.store.image(path), side)
        except Exception as error:  # of a damaged shard almost any
            reason = f"its bytes in {self.name} cannot be read"
            if not self.cached:
                reason = _reason(error, self.store.folder, self.name)
            self.problem = self.problem or f"{path}: {reason}"
            return None

    @cached_property
    def _stored_sha256(self) -> Mapping[str, str]:
        """Return the content of each photo that may be asked for, as the store has it."""
        hashes = self.store.hashes() if self.store else pd.DataFrame(columns=HASH_COLUMNS)
        return _contents(hashes, self.shown)


def comparison_views(
    comparisons: Sequence[Comparison],
    records: Sequence[ComparisonRecord],
    root: Path,
    cache: DvcCache,
    store: str,
) -> list[ComparisonView]:
    """Return what the page shows of each comparison; store: the folder of presized photos.

    The record of a view notes which photos are left out because they are damaged.
    """
    pictures = sum(
        len(rows[:_MOST_PICTURES])
        for comparison in comparisons
        for rows in (comparison.newly_wrong, comparison.newly_right)
    )
    side = _LARGE_SIDE if pictures <= _FEW_PICTURES else _SMALL_SIDE
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stores:
        places = _Places(root=root, cache=cache, store=store, scratch=Path(scratch))
        shown = _shown_paths(comparisons)
        photos = {
            snapshot.name: _open_photos(snapshot, places, shown)
            for comparison in comparisons
            for snapshot in (comparison.base.lead, comparison.other.lead)
        }
        for opened in places.opened.values():
            stores.callback(opened.close)
        thumbnails = [_thumbnails(comparison, photos, side) for comparison in comparisons]
        return [
            ComparisonView(
                record=_with_photo_notes(record, comparison, photos),
                thumbnails=thumbnails[number],
                confusion=confusion_change_figure(
                    comparison.class_names, comparison.scores.confusion, f"change{number}"
                ),
                reliability=_reliability_figure(comparison, f"trust{number}"),
            )
            for number, (comparison, record) in enumerate(zip(comparisons, records, strict=True))
        ]


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Where the stores of all revisions lie, and those that are open: one that several have, once.

    A store of a million photos takes .3 GB.
    """

    root: Path
    cache: DvcCache
    store: str  # its folder in the workspace
    scratch: Path  # for links to the objects of the cache
    opened: dict[Path, Store] = field(default_factory=dict)  # by folder

    def open(self, folder: Path) -> Store:
        """Return the store of a folder, opened at most once."""
        if folder not in self.opened:
            self.opened[folder] = Store(folder)
        return self.opened[folder]


def _shown_paths(comparisons: Sequence[Comparison]) -> set[str]:
    """Return the paths, on either side, of the images that may have a picture."""
    return {
        path
        for comparison in comparisons
        for rows in (comparison.newly_wrong, comparison.newly_right)
        for side in ("base", "other")
        for path in comparison.images[side].iloc[rows[:_MOST_PICTURES]]
    }


def _contents(images: pd.DataFrame, paths: Collection[str]) -> dict[str, str]:
    """Return path -> sha256 of those images that have one of some paths."""
    rows = images[images["path"].isin(paths)]
    return dict(zip(rows["path"], rows["sha256"], strict=True))


def _open_photos(snapshot: Snapshot, places: _Places, shown: Collection[str]) -> PresizedPhotos:
    """Open a revision's store, from DVC's cache or else from the workspace."""
    store = places.store
    images = snapshot.tables.get("images")
    sha256 = {} if images is None else _contents(images, shown)
    photos = PresizedPhotos(store=None, sha256=sha256, shown=shown, name=store)
    past_store = f"{store} of {snapshot.name}"
    try:
        md5 = output_hashes(snapshot.lock or {}).get(store)
        linked = _linked_store(places.cache, md5, places.scratch)
    except UserError as error:  # names an object within the cache
        photos.problem = _one_line(error)
        return photos
    except (OSError, ValueError):  # no access, or names in the listing that no file can have
        photos.problem = f"{past_store} cannot be read from DVC's cache"
        return photos
    folder = linked or places.root / store
    if linked:
        photos.name = past_store
        photos.cached = True
    try:
        if folder.is_dir():
            photos.store = places.open(folder)
    except (UserError, OSError, ValueError) as error:
        photos.problem = _reason(error, folder, store)
        if linked:  # the error names links in a temporary folder, and a remedy for the workspace
            photos.problem = f"{past_store} is of another version, or damaged"
    return photos


def _linked_store(cache: DvcCache, md5: str | None, scratch: Path) -> Path | None:
    """Return a folder of links to the objects of a cached store; None where one is missing."""
    objects = cache.folder_files(md5)
    if not objects or md5 is None:
        return None
    for name, file in objects.items():
        link = scratch / md5 / name
        if not os.path.lexists(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            _link(link, file.absolute())
    return scratch / md5


def _link(link: Path, file: Path) -> None:
    """Make a link, or a copy where the system lets nobody make links, as Windows does."""
    try:
        link.symlink_to(file)
    except OSError:
        shutil.copyfile(file, link)


def _with_photo_notes(
    record: ComparisonRecord, comparison: Comparison, photos: Mapping[str, PresizedPhotos]
) -> ComparisonRecord:
    """Return the record with a note for each side some of whose photos are left out."""
    names = [comparison.base.lead.name, comparison.other.lead.name]
    notes = [
        f"{name}: photos are left out: {photos[name].problem}"
        for name in names
        if photos[name].problem
    ]
    return replace(record, notes=[*record.notes, *notes])


def _reason(error: Exception, folder: Path, name: str) -> str:
    """Return what went wrong with a store, which has its name in place of its path."""
    return _one_line(error).replace(str(folder), name)


def _one_line(error: Exception) -> str:
    """Return what went wrong, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _thumbnails(
    comparison: Comparison, photos: Mapping[str, PresizedPhotos], side: int
) -> dict[str, str]:
    """Return path -> data URI of the first images newly wrong and newly right that are at hand."""
    thumbnails = {}
    for row in chain(
        comparison.newly_wrong[:_MOST_PICTURES], comparison.newly_right[:_MOST_PICTURES]
    ):
        image = comparison.images.iloc[row]
        for setup, path in (
            (comparison.other, image["other"]),
            (comparison.base, image["base"]),
        ):
            if data_uri := photos[setup.lead.name].data_uri(path, side):
                thumbnails[image["other"]] = data_uri
                break
    return thumbnails


def _reliability_figure(comparison: Comparison, name: str) -> str | None:
    """Return the reliability diagram of both sides; None where a side has none."""
    base = comparison.reliability.base
    other = comparison.reliability.other
    return reliability_change_figure(base, other, name) if base and other else None
