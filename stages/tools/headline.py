"""Print the result of the last run in a few lines. Run: python -m stages.tools.headline."""

from stages.base.environment import prepare_process

prepare_process()

import json
from collections.abc import Sequence
from pathlib import Path

from stages.base.echo import echo
from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.params import PARAMS
from stages.base.terminal import say
from stages.compare.dvc_cache import open_dvc_cache
from stages.compare.dvc_lock import read_params
from stages.compare.git import WORKSPACE, GitHistory, Revision
from stages.compare.past_outcomes import read_outcomes
from stages.compare.snapshot import read_revisions
from stages.compare.tried_runs import best_of_tried, read_tried_outcomes
from stages.compare.validation_changes import (
    no_photo_in_common,
    same_labels,
    validation_changes,
)
from stages.compare.words import choosing_sentence
from stages.dataset.inseparable import groups_by_path
from stages.page.formatting import SPACE, VERDICTS, interval_ends, percent
from stages.page.leaks import leak_sentences
from stages.stats.compared_metrics import ComparedMetrics
from stages.stats.metrics_record import IntervalRecord
from stages.tools.project_files import PROJECT_FILES

_GROUPS = Path("data/groups.csv")
_METRICS = Path("reports/interpret/metrics.json")
_SUMMARY = Path("reports/datablock/summary.json")
_IMAGES = "ingest.images"
_PAGE = Path("reports/index.html")
_TO_KEEP = "To keep it  git commit -a: params, dvc.lock and small numbers; DVC has the rest"


def result_lines(metrics: ComparedMetrics) -> list[str]:
    """Return the error rate with its interval, the linear probe's, and whether they differ.

    Raises KeyError, TypeError or ValueError for metrics of another shape.
    """
    versus = metrics["versus_baseline"]
    recall = [f"Recall      {_rate_line(metrics['macro_recall'])}, the mean over classes"]
    return [
        f"Error rate  {_rate_line(metrics['error_rate'])}",
        *(recall if metrics.get("unequal_classes") else []),
        f"Baseline    {_rate_line(metrics['baseline']['error_rate'])},"
        " a linear model on the frozen features",
        f"Verdict     {VERDICTS[versus['verdict']]} (paired test, p = {versus['p']:.2g})",
    ]


def _rate_line(rate: IntervalRecord) -> str:
    """Return a rate with its interval.

    >>> _rate_line({"value": 0.045, "low": 0.025, "high": 0.081})
    '4.5 % (95 % interval 2.5 to 8.1 %)'
    """
    share = percent(rate["value"]).replace(SPACE, " ")
    return f"{share} (95 % interval {interval_ends(rate)} %)"


def leak_lines() -> list[str]:
    """Return why the error may look too small, by datablock's findings; none without its report."""
    try:
        findings = json.loads(_SUMMARY.read_bytes())["findings"]
        return [f"Warning     {sentence}" for sentence in leak_sentences(findings)]
    except (FileNotFoundError, KeyError, TypeError, ValueError, AttributeError):
        return []  # it is no more than a reminder of what datablock has said


def changed_validation_lines() -> list[str]:
    """Return what changed in the labels and photos of validation since the last commit.

    No line where they are the same, where the last commit has no run, or where there is no git.
    """
    try:
        history = GitHistory(Path.cwd())
        revisions = (history.resolve("HEAD")[0], history.resolve(WORKSPACE)[0])
        tables = [read_outcomes(history.read(one, PROJECT_FILES.outcomes))[0] for one in revisions]
        if same_labels(*tables):
            return []
        if no_photo_in_common(*tables):
            if other := _other_images(history, revisions):
                return [other]
            return ["Changed     the validation photos are others than those of the last commit"]
        cache = open_dvc_cache(history.root)
        snapshots = read_revisions(history, revisions, cache, PROJECT_FILES)
    except UserError:
        return []
    changes = validation_changes(*snapshots)
    if not changes:
        return []
    return [
        f"Changed     {changes} since the last commit, whose error rate is of other labels or"
        " photos; make compare tests on the common ones"
    ]


def _other_images(history: GitHistory, revisions: Sequence[Revision]) -> str:
    """Return that the last commit is of another set of photos, by ingest.images; "" if it is not.

    The first run of one's own photos follows a commit of the sample, of which nothing changed.
    """
    before, now = (
        read_params(history.read(one, str(PARAMS)), str(PARAMS)).get(_IMAGES) for one in revisions
    )
    if before is None or before == now:
        return ""
    return (
        f"New photos  the last commit is of another set ({_IMAGES}: {echo(before)}); make compare"
        " begins with the commit of this run"
    )


def best_run_lines() -> list[str]:
    """Return what the best of all runs on these images errs on, corrected for choosing.

    No line where git has no other run on them, or where there is no git.
    """
    try:
        history = GitHistory(Path.cwd())
    except UserError:
        return []
    tried = read_tried_outcomes(history, PROJECT_FILES.outcomes)
    present, _ = read_outcomes(history.read(history.resolve(WORKSPACE)[0], PROJECT_FILES.outcomes))
    choosing = (
        None if present is None else best_of_tried(tried, present["actual"], _present_groups())
    )
    return [choosing_sentence(choosing).replace(SPACE, " ")] if choosing else []


def _present_groups() -> dict[str, str]:
    """Return path -> group of the images here; none where an earlier version split them."""
    return groups_by_path(_GROUPS) if _GROUPS.exists() else {}


def commit_lines() -> list[str]:
    """Return the command that keeps this run in git: all of it is in files that git has already.

    No line where the last commit has the run, or where there is no git.
    """
    try:
        history = GitHistory(Path.cwd())
        committed = history.read(history.resolve("HEAD")[0], PROJECT_FILES.lock)
    except UserError:
        return []
    is_kept = history.read(history.resolve(WORKSPACE)[0], PROJECT_FILES.lock) == committed
    return [] if is_kept else [_TO_KEEP]


def main() -> None:
    """Print the result, where the page is, and what to commit."""
    try:
        lines = result_lines(json.loads(_METRICS.read_bytes()))
    except FileNotFoundError:
        raise UserError(f"{_METRICS} is missing; `make repro` makes it") from None
    except (KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{_METRICS} is damaged ({reason}); `make repro` makes it anew") from None
    history_lines = [*changed_validation_lines(), *best_run_lines()]
    say("", *lines, *leak_lines(), *history_lines, f"The page    {_PAGE}", *commit_lines())


if __name__ == "__main__":
    run_command(main)
