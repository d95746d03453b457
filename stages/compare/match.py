"""Two recipes from history, put side by side: what the comparison of revisions computes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.base.files import fingerprint
from stages.base.seed import derive
from stages.compare.data_changes import DataChanges, data_changes
from stages.compare.dvc_lock import Difference, differences, recipe, seed_of
from stages.compare.pairing import Pairing, pair
from stages.compare.score_changes import ScoreChanges, SideOutcomes, changed_images, compare_scores
from stages.compare.snapshot import Snapshot
from stages.stats.reliability import Reliability, reliability
from stages.stats.seeds import seed_spread


@dataclass(frozen=True)
class Recipe:
    """One recipe: a revision, or several that differ only in their seed."""

    members: tuple[Snapshot, ...]

    @property
    def lead(self) -> Snapshot:
        """The member that stands for the recipe where a single one must."""
        return self.members[0]

    @property
    def name(self) -> str:
        """The revision's name, and of how many seeds it is the first."""
        more = len(self.members) - 1
        return self.lead.name + (f" and {more} more seeds" if more else "")

    def outcomes(self) -> list[pd.DataFrame]:
        """The outcomes of every member that has any."""
        return [member.outcomes for member in self.members if member.outcomes is not None]


@dataclass(frozen=True)
class Comparison:
    """A recipe against the base."""

    base: Recipe
    other: Recipe
    pairing: Pairing
    result: ScoreChanges
    table: pd.DataFrame  # a row a common image: base, other (paths), actual, and what each said
    sides: tuple[np.ndarray, np.ndarray]  # places in the table: newly wrong, newly right
    classes: list[str]
    spreads: tuple[float | None, float | None]  # standard deviation of the error rate over seeds
    reliability: tuple[Reliability | None, Reliability | None]
    causes: list[Difference] | None  # None where a dvc.lock is missing
    data: DataChanges | None
    notes: list[str]


def group_by_recipe(base: Snapshot, others: Sequence[Snapshot]) -> tuple[Recipe, list[Recipe]]:
    """Put revisions that differ only in their seed together, in the order in which they came.

    One more run with the same seed stands by itself. Where nothing but the base's own recipe is
    left, its runs are compared one by one.
    """
    groups: list[tuple[str | None, list[Snapshot]]] = []
    for side in (base, *others):
        known, seed = _recipe(side), seed_of(side.lock)
        for recipe_of, members in groups:
            seeds = [seed_of(member.lock) for member in members]
            if known is not None and known == recipe_of and seed not in seeds:
                members.append(side)
                break
        else:
            groups.append((known, [side]))
    first, *rest = [Recipe(tuple(members)) for _, members in groups]
    if not rest:
        return Recipe((base,)), [Recipe((other,)) for other in others]
    return first, rest


def _recipe(side: Snapshot) -> str | None:
    """Return what two runs share that differ only in their seed; None where it is not known."""
    if side.lock is None or side.outcomes is None or seed_of(side.lock) is None:
        return None
    images = side.outcomes["actual"]
    return fingerprint(recipe(side.lock), list(images.index), list(images))


def compare_recipes(base: Recipe, other: Recipe, result: str) -> Comparison:
    """Compare a recipe with the base, on the images that both validate on.

    `result` is the path of the outcomes, so that dvc.lock tells which stages led to them.
    """
    pairing = pair(base.lead, other.lead)
    frames = _aligned(base, pairing.common["base"]), _aligned(other, pairing.common["other"])
    classes = _classes([*frames[0], *frames[1]])
    codes = {label: place for place, label in enumerate(classes)}
    targets = pairing.common["actual"].map(codes).to_numpy(np.int64)
    sides = tuple(_side(tables, codes, len(targets)) for tables in frames)
    draw = derive(0, "compare", base.lead.name, other.lead.name)
    found = compare_scores(targets, classes, sides[0], sides[1], draw)
    some = len(targets) > 0
    trust = [
        reliability(side.confidence, side.right(targets))
        if some and side.confidence is not None
        else None
        for side in sides
    ]
    locks = base.lead.lock, other.lead.lock
    return Comparison(
        base=base,
        other=other,
        pairing=pairing,
        result=found,
        table=_said(pairing.common, frames) if some else pairing.common,
        sides=changed_images(targets, sides[0], sides[1]),
        classes=classes,
        spreads=(seed_spread(sides[0].right(targets)), seed_spread(sides[1].right(targets))),
        reliability=(trust[0], trust[1]),
        causes=differences(locks[0], locks[1], result) if locks[0] and locks[1] else None,
        data=data_changes(base.lead, other.lead),
        notes=_notes(base, other, pairing),
    )


def _aligned(group: Recipe, paths: pd.Series) -> list[pd.DataFrame]:
    """Return each run's outcomes of the common images, in their order."""
    return [table.loc[paths] for table in group.outcomes()] if len(paths) else []


def _classes(frames: Sequence[pd.DataFrame]) -> list[str]:
    """Return every label that occurs, sorted."""
    return sorted(set().union(*({*table["actual"], *table["predicted"]} for table in frames)))


def _side(tables: Sequence[pd.DataFrame], codes: dict[str, int], images: int) -> SideOutcomes:
    if not tables:
        return SideOutcomes(np.zeros((1, images), np.int64), None, None)

    def column(name: str) -> np.ndarray | None:
        if any(name not in table.columns for table in tables):
            return None
        return np.stack([table[name].to_numpy(float) for table in tables])

    predicted = np.stack([table["predicted"].map(codes).to_numpy(np.int64) for table in tables])
    return SideOutcomes(predicted, column("loss"), column("p_predicted"))


def _said(common: pd.DataFrame, frames: tuple[list[pd.DataFrame], ...]) -> pd.DataFrame:
    """Return the common images with what each side's runs said of them.

    That is the right label where more than half said so, as changed_sides counts, and else what
    was said most of all that is wrong.
    """
    said = common.copy()
    for side, tables in zip(("base", "other"), frames, strict=True):
        votes = pd.DataFrame(
            {run: table["predicted"].to_numpy() for run, table in enumerate(tables)}
        )
        actual = common["actual"].reset_index(drop=True)
        wrong = votes.where(votes.ne(actual, axis=0))
        most = wrong.mode(axis=1).reindex(columns=[0])[0]
        said[f"{side}_said"] = most.where(wrong.notna().mean(axis=1) >= 0.5, actual).to_numpy()
    return said


def _vocabularies(sides: Sequence[Snapshot]) -> list[set[str]]:
    """Return the classes that each model tells apart, for all from the same kind of table.

    That is every label of the splits, or where a side has none what validation shows of it.
    """
    if all("splits" in side.tables for side in sides):
        return [set(side.tables["splits"]["label"]) for side in sides]
    return [set() if side.outcomes is None else {*side.outcomes["actual"]} for side in sides]


def _notes(base: Recipe, other: Recipe, pairing: Pairing) -> list[str]:
    """Return what a reader must know before believing the comparison."""
    notes = [note for group in (base, other) for side in group.members for note in side.notes]
    one, two = base.lead.outcomes, other.lead.outcomes
    if one is None or two is None:
        return notes
    known = _vocabularies([base.lead, other.lead])
    extra = {base.name: known[0] - known[1], other.name: known[1] - known[0]}
    harder = ", and its task is the harder" if not all(extra.values()) else ""
    for name, classes in extra.items():
        if more := sorted(classes):
            notes.append(
                f"Only {name} has the class{'es' if len(more) > 1 else ''} "
                f"{', '.join(more[:8])}: these images are not compared{harder}"
            )
    if pairing.common.empty:
        notes.append("No image is in both validation sets under the same label")
    elif len(pairing.common) < 0.5 * max(len(one), len(two)):
        notes.append("Fewer than half of the validation images are common to both")
    return notes
