"""Compare revisions on the same images: better, worse, or cannot tell, with causes and pictures.

Run: python -m stages.tools.compare BASE [OTHER ...], where each is a git revision, the name of a
DVC experiment (or a pattern: 'seeds-*'), or workspace, which is the default other. The work tree is
only read. Writes reports/compare/ (index.html, compare.md, compare.json). With --fail-if worse the
exit code is 1 when any of the others is worse.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from stages.base.errors import UserError, run_command
from stages.base.files import write_json, write_text
from stages.compare.dvc_cache import DvcCache
from stages.compare.git import WORKSPACE, GitHistory
from stages.compare.html import render_comparison
from stages.compare.match import compare_recipes, group_by_recipe
from stages.compare.pictures import comparison_views
from stages.compare.record import records
from stages.compare.snapshot import Snapshot, SnapshotFiles, read_snapshot
from stages.compare.text import markdown, terminal

TARGET = Path("reports/compare")
FILES = SnapshotFiles(
    lock="dvc.lock",
    outcomes="reports/fine_tune/outcomes.csv",
    tables={
        "images": "data/manifest/images.csv",
        "labels": "data/manifest/labels.csv",
        "splits": "data/splits.csv",
        "rejected": "reports/presize/rejected.csv",
    },
    store="data/presized",
)


def main() -> None:
    """Compare, print the table, and write the three files."""
    options = arguments()
    root = Path.cwd()
    cache = DvcCache(cache_folder(root))
    sides = snapshots(root, cache, [options.base, *(options.other or [WORKSPACE])])
    base, others = group_by_recipe(sides[0], sides[1:])
    contests = [compare_recipes(base, other, FILES.outcomes) for other in others]
    told = records(contests)
    write_json(TARGET / "compare.json", told)
    write_text(TARGET / "compare.md", markdown(told))
    write_text(
        TARGET / "index.html",
        render_comparison(comparison_views(contests, told, root, cache, FILES.store)),
    )
    print(f"{terminal(told)}\n\n{TARGET / 'index.html'}")
    if worse := [one["other"] for one in told if one["verdict"] == options.fail_if]:
        print(f"{', '.join(worse)}: {options.fail_if} than {base.name}", file=sys.stderr)
        sys.exit(1)


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    about = __doc__.splitlines() if __doc__ else [""]
    parser = argparse.ArgumentParser(prog="python -m stages.tools.compare", description=about[0])
    parser.add_argument("base", metavar="BASE", help="a revision or an experiment")
    parser.add_argument("other", metavar="OTHER", nargs="*", help=f"others; default {WORKSPACE}")
    parser.add_argument("--fail-if", choices=["worse"], help="exit with 1 if any is so")
    return parser.parse_args()


def snapshots(root: Path, cache: DvcCache, names: list[str]) -> list[Snapshot]:
    """Return what each name stands for, the base first; a pattern may stand for several."""
    history = GitHistory(root)
    first, *rest = [history.resolve(name) for name in names]
    if len(first) > 1:
        raise UserError(f"{names[0]} stands for {len(first)} experiments; the base must be one")
    # Once each: names and patterns may overlap, and Holm counts comparisons.
    revisions = list(dict.fromkeys([*first, *(one for found in rest for one in found)]))
    if len(revisions) < 2:
        raise UserError(f"There is nothing to compare {names[0]} with; name another revision")
    return [read_snapshot(history, one, cache, FILES) for one in revisions]


def cache_folder(root: Path) -> Path:
    """Return where DVC keeps its objects, as its settings say."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return root / (done.stdout.strip() if done.returncode == 0 else ".dvc/cache")


if __name__ == "__main__":
    run_command(main)
