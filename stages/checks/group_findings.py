"""Findings about groups: what was declared, which photos it leaves out, whether sides part them."""

from collections.abc import Iterator, Sequence

import pandas as pd

from stages.base.plural import count_noun, join_names
from stages.checks.finding import Finding, warning_finding
from stages.checks.undeclared_groups import find_named_groups
from stages.dataset.folds import is_validated
from stages.dataset.photo_groups import declared_groups
from stages.dataset.split_params import SplitParams, SplitRule

_SHOWN = 3  # names of groups in one sentence
_FEW_GROUPS = 10  # in validation, below which its error is hardly more than that of single groups


def check_groups(images: pd.DataFrame, params: SplitParams) -> list[Finding]:
    """Return the findings; images: path, label, phash, split and group, "" where it has none."""
    if not params.group:
        return list(_check_names(images))
    grouped = images[images["group"] != ""]
    return [
        _sizes_note(grouped),
        *_check_ungrouped(images),
        *_check_sides(grouped),
        *_check_validation(grouped, params.by),
    ]


def _check_names(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield that names and pictures suggest groups, while none are declared."""
    if found := find_named_groups(images):
        grouped = images.assign(group=declared_groups(images, found.regex))
        parted = _groups_on_several_sides(grouped[grouped["group"] != ""])
        names = " or ".join(found.examples)
        yield warning_finding(
            "undeclared_groups",
            f"names may tell what belongs together: in {found.nearer:.0%} of cases a photo looks "
            f"more like another of its name, such as {names}, than like one of another name in its "
            f"class ({found.groups} names; by chance 50 %). If they are one person, object or "
            "scene each, the error in validation looks too small: set datablock.split.group to "
            f"'{found.regex}', or to a simpler regex over the path",
            leak=_leak(parted, "photos that may belong together"),
        )


def _sizes_note(grouped: pd.DataFrame) -> Finding:
    sizes = grouped["group"].value_counts()
    groups = count_noun(len(sizes), "group")
    span = f"{sizes.min():,} to {sizes.max():,}" if len(sizes) else "0"
    return Finding("note", "groups", f"{len(grouped):,} images in {groups} of {span}")


def _check_ungrouped(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield the images whose group nothing names; each of them is divided by itself."""
    if len(alone := images.loc[images["group"] == "", "path"]):
        yield warning_finding(
            "without_group",
            f"{count_noun(len(alone), 'image')} without a name of a group by"
            " datablock.split.group: each goes to a side by itself",
            alone,
        )


def _check_sides(grouped: pd.DataFrame) -> Iterator[Finding]:
    """Yield the groups that the given sides part, as a column or folders may."""
    if parted := _groups_on_several_sides(grouped):
        used = grouped[grouped["split"] != "excluded"]
        yield warning_finding(
            "groups_across_the_split",
            f"{count_noun(len(parted), 'group')} on several sides of the split: "
            f"{join_names(parted, ', ', _SHOWN)}. The error in validation will look too small: "
            "give all images of a group one side, or let datablock.split.by: hash do it",
            used.loc[used["group"].isin(parted), "path"],
            leak=_leak(parted, "photos of one group"),
        )


def _groups_on_several_sides(grouped: pd.DataFrame) -> list[str]:
    """Return the names of groups with images on several sides, or in several folds, sorted."""
    used = grouped[grouped["split"] != "excluded"]
    side = used["fold"] if "fold" in used else used["split"]
    sides = side.groupby(used["group"]).nunique()
    return sorted(sides.index[sides > 1])


def _leak(parted: Sequence[str], photos: str) -> str:
    """Return in a few words which groups stand on several sides; "" where none does."""
    if not parted:
        return ""
    names = join_names(parted, ", ", _SHOWN)
    return (
        f"{photos} train and validate: {count_noun(len(parted), 'name')} on several sides, {names}"
    )


def _check_validation(grouped: pd.DataFrame, by: SplitRule) -> Iterator[Finding]:
    """Yield that few groups validate: images of one group are right or wrong together."""
    groups = grouped.loc[is_validated(grouped), "group"].nunique()
    remedy = "add groups" if by == "folds" else "raise datablock.split.valid, or add groups"
    if 0 < groups < _FEW_GROUPS:
        yield warning_finding(
            "few_groups_in_validation",
            f"only {count_noun(groups, 'group')} in validation: images of one group are right or "
            "wrong together, so the true error may lie far outside the interval, which counts "
            f"images; {remedy}",
        )
