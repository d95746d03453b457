"""Snapshot of a revision: how compare reads another revision, from git and from DVC's cache.

git has dvc.lock, params.yaml and the outcomes; the cache has the lists of images. Nothing is
checked out, and nothing that is missing is a failure: the snapshot notes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath

import pandas as pd

from stages.base.bucket import is_bucket_url
from stages.base.errors import UserError
from stages.base.params import PARAMS
from stages.compare.dvc_cache import DvcCache, md5_of
from stages.compare.dvc_file import DVC_FILE_SUFFIX, read_dvc_file
from stages.compare.dvc_lock import DvcLock, output_hashes, read_lock, read_params, used_params
from stages.compare.git import WORKSPACE, GitHistory, Revision
from stages.compare.past_model import PastModel, read_past_model
from stages.compare.past_outcomes import read_outcomes
from stages.compare.past_tables import PastTables
from stages.compare.words import enumeration


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """Where the pipeline's files lie, from the root of the project."""

    lock: str
    outcomes: str
    tables: Mapping[str, str]  # name in Snapshot.tables -> path of a CSV in DVC's cache
    store: str  # folder of the presized photos
    page: str
    model: str  # folder of the model


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One revision; what it does not have is None or absent, and a note says so."""

    revision: Revision
    lock: DvcLock | None
    outcomes: pd.DataFrame | None  # as reports/fine_tune has it, indexed by path
    tables: dict[str, pd.DataFrame] = field(
        default_factory=dict
    )  # images, labels, splits, rejected, corrections, groups
    notes: tuple[str, ...] = ()
    model: PastModel = field(default_factory=PastModel)

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
    # Each commit once, by its first name: names and patterns may overlap, and Holm counts
    # comparisons. The workspace is none of the commits.
    by_commit: dict[str, Revision] = {}
    for revision in chain(base_revisions, *other_revisions):
        by_commit.setdefault(revision.commit, revision)
    revisions = list(by_commit.values())
    if len(revisions) < 2:
        raise UserError(
            f"There is nothing to compare {names[0]} with, since all names stand for the same; "
            "name another revision"
        )
    return read_revisions(history, revisions, cache, files)


def read_revisions(
    history: GitHistory, revisions: Sequence[Revision], cache: DvcCache, files: ProjectFiles
) -> list[Snapshot]:
    """Return what each revision has; what several have in common is in memory once."""
    past_tables = PastTables(history.root, cache, files.tables)
    return [_read_snapshot(history, revision, past_tables, cache, files) for revision in revisions]


def _read_snapshot(
    history: GitHistory,
    revision: Revision,
    past_tables: PastTables,
    cache: DvcCache,
    files: ProjectFiles,
) -> Snapshot:
    """Return what a revision has, with a note for each thing that it lacks or that does not fit."""
    name = revision.name
    lock, notes = _read_lock(history, revision, files.lock)
    outcomes, content, problems = _read_outcomes(history, revision, files.outcomes)
    notes += problems
    tables: dict[str, pd.DataFrame] = {}
    if lock:
        if content is not None:
            notes += _mixed_run_notes(name, lock, content, files)
            notes += _changed_params_notes(history, revision, lock)
            notes += _other_inputs_notes(history, revision, lock)
        tables, table_notes = past_tables.read(output_hashes(lock))
        notes += [f"{name}: {note}" for note in table_notes]
    return Snapshot(
        revision=revision,
        lock=lock,
        outcomes=outcomes,
        tables=tables,
        notes=tuple(notes),
        model=read_past_model(cache, output_hashes(lock or {}).get(files.model, "")),
    )


def _read_lock(
    history: GitHistory, revision: Revision, path: str
) -> tuple[DvcLock | None, list[str]]:
    """Return the lock of a revision, or a note on why there is none."""
    consequence = "why it differs stays unknown"
    try:
        lock = read_lock(history.read(revision, path), f"{path} of {revision.name}")
    except UserError as error:
        return None, [f"{error}; until then {consequence}"]
    if lock is None:
        return None, [f"{revision.name} has no {path}: {consequence}"]
    return lock, []


def _read_outcomes(
    history: GitHistory, revision: Revision, path: str
) -> tuple[pd.DataFrame | None, bytes | None, list[str]]:
    """Return the outcomes of a revision, their bytes, and notes on what is wrong with them."""
    try:
        content = history.read(revision, path)
    except UserError as error:
        return None, None, [str(error)]
    outcomes, problems = read_outcomes(content)
    return outcomes, content, [f"{revision.name}: {path} {problem}" for problem in problems]


def _mixed_run_notes(name: str, lock: DvcLock, content: bytes, files: ProjectFiles) -> list[str]:
    """Return a note when the outcomes are of another run than dvc.lock, as after a bad merge."""
    expected = output_hashes(lock).get(files.outcomes)
    if expected in (None, md5_of(content)):
        return []
    return [
        f"{name}: {files.outcomes} is not the one that {files.lock} describes, so the two are of "
        "different runs; dvc repro settles it"
    ]


def _changed_params_notes(history: GitHistory, revision: Revision, lock: DvcLock) -> list[str]:
    """Return a note when params.yaml has other values than the run had."""
    name = revision.name
    try:
        present = read_params(history.read(revision, str(PARAMS)), f"{PARAMS} of {name}")
    except UserError as error:
        return [str(error)]
    used = used_params(lock)
    changed = sorted(key for key in used.keys() & present.keys() if used[key] != present[key])
    if not changed:
        return []
    return [
        f"{name}: the results are from before {enumeration(changed)} changed in {PARAMS}; "
        "dvc repro makes new ones"
    ]


def _other_inputs_notes(history: GitHistory, revision: Revision, lock: DvcLock) -> list[str]:
    """Return a note for each input of the run that is not the one that its .dvc file names."""
    used = {path: md5 for run in lock.values() for path, md5 in run.data.items()}
    notes = []
    for path in sorted(used.keys() - output_hashes(lock).keys()):
        file = f"{path}{DVC_FILE_SUFFIX}"
        if is_bucket_url(path) or PurePosixPath(path).is_absolute() or ".." in path.split("/"):
            continue  # no file of the repository
        try:
            named = read_dvc_file(history.read(revision, file), path, f"{file} of {revision.name}")
        except UserError as error:
            notes.append(str(error))
            continue
        if named and named.md5 != used[path]:
            notes.append(_other_input(revision, path))
    return notes


def _other_input(revision: Revision, path: str) -> str:
    """Return the note on an input that is not the one that its .dvc file names, with the remedy."""
    what = f"{revision.name}: the run read another {path} than {path}{DVC_FILE_SUFFIX} names"
    if revision.name != WORKSPACE:
        return f"{what}, so dvc checkout does not bring what it read"
    return f"{what}; dvc repro runs on what is here, and dvc add {path} keeps it"
