"""Snapshot of a revision: how compare reads another revision, from git and from DVC's cache.

git has dvc.lock, params.yaml and the outcomes; the cache has the lists of images. Nothing is
checked out, and nothing that is missing is a failure: the snapshot notes it.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from itertools import chain
from pathlib import Path

import pandas as pd

from stages.base.errors import UserError
from stages.base.files import read_text_csv
from stages.base.params import PARAMS
from stages.compare.dvc_cache import DvcCache
from stages.compare.dvc_lock import DvcLock, output_hashes, read_lock, read_params, used_params
from stages.compare.git import GitHistory, Revision

FETCH_REMEDY = "dvc fetch --all-commits brings what a remote has"
_REQUIRED_COLUMNS = ("path", "actual", "predicted")
_LATER_COLUMNS = ("p_predicted", "loss")  # results of older commits may lack them


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """Where the pipeline's files lie, from the root of the project."""

    lock: str
    outcomes: str
    tables: Mapping[str, str]  # name in Snapshot.tables -> path of a CSV in DVC's cache
    store: str  # folder of the presized photos
    page: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One revision; what it does not have is None or absent, and a note says so."""

    revision: Revision
    lock: DvcLock | None
    outcomes: pd.DataFrame | None  # as reports/fine_tune has it, indexed by path
    tables: dict[str, pd.DataFrame] = field(
        default_factory=dict
    )  # images, labels, splits, rejected
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that the user gave to the revision."""
        return self.revision.name


def read_snapshots(
    root: Path, names: Sequence[str], cache: DvcCache, files: ProjectFiles
) -> list[Snapshot]:
    """Return the revisions that the names stand for, the base first; a pattern may give several.

    UserError where the first name gives several, or where there is nothing to compare it with.
    """
    history = GitHistory(root)
    base_revisions, *other_revisions = [history.resolve(name) for name in names]
    if len(base_revisions) > 1:
        raise UserError(
            f"{names[0]} stands for {len(base_revisions)} experiments; the base must be one"
        )
    # Each revision once: names and patterns may overlap, and Holm counts comparisons.
    revisions = list(dict.fromkeys([*base_revisions, *chain.from_iterable(other_revisions)]))
    if len(revisions) < 2:
        raise UserError(f"There is nothing to compare {names[0]} with; name another revision")
    return [read_snapshot(history, revision, cache, files) for revision in revisions]


def read_snapshot(
    history: GitHistory, revision: Revision, cache: DvcCache, files: ProjectFiles
) -> Snapshot:
    """Return what a revision has, with a note for each thing that it lacks or that does not fit."""
    name = revision.name
    notes = []
    lock = read_lock(history.read(revision, files.lock))
    if lock is None:
        notes.append(f"{name} has no {files.lock} that can be read: why it differs stays unknown")
    content = history.read(revision, files.outcomes)
    outcomes, problem = read_outcomes(content)
    if problem:
        notes.append(f"{name}: {files.outcomes} {problem}")
    if lock and content is not None:
        notes += _mixed_run_notes(name, lock, content, files)
        notes += _changed_params_notes(name, lock, history.read(revision, str(PARAMS)))
    tables = _read_tables(history.root, lock or {}, cache, files)
    missing = sorted(path for table, path in files.tables.items() if table not in tables)
    if lock and missing:
        notes.append(f"{name}: DVC's cache lacks {_enumeration(missing)}; {FETCH_REMEDY}")
    return Snapshot(
        revision=revision, lock=lock, outcomes=outcomes, tables=tables, notes=tuple(notes)
    )


def read_outcomes(content: bytes | None) -> tuple[pd.DataFrame | None, str]:
    """Return the outcomes by path, and what is wrong with them, or ""."""
    if content is None:
        return None, "is missing there; dvc repro fine_tune makes it"
    try:
        text_columns = dict.fromkeys(_REQUIRED_COLUMNS, "str")
        table = pd.read_csv(
            io.BytesIO(content), dtype=text_columns, na_filter=False, lineterminator="\n"
        )
    except (ValueError, pd.errors.EmptyDataError) as error:
        return None, f"cannot be read ({' '.join(str(error).split())})"
    if absent := [name for name in _REQUIRED_COLUMNS if name not in table.columns]:
        return None, f"lacks the column {_enumeration(absent)}"
    table = table.drop_duplicates("path").set_index("path").sort_index()
    if absent := [name for name in _LATER_COLUMNS if name not in table.columns]:
        return table, f"is from before it had the column {_enumeration(absent)}: compared without"
    return table, ""


def _mixed_run_notes(name: str, lock: DvcLock, content: bytes, files: ProjectFiles) -> list[str]:
    """Return a note when the outcomes are of another run than dvc.lock, as after a bad merge."""
    expected = output_hashes(lock).get(files.outcomes)
    if expected in (None, _md5(content)):
        return []
    return [
        f"{name}: {files.outcomes} is not the one that {files.lock} describes, so the two are of "
        "different runs; dvc repro settles it"
    ]


def _changed_params_notes(name: str, lock: DvcLock, content: bytes | None) -> list[str]:
    """Return a note when params.yaml has other values than the run had."""
    present = read_params(content)
    if present is None:
        return [f"{name}: {PARAMS} cannot be read"]
    used = used_params(lock)
    changed = sorted(key for key in used.keys() & present.keys() if used[key] != present[key])
    if not changed:
        return []
    return [
        f"{name}: the results are from before {_enumeration(changed)} changed in {PARAMS}; "
        "dvc repro makes new ones"
    ]


def _read_tables(
    root: Path, lock: DvcLock, cache: DvcCache, files: ProjectFiles
) -> dict[str, pd.DataFrame]:
    """Return the lists that dvc.lock names and that are at hand.

    A list comes from DVC's cache, or from the workspace where that has the same content.
    """
    hashes = output_hashes(lock)
    tables = {}
    for table, path in files.tables.items():
        expected = hashes.get(path)
        content = _content(cache.file(expected), root / path, expected)
        if content is not None:
            tables[table] = read_text_csv(io.BytesIO(content))
    return tables


def _content(cached: Path | None, workspace: Path, expected: str | None) -> bytes | None:
    """Return a cached object, or else the workspace's file if it has the md5 expected."""
    if cached:
        return cached.read_bytes()
    if expected is None:
        return None
    content = workspace.read_bytes() if workspace.is_file() else b""
    return content if _md5(content) == expected else None


def _md5(content: bytes) -> str:
    """Return the hash by which DVC names a file."""
    return md5(content, usedforsecurity=False).hexdigest()


def _enumeration(names: Sequence[str], most: int = 4) -> str:
    """Return the first names, separated by commas, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
