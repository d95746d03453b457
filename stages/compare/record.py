"""A comparison as plain values: what compare.json holds, and the texts and the page are made of."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from stages.compare.dvc_lock import seed_of
from stages.compare.match import Comparison, Recipe
from stages.compare.score_changes import ScoreChange
from stages.stats.holm import holm
from stages.stats.intervals import CONFIDENCE
from stages.stats.power import LEVEL, images_to_tell
from stages.stats.reliability import Reliability


def records(contests: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return compare.json: one mapping a comparison, the verdict by Holm's p over all of them."""
    adjusted = holm([one.result.error.p for one in contests])
    level = LEVEL / max(len(contests), 1)  # that of Holm's first step, to be on the safe side
    return [_record(one, p, level) for one, p in zip(contests, adjusted, strict=True)]


def _record(one: Comparison, p_holm: float, level: float) -> dict[str, Any]:
    error = one.result.error
    gained, lost = error.only_first_right, error.only_second_right
    told = p_holm < 1 - CONFIDENCE
    single = len(one.base.members) == len(one.other.members) == 1
    rates = one.result.error_rates
    return {
        "base": one.base.name,
        "other": one.other.name,
        "base_commit": one.base.lead.revision.short,
        "other_commit": one.other.lead.revision.short,
        "verdict": error.verdict if told else "cannot tell",
        "difference": error.difference.as_dict(),
        "p": error.p,
        "p_holm": p_holm,
        "n_common": error.images,
        "error_rate": {"base": rates[0], "other": rates[1]},
        "only_base_right": lost,
        "only_other_right": gained,
        "images_to_tell": images_to_tell(gained / error.images, lost / error.images, level)
        if error.images and single and not told
        else None,
        "macro_f1": _change(one.result.macro_f1),
        "log_loss": _change(one.result.log_loss),
        "seeds": None if single else _seeds(one),
        "confidence": {
            "base": _reliability(one.reliability[0]),
            "other": _reliability(one.reliability[1]),
        },
        "not_common": one.pairing.counts(),
        "classes": one.result.classes.to_dict("records"),
        "newly_wrong": _pictures(one, one.sides[0]),
        "newly_right": _pictures(one, one.sides[1]),
        "changed": {
            "stages": None if one.causes is None else [asdict(stage) for stage in one.causes],
            "data": None
            if one.data is None
            else {"counts": one.data.counts(), "by_class": one.data.by_class()},
        },
        "notes": one.notes,
    }


def _change(change: ScoreChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    ends = change.difference.as_dict()
    return {"base": change.base, "other": change.other, "difference": ends}


def _reliability(trust: Reliability | None) -> dict[str, float] | None:
    if trust is None:
        return None
    return {"confidence": trust.confidence, "accuracy": trust.accuracy, "gap": trust.gap}


def _seeds(one: Comparison) -> dict[str, Any]:
    """Return each side's runs with their seeds and errors on the common images, and the spread."""
    sides = zip(("base", "other"), (one.base, one.other), one.spreads, strict=True)
    return {
        name: {"runs": _runs(group, one.pairing.common[name].tolist()), "sd": sd}
        for name, group, sd in sides
    }


def _runs(group: Recipe, paths: list[str]) -> list[dict[str, Any]]:
    found = []
    for member in group.members:
        if member.outcomes is not None and paths:
            table = member.outcomes.loc[paths]
            wrong = float((table["actual"] != table["predicted"]).mean())
            found.append({"name": member.name, "seed": seed_of(member.lock), "error_rate": wrong})
    return found


def _pictures(one: Comparison, places: np.ndarray) -> list[dict[str, Any]]:
    """Return path, actual and what both said of the images that changed sides."""
    return [
        {"path": row.other, "actual": row.actual, "base": row.base_said, "other": row.other_said}
        for row in one.table.iloc[places].itertuples(index=False)
    ]
