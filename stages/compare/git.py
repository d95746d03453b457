"""What git remembers: files of any revision, read without touching the work tree."""

import subprocess
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from stages.base.errors import UserError

WORKSPACE = "workspace"  # the files as they lie there
EXPERIMENTS = "refs/exps/"
DIGITS = 10  # of a commit that is shown; always as many, so that the same content is shown alike


@dataclass(frozen=True)
class Revision:
    """A commit, or the workspace, under the name that somebody gave it."""

    name: str
    commit: str  # 40 hex digits; "" for the workspace

    @property
    def short(self) -> str:
        """The beginning of the commit; "" for the workspace."""
        return self.commit[:DIGITS]


class GitHistory:
    """The git repository around a folder; paths are relative to that folder."""

    def __init__(self, root: Path) -> None:
        """Open the repository, or say that there is none."""
        self.root = root
        found = self._git("rev-parse", "--show-toplevel", "--show-prefix")
        if found is None:
            whole = root.resolve()
            if any((folder / ".git").exists() for folder in (whole, *whole.parents)):
                raise UserError(
                    "git refuses this folder, and git status says why; if it is because somebody "
                    f"else owns it: git config --global --add safe.directory {whole}"
                )
            raise UserError(
                "This folder is no git repository, so there are no commits to compare; "
                "begin with: git init"
            )
        top, prefix = found.decode().splitlines()
        self.top, self.prefix = Path(top), Path(prefix)  # of the repository; of root inside it

    def resolve(self, name: str) -> list[Revision]:
        """Return what a name means: the workspace, a revision, an experiment, or a pattern of them.

        A pattern such as 'seeds-*' stands for all experiments so called, sorted.
        """
        if name == WORKSPACE:
            return [Revision(WORKSPACE, "")]
        if commit := self._commit(name):
            return [Revision(name, commit)]
        found = [
            Revision(known, commit)
            for known, commit in self.experiments
            if known == name or fnmatchcase(known, name)
        ]
        if not found:
            raise UserError(
                f"{name} is neither a git revision nor a DVC experiment, nor {WORKSPACE}; "
                "git log --oneline and dvc exp list -A show what there is"
            )
        twice = sorted(
            {one.name for one in found if sum(two.name == one.name for two in found) > 1}
        )
        if twice:
            raise UserError(
                f"There are several experiments called {twice[0]}, on different commits; "
                "name the commit of one, from: dvc exp show --sha"
            )
        return found

    @cached_property
    def experiments(self) -> list[tuple[str, str]]:
        """The names and commits of DVC's experiments: refs/exps/<base>/<commit>/<name>."""
        listed = self._git("for-each-ref", "--format=%(objectname) %(refname)", EXPERIMENTS)
        rows = [line.split(" ", 1) for line in (listed or b"").decode().splitlines()]
        names = [(ref.removeprefix(EXPERIMENTS).split("/"), commit) for commit, ref in rows]
        return sorted((parts[2], commit) for parts, commit in names if len(parts) == 3)

    def read(self, revision: Revision, path: str) -> bytes | None:
        """Return the content of a file in a revision; None where there is none."""
        if not revision.commit:
            file = self.root / path
            return file.read_bytes() if file.is_file() else None
        return self._git("show", f"{revision.commit}:./{path}")

    def _commit(self, name: str) -> str | None:
        found = self._git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"
        )
        return found.decode().strip() if found else None

    def _git(self, *words: str) -> bytes | None:
        """Return what git says, or None when it fails."""
        try:
            done = subprocess.run(["git", *words], cwd=self.root, capture_output=True)
        except FileNotFoundError:
            raise UserError("git is not installed, or not on PATH") from None
        return done.stdout if done.returncode == 0 else None
