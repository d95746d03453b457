"""Spellings: labels that were merged since they look the same, and labels that look alike."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import regex

from stages.base.echo import echo
from stages.base.plural import count_noun
from stages.labels.label_text import look_alike_key
from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem

# What repr shows as nothing or as a space, though it is something else.
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\u2800]")


def spelling_problems(labels: PhotoLabels) -> list[Problem]:
    """Return a problem for each class of several spellings, and for each set of look-alikes."""
    return [*_merged_spellings(labels), *similar_labels(labels.labels.values())]


def similar_labels(labels: Iterable[str]) -> list[Problem]:
    """Return a problem for each set of labels that differ by case, spaces or letters' scripts."""
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for label, count in Counter(labels).items():
        spellings[look_alike_key(label)][label] += count
    return [
        Problem("", "labels look alike", _with_counts(counts, similar=True))
        for _, counts in sorted(spellings.items())
        if len(counts) > 1
    ]


def _merged_spellings(labels: PhotoLabels) -> list[Problem]:
    """Return a problem for each label that was written in ways that nobody can tell apart."""
    changed = {labels.labels[path] for path in labels.written if path in labels.labels}
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for path, label in labels.labels.items():
        if label in changed:
            spellings[label][labels.written.get(path, label)] += 1
    return [
        Problem("", "spellings merged", f"{_with_counts(counts)} are one class, {_visible(label)}")
        for label, counts in sorted(spellings.items())
        if len(counts) > 1
    ]


def _with_counts(counts: Mapping[str, int], *, similar: bool = False) -> str:
    """Return labels, sorted, each with its number of images."""
    # By their numbers where a letter of one is that of another script.
    same_letters = len({"".join(label.casefold().split()) for label in counts}) == 1
    shown = _visible if same_letters or not similar else ascii
    return ", ".join(
        f"{shown(label)} ({count_noun(count, 'image')})" for label, count in sorted(counts.items())
    )


def _visible(label: str) -> str:
    """Return a label in quotes, with every invisible character as its number."""
    return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), echo(label))
