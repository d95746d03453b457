"""One revision as a comparison needs it: its results, its dvc.lock, its lists of images."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML, YAMLError

from stages.compare.dvc_cache import DvcCache
from stages.compare.dvc_lock import PARAMS, Lock, all_params, flatten_params, outputs, read_lock
from stages.compare.git import GitHistory, Revision

NEEDED = ("path", "actual", "predicted")
FETCH = "dvc fetch --all-commits brings what a remote has"


@dataclass(frozen=True)
class SnapshotFiles:
    """Where a revision keeps what is read, from the root of the repository."""

    lock: str
    outcomes: str
    tables: Mapping[str, str]  # name in Snapshot.tables -> path, kept by DVC
    store: str


@dataclass(frozen=True)
class Snapshot:
    """One revision; what it does not have is None or absent, and a note says so."""

    revision: Revision
    lock: Lock | None
    outcomes: pd.DataFrame | None  # as reports/fine_tune has it, indexed by path
    tables: dict[str, pd.DataFrame] = field(
        default_factory=dict
    )  # images, labels, splits, rejected
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that was asked for."""
        return self.revision.name


def read_snapshot(
    history: GitHistory, revision: Revision, cache: DvcCache, files: SnapshotFiles
) -> Snapshot:
    """Return what a revision has, with a note for each thing that it lacks or that does not fit."""
    name, notes = revision.name, []
    lock = read_lock(history.read(revision, files.lock))
    if lock is None:
        notes.append(f"{name} has no {files.lock} that can be read: why it differs stays unknown")
    content = history.read(revision, files.outcomes)
    outcomes, problem = read_outcomes(content)
    if problem:
        notes.append(f"{name}: {files.outcomes} {problem}")
    if lock and content is not None:
        notes += _not_of_one_run(name, lock, content, files)
        notes += _not_run(name, lock, history.read(revision, PARAMS))
    tables = {
        kind: table
        for kind, path in files.tables.items()
        if (table := _table(history.root, path, outputs(lock or {}).get(path), cache)) is not None
    }
    missing = sorted(path for kind, path in files.tables.items() if kind not in tables)
    if lock and missing:
        notes.append(f"{name}: DVC's cache lacks {_listed(missing)}; {FETCH}")
    return Snapshot(revision, lock, outcomes, tables, tuple(notes))


def read_outcomes(content: bytes | None) -> tuple[pd.DataFrame | None, str]:
    """Return the outcomes by path, and what is wrong with them, or ""."""
    if content is None:
        return None, "is missing there; dvc repro fine_tune makes it"
    try:
        text = dict.fromkeys(NEEDED, "str")
        table = pd.read_csv(io.BytesIO(content), dtype=text, na_filter=False, lineterminator="\n")
    except (ValueError, pd.errors.EmptyDataError) as error:
        return None, f"cannot be read ({' '.join(str(error).split())})"
    if lacking := [name for name in NEEDED if name not in table.columns]:
        return None, f"lacks the column {_listed(lacking)}"
    table = table.drop_duplicates("path").set_index("path").sort_index()
    if lacking := [name for name in ("p_predicted", "loss") if name not in table.columns]:
        return table, f"is from before it had the column {_listed(lacking)}: compared without"
    return table, ""


def _not_of_one_run(name: str, lock: Lock, content: bytes, files: SnapshotFiles) -> list[str]:
    """Return a note when the outcomes are of another run than dvc.lock, as after a bad merge."""
    described = outputs(lock).get(files.outcomes)
    if described in (None, md5(content, usedforsecurity=False).hexdigest()):
        return []
    return [
        f"{name}: {files.outcomes} is not the one that {files.lock} describes, so the two are of "
        "different runs; dvc repro settles it"
    ]


def _not_run(name: str, lock: Lock, content: bytes | None) -> list[str]:
    """Return a note when params.yaml says something else than the run had."""
    try:
        found = YAML(typ="safe", pure=True).load((content or b"{}").decode("utf-8"))
        wanted = flatten_params(found)
    except (YAMLError, UnicodeDecodeError, AttributeError):
        return [f"{name}: {PARAMS} cannot be read"]
    ran = all_params(lock)
    late = sorted(key for key in ran.keys() & wanted.keys() if ran[key] != wanted[key])
    if not late:
        return []
    return [
        f"{name}: the results are from before {_listed(late)} changed in {PARAMS}; dvc repro makes "
        "new ones"
    ]


def _table(root: Path, path: str, wanted: str | None, cache: DvcCache) -> pd.DataFrame | None:
    """Return a list that DVC keeps: from its cache, or from the workspace if it is the same."""
    if wanted is None:
        return None
    file, here = cache.file(wanted), root / path
    content = file.read_bytes() if file else here.read_bytes() if here.is_file() else b""
    if not file and md5(content, usedforsecurity=False).hexdigest() != wanted:
        return None
    return pd.read_csv(io.BytesIO(content), dtype=str, na_filter=False, lineterminator="\n")


def _listed(names: Sequence[str], most: int = 4) -> str:
    """Return a few names in a row, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
