"""Labels that are probably wrong, over every image: ranked, with a reason and a suggestion.

Two witnesses judge every image. The linear probe, which in its fold never saw it, gives the
probability of the label. Its own training or validation is the other: a wrong label is learned
late or never, so a training image has its mean margin (Pleiss et al. 2020, arXiv:2001.10528), and
a validation image the probability that the fine-tuned model gives to its label. What both say is
brought to log-odds of the label, calibrated, and added up.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from stages.stats.predictions import Baseline, Predictions
from stages.stats.temperature import apply_temperature, fit_temperature

COLUMNS = ["path", "label", "suggested", "score", "reason"]
# No witness may be surer than this, so that none decides alone. Of .01, .001 and so on this was the
# best on the seeds for choosing, by .00 to .04 of the precision that `_score` tells of.
SUREST = 0.001
FEWEST = 20  # images of a witness, for a temperature to mean anything


def rank_label_issues(
    baseline: Baseline, predictions: Predictions, groups: pd.Series, count: int
) -> pd.DataFrame:
    """Return path, label, suggested, score (0 to 1, highest = most doubtful) and reason.

    `groups` names the group of near-duplicates of each path: groups whose labels differ lead.
    An image whose label no witness doubts is no suspect, so there may be fewer than `count`.
    """
    table = _witnesses(baseline, predictions)
    table["score"] = _score(table)
    table["reason"] = [_reason(row) for row in table.to_dict("records")]
    table = pd.concat([_contradictions(table, groups), table[table["reason"] != ""]])
    table = table[~table["path"].duplicated()]
    order = table.sort_values(["first", "score", "path"], ascending=[False, False, True])
    return order.head(count)[COLUMNS].reset_index(drop=True)


def _witnesses(baseline: Baseline, predictions: Predictions) -> pd.DataFrame:
    """Return a row an image with what each witness says, NaN where it says nothing."""
    probe = _testimony(baseline.class_names, baseline.pred_probs, baseline.targets)
    model = _testimony(predictions.class_names, predictions.pred_probs, predictions.targets)
    table = pd.DataFrame({"path": baseline.paths, "label": baseline.class_names[baseline.targets]})
    table = table.join(probe.add_prefix("probe_"))
    model = model.add_prefix("model_").assign(path=predictions.paths)
    margins = pd.DataFrame({"path": predictions.train_paths, "margin": predictions.train_margins})
    table = table.merge(model, on="path", how="left").merge(margins, on="path", how="left")
    table["suggested"] = table["model_rival"].fillna(table["probe_rival"])
    return table.assign(first=False)


def _testimony(
    class_names: np.ndarray, pred_probs: np.ndarray, targets: np.ndarray
) -> pd.DataFrame:
    """Return the label's probability, its calibrated log-odds, its best rival and that one's."""
    rows = np.arange(len(targets))
    few = len(targets) < FEWEST
    calm = apply_temperature(pred_probs, 1.0 if few else fit_temperature(targets, pred_probs))
    others = pred_probs.astype(np.float64)
    label = others[rows, targets].copy()
    others[rows, targets] = -1
    rival = others.argmax(axis=1)
    return pd.DataFrame(
        {
            "label": label,
            "odds": logit(np.clip(calm[rows, targets], SUREST, 1 - SUREST)),
            "rival": class_names[rival],
            "best": np.maximum(others[rows, rival], 0),
        }
    )


def _score(table: pd.DataFrame) -> pd.Series:
    """Return the probability that the label is wrong if both witnesses were independent.

    Log-odds of independent witnesses add up, and one that is often wrong is calibrated to say
    little. A margin is read as the log-odds of the same rank in validation, where nothing was
    memorised. Chosen by benchmarks/suspect_rules.py, on pets with 5 % of the labels changed and a
    head trained on frozen features: with a probe that doubts 15, 26 or 44 % of the labels .88, .87
    and .87 of the first suspects were changed ones. By the probe alone .90, .73 and .61, by
    training and validation alone .82, by the mean of ranks .87, .86 and .83, by uncalibrated
    log-odds of label against rival .88, .78 and .70. benchmarks/suspects.py has real training.
    """
    rank = (table["margin"].rank() - 0.5) / table["margin"].count()
    known, validated = rank.notna(), table["model_odds"].dropna()
    own = table["model_odds"].copy()
    if len(validated):
        own[known] = np.quantile(validated, rank[known])
    return pd.Series(expit(-(table["probe_odds"] + own.fillna(0))), table.index)


def _contradictions(table: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Return the images that repeat another one under another label, that label suggested."""
    group = table["path"].map(groups)
    labels = table.groupby(group)["label"].transform("nunique")
    rows = []
    for _, members in table[labels > 1].groupby(group):
        for row in members.to_dict("records"):
            others = members[members["label"] != row["label"]]
            suggested = others["label"].mode().iloc[0]
            twin = others.loc[others["label"] == suggested, "path"].min()
            reason = f"the same picture as {twin}, which is labelled {suggested}"
            rows.append({**row, "suggested": suggested, "reason": reason, "score": 1.0})
    return pd.DataFrame(rows, columns=table.columns).assign(first=True)


def _reason(row: Mapping[Hashable, Any]) -> str:
    """Return what speaks against the label; nothing when every witness prefers it."""
    parts = []
    if row["model_label"] < row["model_best"]:
        parts.append(f"the model, which never trained on it, {_says(row, 'model')}")
    if row["margin"] < 0:
        parts.append(f"training hardly learned it (margin {row['margin']:.2f})".replace("-", "−"))
    if row["probe_label"] < row["probe_best"]:
        parts.append(f"the linear probe {_says(row, 'probe')}")
    return "; ".join(parts)


def _says(row: Mapping[Hashable, Any], who: str) -> str:
    rival, best, label = (row[f"{who}_{what}"] for what in ("rival", "best", "label"))
    return f"says {rival} ({100 * best:.0f} %, its label {100 * label:.0f} %)"
