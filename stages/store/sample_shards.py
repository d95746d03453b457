"""Sample shards: stored photos with what is known of them, in the tar files of WebDataset.

    train-000000.tar   of each photo KEY.jpg (or .ppm), KEY.cls (the number of its class), KEY.json
    valid-000000.tar   the same of another side of the split
    dataset.json       class names, and how many photos each shard has; written last

A reader of such files takes them one after another, without an index:
https://github.com/webdataset/webdataset
"""

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from stages.base.errors import UserError, error_list
from stages.base.files import write_json
from stages.base.plural import count_noun, join_names
from stages.base.system_errors import unwritable
from stages.store.reader import Store

_RECORD = "dataset.json"
_PART = re.compile(r"\.[a-z]+-\d{6}\.tar\.part")
_MOST_BYTES_OF_WORDS = 60  # so that a name fits the 100 bytes that every reader of tar files takes


@dataclass(frozen=True, kw_only=True)
class SampleShard:
    """A shard that is written: the name of its file, and how many photos it has."""

    name: str
    photos: int


def sample_key(path: str) -> str:
    """Return the key of a photo: words of its path, and a hash of the path that makes it unique.

    A dot would end it, and what looks like `__this__` is passed over by readers.

    >>> sample_key("owls/tawny owl.2.jpg"), sample_key("__a__.jpg")
    ('owls_tawny_owl_2-bea929862361', 'a-e0995759f062')
    """
    words = re.sub(r"\W+", "_", re.sub(r"\.[^./]*$", "", path)).strip("_")
    end = words.encode()[-_MOST_BYTES_OF_WORDS:].decode(errors="ignore").lstrip("_")
    digits = sha256(path.encode(errors="surrogateescape")).hexdigest()[:12]
    return "-".join(filter(None, (end, digits)))


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds anything but unfinished shards of a run that was killed."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder} is a file, and a folder is to be written; name another")
    try:
        others = sorted(file.name for file in folder.iterdir() if not _PART.fullmatch(file.name))
    except OSError as error:
        raise unwritable(folder, error) from None
    if others:
        raise UserError(
            f"{folder} is not empty ({join_names(others, count=3)}), and nothing is written over;"
            " name another folder, or remove what is in it"
        )


def write_sample_shards(
    store: Store, samples: pd.DataFrame, class_names: Sequence[str], folder: Path, most_bytes: int
) -> list[SampleShard]:
    """Write stored photos into an empty folder, in one pass through the store; return the shards.

    samples: path, label, split, and other columns of text that go into the JSON of each photo.
    most_bytes: the size of a shard, more only where one photo has more. Photos stand in the order
    of the store, that of their hashes, so that classes are mixed. No shard has its name before all
    are written, and a run that fails leaves none.
    """
    require_empty(folder)
    samples = _in_order_of_store(store, samples)
    image = "ppm" if store.raw else "jpg"
    numbers = {name: str(number) for number, name in enumerate(class_names)}
    with _new_sides(folder, sorted(set(samples["split"])), most_bytes) as sides:
        for facts in tqdm(samples.to_dict("records"), "shards", unit=" photos", disable=None):
            contents = {
                image: bytes(store.encoded(facts["path"])),
                "cls": numbers[facts["label"]].encode(),
                "json": json.dumps(facts, ensure_ascii=False).encode(),
            }
            sides[facts["split"]].add(sample_key(facts["path"]), contents)
        shards = [shard for side in sides.values() for shard in side.finish()]
        counts = {shard.name: shard.photos for shard in shards}
        write_json(folder / _RECORD, {"class_names": list(class_names), "shards": counts})
    return shards


def _in_order_of_store(store: Store, samples: pd.DataFrame) -> pd.DataFrame:
    missing = samples.loc[~samples["path"].isin(store.index["path"]), "path"].tolist()
    if missing:
        raise error_list(
            f"{count_noun(len(missing), 'photo')} of the split not in {store.folder}, which is of"
            " another run; run: dvc repro",
            missing,
        )
    places = store.index[["path", "shard", "offset"]]
    ordered = samples.merge(places, on="path").sort_values(["shard", "offset", "path"])
    return ordered[samples.columns]


class _Side:
    """The shards of one side of the split, under unfinished names until all sides are whole."""

    def __init__(self, folder: Path, split: str, most_bytes: int) -> None:
        self._folder = folder
        self._split = split
        self._most_bytes = most_bytes
        self._tar: tarfile.TarFile | None = None
        self._photos: list[int] = []  # in each shard, the last of which is open

    def add(self, key: str, contents: Mapping[str, bytes]) -> None:
        """Add a photo's files by their extensions, to a new shard where this one has no room."""
        blocks = sum(1 + -(-len(content) // tarfile.BLOCKSIZE) for content in contents.values())
        size = (blocks + 2) * tarfile.BLOCKSIZE + tarfile.RECORDSIZE  # with the shard's end
        tar = self._tar
        if tar is None or tar.offset + size > self._most_bytes:
            tar = self._open_next()
        for extension, content in contents.items():
            member = tarfile.TarInfo(f"{key}.{extension}")  # without date and owner
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        self._photos[-1] += 1

    def finish(self) -> list[SampleShard]:
        """Give the shards their names."""
        self._close_last()
        shards = [
            SampleShard(name=f"{self._split}-{number:06d}.tar", photos=photos)
            for number, photos in enumerate(self._photos)
        ]
        for number, shard in enumerate(shards):
            self._part(number).replace(self._folder / shard.name)
        return shards

    def remove(self) -> None:
        """Remove all that is written."""
        with suppress(OSError):  # the disk is full
            self._close_last()
        for file in self._folder.glob(f"{self._split}-*.tar"):
            file.unlink()
        for number in range(len(self._photos)):
            self._part(number).unlink(missing_ok=True)

    def _open_next(self) -> tarfile.TarFile:
        self._close_last()
        part = self._part(len(self._photos))
        self._photos.append(0)
        self._tar = tarfile.open(part, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        return self._tar

    def _close_last(self) -> None:
        if self._tar is not None:
            self._tar.close()  # which does nothing where it is closed already

    def _part(self, number: int) -> Path:
        return self._folder / f".{self._split}-{number:06d}.tar.part"


@contextmanager
def _new_sides(folder: Path, splits: Sequence[str], most_bytes: int) -> Iterator[dict[str, _Side]]:
    """Open the sides of a new set; what is written of it is removed where the block fails."""
    new = not folder.exists()
    sides = {split: _Side(folder, split, most_bytes) for split in splits}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.iterdir():
            part.unlink()  # of a run that was killed, as require_empty has seen
        yield sides
    except BaseException as error:
        with suppress(OSError):
            for side in sides.values():
                side.remove()
            if new:
                folder.rmdir()
        if isinstance(error, OSError):
            raise unwritable(folder, error) from None
        raise
