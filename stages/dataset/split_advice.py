"""Split advice: the value of datablock.split.by that suits a set, by the sizes of its classes.

Datablock warns by the same numbers, once the split is there: one owner, so that nobody is advised
one value before the first run and another one after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stages.base.plural import count_noun

# Validation images below which folds are offered. With 60 an error rate of 5 % is known to within
# 5.5 points either way, and of 60 the paired test needs 6 that one model alone has right.
FEW_VALIDATION_IMAGES = 60
# With more images a fifth of them is enough, and several trainings cost more than they tell.
_MOST_IMAGES = 2000
# That hash leaves some class without validation. A class of n photos has none with probability
# (1 - valid) ** n: of ten classes, at valid .2, with 24 photos each it is one time in 20 that one
# of them has none.
_MOST_CHANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class SplitAdvice:
    """A value of datablock.split.by, and the reason in a sentence."""

    by: Literal["hash", "stratified", "folds"]
    reason: str


def suits_folds(valid: int, used: int) -> bool:
    """Return whether folds are worth their trainings.

    valid: the images that validate without folds; used: those that train or validate.
    """
    return valid < FEW_VALIDATION_IMAGES and used <= _MOST_IMAGES


def advise_split(
    units: Mapping[str, int], photos: int, *, valid: float, folds: int, unit: str = "photo"
) -> SplitAdvice:
    """Return the rule that divides photos best, of those that draw the sides.

    units: label -> what is drawn as one, its photos or its groups of them, as `unit` names it;
    photos: of all classes; valid: datablock.split.valid; folds: datablock.split.folds.
    """
    validating = round(valid * photos)
    if suits_folds(validating, photos):
        return SplitAdvice(
            by="folds",
            reason=f"only about {validating:,} of {count_noun(photos, 'photo')} would validate, and"
            f" fewer than {FEW_VALIDATION_IMAGES} tell little; folds validates all of them, and"
            f" trains {folds + 1} times",
        )
    # No rule has a class of one unit on both sides.
    absent = {label: (1 - valid) ** count for label, count in units.items() if count > 1}
    if sum(absent.values()) > _MOST_CHANCE:
        least = max(absent, key=lambda label: absent[label])
        return SplitAdvice(
            by="stratified",
            reason="by hash alone a class may have no photo in validation: of"
            f" {count_noun(len(absent), 'class', 'classes')} {least!r} is the smallest, with"
            f" {count_noun(units[least], unit)}",
        )
    return SplitAdvice(
        by="hash",
        reason="each class is large enough to have photos in validation, and none changes sides"
        " when others are added",
    )
