"""Photo groups: photos of one object, person or scene, declared by a name, that stay together.

Photos of one person on both sides of the split make validation too easy, and no pixel tells that
it is one person. A regex over the path or a column of the CSV says so; a photo without a name is a
group of its own.
"""

from hashlib import sha256

import pandas as pd

from stages.base.errors import UserError, error_list
from stages.dataset.split_params import COLUMN
from stages.labels.name_regex import caught_groups

_KEY = "datablock.split.group"


def declared_groups(images: pd.DataFrame, group: str) -> pd.Series:
    """Return the name of each image's group, "" where it has none; images: path, group (N,).

    group: the param; "" declares none, "column" takes images["group"], else it is a regex over the
    path. Raises UserError where no image is in a group.
    """
    if not group:
        names = [""] * len(images)
    elif group == COLUMN:
        names = images["group"].tolist()
    else:
        names = caught_groups(group, images["path"].tolist(), _KEY)
    if group and len(images) and not any(names):
        if group == COLUMN:
            raise UserError(
                f"{_KEY} is column, but the labels come without groups: set "
                "ingest.label.group_column to the column of ingest.label.csv that names them"
            )
        raise error_list(f"{_KEY}: {group} matches no path, such as", images["path"].tolist(), 3)
    return pd.Series(names, images.index, dtype="str")


def side_hashes(images: pd.DataFrame) -> pd.Series:
    """Return for each image the SHA-256 by which its side is drawn, (N,) str.

    That of its group's name, or of its content where it has no group. images: sha256, group.
    """
    names = images["group"]
    of_name = {name: sha256(name.encode()).hexdigest() for name in names.unique()}
    return images["sha256"].where(names == "", names.map(of_name)).astype(str)
