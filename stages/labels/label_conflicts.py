"""Label conflicts: photos of which a table, folders or file names say different classes.

Two sources are compared only where they speak of the same classes: a folder named misc says nothing
against a table, nor does a column that holds places.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from stages.base.echo import echo
from stages.base.plural import count_noun
from stages.labels.label_text import look_alike_key
from stages.labels.labels import LabelParams, PhotoLabels
from stages.labels.proposal import Proposal

_LEAST_SHARE = 0.5  # of the photos that both label must have a class that both know
# Of Cohen's kappa, from which on two sources speak of the same; and the photos that can tell: of 20
# in two classes, chance alone gives .4 or more in 8 of 100 cases.
_LEAST_KAPPA = 0.4
_ENOUGH_PHOTOS = 20
_ORDER = ("csv", "name", "folder", "level")  # folders may have names that are no classes
FOLDERS = "the folders"


@dataclass(frozen=True, kw_only=True)
class LabelConflicts:
    """Photos that two sources label differently, of those that can be compared."""

    paths: Sequence[str]  # in the order given
    compared: int
    example: str  # the first one, with both labels; "" without

    def sentence(self, first: str, second: str) -> str:
        """Return what is said of them, by the names of both sources; "" where they agree."""
        if not self.paths:
            return ""
        count = f"{len(self.paths):,} of {count_noun(self.compared, 'photo')}"
        return f"{first} and {second} disagree about {count}, {self.example}"


def compare_labels(
    paths: Sequence[str], labels: Sequence[str], others: Sequence[str]
) -> LabelConflicts | None:
    """Return where two sources contradict each other; None where they speak of different things.

    labels, others: of each path, "" without one. What of `others` is no class of `labels` is not
    compared, and spellings that look alike are the same class.
    """
    keys = {label: look_alike_key(label) for label in {*labels, *others}}
    classes = {keys[label] for label in set(labels)}
    rows = list(zip(labels, others, strict=True))
    both = {row for row in set(rows) if all(row)}
    common = {row for row in both if keys[row[1]] in classes}
    against = {row for row in common if keys[row[0]] != keys[row[1]]}
    compared = sum(row in common for row in rows)
    if not compared or compared < _LEAST_SHARE * sum(row in both for row in rows):
        return None
    if _agree_by_chance([(keys[one], keys[two]) for one, two in rows if (one, two) in common]):
        return None
    found = [(path, row) for path, row in zip(paths, rows, strict=True) if row in against]
    return LabelConflicts(
        paths=[path for path, _ in found],
        compared=compared,
        example=_example(*found[0]) if found else "",
    )


def _agree_by_chance(pairs: Sequence[tuple[str, str]]) -> bool:
    """Return whether two sources agree about as often as if one knew nothing of the other.

    So do ratings and numbered folders, or a table of other photos with the same file names. It is
    told by Cohen's kappa, of enough photos; sources that exchange two names are far below chance.
    """
    if len(pairs) < _ENOUGH_PHOTOS:
        return False
    firsts = Counter(one for one, _ in pairs)
    seconds = Counter(two for _, two in pairs)
    chance = sum(firsts[key] * seconds[key] for key in firsts) / len(pairs) ** 2
    agreed = sum(one == two for one, two in pairs) / len(pairs)
    return chance < 1 and abs(agreed - chance) < _LEAST_KAPPA * (1 - chance)


def _example(path: str, labels: tuple[str, str]) -> str:
    """Return a photo with its class by the first source, then by the second."""
    return f"such as {echo(path)}: {echo(labels[0])} and {echo(labels[1])}"


def compare_photo_labels(first: PhotoLabels, second: PhotoLabels) -> LabelConflicts | None:
    """Return where the labels of two rules contradict each other, as `compare_labels` does."""
    paths = sorted(first.labels.keys() & second.labels.keys())
    labels, others = ([rule.labels[path] for path in paths] for rule in (first, second))
    return compare_labels(paths, labels, others)


def folder_conflicts(paths: Sequence[str], labels: Sequence[str]) -> LabelConflicts | None:
    """Return where labels contradict the folders, at the level that agrees with most of them.

    None where no level has folders that are named as classes.
    """
    found = [
        conflicts
        for others in _folder_names(paths, set(labels))
        if (conflicts := compare_labels(paths, labels, others))
    ]
    return max(found, key=lambda one: one.compared - len(one.paths), default=None)


def _folder_names(paths: Sequence[str], classes: Collection[str]) -> Iterator[list[str]]:
    """Yield the parent folder of each path, then its folder at each level, where classes are."""
    keys = set(map(look_alike_key, classes))
    depth = max((path.count("/") for path in paths), default=0)
    for level in (-1, *range(depth - 1)):
        names = [_folder_at(path, level) for path in paths]
        if keys & set(map(look_alike_key, set(names))):
            yield names


def _folder_at(path: str, level: int) -> str:
    """Return the folder of a path at a level, -1 for its parent; "" where there is none."""
    folders = path.split("/")[:-1]
    return folders[level] if len(folders) > max(level, 0) else ""


def source_words(rule: LabelParams) -> str:
    """Return what a rule reads: a table by its name, the folders or the file names."""
    if rule.by == "csv":
        return rule.csv
    in_path = rule.by == "folder" or rule.on == "path"
    return FOLDERS if in_path else "the file names"


def proposal_conflicts(proposals: Sequence[Proposal]) -> Iterator[str]:
    """Yield a sentence for each two proposals of different sources that contradict each other."""
    ordered = sorted(proposals, key=lambda one: _ORDER.index(one.way))
    for at, first in enumerate(ordered):
        for second in ordered[at + 1 :]:
            names = source_words(first.rule), source_words(second.rule)
            found = compare_photo_labels(first.labels, second.labels)
            if names[0] != names[1] and found and found.paths:
                yield found.sentence(*names)
