"""An example git repository with runs in its history: dvc.lock, outcomes, lists in a cache."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from stages.base.files import write_bytes, write_text
from stages.compare.dvc_cache import DvcCache, md5_of
from stages.compare.git import GitHistory
from stages.compare.snapshot import Snapshot, read_revisions
from stages.tools.project_files import PROJECT_FILES

OUTCOMES = PROJECT_FILES.outcomes
CACHE = ".dvc/cache"
# path -> content, label ("" for none), split, which is "dropped" of what a correction drops
Photos = Mapping[str, tuple[str, str, str]]


def outcomes_table(rows: Sequence[tuple[str, str, str]], confidence: float = 0.9) -> pd.DataFrame:
    """Return outcomes.csv from path, actual and predicted."""
    table = pd.DataFrame(rows, columns=["path", "actual", "predicted"])
    right = table["actual"] == table["predicted"]
    table["p_actual"] = right.map({True: confidence, False: 1 - confidence}).astype(float)
    table["p_predicted"] = confidence
    table["loss"] = right.map({True: 0.1, False: 2.3}).astype(float)
    return table


def validated(photos: Photos, rejected: Sequence[str] = ()) -> pd.DataFrame:
    """Return the outcomes of the photos in validation, all predicted rightly."""
    return outcomes_table(
        [
            (path, label, label)
            for path, (_, label, split) in photos.items()
            if split == "valid" and label and path not in rejected
        ]
    )


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as the stages write it."""
    return table.to_csv(index=False, lineterminator="\n").encode()


class ExampleHistory:
    """A repository to put runs into."""

    def __init__(self, root: Path) -> None:
        """Begin an empty repository."""
        self.root = root
        # path -> group, of the list of the runs to be written; None for runs without the list
        self.groups: Mapping[str, str] | None = None
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        write_text(root / ".gitignore", "/.dvc/cache\n/reports/compare\n")

    @property
    def cache(self) -> DvcCache:
        """The cache of the repository."""
        return DvcCache(self.root / CACHE)

    def git(self, *arguments: str) -> str:
        """Return the output of a git command that runs without the user's settings."""
        identity = {
            f"GIT_{role}_{key}": "test@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for key in ("NAME", "EMAIL")
        }
        isolation = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        result = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **identity, **isolation},
            capture_output=True,
            text=True,
            check=True,
        )
        return result.stdout

    def put_in_cache(self, content: bytes) -> str:
        """Put an object into the cache; return its md5."""
        name = md5_of(content)
        write_bytes(self.root / CACHE / "files/md5" / name[:2] / name[2:], content)
        return name

    def put_folder_in_cache(self, files: Mapping[str, str]) -> str:
        """Put the listing of a folder, path -> md5, into the cache; return its name."""
        rows = [{"relpath": path, "md5": name} for path, name in files.items()]
        content = json.dumps(rows).encode()
        name = f"{md5_of(content)}.dir"
        write_bytes(self.root / CACHE / "files/md5" / name[:2] / name[2:], content)
        return name

    def write_run(
        self,
        outcomes: pd.DataFrame | None,
        photos: Photos | None = None,
        params: Mapping[str, Any] | None = None,
        rejected: Sequence[str] = (),
        presized: str | None = None,
        model: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write the files of a run into the workspace: two stages, ingest and fine_tune.

        rejected: photos that could not be decoded; presized: the md5 of the store in the cache;
        model: file in its folder -> content.
        """
        all_params = {"seed": 42, "fine_tune": {"epochs": 4}, **(params or {})}
        lists: dict[str, str] = {}
        if photos is not None:
            lists = {
                PROJECT_FILES.tables[name]: self.put_in_cache(csv_bytes(table))
                for name, table in image_lists(photos, rejected).items()
            }
        if self.groups is not None:
            table = pd.DataFrame([*self.groups.items()], columns=["path", "group"], dtype="str")
            lists[PROJECT_FILES.tables["groups"]] = self.put_in_cache(csv_bytes(table))
        if presized:
            lists[PROJECT_FILES.store] = presized
        results = {}
        if outcomes is not None:
            write_bytes(self.root / OUTCOMES, csv_bytes(outcomes))
            results = {OUTCOMES: md5_of(csv_bytes(outcomes))}
        if model is not None:
            listing = {path: self.put_in_cache(content) for path, content in model.items()}
            results[PROJECT_FILES.model] = self.put_folder_in_cache(listing)
        photos_md5 = md5_of(json.dumps(photos).encode())
        stages = {
            "ingest": lock_entry({"data/photos": photos_md5}, {}, {}, lists),
            "fine_tune": lock_entry(
                {"stages/train/loop.py": "1", **lists}, all_params, {"timm": "1.0"}, results
            ),
        }
        self.write_lock(stages)
        with (self.root / "params.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(all_params, file)

    def write_lock(self, stages: Mapping[str, Any]) -> None:
        """Write dvc.lock with these entries."""
        with (self.root / "dvc.lock").open("w", encoding="utf-8") as file:
            YAML().dump({"schema": "2.0", "stages": dict(stages)}, file)

    def commit(self, name: str) -> None:
        """Commit the workspace and give the commit a name."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", name)
        self.git("tag", name)

    def snapshot(self, name: str) -> Snapshot:
        """Read a revision, as the comparison does."""
        history = GitHistory(self.root)
        (snapshot,) = read_revisions(history, history.resolve(name), self.cache, PROJECT_FILES)
        return snapshot


def lock_entry(
    dependencies: Mapping[str, str],
    params: Mapping[str, Any],
    packages: Mapping[str, str],
    outs: Mapping[str, str],
) -> dict[str, Any]:
    """Return a stage as dvc.lock has it; files are path -> md5."""
    return {
        "cmd": "python",
        "deps": [{"path": path, "hash": "md5", "md5": name} for path, name in dependencies.items()],
        "params": {"params.yaml": dict(params), "stages/packages.yaml": dict(packages)},
        "outs": [{"path": path, "hash": "md5", "md5": name} for path, name in outs.items()],
    }


def image_lists(photos: Photos, rejected: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the tables that ingest, presize and datablock write about some photos."""
    rows = [(path, *columns) for path, columns in photos.items()]
    every_photo = pd.DataFrame(rows, columns=["path", "sha256", "label", "split"])
    labelled = every_photo["label"] != ""
    used = every_photo[~every_photo["path"].isin(rejected) & labelled]
    used = used.assign(label=used["label"].mask(used["split"] == "test", ""))
    return {
        "images": every_photo[["path", "sha256"]].assign(format="JPEG"),
        "labels": every_photo.loc[labelled, ["path", "label"]],
        "splits": used[["path", "label", "split"]],
        "rejected": pd.DataFrame({"path": list(rejected), "problem": "truncated", "detail": ""}),
        "corrections": every_photo[every_photo["split"] == "dropped"][["path"]].assign(
            action="drop", problem=""
        ),
    }
