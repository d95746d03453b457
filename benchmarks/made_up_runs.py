"""Made-up runs: commits of a project that have, in git and in DVC's cache, what compare reads."""

import json
import os
import subprocess
from pathlib import Path

from stages.base.csv_file import read_text_csv, write_csv
from stages.compare.dvc_cache import md5_of
from stages.tools.project_files import PROJECT_FILES

GIT_NAMES = ("-c", "user.name=a", "-c", "user.email=a@example.org")


def commit_run(project: Path, name: str) -> None:
    """Commit what compare reads of a run, its lists and photos in DVC's cache.

    By hand, since dvc would look at the million photos each time.
    """
    lists = {
        path: cached(project, project / path)
        for path in PROJECT_FILES.tables.values()
        if (project / path).exists()
    }
    shards = sorted((project / PROJECT_FILES.store).iterdir())
    listed = [{"md5": cached(project, file), "relpath": file.name} for file in shards]
    listing = project / "listing"
    listing.write_text(json.dumps(listed), encoding="utf-8")
    store = {PROJECT_FILES.store: cached(project, listing, ".dir")}
    listing.unlink()
    outcomes = project / PROJECT_FILES.outcomes
    written = {PROJECT_FILES.outcomes: md5_of(outcomes.read_bytes())}
    stages = {"ingest": lists | store, "fine_tune": written}
    lock = {
        stage: {"cmd": "", "outs": [{"path": path, "md5": md5} for path, md5 in outs.items()]}
        for stage, outs in stages.items()
    }
    (project / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": lock}), "utf-8")
    git = ["git", "-C", str(project), *GIT_NAMES]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", name], check=True)


def cached(project: Path, file: Path, suffix: str = "") -> str:
    """Put a file into DVC's cache, as a link; return the name that it has in dvc.lock."""
    md5 = md5_of(file.read_bytes())
    linked = project / ".dvc/cache/files/md5" / md5[:2] / f"{md5[2:]}{suffix}"
    linked.parent.mkdir(parents=True, exist_ok=True)
    if not linked.exists():
        os.link(file, linked)
    return f"{md5}{suffix}"


def relabel(project: Path) -> None:
    """Give one photo in a hundred the label of another, so that runs differ in their lists."""
    for name in ("data/manifest/labels.csv", "data/splits.csv"):
        table = read_text_csv(project / name)
        table.loc[::100, "label"] = table["label"].iloc[-1]
        write_csv(project / name, table)
