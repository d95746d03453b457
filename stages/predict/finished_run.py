"""Finished run: whether what lies in the work tree is what dvc.lock says, and is committed."""

from collections.abc import Iterable, Mapping

from stages.base.errors import UserError
from stages.compare.dvc_cache import md5_of
from stages.compare.dvc_lock import DvcLock
from stages.compare.git import WORKSPACE, GitHistory, Revision

_PRESENT = Revision(name=WORKSPACE, commit="")


def refuse_uncommitted(history: GitHistory, head: Revision, paths: Iterable[str]) -> None:
    """Raise a UserError where a file is not as the commit has it."""
    changed = [p for p in paths if history.read(_PRESENT, p) != history.read(head, p)]
    if changed:
        raise UserError(
            f"{' and '.join(changed)} differ from the last commit, and an opening is counted by its"
            " commit: dvc repro, then git commit"
        )


def refuse_other_run(
    history: GitHistory, lock: DvcLock | None, used: Mapping[str, Iterable[str]]
) -> None:
    """Raise a UserError unless each stage used or wrote these files as they lie here."""
    for stage, paths in used.items():
        run = (lock or {}).get(stage)
        known = {**run.data, **run.outs} if run else {}
        for path in paths:
            content = history.read(_PRESENT, path)
            if content is None or known.get(path) != md5_of(content):
                raise UserError(
                    f"{path} is not that of the last run of {stage}, so the model here may be of"
                    " another split; dvc repro brings both together"
                )
