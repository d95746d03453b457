"""What the page of a comparison shows besides numbers: figures and pictures."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from stages.base.errors import UserError
from stages.compare.dvc_cache import DvcCache
from stages.compare.dvc_lock import outputs
from stages.compare.figures import confusion_change, reliability_change_figure
from stages.compare.html import ComparisonView
from stages.compare.match import Comparison
from stages.compare.snapshot import Snapshot
from stages.page.thumbnails import thumbnail
from stages.store.reader import Store

PICTURES = 24  # of each kind and comparison
# Longer side in pixels: about 9 KB each for a few pictures, 4 KB when there are many.
FEW, LARGE, SMALL = 100, 224, 128


@dataclass(frozen=True)
class Album:
    """The presized pictures of a revision: from DVC's cache, or from the workspace."""

    store: Store | None
    contents: Mapping[str, str]  # path -> sha256 that it must have; empty where that is not known

    def picture(self, path: str, side: int) -> str | None:
        """Return a picture as a data URI, None where it is not at hand."""
        if self.store is None:
            return None
        rows = self.store.index["sha256"][self.store.index["path"] == path]
        if rows.empty or self.contents.get(path, rows.iloc[0]) != rows.iloc[0]:
            return None
        return thumbnail(self.store.image(path), side)


def comparison_views(
    contests: Sequence[Comparison],
    told: Sequence[Mapping[str, Any]],
    root: Path,
    cache: DvcCache,
    store: str,
) -> list[ComparisonView]:
    """Return what the page shows of each comparison."""
    many = sum(min(len(rows), PICTURES) for one in contests for rows in one.sides)
    with tempfile.TemporaryDirectory() as scratch:
        albums = {
            side.name: _album(side, root, cache, store, Path(scratch))
            for one in contests
            for side in (one.base.lead, one.other.lead)
        }
        return [
            ComparisonView(
                record=record,
                thumbnails=_thumbnails(one, albums, LARGE if many <= FEW else SMALL),
                confusion=confusion_change(one.classes, one.result.confusion, f"change{place}"),
                reliability=_reliability(one, f"trust{place}"),
            )
            for place, (one, record) in enumerate(zip(contests, told, strict=True))
        ]


def _album(side: Snapshot, root: Path, cache: DvcCache, store: str, scratch: Path) -> Album:
    """Open a revision's store: links to the cache's objects make the folder that it needs."""
    md5 = outputs(side.lock or {}).get(store)
    images = side.tables.get("images")
    contents = {} if images is None else dict(zip(images["path"], images["sha256"], strict=True))
    folder = root / store
    if md5 and (files := cache.folder(md5)):
        folder = scratch / md5
        for name, file in files.items():
            link = folder / name
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file)
    try:
        return Album(Store(folder), contents)
    except UserError:  # it is not there, or of another version: the page goes without
        return Album(None, contents)


def _thumbnails(one: Comparison, albums: Mapping[str, Album], side: int) -> dict[str, str]:
    found = {}
    for place in chain.from_iterable(places[:PICTURES] for places in one.sides):
        row = one.table.iloc[place]
        for group, path in ((one.other, row["other"]), (one.base, row["base"])):
            if picture := albums[group.lead.name].picture(path, side):
                found[row["other"]] = picture
                break
    return found


def _reliability(one: Comparison, name: str) -> str | None:
    before, after = one.reliability
    return reliability_change_figure(before, after, name) if before and after else None
