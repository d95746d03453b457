"""A proposal: one way to label photos, and the labels that it gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stages.labels.labels import LabelParams, PhotoLabels

LabelWay = Literal["csv", "folder", "level", "name"]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A way to label the photos, and what it gives."""

    way: LabelWay  # level: a folder that is not the parent of the photos
    rule: LabelParams
    split: Literal["hash", "column", "folder"]
    labels: PhotoLabels
    share: float  # of the photos that have a label
    doubts: Sequence[str] = field(default_factory=tuple)  # about this way
    place: int = 0  # among the columns of one table, from the one that suits classes best

    @property
    def classes(self) -> dict[str, list[str]]:
        """The paths of each class, both sorted."""
        found: dict[str, list[str]] = {}
        for path, label in sorted(self.labels.labels.items()):
            found.setdefault(label, []).append(path)
        return dict(sorted(found.items()))


def changed_rule(present: LabelParams, **changes: Any) -> LabelParams:
    """Return the params with others in the place of some, and no column that they do not name."""
    columns = {"split_column": "", "group_column": ""}
    return LabelParams.model_validate({**present.model_dump(), **columns, **changes})
