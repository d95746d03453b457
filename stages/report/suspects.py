"""Labels that are probably wrong, over every image: ranked, with a reason and a suggestion.

Three witnesses, none of whom saw the label it judges, or only late: the linear probe, out of fold,
on every image; the fine-tuned model on validation images; and the margins of training images,
since a wrong label is learned late (Pleiss et al. 2020, arXiv:2001.10528). Each speaks in
log-odds of the label against its best rival, so that an unsure witness weighs little.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.report.predictions import Baseline, Predictions

COLUMNS = ["path", "label", "suggested", "score", "reason"]
# No witness may outvote the rest by being absurdly sure: e^4 is 55 to 1.
LIMIT = 4.0


def rank_suspects(
    baseline: Baseline, predictions: Predictions, groups: pd.Series, count: int
) -> pd.DataFrame:
    """Return path, label, suggested, score (0 to 1, 1 = surely wrong) and reason, worst first.

    `groups` names the group of near-duplicates of each path: groups whose labels differ lead.
    An image whose label no witness doubts is no suspect, so there may be fewer than `count`.
    """
    table = _witnesses(baseline, predictions)
    table["score"] = 1 / (1 + np.exp(table[["probe", "model", "training"]].sum(axis=1)))
    table["reason"] = [_reason(row) for row in table.to_dict("records")]
    doubted = (table[["probe", "model", "training"]] < 0).any(axis=1)
    table = pd.concat([_contradictions(table, groups), table[doubted]])
    table = table[~table["path"].duplicated()]
    order = table.sort_values(["first", "score", "path"], ascending=[False, False, True])
    return order.head(count)[COLUMNS].reset_index(drop=True)


def _witnesses(baseline: Baseline, predictions: Predictions) -> pd.DataFrame:
    """Return a row an image with what each witness says, NaN where it says nothing."""
    probe = _testimony(baseline.vocab, baseline.probabilities, baseline.targets)
    model = _testimony(predictions.vocab, predictions.probabilities, predictions.targets)
    table = pd.DataFrame({"path": baseline.paths, "label": baseline.vocab[baseline.targets]})
    table = table.join(probe.add_prefix("probe_"))
    model = model.add_prefix("model_").assign(path=predictions.paths)
    margins = pd.DataFrame({"path": predictions.train_paths, "margin": predictions.train_margins})
    table = table.merge(model, on="path", how="left").merge(margins, on="path", how="left")
    table["probe"], table["model"] = table["probe_odds"], table["model_odds"]
    table["training"] = _odds(1 + table["margin"], 1 - table["margin"])
    table["suggested"] = table["model_rival"].fillna(table["probe_rival"])
    return table.assign(first=False)


def _testimony(vocab: np.ndarray, probabilities: np.ndarray, targets: np.ndarray) -> pd.DataFrame:
    """Return the label's probability, its best rival, the rival's probability, and log-odds."""
    rows = np.arange(len(targets))
    others = probabilities.astype(np.float64)
    label = others[rows, targets].copy()
    others[rows, targets] = -1
    rival = others.argmax(axis=1)
    best = np.maximum(others[rows, rival], 0)
    return pd.DataFrame(
        {"label": label, "rival": vocab[rival], "best": best, "odds": _odds(label, best)}
    )


def _odds(for_label: np.ndarray | pd.Series, against: np.ndarray | pd.Series) -> np.ndarray:
    tiny = np.exp(-2 * LIMIT)
    return np.clip(np.log((for_label + tiny) / (against + tiny)), -LIMIT, LIMIT)


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
    parts = []
    if row["model"] < 0:
        parts.append(f"the model, which never trained on it, {_says(row, 'model')}")
    if row["training"] < 0:
        parts.append(f"training hardly learned it (margin {row['margin']:.2f})".replace("-", "−"))
    if row["probe"] < 0:
        parts.append(f"the linear probe {_says(row, 'probe')}")
    return "; ".join(parts)


def _says(row: Mapping[Hashable, Any], who: str) -> str:
    rival, best, label = (row[f"{who}_{what}"] for what in ("rival", "best", "label"))
    return f"says {rival} ({100 * best:.0f} %, its label {100 * label:.0f} %)"
