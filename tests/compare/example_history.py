"""A git repository with a made-up past: dvc.lock, outcomes, and lists in a cache like DVC's."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from hashlib import md5
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from stages.base.files import write_bytes, write_text
from stages.compare.dvc_cache import DvcCache
from stages.compare.git import GitHistory
from stages.compare.snapshot import Snapshot, read_snapshot
from stages.tools.compare import FILES

OUTCOMES = FILES.outcomes
Photos = Mapping[str, tuple[str, str, str]]  # path -> content, label, split


def digest(content: bytes) -> str:
    """Return the md5 that DVC gives to some bytes."""
    return md5(content, usedforsecurity=False).hexdigest()


def outcomes(rows: Sequence[tuple[str, str, str]], sure: float = 0.9) -> pd.DataFrame:
    """Return outcomes.csv from path, actual and predicted."""
    table = pd.DataFrame(rows, columns=["path", "actual", "predicted"])
    good = table["actual"] == table["predicted"]
    table["p_actual"] = good.map({True: sure, False: 1 - sure}).astype(float)
    table["p_predicted"] = sure
    table["loss"] = good.map({True: 0.1, False: 2.3}).astype(float)
    return table


def csv(table: pd.DataFrame) -> bytes:
    """Return a table as the stages write it."""
    return table.to_csv(index=False, lineterminator="\n").encode()


class Past:
    """A repository to put runs into."""

    def __init__(self, root: Path) -> None:
        """Begin an empty repository."""
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        write_text(root / ".gitignore", "/.dvc/cache\n/reports/compare\n")

    def git(self, *words: str) -> str:
        """Run git, without the user's settings."""
        who = {f"GIT_{name}_{what}": "test@example.org" for name in ("AUTHOR", "COMMITTER")
               for what in ("NAME", "EMAIL")}  # fmt: skip
        env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout

    def keep(self, content: bytes) -> str:
        """Put an object into the cache; return its md5."""
        name = digest(content)
        write_bytes(self.root / ".dvc/cache/files/md5" / name[:2] / name[2:], content)
        return name

    def run(
        self,
        table: pd.DataFrame | None,
        photos: Photos | None = None,
        params: Mapping[str, Any] | None = None,
        code: Mapping[str, str] | None = None,
        versions: Mapping[str, str] | None = None,
        rejected: Sequence[str] = (),
    ) -> None:
        """Put the files of a run into the workspace: two stages, ingest and fine_tune."""
        given = {"seed": 42, "fine_tune": {"epochs": 4}, **(params or {})}
        made: dict[str, str] = {}
        if photos is not None:
            made = {
                FILES.tables[kind]: self.keep(csv(rows))
                for kind, rows in lists(photos, rejected).items()
            }
        learned = {}
        if table is not None:
            write_bytes(self.root / OUTCOMES, csv(table))
            learned = {OUTCOMES: digest(csv(table))}
        stages = {
            "ingest": stage({"data/photos": digest(json.dumps(photos).encode())}, {}, {}, made),
            "fine_tune": stage(
                {"stages/train/loop.py": "1", **(code or {}), **made},
                given,
                {"timm": "1.0", **(versions or {})},
                learned,
            ),
        }
        yaml = YAML()
        with (self.root / "dvc.lock").open("w", encoding="utf-8") as file:
            yaml.dump({"schema": "2.0", "stages": stages}, file)
        with (self.root / "params.yaml").open("w", encoding="utf-8") as file:
            yaml.dump(given, file)

    def commit(self, name: str) -> None:
        """Commit the workspace and give the commit a name."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", name)
        self.git("tag", name)

    def snapshot(self, name: str) -> Snapshot:
        """Read a revision, as the comparison does."""
        history = GitHistory(self.root)
        (revision,) = history.resolve(name)
        return read_snapshot(history, revision, DvcCache(self.root / ".dvc/cache"), FILES)


def stage(
    deps: Mapping[str, str],
    params: Mapping[str, Any],
    versions: Mapping[str, str],
    outs: Mapping[str, str],
) -> dict[str, Any]:
    """Return a stage as dvc.lock writes it."""
    return {
        "cmd": "python",
        "deps": [{"path": path, "hash": "md5", "md5": name} for path, name in deps.items()],
        "params": {"params.yaml": dict(params), "stages/packages.yaml": dict(versions)},
        "outs": [{"path": path, "hash": "md5", "md5": name} for path, name in outs.items()],
    }


def lists(photos: Photos, rejected: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the tables that ingest, presize and datablock keep of some photos."""
    rows = [(path, *about) for path, about in photos.items()]
    whole = pd.DataFrame(rows, columns=["path", "sha256", "label", "split"])
    used = whole[~whole["path"].isin(rejected) & (whole["label"] != "")]
    return {
        "images": whole[["path", "sha256"]].assign(format="JPEG"),
        "labels": whole.loc[whole["label"] != "", ["path", "label"]],
        "splits": used[["path", "label", "split"]],
        "rejected": pd.DataFrame({"path": list(rejected), "problem": "truncated", "detail": ""}),
    }
