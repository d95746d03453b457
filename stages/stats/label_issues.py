"""Label issues: labels that are probably wrong, over every image, with a reason and a suggestion.

Two sources score every label. One is the linear probe, out of fold: the probability that it gives
the label. The other is training or validation: a wrong label is learned late or never, so a
training image has its mean margin (Pleiss et al. 2020, arXiv:2001.10528), and a validation image
the probability that the fine-tuned model gives the label. Both are brought to calibrated log-odds
of the label, and added up.
"""

from collections.abc import Collection, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from stages.base.stored_array import Rows, row_blocks
from stages.stats.predictions import Baseline, Predictions
from stages.stats.temperature import apply_temperature, fit_temperature

LABEL_ISSUE_COLUMNS = ["path", "label", "suggested", "score", "reason"]
# Probabilities are clipped this far from 0 and 1, so that no source decides alone. Of .01, .001 and
# so on this was the best on the seeds for choosing, by .00 to .04 of the precision that `_score`
# names.
_CLIP = 0.001
_FEWEST_IMAGES = 20  # of a source, for a temperature to mean anything


def rank_label_issues(
    baseline: Baseline,
    predictions: Predictions,
    groups: pd.Series,
    count: int,
    decided: Collection[str] = (),
) -> pd.DataFrame:
    """Return at most `count` label issues, the most doubtful label first.

    Columns: path, label, suggested, score (0 to 1, highest = most doubtful) and reason. `groups`
    is each path's group of what is taken for copies of one picture: groups whose labels differ come
    first. An image whose label no source doubts is left out, as are those of which a person decided
    (paths).
    """
    table = _evidence(baseline, predictions)
    table["score"] = _score(table)
    table["reason"] = ""
    class_names = baseline.class_names
    conflicts = _conflicting_duplicates(table, groups, class_names)
    table = pd.concat([conflicts, table[_is_doubted(table)]])
    table = table[~table["path"].duplicated() & ~table["path"].isin(list(decided))]
    order = table.sort_values(["is_conflict", "score", "path"], ascending=[False, False, True])
    shown = order.head(count).reset_index(drop=True)
    # Of these alone, since all rows as mappings take 2 kB an image, and names 60 bytes each.
    rows = shown.to_dict("records")
    shown["reason"] = [row["reason"] or _reason(row, class_names) for row in rows]
    for column in ("label", "suggested"):
        shown[column] = class_names[shown[column].to_numpy(int)]
    return shown[LABEL_ISSUE_COLUMNS]


def _evidence(baseline: Baseline, predictions: Predictions) -> pd.DataFrame:
    """Return a row for each image with the scores of each source, NaN where it has none.

    label, suggested and rivals are class numbers.
    """
    probe = _label_scores(baseline.pred_probs, baseline.targets)
    model = _label_scores(predictions.pred_probs, predictions.targets)
    table = pd.DataFrame({"path": baseline.paths, "label": baseline.targets})
    table = table.join(probe.add_prefix("probe_"))
    if np.isnan(predictions.train_margins).all():
        model["log_odds"] = np.nan  # untrained, it is the probe, which is a source already
    model = model.add_prefix("model_").assign(path=predictions.paths)
    margins = pd.DataFrame({"path": predictions.train_paths, "margin": predictions.train_margins})
    table = table.merge(model, on="path", how="left").merge(margins, on="path", how="left")
    table["suggested"] = table["model_rival"].fillna(table["probe_rival"])
    return table.assign(is_conflict=False)


def _label_scores(pred_probs: Rows, targets: np.ndarray) -> pd.DataFrame:
    """Return one source's scores of each label.

    Columns: p_label, log_odds of the label (calibrated), rival (the most probable other class) and
    p_rival.
    """
    too_few = len(targets) < _FEWEST_IMAGES
    temperature = 1.0 if too_few else fit_temperature(targets, pred_probs)
    return pd.concat(
        [
            _scores_of_block(np.asarray(pred_probs[rows]), targets[rows], temperature)
            for rows in row_blocks(pred_probs)
        ],
        ignore_index=True,
    )


def _scores_of_block(
    pred_probs: np.ndarray, targets: np.ndarray, temperature: float
) -> pd.DataFrame:
    rows = np.arange(len(targets))
    calibrated = apply_temperature(pred_probs, temperature)
    others = pred_probs.astype(np.float64)
    p_label = others[rows, targets].copy()
    others[rows, targets] = -1
    rival = others.argmax(axis=1)
    return pd.DataFrame(
        {
            "p_label": p_label,
            "log_odds": logit(np.clip(calibrated[rows, targets], _CLIP, 1 - _CLIP)),
            "rival": rival,
            "p_rival": np.maximum(others[rows, rival], 0),
        }
    )


def _score(table: pd.DataFrame) -> pd.Series:
    """Return the probability that the label is wrong if both sources were independent.

    Log-odds of independent sources add up, and calibration brings one that is often wrong near
    zero. A margin is read as the log-odds of the same rank in validation, where nothing was
    memorised. Chosen by benchmarks/suspect_rules.py, on pets with 5 % of the labels changed and a
    head trained on frozen features: with a probe that doubts 15, 26 or 44 % of the labels .88, .87
    and .87 of the first issues were changed labels. By the probe alone .90, .73 and .61, by
    training and validation alone .82, by the mean of ranks .87, .86 and .83, by uncalibrated
    log-odds of label against rival .88, .78 and .70. benchmarks/suspects.py has real training.
    """
    rank = (table["margin"].rank() - 0.5) / table["margin"].count()
    # By folds an image has both, and what did not train on it knows more.
    has_margin = rank.notna() & table["model_log_odds"].isna()
    validated = table["model_log_odds"].dropna()
    log_odds = table["model_log_odds"].copy()
    if len(validated):
        log_odds[has_margin] = np.quantile(validated, rank[has_margin])
    return pd.Series(expit(-(table["probe_log_odds"] + log_odds.fillna(0))), table.index)


def _conflicting_duplicates(
    table: pd.DataFrame, groups: pd.Series, class_names: np.ndarray
) -> pd.DataFrame:
    """Return the copies whose labels differ, each with the other's label suggested.

    Two photos taken for copies may yet be two things that look alike, so the reason does not say
    that one label must be wrong.
    """
    group = table["path"].map(groups[groups.duplicated(keep=False)])
    labels = table.groupby(group)["label"].transform("nunique")
    rows = []
    for _, members in table[labels > 1].groupby(group):
        for row in members.to_dict("records"):
            others = members[members["label"] != row["label"]]
            suggested = others["label"].mode().iloc[0]
            duplicate = others.loc[others["label"] == suggested, "path"].min()
            name = class_names[suggested]
            reason = f"looks like a copy of {duplicate}, which is labelled {name}"
            rows.append({**row, "suggested": suggested, "reason": reason, "score": 1.0})
    return pd.DataFrame(rows, columns=table.columns).assign(is_conflict=True)


def _is_doubted(table: pd.DataFrame) -> pd.Series:
    """Return which labels a source doubts, (N,) bool: those of which `_reason` says why."""
    by_model = table["model_p_label"] < table["model_p_rival"]
    by_probe = table["probe_p_label"] < table["probe_p_rival"]
    return by_model | (table["margin"] < 0) | by_probe


def _reason(row: Mapping[Hashable, Any], class_names: np.ndarray) -> str:
    """Return which sources prefer another class."""
    parts = []
    if row["model_p_label"] < row["model_p_rival"]:
        parts.append(
            f"the model, which never trained on it, {_preference(row, 'model', class_names)}"
        )
    if row["margin"] < 0:
        parts.append(f"training hardly learned it (margin {row['margin']:.2f})".replace("-", "−"))
    if row["probe_p_label"] < row["probe_p_rival"]:
        parts.append(f"the linear probe {_preference(row, 'probe', class_names)}")
    return "; ".join(parts)


def _preference(row: Mapping[Hashable, Any], source: str, class_names: np.ndarray) -> str:
    """Return which class a source prefers to the label, with both probabilities."""
    rival = class_names[int(row[f"{source}_rival"])]
    p_rival = 100 * row[f"{source}_p_rival"]
    p_label = 100 * row[f"{source}_p_label"]
    return f"says {rival} ({p_rival:.0f} %, its label {p_label:.0f} %)"
