"""Build the record of each comparison; the verdicts hold for all of them together."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from stages.compare.common_groups import past_groups
from stages.compare.comparison import Comparison
from stages.compare.data_changes import DataChanges
from stages.compare.dvc_lock import seed_of
from stages.compare.record import (
    BaseAndOther,
    ChangedImage,
    Changes,
    ChoosingRecord,
    ComparisonRecord,
    ConfidenceSummary,
    ImageCounts,
    SeedRun,
    SeedRuns,
)
from stages.compare.setups import Setup
from stages.compare.tried_runs import best_of_tried
from stages.stats.calibration import ReliabilityDiagram
from stages.stats.holm import holm
from stages.stats.intervals import CONFIDENCE
from stages.stats.power import SIGNIFICANCE_LEVEL, images_to_tell, round_up


def comparison_records(
    comparisons: Sequence[Comparison], tried: Mapping[str, pd.DataFrame]
) -> list[ComparisonRecord]:
    """Return the record of each comparison, with the verdict by Holm's p over all of them.

    tried: the outcomes of every run that git has, by name.
    """
    adjusted = holm([comparison.scores.error.p for comparison in comparisons])
    # The level of Holm's first step, the strictest: no fewer images than are needed.
    level = SIGNIFICANCE_LEVEL / max(len(comparisons), 1)
    return [
        _record(comparison, p_holm, level, _choosing(comparison, tried))
        for comparison, p_holm in zip(comparisons, adjusted, strict=True)
    ]


def _choosing(comparison: Comparison, tried: Mapping[str, pd.DataFrame]) -> ChoosingRecord | None:
    """Return the best of the runs on the images that the other validates on."""
    lead = comparison.other.lead
    if lead.outcomes is None:
        return None
    return best_of_tried(tried, lead.outcomes["actual"], past_groups(lead))


def _record(
    comparison: Comparison, p_holm: float, level: float, choosing: ChoosingRecord | None
) -> ComparisonRecord:
    """Return the record of a comparison; level: of the test, for the images that would tell."""
    scores = comparison.scores
    error = scores.error
    significant = p_holm < 1 - CONFIDENCE
    single_runs = len(comparison.base.members) == len(comparison.other.members) == 1
    needed = None
    if error.images and single_runs and not significant:
        only_other = error.only_first_right / error.images
        needed = images_to_tell(only_other, error.only_second_right / error.images, level)
        if needed:  # as many times more as these images are worth less
            needed = round_up(needed * error.design_effect)
    return ComparisonRecord(
        base=comparison.base.name,
        other=comparison.other.name,
        base_commit=comparison.base.lead.revision.short,
        other_commit=comparison.other.lead.revision.short,
        same_model=comparison.same_model,
        verdict=error.verdict if significant else "cannot tell",
        difference=error.difference,
        p=error.p,
        p_holm=p_holm,
        n_common=error.images,
        groups=error.groups,
        error_rate=scores.error_rates,
        only_base_right=error.only_second_right,
        only_other_right=error.only_first_right,
        images_to_tell=needed,
        macro_f1=scores.macro_f1,
        macro_recall=scores.macro_recall,
        log_loss=scores.log_loss,
        seeds=None if single_runs else _seeds(comparison),
        confidence=BaseAndOther(
            base=_confidence(comparison.reliability.base),
            other=_confidence(comparison.reliability.other),
        ),
        choosing=choosing,
        not_common=comparison.pairing.counts(),
        classes=scores.classes,
        newly_wrong=_changed_images(comparison, comparison.newly_wrong),
        newly_right=_changed_images(comparison, comparison.newly_right),
        changed=Changes(
            stages=comparison.stage_differences,
            data=_image_counts(comparison.data),
            processors=_processors(comparison),
        ),
        notes=comparison.notes,
    )


def _confidence(diagram: ReliabilityDiagram | None) -> ConfidenceSummary | None:
    """Return a reliability diagram in three numbers."""
    if diagram is None:
        return None
    return ConfidenceSummary(
        confidence=diagram.confidence,
        accuracy=diagram.accuracy,
        gap=diagram.calibration_error,
    )


def _image_counts(data: DataChanges | None) -> ImageCounts | None:
    """Return the changes of the data in numbers."""
    if data is None:
        return None
    return ImageCounts(counts=data.counts(), by_class=data.by_class())


def _processors(comparison: Comparison) -> BaseAndOther[str] | None:
    """Return what made the two models, where both are known and differ, as do the weights."""
    base = comparison.base.lead.model
    other = comparison.other.lead.model
    machines = BaseAndOther(base=base.processor, other=other.processor)
    if not machines.base or not machines.other or base.has_weights_of(other):
        return None
    return machines if machines.base != machines.other else None


def _seeds(comparison: Comparison) -> BaseAndOther[SeedRuns]:
    """Return each side's runs with their seeds and errors on the common images, and the spread."""
    common = comparison.pairing.common
    return BaseAndOther(
        base=SeedRuns(
            runs=_runs(comparison.base, common["base"].tolist()), sd=comparison.seed_sd.base
        ),
        other=SeedRuns(
            runs=_runs(comparison.other, common["other"].tolist()), sd=comparison.seed_sd.other
        ),
    )


def _runs(setup: Setup, paths: list[str]) -> list[SeedRun]:
    """Return the runs of a setup that have outcomes; none without images."""
    runs = []
    for member in setup.members:
        if member.outcomes is not None and paths:
            table = member.outcomes.loc[paths]
            error_rate = float((table["actual"] != table["predicted"]).mean())
            runs.append(SeedRun(name=member.name, seed=seed_of(member.lock), error_rate=error_rate))
    return runs


def _changed_images(comparison: Comparison, rows: np.ndarray) -> list[ChangedImage]:
    """Return the images that are newly wrong or newly right."""
    return [
        ChangedImage(
            path=image["other"],
            actual=image["actual"],
            base=image["base_predicted"],
            other=image["other_predicted"],
        )
        for image in comparison.images.iloc[rows].to_dict("records")
    ]
