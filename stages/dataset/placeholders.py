"""Placeholders: pictures that stand where a photo was missing, and are taken for photos."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from stages.base.echo import echo
from stages.base.plural import count_noun, join_names
from stages.labels.problem import Problem

# Copies of one content under one label. Two or three are what happens when folders are merged.
_MANY = 5
_SHOWN = 5  # labels in a message
_SHOWN_PATHS = 3
_NAMED_SO = re.compile(
    r"(image|photo|picture|img|pic)s?[ _-]*(not[ _-]*(found|available)|unavailable|missing)"
    r"|(no|missing|default)[ _-]*(image|photo|picture|img|pic)s?([ _-]*(found|available))?"
    r"|place[ _-]*holder|(image|photo)[ _-]*coming[ _-]*soon",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[ _-]*\(?\d*\)?$")  # as file managers number copies


def placeholder_problems(hashes: Mapping[str, str], labels: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each picture that looks like a placeholder.

    One content under several labels is right under one of them at most; one content many times
    over is no photo of so many things; and a name may say it.

    hashes: SHA-256 of each photo by path. labels: the label of each that has one.
    """
    paths = defaultdict(list)
    for path in sorted(labels):
        paths[hashes[path]].append(path)
    problems = []
    for same in paths.values():
        counts = Counter(labels[path] for path in same)
        if len(counts) > 1 or len(same) >= _MANY:
            problem = (
                "one content, several labels" if len(counts) > 1 else "one content, many times"
            )
            detail = f"{_with_counts(len(same), counts)}; the same file: {_others(same, labels)}"
            problems.append(Problem(same[0], problem, detail))
    detail = "its name says that it stands for a missing photo; remove it if it does"
    named = [Problem(path, "placeholder", detail) for path in sorted(labels) if _is_named_so(path)]
    return problems + named


def _with_counts(copies: int, counts: Mapping[str, int]) -> str:
    shown = [f"{label!r} ({count:,})" for label, count in sorted(counts.items())]
    return f"{count_noun(copies, 'photo')} in {join_names(shown, count=_SHOWN)}"


def _others(same: Sequence[str], labels: Mapping[str, str]) -> str:
    """Return the paths of the same content but the first, one of each other label before others."""
    firsts = {labels[path]: path for path in reversed(same)}
    by_label = dict.fromkeys([*sorted(firsts.values()), *same])
    return join_names([echo(path) for path in by_label if path != same[0]], count=_SHOWN_PATHS)


def _is_named_so(path: str) -> bool:
    stem = _NUMBER.sub("", PurePosixPath(path).stem)
    return _NAMED_SO.fullmatch(stem) is not None
