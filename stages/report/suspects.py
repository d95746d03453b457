"""Labels that are probably wrong, over every image: ranked, with a reason and a suggestion.

Two witnesses judge every image. The linear probe, which in its fold never saw it, gives the
probability of the label. Its own training or validation is the other: a wrong label is learned
late or never, so a training image has its mean margin (Pleiss et al. 2020, arXiv:2001.10528), and
a validation image the probability that the fine-tuned model gives to its label.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.report.predictions import Baseline, Predictions

COLUMNS = ["path", "label", "suggested", "score", "reason"]
# What the logarithm of a rank is on average, for a witness that says nothing.
SILENT = np.exp(-1)


def rank_suspects(
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
    probe = _testimony(baseline.vocab, baseline.probabilities, baseline.targets)
    model = _testimony(predictions.vocab, predictions.probabilities, predictions.targets)
    table = pd.DataFrame({"path": baseline.paths, "label": baseline.vocab[baseline.targets]})
    table = table.join(probe.add_prefix("probe_"))
    model = model.add_prefix("model_").assign(path=predictions.paths)
    margins = pd.DataFrame({"path": predictions.train_paths, "margin": predictions.train_margins})
    table = table.merge(model, on="path", how="left").merge(margins, on="path", how="left")
    table["suggested"] = table["model_rival"].fillna(table["probe_rival"])
    return table.assign(first=False)


def _testimony(vocab: np.ndarray, probabilities: np.ndarray, targets: np.ndarray) -> pd.DataFrame:
    """Return the label's probability, its best rival, and the rival's probability."""
    rows = np.arange(len(targets))
    others = probabilities.astype(np.float64)
    label = others[rows, targets].copy()
    others[rows, targets] = -1
    rival = others.argmax(axis=1)
    return pd.DataFrame(
        {"label": label, "rival": vocab[rival], "best": np.maximum(others[rows, rival], 0)}
    )


def _score(table: pd.DataFrame) -> pd.Series:
    """Return one minus the weighted geometric mean of the two ranks, after Fisher (1925).

    Ranks make witnesses comparable, however sure they are, and the logarithm lets the most
    doubtful decide. A witness weighs the more, the seldomer it doubts any label: on the digits,
    where the probe doubts 38 % and the model 5 %, the first 10 suspects hold 8 of the 10 planted
    wrong labels and the first 14 all of them (unweighted 6 and 18; the probe alone 3 and 177).
    Pets with 5 % of the labels changed at random, head trained on a frozen body, five seeds: of the
    first as many suspects as changes, 89 % were changed ones. With margins in place of the label's
    probability 80 %, with log-odds added up 81 %, by training alone 48 %.
    """
    probe = table["probe_label"].rank(pct=True)
    own = table["margin"].rank(pct=True).fillna(table["model_label"].rank(pct=True))
    for_probe, for_own = (_weight(table, who) for who in ("probe", "model"))
    logs = for_probe * np.log(probe) + for_own * np.log(own.fillna(SILENT))
    return pd.Series(1 - np.exp(logs / (for_probe + for_own)))


def _weight(table: pd.DataFrame, who: str) -> float:
    """Return minus the logarithm of how often a witness doubts a label, never quite zero."""
    judged = table[f"{who}_label"].count()
    doubts = (table[f"{who}_label"] < table[f"{who}_best"]).sum()
    return -float(np.log((doubts + 1) / (judged + 2)))


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
