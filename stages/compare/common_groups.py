"""Groups of the common images: by the names of the other or, where no two share one, the base's."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stages.compare.setups import Setup
from stages.compare.snapshot import Snapshot
from stages.stats.image_groups import number_groups


def common_groups(base: Setup, other: Setup, common: pd.DataFrame) -> np.ndarray | None:
    """Return the number of each common image's group, (V,) int64; None where none share one.

    common: base and other, the path of each image in both.
    """
    groups = number_groups(common["other"].to_numpy(), past_groups(other.lead))
    if groups is None:
        groups = number_groups(common["base"].to_numpy(), past_groups(base.lead))
    return groups


def past_groups(snapshot: Snapshot) -> Mapping[str, str]:
    """Return path -> group of a revision; none where none were declared, or it is not known."""
    table = snapshot.tables.get("groups")
    return {} if table is None else dict(zip(table["path"], table["group"], strict=True))
