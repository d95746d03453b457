"""Split advice: the value of datablock.split.by that suits a set, by the sizes of its classes.

Datablock offers folds by the same limits once the split is there. Near them it may say otherwise,
since a hash draws the sides: of 300 photos fewer than 60 validate with probability .48.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stages.base.plural import count_noun, join_names

# Validation images below which folds are offered. With 60 an error rate of 5 % is known to within
# 5.5 points either way, and of 60 the paired test needs 6 that one model alone has right.
FEW_VALIDATION_IMAGES = 60
# With more images a fifth of them is enough, and several trainings cost more than they tell.
_MOST_IMAGES = 2000
# That hash leaves some class without validation. A class of n photos has none with probability
# (1 - valid) ** n: of ten classes, at valid .2, with 24 photos each it is one time in 20 that one
# of them has none.
_MOST_CHANCE = 0.05
_MOST_NAMED = 3


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
    units: Mapping[str, int],
    photos: int,
    *,
    drawn: int,
    valid: float,
    folds: int,
    unit: str = "photo",
) -> SplitAdvice:
    """Return the rule that divides photos best, of those that draw the sides.

    units: label -> what is drawn as one, its photos or its groups of them, as `unit` names it;
    photos and drawn: those of all classes, and the units of all, where one may be of several
    classes; valid: datablock.split.valid; folds: datablock.split.folds.
    """
    validating = round(valid * photos)
    single = [label for label, count in units.items() if count == 1]
    if suits_folds(validating, photos) and drawn > folds and not single:
        return SplitAdvice(
            by="folds",
            reason=f"only about {validating:,} of {count_noun(photos, 'photo')} would validate, and"
            f" fewer than {FEW_VALIDATION_IMAGES} tell little; folds validates all of them, and"
            f" trains {folds + 1} times",
        )
    reasons = [_single_words(single, unit)] if single else []
    more = f" with two {unit}s or more" if single else ""
    absent = {label: (1 - valid) ** count for label, count in units.items() if count > 1}
    if sum(absent.values()) > _MOST_CHANCE:
        least = max(absent, key=lambda label: absent[label])
        classes = count_noun(len(absent), f"class{more}", f"classes{more}")
        why = (
            f"by hash alone a class may have no photo in validation: of {classes} {least!r} is the"
            f" smallest, with {count_noun(units[least], unit)}"
        )
        return SplitAdvice(by="stratified", reason="; ".join([why, *reasons]))
    if absent:
        reasons.insert(
            0,
            f"each class{more} is large enough to have photos in validation, and none changes sides"
            " when others are added",
        )
    return SplitAdvice(by="hash", reason="; ".join(reasons))


def _single_words(labels: Sequence[str], unit: str) -> str:
    """Return what is said of classes of one unit, which no rule has on both sides."""
    names = join_names([repr(label) for label in labels[:_MOST_NAMED]], " and ")
    if len(labels) > _MOST_NAMED:
        names = f"{len(labels):,} classes, such as {labels[0]!r},"
    have = "has" if len(labels) == 1 else "have"
    each = "" if len(labels) == 1 else " each"
    return f"{names} {have} one {unit}{each}, which cannot both train and validate"
