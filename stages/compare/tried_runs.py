"""Tried runs: every run that git has on the same validation images, and the best of them.

Whoever looks at many runs and keeps the best has chosen by chance too, whatever the runs were:
commits, experiments, or seeds.
"""

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np
import pandas as pd

from stages.base.seed import derive
from stages.compare.dvc_cache import md5_of
from stages.compare.git import WORKSPACE, GitHistory
from stages.compare.past_outcomes import read_outcomes
from stages.compare.record import ChoosingRecord
from stages.compare.shared_text import SharedText
from stages.stats.choosing import correct_for_choosing
from stages.stats.image_groups import number_groups

# Of the images, under the same label: a run with fewer was judged on another set. With all, no run
# from before the first corrected label would count.
_LEAST_SHARE = 0.9
_ANSWERS = ["actual", "predicted"]


def read_tried_outcomes(history: GitHistory, path: str) -> dict[str, pd.DataFrame]:
    """Return the answers of every run that git has, and of the workspace, by name, oldest first.

    A table has actual and predicted, indexed by path: 5 MB of 200,000 photos, where the outcomes
    have 100. Runs with the same outcomes, to the byte, are one. What cannot be read is left out.
    """
    text = SharedText()
    tables = {}
    seen = set()
    for name, content in chain(history.versions(path), _workspace_version(history, path)):
        if md5_of(content) in seen:
            continue
        seen.add(md5_of(content))
        outcomes, _ = read_outcomes(content)
        if outcomes is not None:
            answers = text.share(outcomes[_ANSWERS].reset_index(), ["path", *_ANSWERS])
            tables[name] = answers.set_index("path")
    return tables


def _workspace_version(history: GitHistory, path: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name of the workspace and its content of a file; nothing where it has none."""
    (workspace,) = history.resolve(WORKSPACE)
    content = history.read(workspace, path)
    if content is not None:
        yield WORKSPACE, content


def best_of_tried(
    tried: Mapping[str, pd.DataFrame], labels: pd.Series, group_of: Mapping[str, str]
) -> ChoosingRecord | None:
    """Return the best of the runs on these images, corrected; None for fewer than two runs.

    labels: the actual label of each image, indexed by path. The runs are compared on those of the
    images that all of them have under that label. group_of: path -> group, of those that have one.
    """
    same = {name: _has(table, labels) for name, table in tried.items()}
    same = {name: has for name, has in same.items() if has.sum() >= _LEAST_SHARE * len(labels)}
    if len(labels) == 0 or len(same) < 2:
        return None
    common = labels[np.logical_and.reduce(list(same.values()))]
    if common.empty:
        return None
    wrong = np.stack(
        [
            tried[name]["predicted"].loc[common.index].to_numpy() != common.to_numpy()
            for name in same
        ]
    )
    groups = number_groups(common.index.to_numpy(), group_of)
    best = correct_for_choosing(wrong, derive(0, "choosing"), groups)
    return ChoosingRecord(
        runs=len(same),
        images=len(common),
        best=list(same)[best.row],
        error_rate=best.raw,
        corrected=best.corrected,
    )


def _has(table: pd.DataFrame, labels: pd.Series) -> np.ndarray:
    """Return which images a run has under the same label, (V,) bool."""
    has: np.ndarray = table["actual"].reindex(labels.index).to_numpy() == labels.to_numpy()
    return has
