"""Comparison of two setups: pair their images, compare their scores, find what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.base.seed import derive
from stages.compare.common_groups import common_groups
from stages.compare.data_changes import DataChanges, data_changes
from stages.compare.pairing import Pairing, pair_images
from stages.compare.record import BaseAndOther
from stages.compare.same_model import note_of_same_model, without_intervals
from stages.compare.score_changes import (
    ComparedImages,
    ScoreChanges,
    SetupOutcomes,
    changed_images,
    compare_scores,
    voted_classes,
)
from stages.compare.setups import Setup
from stages.compare.snapshot import Snapshot
from stages.compare.stage_differences import StageDifference, stage_differences
from stages.stats.calibration import ReliabilityDiagram, reliability_diagram
from stages.stats.imbalance import is_unequal
from stages.stats.seeds import seed_spread

_MOST_CLASSES_NAMED = 8  # in a note


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A setup against the base."""

    base: Setup
    other: Setup
    pairing: Pairing
    scores: ScoreChanges
    # A row for each common image: base and other (its paths), actual, and, where there are images,
    # base_predicted and other_predicted.
    images: pd.DataFrame
    newly_wrong: np.ndarray  # rows of images
    newly_right: np.ndarray
    class_names: list[str]
    seed_sd: BaseAndOther[float | None]  # standard deviation of the error rate over seeds
    reliability: BaseAndOther[ReliabilityDiagram | None]
    stage_differences: list[StageDifference] | None  # None where a dvc.lock is missing
    data: DataChanges | None
    same_model: str  # that both have one model and answer alike; "" where not, or not known
    notes: list[str]


def compare_setups(base: Setup, other: Setup, result: str) -> Comparison:
    """Compare a setup with the base, on the images that both validate on.

    `result` is the path of the outcomes, by which dvc.lock shows which stages led to them.
    """
    pairing = pair_images(base.lead, other.lead)
    common = pairing.common
    base_tables = _aligned(base, common["base"])
    other_tables = _aligned(other, common["other"])
    class_names = _class_names([*base_tables, *other_tables])
    numbers = {label: number for number, label in enumerate(class_names)}
    targets = common["actual"].map(numbers).to_numpy(np.int64)
    base_outcomes = _setup_outcomes(base_tables, numbers, len(targets))
    other_outcomes = _setup_outcomes(other_tables, numbers, len(targets))
    generator = derive(0, "compare", base.lead.name, other.lead.name)
    scores = compare_scores(
        ComparedImages(
            targets=targets, class_names=class_names, groups=common_groups(base, other, common)
        ),
        base_outcomes,
        other_outcomes,
        generator,
        unequal=_has_unequal_classes(base.lead) or _has_unequal_classes(other.lead),
    )
    note, answers_alike = note_of_same_model(base, other, base_tables, other_tables)
    same_model = note if answers_alike else ""
    newly_wrong, newly_right = changed_images(targets, base_outcomes, other_outcomes)
    base_lock = base.lead.lock
    other_lock = other.lead.lock
    return Comparison(
        base=base,
        other=other,
        pairing=pairing,
        scores=without_intervals(scores) if same_model else scores,
        images=_with_predictions(
            common, targets, class_names, base_outcomes.predicted, other_outcomes.predicted
        ),
        newly_wrong=newly_wrong,
        newly_right=newly_right,
        class_names=class_names,
        seed_sd=BaseAndOther(
            base=seed_spread(base_outcomes.right(targets)),
            other=seed_spread(other_outcomes.right(targets)),
        ),
        reliability=BaseAndOther(
            base=_reliability(base_outcomes, targets), other=_reliability(other_outcomes, targets)
        ),
        stage_differences=stage_differences(base_lock, other_lock, result)
        if base_lock and other_lock
        else None,
        data=data_changes(base.lead, other.lead),
        same_model=same_model,
        notes=[
            *([note] if note and not same_model else []),
            *_notes(base, other, pairing),
        ],
    )


def _has_unequal_classes(snapshot: Snapshot) -> bool:
    """Return whether the classes of a run were unequal in training; unknown without its splits."""
    if "splits" not in snapshot.tables:
        return False
    splits = _without_test(snapshot.tables["splits"])
    train = splits["label"].where(splits["split"] == "train")
    counts = train.value_counts().reindex(splits["label"].unique(), fill_value=0)
    return len(counts) > 0 and is_unequal(counts.to_numpy())


def _without_test(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of splits.csv that have a label; of a test image it has the path alone."""
    return splits[splits["split"] != "test"]


def _aligned(setup: Setup, paths: pd.Series) -> list[pd.DataFrame]:
    """Return each run's outcomes of the common images, in their order; none without images."""
    return [table.loc[paths] for table in setup.outcomes()] if len(paths) else []


def _class_names(tables: Sequence[pd.DataFrame]) -> list[str]:
    """Return every label that occurs, actual or predicted, sorted."""
    return sorted(set().union(*({*table["actual"], *table["predicted"]} for table in tables)))


def _setup_outcomes(
    tables: Sequence[pd.DataFrame], numbers: Mapping[str, int], images: int
) -> SetupOutcomes:
    """Return the outcomes of the runs as arrays, labels as class numbers."""
    if not tables:
        return SetupOutcomes(predicted=np.zeros((1, images), np.int64), loss=None, confidence=None)

    def column(name: str) -> np.ndarray | None:
        if any(name not in table.columns for table in tables):
            return None
        return np.stack([table[name].to_numpy(float) for table in tables])

    predicted = [table["predicted"].map(numbers).to_numpy(np.int64) for table in tables]
    return SetupOutcomes(
        predicted=np.stack(predicted), loss=column("loss"), confidence=column("p_predicted")
    )


def _reliability(outcomes: SetupOutcomes, targets: np.ndarray) -> ReliabilityDiagram | None:
    """Return the reliability diagram of a setup; None without images or confidence."""
    if outcomes.confidence is None or len(targets) == 0:
        return None
    return reliability_diagram(outcomes.confidence, outcomes.right(targets))


def _with_predictions(
    common: pd.DataFrame,
    targets: np.ndarray,
    class_names: Sequence[str],
    base_predicted: np.ndarray,
    other_predicted: np.ndarray,
) -> pd.DataFrame:
    """Return the common images with the label that each setup predicted; see `voted_classes`."""
    if common.empty:
        return common
    names = np.array(class_names, object)
    return common.assign(
        base_predicted=names[voted_classes(targets, base_predicted)],
        other_predicted=names[voted_classes(targets, other_predicted)],
    )


def _notes(base: Setup, other: Setup, pairing: Pairing) -> list[str]:
    """Return what to know before believing the comparison."""
    snapshots = [*base.members, *other.members]
    notes = [note for snapshot in snapshots for note in snapshot.notes]
    base_outcomes = base.lead.outcomes
    other_outcomes = other.lead.outcomes
    if base_outcomes is None or other_outcomes is None:
        return notes
    notes += _class_notes(base, other)
    if pairing.common.empty:
        notes.append("No image is in both validation sets under the same label")
    elif len(pairing.common) < 0.5 * max(len(base_outcomes), len(other_outcomes)):
        notes.append("Fewer than half of the validation images are common to both")
    return notes


def _class_notes(base: Setup, other: Setup) -> list[str]:
    """Return a note for each side that has classes which the other has not."""
    base_classes, other_classes = _classes([base.lead, other.lead])
    only_base = sorted(base_classes - other_classes)
    only_other = sorted(other_classes - base_classes)
    harder = "" if only_base and only_other else ", and its task is the harder"
    notes = []
    for name, labels in ((base.name, only_base), (other.name, only_other)):
        if labels:
            noun = "classes" if len(labels) > 1 else "class"
            named = ", ".join(labels[:_MOST_CLASSES_NAMED])
            notes.append(
                f"Only {name} has the {noun} {named}: these images are not compared{harder}"
            )
    return notes


def _classes(snapshots: Sequence[Snapshot]) -> list[set[str]]:
    """Return the classes of each revision, for all from the same kind of table.

    That is every label of the splits or, where one revision has none, of the validation images.
    """
    if all("splits" in snapshot.tables for snapshot in snapshots):
        return [set(_without_test(snapshot.tables["splits"])["label"]) for snapshot in snapshots]
    return [
        set() if snapshot.outcomes is None else {*snapshot.outcomes["actual"]}
        for snapshot in snapshots
    ]
