"""Label guess: in which ways the names of photos, and tables about them, may say the classes.

Nothing here is taken in silence: each way is a proposal, with the labels that it would give, and
what cannot be told from names is a doubt that names the param to set.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from stages.base.echo import echo
from stages.base.errors import UserError
from stages.base.plural import count_noun
from stages.labels.csv_table import CsvTable
from stages.labels.group_columns import LEAST_GROUPS
from stages.labels.label_conflicts import proposal_conflicts
from stages.labels.label_rule import label_photos
from stages.labels.labels import LabelParams, PhotoLabels
from stages.labels.name_patterns import NAME_PATTERNS, are_classes, is_camera_name, says_nothing
from stages.labels.nested_folders import nested_folders
from stages.labels.proposal import LabelWay, Proposal, changed_rule
from stages.labels.sides import folder_sides, named_sides, side_of_word, split_level
from stages.labels.table_guess import hints_of_table, table_guesses

NEARLY_ALL = 0.95  # of the photos have a label; with fewer, another way that labels more goes first
_LEAST_SHARE = 0.5  # of the photos that names or folders label; fewer are chance
_WAYS = ("csv", "folder", "level", "name")  # of equals, what people wrote on purpose goes first


@dataclass(frozen=True, kw_only=True)
class Guess:
    """The proposals, the best first, and what is not decided whichever is taken."""

    proposals: Sequence[Proposal]
    doubts: Sequence[str]

    def number_of(self, present: LabelParams) -> int:
        """Return the number, from 1, of the proposal to take where nobody names one.

        It is the first; of several columns of its table that which params.yaml names.
        """
        first = self.proposals[0]
        for number, one in enumerate(self.proposals, 1):
            same_table = one.way == first.way == "csv" and one.rule.csv == first.rule.csv
            if same_table and one.rule.label_column.casefold() == present.label_column.casefold():
                return number
        return 1


def with_table_hints(guess: Guess, number: int, tables: Sequence[CsvTable]) -> Guess:
    """Return a guess with the hints of tables about groups for a proposal that reads none.

    number: of the proposal, from 1. A proposal of a table has the hints of its own.
    """
    proposals = list(guess.proposals)
    taken = proposals[number - 1]
    if taken.way == "csv":
        return guess
    hints = [hint for table in tables for hint in hints_of_table(table, taken)]
    proposals[number - 1] = replace(taken, doubts=(*taken.doubts, *hints))
    return replace(guess, proposals=proposals)


def guess_labels(paths: Sequence[str], tables: Sequence[CsvTable], present: LabelParams) -> Guess:
    """Return the ways to label photos by their names, their folders, and tables about them.

    paths: of the photos, below their folder. present: the params as they are; what a proposal
    does not need stays so.
    """
    proposals: list[Proposal] = []
    doubts: list[str] = []
    for table in tables:
        for found in table_guesses(paths, table, present):
            if isinstance(found, Proposal):
                proposals.append(found)
            else:
                doubts.append(found)
    proposals += _from_folders(paths, present)
    proposals += _from_names(paths, present)
    ranked = sorted(proposals, key=_rank, reverse=True)
    different = [
        one
        for at, one in enumerate(ranked)
        if all(one.labels.labels != better.labels.labels for better in ranked[:at])
    ]
    doubts += proposal_conflicts(different)
    return Guess(proposals=[_with_split(one) for one in different], doubts=doubts)


def _rank(proposal: Proposal) -> tuple[bool, bool, bool, int, int, float]:
    labels = proposal.labels.labels
    told = proposal.way == "csv" or not says_nothing(labels.values())
    flat = proposal.way != "folder" or not nested_folders(labels)
    order = -_WAYS.index(proposal.way)
    return proposal.share >= NEARLY_ALL, told, flat, order, -proposal.place, proposal.share


def _from_folders(paths: Sequence[str], present: LabelParams) -> Iterator[Proposal]:
    """Yield a proposal for the parent folder, and for the folder at each level above."""
    if by_parent := _checked("folder", changed_rule(present, by="folder"), paths):
        yield by_parent
    depth = max((path.count("/") for path in paths), default=0)
    for level in range(depth):
        above = rf"(?:[^/]+/){{{level}}}" if level > 1 else "[^/]+/" * level
        rule = changed_rule(present, by="filename", on="path", regex=f"^{above}([^/]+)/")
        if by_level := _checked("level", rule, paths):
            yield by_level


def _from_names(paths: Sequence[str], present: LabelParams) -> Iterator[Proposal]:
    """Yield the proposal of the first name pattern that fits best, and of the next one.

    Of equals the regex in params.yaml goes first, which a person may have set.
    """
    rules = [changed_rule(present, by="filename", on="name", regex=one) for one in NAME_PATTERNS]
    if present.by == "filename" and present.regex not in NAME_PATTERNS:
        rules.insert(0, changed_rule(present))
    found = []
    for rule in rules:
        proposal = _checked("name" if rule.on == "name" else "level", rule, paths)
        if proposal and not is_camera_name(proposal.labels.labels.values()):
            found.append(proposal)
    found.sort(key=lambda one: (one.share >= NEARLY_ALL, not _has_numbers(one)), reverse=True)
    yield from found[:2]


def _checked(way: LabelWay, rule: LabelParams, paths: Sequence[str]) -> Proposal | None:
    """Return the proposal of a rule, None where its labels are no classes or name a side."""
    labels = label_photos(paths, rule, PhotoLabels())
    share = len(labels.labels) / len(paths)
    if share < _LEAST_SHARE or not are_classes(labels.labels) or _names_sides(way, labels, paths):
        return None
    return Proposal(way=way, rule=rule, split="hash", labels=labels, share=share)


def _names_sides(way: LabelWay, labels: PhotoLabels, paths: Sequence[str]) -> bool:
    """Return whether folders that name sides of a split would be classes."""
    if way == "name" or len(named_sides(paths)) < 2:
        return False
    level = split_level(paths)
    for path, label in labels.labels.items():
        folders = PurePosixPath(path).parent.parts
        deepest = way == "level" or len(folders) == level + 1
        if deepest and folders[level : level + 1] == (label,) and side_of_word(label):
            return True
    return False


def _has_numbers(proposal: Proposal) -> bool:
    """Return whether most labels end in a number, which is rather part of the photo's own."""
    names = set(proposal.labels.labels.values())
    return sum(name[-1:].isdigit() for name in names) > len(names) / 2


def _with_split(proposal: Proposal) -> Proposal:
    """Return a proposal with the split that its table or the folders give, and its doubts."""
    labelled = list(proposal.labels.labels)
    if column := proposal.rule.split_column:
        given = {proposal.labels.splits.get(path) for path in labelled}
        if {"train", "valid"} <= given and None not in given:
            return replace(proposal, split="column")
        doubt = (
            f"datablock.split.by stays hash: the column {echo(column)} does not name a side for"
            " each photo, train and valid among them"
        )
        rule = proposal.rule.model_copy(update={"split_column": ""})
        return replace(proposal, rule=rule, doubts=(*proposal.doubts, doubt))
    try:
        folder_sides(labelled)
    except UserError:
        doubts = (*proposal.doubts, *_side_doubts(labelled), *_group_doubts(proposal))
        return replace(proposal, doubts=doubts)
    return replace(proposal, split="folder")


def _side_doubts(labelled: Sequence[str]) -> Iterator[str]:
    """Yield the doubt what to do with folders that name sides, where folder_sides refuses them."""
    sides = sorted(named_sides(labelled))
    if len(sides) > 1:
        yield (
            "datablock.split.by stays hash, which divides all photos anew: the folders name"
            f" {' and '.join(sides)}, and folder needs train and valid, and a side for each photo"
        )


def _group_doubts(proposal: Proposal) -> Iterator[str]:
    """Yield the doubt whether folders that are no classes hold photos of one object or scene."""
    labels = proposal.labels.labels
    parents = {path: path.rpartition("/")[0] for path in labels}
    folders = set(parents.values()) - {""}
    within = {folder for folder in folders if "/" in folder}
    declared = proposal.rule.group_column
    if proposal.way == "folder" or declared or named_sides(list(labels)):
        return
    if proposal.way == "level":
        told = f"{count_noun(len(within), 'folder')} lie within the classes"
        may_be_groups = len(within) > len(proposal.classes)
    else:
        told = f"the photos lie in {count_noun(len(folders), 'folder')}"
        pairs = {(labels[path], folder) for path, folder in parents.items()}
        few = LEAST_GROUPS <= len(folders) <= len(labels) / 2
        may_be_groups = few and len(pairs) > len(proposal.classes)
    if may_be_groups:
        yield (
            f"datablock.split.group: {told}; if each holds photos of one object or scene, ^(.+)/"
            " keeps them on one side"
        )
