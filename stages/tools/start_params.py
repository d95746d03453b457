"""What a proposed labelling sets in params.yaml, by dotted key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.dataset.split_advice import SplitAdvice, advise_split
from stages.dataset.split_params import COLUMN, SplitParams
from stages.labels.labels import LabelParams
from stages.labels.name_regex import caught_groups
from stages.labels.proposal import Proposal


@dataclass(frozen=True, kw_only=True)
class ParamChange:
    """A value of params.yaml that is to be another."""

    key: str
    before: str | float
    after: str | float


def advise_sides(proposal: Proposal, split: SplitParams) -> SplitAdvice | None:
    """Return how to draw the sides of the photos of a proposal.

    None where folders or a table give them, or a person has set stratified or folds already.
    """
    if proposal.split != "hash" or split.by in ("stratified", "folds"):
        return None
    groups = _groups(proposal, split.group)
    units = {
        label: {groups.get(path) or path for path in paths}
        for label, paths in proposal.classes.items()
    }
    return advise_split(
        {label: len(found) for label, found in units.items()},
        len(proposal.labels.labels),
        drawn=len(set().union(*units.values())),
        valid=split.valid,
        folds=split.folds,
        unit="group" if groups else "photo",
    )


def _groups(proposal: Proposal, group: str) -> Mapping[str, str]:
    """Return path -> its group, by a regex of datablock.split.group or the column of a table."""
    if group in ("", COLUMN):
        return proposal.labels.groups
    paths = list(proposal.labels.labels)
    names = caught_groups(group, paths, "datablock.split.group")
    return {path: name for path, name in zip(paths, names, strict=True) if name}


def param_changes(
    proposal: Proposal, images: str, params: dict[str, Any], sides: SplitAdvice | None
) -> list[ParamChange]:
    """Return what has to change in params, as read from params.yaml, for a proposal.

    images: the folder of the photos; sides: as of `advise_sides`. What the proposal does not use
    stays as it is.
    """
    label = params["ingest"]["label"]
    split = params["datablock"]["split"]
    wanted: dict[str, tuple[str | float, str | float]] = {
        "fetch.dataset": ("none", params["fetch"]["dataset"]),
        "ingest.images": (images, params["ingest"]["images"]),
        **{
            f"ingest.label.{key}": (value, label[key])
            for key, value in _used(proposal.rule).items()
        },
    }
    if proposal.split != "hash":
        wanted["datablock.split.by"] = (proposal.split, split["by"])
    if sides:
        wanted["datablock.split.by"] = (sides.by, split["by"])
    if proposal.split != "hash" and split["test"]:
        wanted["datablock.split.test"] = (0.0, split["test"])
    grouped = proposal.rule.group_column != ""
    if split["group"] == "column" and not grouped:
        wanted["datablock.split.group"] = ("", split["group"])
    if split["group"] == "" and grouped and proposal.split == "hash":
        wanted["datablock.split.group"] = ("column", split["group"])
    return [
        ParamChange(key=key, before=before, after=after)
        for key, (after, before) in wanted.items()
        if after != before
    ]


def _used(rule: LabelParams) -> dict[str, str]:
    """Return the params that a rule uses, and those by which a table would be read besides."""
    used: dict[str, str] = {
        "by": rule.by,
        "split_column": rule.split_column,
        "group_column": rule.group_column,
    }
    if rule.by == "filename":
        used |= {"on": rule.on, "regex": rule.regex}
    if rule.by == "csv":
        used |= {
            "csv": rule.csv,
            "path_column": rule.path_column,
            "label_column": rule.label_column,
            "delimiter": rule.delimiter,
        }
    return used
