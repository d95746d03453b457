"""Compare revisions on the same images: better, worse, or cannot tell, with causes and pictures.

Run: python -m stages.tools.compare BASE [OTHER ...], where each is a git revision, the name of a
DVC experiment (or a pattern: 'seeds-*'), or workspace, which is the default other. The work tree is
only read. Writes reports/compare/ (index.html, compare.md, compare.json). With --fail-if worse the
exit code is 1 when any of the others is worse, or has no image to be compared on.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.files import write_json, write_text
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import stage_at_work
from stages.base.terminal import say
from stages.compare.build_record import comparison_records
from stages.compare.comparison import compare_setups
from stages.compare.dvc_cache import open_dvc_cache
from stages.compare.git import WORKSPACE, GitHistory
from stages.compare.html import render_comparison
from stages.compare.pictures import comparison_views
from stages.compare.record import ComparisonRecord, records_as_json
from stages.compare.setups import group_by_setup
from stages.compare.snapshot import read_snapshots
from stages.compare.text import comparison_markdown, terminal_text
from stages.compare.tried_runs import read_tried_outcomes
from stages.tools.project_files import PROJECT_FILES

COMPARE_FOLDER = Path("reports/compare")


def main() -> None:
    """Compare, write the three files, and print the table."""
    arguments = parse_arguments()
    root = Path.cwd()
    cache = open_dvc_cache(root)
    names = [arguments.base, *(arguments.other or [WORKSPACE])]
    if WORKSPACE in names and (stage := stage_at_work(PRIVATE_FOLDER)):
        raise UserError(
            f"{stage} is at work here, so the workspace has no finished run; compare again "
            "when the run has ended, or name two commits"
        )
    snapshots = read_snapshots(root, names, cache, PROJECT_FILES)
    if WORKSPACE in names and not (root / PROJECT_FILES.outcomes).exists():
        raise UserError(
            f"the workspace has no finished run: {PROJECT_FILES.outcomes} is missing; "
            "`make repro` makes it, or name two commits"
        )
    base, others = group_by_setup(snapshots[0], snapshots[1:])
    comparisons = [compare_setups(base, other, PROJECT_FILES.outcomes) for other in others]
    tried = read_tried_outcomes(GitHistory(root), PROJECT_FILES.outcomes)
    verdicts = comparison_records(comparisons, tried)
    views = comparison_views(comparisons, verdicts, root, cache, PROJECT_FILES.store)
    records = [view.record for view in views]  # with notes on photos that could not be read
    page = COMPARE_FOLDER / "index.html"
    write_json(COMPARE_FOLDER / "compare.json", records_as_json(records))
    write_text(COMPARE_FOLDER / "compare.md", comparison_markdown(records))
    write_text(page, render_comparison(views))
    say(*terminal_text(records).split("\n"), "", str(page))
    if arguments.fail_if and (reasons := failures(records)):
        say(*reasons, file=sys.stderr)
        sys.exit(1)


def failures(records: Sequence[ComparisonRecord]) -> list[str]:
    """Return why the comparisons do not pass: one is worse, or has no image to be compared on."""
    worse = [f"{r.other}: worse than {r.base}" for r in records if r.verdict == "worse"]
    empty = [f"{r.other}: no image in common with {r.base}" for r in records if not r.n_common]
    return worse + empty


def parse_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m stages.tools.compare", description=about)
    parser.add_argument("base", metavar="BASE", help="a revision or an experiment")
    parser.add_argument("other", metavar="OTHER", nargs="*", help=f"others; default {WORKSPACE}")
    parser.add_argument(
        "--fail-if", choices=["worse"], help="exit with 1 if any is so, or has no image in common"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
