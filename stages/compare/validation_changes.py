"""Validation changes: how the photos that a run was judged on, or their labels, differ from before.

Two error rates of other labels are no measure of the model's change, whatever the cause.
"""

import pandas as pd

from stages.base.correction_actions import GIVE_LABEL, rows_in_force
from stages.base.plural import count_noun
from stages.compare.pairing import Pairing, pair_images
from stages.compare.snapshot import Snapshot

_SAME_MODEL = "The model is the same, to the byte"


def same_labels(base: pd.DataFrame | None, other: pd.DataFrame | None) -> bool:
    """Return whether two outcomes are of the same paths under the same labels, or one is none."""
    if base is None or other is None:
        return True
    return base["actual"].equals(other["actual"])


def no_photo_in_common(base: pd.DataFrame | None, other: pd.DataFrame | None) -> bool:
    """Return whether two outcomes have no path in common, as where photos took a sample's place."""
    return base is not None and other is not None and not base.index.isin(other.index).any()


def validation_changes(base: Snapshot, other: Snapshot) -> str:
    """Return what changed in the labels and photos of validation, and by what; "" where nothing."""
    pairing = pair_images(base, other)
    relabelled = _paths(pairing, "relabelled", "both")
    corrected = len(relabelled & (_relabelled_by_hand(base) | _relabelled_by_hand(other)))
    dropped = len(_paths(pairing, "dropped", "base"))
    restored = len(_paths(pairing, "dropped", "other"))
    photos = sum(pairing.counts().values()) - len(relabelled) - dropped - restored
    by_hand = [
        f"{verb} {count_noun(count, noun)}"
        for verb, count, noun in (
            ("changed", corrected, "validation label"),
            ("dropped", dropped, "validation photo"),
            ("brought back", restored, "validation photo"),
        )
        if count
    ]
    parts = [f"corrections {' and '.join(by_hand)}"] if by_hand else []
    if uncorrected := len(relabelled) - corrected:
        kind = "other validation label" if corrected else "validation label"
        parts.append(f"{count_noun(uncorrected, kind)} changed")
    if photos:
        parts.append(f"{count_noun(photos, 'validation photo')} came, went or changed")
    return ", ".join(parts)


def same_model_note(base: Snapshot, other: Snapshot, *, same_answers: bool | None) -> str:
    """Return that both runs have the same model, to the byte, and what differs; "" otherwise.

    same_answers: whether their predictions of the common images are the same; None without any.
    """
    if not base.model.is_same(other.model):
        return ""
    if same_answers is False:
        return f"{_SAME_MODEL}: its evaluation differs"
    if same_answers is None or same_labels(base.outcomes, other.outcomes):
        return _SAME_MODEL
    return f"{_SAME_MODEL}: only labels or photos of validation changed"


def _paths(pairing: Pairing, reason: str, side: str) -> set[str]:
    """Return the validation images that are not paired for a reason; side: who validates on it."""
    rows = pairing.unpaired
    return set(rows["path"][(rows["reason"] == reason) & (rows["side"] == side)])


def _relabelled_by_hand(snapshot: Snapshot) -> set[str]:
    """Return the photos that corrections in force give a label."""
    corrections = snapshot.tables.get("corrections")
    if corrections is None:
        return set()
    return set(rows_in_force(corrections, GIVE_LABEL)["path"])
