"""Git history: find a revision by its name, and read its files without touching the work tree."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from stages.base.errors import UserError

WORKSPACE = "workspace"  # the name of the files as they lie in the work tree, committed or not
_EXPERIMENT_REFS = "refs/exps/"
_TAG_REFS = "refs/tags/"
_LINK_MODE = b"120000"
_FILE_MODE = "100"  # how the mode of an ordinary file begins
_SHORT_DIGITS = 10  # fixed, since git's own abbreviation grows with the repository


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A commit, or the workspace, under the name that the user gave."""

    name: str
    commit: str  # 40 hex digits; "" for the workspace

    @property
    def short(self) -> str:
        """The first digits of the commit; "" for the workspace."""
        return self.commit[:_SHORT_DIGITS]


class GitHistory:
    """The git repository around a folder; paths are relative to that folder."""

    def __init__(self, root: Path) -> None:
        """Open the repository; UserError where there is none or git refuses to read it."""
        self.root = root
        output = self._git("rev-parse", "--show-toplevel", "--show-prefix")
        if output is None:
            folder = root.resolve()
            if any((parent / ".git").exists() for parent in (folder, *folder.parents)):
                raise UserError(
                    "git refuses this folder, and git status says why; if it is because somebody "
                    f"else owns it: git config --global --add safe.directory {folder}"
                )
            raise UserError(
                "This folder is no git repository, so there are no commits to compare; "
                "begin with: git init"
            )
        top, prefix = os.fsdecode(output).split("\n")[:2]
        self.top = Path(top)  # of the repository
        self.prefix = Path(prefix)  # of root inside it

    def resolve(self, name: str) -> list[Revision]:
        """Return what a name means: the workspace, a revision, an experiment, or a pattern of them.

        A pattern such as 'seeds-*' stands for all experiments whose names match, sorted.
        """
        if name == WORKSPACE:
            return [Revision(name=WORKSPACE, commit="")]
        if commit := self._commit(name):
            return [Revision(name=name, commit=commit)]
        matches = [
            experiment
            for experiment in self.experiments
            if experiment.name == name or fnmatchcase(experiment.name, name)
        ]
        if not matches:
            raise UserError(
                f"{name} is neither a git revision nor a DVC experiment, nor {WORKSPACE}; "
                "git log --oneline and dvc exp list -A show what there is"
            )
        counts = Counter(experiment.name for experiment in matches)
        ambiguous = sorted(match for match, count in counts.items() if count > 1)
        if ambiguous:
            raise UserError(
                f"There are several experiments called {ambiguous[0]}, on different commits; "
                "name the commit of one, from: dvc exp show --sha"
            )
        return matches

    @cached_property
    def experiments(self) -> list[Revision]:
        """DVC's experiments, sorted by name; each is a ref refs/exps/<base>/<commit>/<name>."""
        listing = self._git("for-each-ref", "--format=%(objectname) %(refname)", _EXPERIMENT_REFS)
        experiments = []
        for line in os.fsdecode(listing or b"").splitlines():
            commit, ref = line.split(" ", 1)
            parts = ref.removeprefix(_EXPERIMENT_REFS).split("/")
            if len(parts) == 3:  # others are DVC's own, such as refs/exps/stash
                experiments.append(Revision(name=parts[2], commit=commit))
        return sorted(experiments, key=lambda experiment: (experiment.name, experiment.commit))

    def read(self, revision: Revision, path: str) -> bytes | None:
        """Return the content of a file in a revision; None where there is none.

        A symbolic link in a commit is a UserError, since what it points at is no part of it.
        """
        if not revision.commit:
            file = self.root / path
            return file.read_bytes() if file.is_file() else None
        entry = self._git("ls-tree", "-z", revision.commit, "--", f"./{path}")
        if not entry:
            return None
        mode, kind, name = entry.split(b"\t")[0].split()
        if mode == _LINK_MODE:
            raise UserError(
                f"{path} of {revision.name} is a symbolic link, which is not followed; "
                "commit the file itself"
            )
        return self._git("cat-file", "blob", name.decode()) if kind == b"blob" else None

    def versions(self, path: str) -> Iterator[tuple[str, bytes]]:
        """Yield every content that a file has had, after the name of who brought it, oldest first.

        That is over all branches, tags and experiments that this clone has, merges included. The
        name is that of an experiment, or else a tag of the commit, or the oldest of the content, or
        the first digits of the commit.
        """
        listing = self._git(
            "-c", "log.showRoot=true", "log", "--all", "--full-history", "-m", "--topo-order",
            "--reverse", "--no-renames", "--raw", "--no-abbrev", "--format=%H", "--", f"./{path}",
        )  # fmt: skip
        names = {experiment.commit: experiment.name for experiment in self.experiments}
        first_commits: dict[str, str] = {}  # blob -> commit
        commit = ""
        for line in os.fsdecode(listing or b"").splitlines():
            if not line.startswith(":"):
                commit = line or commit
            elif line.split()[1].startswith(_FILE_MODE):
                first_commits.setdefault(line.split()[3], commit)
        tags = self._tags(path)
        taken: set[str] = set()
        for blob, commit in first_commits.items():
            name = names.get(commit) or tags.get(commit) or tags.get(blob) or commit[:_SHORT_DIGITS]
            content = self._git("cat-file", "blob", blob)
            if content is not None:  # as in a clone without all blobs
                unique = commit[:_SHORT_DIGITS] if name in taken else name
                taken.add(unique)
                yield unique, content

    def _tags(self, path: str) -> dict[str, str]:
        """Return the oldest tag by its commit, and by the content (a blob) of a file there."""
        fields = "%(refname) %(objectname) %(*objectname)"  # the last: what an annotated tag is of
        listing = self._git("for-each-ref", "--sort=creatordate", f"--format={fields}", _TAG_REFS)
        rows = [line.split() for line in os.fsdecode(listing or b"").splitlines()]
        asked = "".join(f"{ref}:./{path}\n" for ref, *_ in rows)
        answer = self._git("cat-file", "--batch-check=%(objectname)", asked=os.fsencode(asked))
        blobs = os.fsdecode(answer or b"").splitlines()
        tags: dict[str, str] = {}
        for (ref, *commits), blob in zip(rows, blobs, strict=False):
            for name in (*commits, blob):
                tags.setdefault(name, ref.removeprefix(_TAG_REFS))
        return tags

    def _commit(self, name: str) -> str | None:
        """Return the commit that git understands by a name, None if it understands none."""
        output = self._git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"
        )
        return output.decode().strip() if output else None

    def _git(self, *arguments: str, asked: bytes = b"") -> bytes | None:
        """Return the output of a git command, or None when it fails; asked: its input."""
        try:
            result = subprocess.run(
                ["git", "--literal-pathspecs", *arguments],
                cwd=self.root,
                input=asked,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise UserError("git is not installed, or not on PATH") from None
        return result.stdout if result.returncode == 0 else None
