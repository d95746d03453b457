"""Learning curve: which training images the linear probe has wrong, fitted on parts of the others.

Its images are drawn again, or its groups, where photos of one object go together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from stages.base.errors import UserError
from stages.stats.image_groups import dense_groups
from stages.stats.intervals import DRAWS

# Of the images outside a fold, that the probes of a curve are fitted on: each twice the one before.
CURVE_SHARES = (0.125, 0.25, 0.5, 1.0)
_WRONG_COLUMNS = tuple(f"wrong_{share:g}" for share in CURVE_SHARES)
LEARNING_CURVE_COLUMNS = ("label", *_WRONG_COLUMNS, "images")
_GROUP_COLUMN = "group"  # only where groups are declared
_MOST_CELLS = 4_000_000  # of drawn rows at once: 32 MB
# Of more groups some are drawn together, which leaves the variance: 100,000 would take 158 s.
_MOST_UNITS = 2000


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """The training images, counted by class and by which probes of the curve have them wrong."""

    labels: np.ndarray  # (R,) str, sorted
    wrong: np.ndarray  # (R, S) bool, a column for each of CURVE_SHARES
    images: np.ndarray  # (R,) int
    groups: np.ndarray | None = None  # (R,) int, from 0 without a gap; None: images are independent

    def classes(self) -> np.ndarray:
        """Return the names of the classes, (C,) str, sorted."""
        return np.unique(self.labels)

    def last_wrong(self) -> np.ndarray:
        """Return which images the last probe has wrong, (N,) bool, a row of a group together."""
        return np.repeat(self.wrong[:, -1], self.images)

    def group_of_images(self) -> np.ndarray | None:
        """Return the group of each of these images, (N,) int."""
        return None if self.groups is None else np.repeat(self.groups, self.images)

    def units_wrong(self) -> int:
        """Return how many images, or groups, the last probe has wrong, or has an image of wrong."""
        if self.groups is None:
            return int(self.images[self.wrong[:, -1]].sum())
        return len(np.unique(self.groups[self.wrong[:, -1]]))


@dataclass(frozen=True, kw_only=True)
class CurveCounts:
    """What a curve comes to: as it is, (1, ...), or once for each of D draws."""

    images: np.ndarray  # (D,)
    wrong: np.ndarray  # (D, S), by share
    # (D,), in images squared: of the net of images that the last two probes have wrong in turn, if
    # each image, or group, changed by chance.
    refit_variance: np.ndarray
    class_images: np.ndarray  # (D, C)
    class_wrong: np.ndarray  # (D, C), by the last probe


def learning_curve_table(
    class_names: np.ndarray,
    targets: np.ndarray,
    wrong: np.ndarray,
    groups: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return LEARNING_CURVE_COLUMNS: how many images of a class the same probes have wrong.

    targets: class numbers (N,); wrong: (S, N) bool, as probe_curve gives it; groups: (N,) int,
    which are a column more.
    """
    columns = dict(zip(_WRONG_COLUMNS, wrong.astype(int), strict=True))
    table = pd.DataFrame({"label": class_names[targets], **columns})
    keys = ["label", *_WRONG_COLUMNS]
    if groups is not None:
        table.insert(1, _GROUP_COLUMN, dense_groups(groups))
        keys.insert(1, _GROUP_COLUMN)
    return table.groupby(keys, sort=True).size().reset_index(name="images")


def read_learning_curve(table: pd.DataFrame) -> LearningCurve:
    """Return the curve of such a table, whose cells are text; a UserError for other cells."""
    groups = None
    try:
        wrong = table[list(_WRONG_COLUMNS)].astype(int).to_numpy()
        images = table["images"].astype(int).to_numpy()
        if _GROUP_COLUMN in table:
            groups = table[_GROUP_COLUMN].astype(int).to_numpy()
    except ValueError as error:
        raise UserError(
            f"The learning curve of baseline holds what is no number ({error}); dvc repro baseline"
        ) from None
    labels = table["label"].to_numpy(str)
    order = np.argsort(labels, kind="stable")
    return LearningCurve(
        labels=labels[order],
        wrong=wrong[order] == 1,
        images=images[order],
        groups=None if groups is None else dense_groups(groups[order]),
    )


def count_curve(curve: LearningCurve) -> CurveCounts:
    """Return what the curve comes to as it is."""
    return _count(curve, curve.images[None, :])


def draw_curves(curve: LearningCurve, generator: np.random.Generator) -> CurveCounts:
    """Return what it comes to with its images, or groups, drawn again DRAWS times."""
    if curve.groups is not None:
        return _draw_groups(curve, curve.groups, generator)
    blocks = [_count(curve, rows) for rows in _drawn_rows(curve, generator)]
    names = [field.name for field in fields(CurveCounts)]
    return CurveCounts(
        **{name: np.concatenate([getattr(block, name) for block in blocks]) for name in names}
    )


def _drawn_rows(curve: LearningCurve, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield how many images of each row are drawn, (B, R) int, for DRAWS draws in all."""
    total = int(curve.images.sum())
    at_once = max(1, _MOST_CELLS // len(curve.images))
    for start in range(0, DRAWS, at_once):
        size = min(at_once, DRAWS - start)
        yield generator.multinomial(total, curve.images / total, size=size)


def _count(curve: LearningCurve, rows: np.ndarray) -> CurveCounts:
    """Return what so many images of each row, (D, R), come to."""
    starts = np.unique(curve.labels, return_index=True)[1]  # rows of a class are neighbours
    last = curve.wrong[:, -1]
    return CurveCounts(
        images=rows.sum(axis=1),
        wrong=rows @ curve.wrong,
        refit_variance=rows @ (curve.wrong[:, -2] != last),
        class_images=np.add.reduceat(rows, starts, axis=1),
        class_wrong=np.add.reduceat(rows * last, starts, axis=1),
    )


def _draw_groups(
    curve: LearningCurve, groups: np.ndarray, generator: np.random.Generator
) -> CurveCounts:
    """Return what the curve comes to with whole groups drawn again, DRAWS times.

    Of G groups G - 1 are drawn: the variance of G would be too small by that factor (Rao and Wu
    1988). groups: (R,) int, from 0 without a gap.
    """
    count = int(groups.max()) + 1
    units = np.arange(count)
    if count > _MOST_UNITS:
        units = generator.permutation(count) % _MOST_UNITS
        count = _MOST_UNITS
    drawn = generator.multinomial(max(1, count - 1), np.full(count, 1 / count), size=DRAWS)
    weights = drawn.astype(float)
    of_row = units[groups]
    class_names, classes = np.unique(curve.labels, return_inverse=True)
    cells = of_row * len(class_names) + classes

    def drawn_sums(values: np.ndarray) -> np.ndarray:
        return weights @ np.bincount(of_row, weights=values, minlength=count)

    def drawn_by_class(values: np.ndarray) -> np.ndarray:
        sums = np.bincount(cells, weights=values, minlength=count * len(class_names))
        return weights @ sums.reshape(count, -1)

    by_share = curve.images[:, None] * curve.wrong
    last = by_share[:, -1]
    net = np.bincount(groups, weights=last - by_share[:, -2])
    return CurveCounts(
        images=drawn_sums(curve.images),
        wrong=np.stack([drawn_sums(column) for column in by_share.T], axis=1),
        refit_variance=weights @ np.bincount(units, weights=net**2, minlength=count),
        class_images=drawn_by_class(curve.images),
        class_wrong=drawn_by_class(last),
    )
