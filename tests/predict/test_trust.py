"""Confidence is calibrated by the report of the same model, or is said not to be."""

import json
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.predict.model_files import ModelFiles
from stages.predict.trust import Trust, find_trust, untested
from tests.predict.example_run import FILES, lock_of, metrics

CARD = b"the card of a model"


def trust(
    report: bytes | None, right: float = 0.95, card: bytes | None = CARD, lock: bytes | None = b"-"
) -> Trust:
    """Return the trust in a model by this report; its dvc.lock is of the same run unless given."""
    if lock == b"-":
        lock = lock_of(CARD, report or b"")
    files = ModelFiles(folder=Path("model"), card=card, lock=lock, details=report)
    return find_trust(files, FILES, right)


def test_temperature_and_threshold_are_those_of_the_report() -> None:
    """Both are taken over, and a line for each says what they mean."""
    found = trust(metrics(1.5))
    assert (found.temperature, found.threshold) == (1.5, 0.8)
    calibrated, sure = found.lines
    assert calibrated == "confidence is calibrated by a temperature of 1.50"
    assert sure.startswith("sure is an answer of at least 80.0 %: 95 %")


@pytest.mark.parametrize(
    ("right", "reason"),
    [(0.99, "too few images"), (0.9, "the report has those of --right 0.95 and 0.99")],
)
def test_where_no_threshold_is_known_the_reason_is_said(right: float, reason: str) -> None:
    """A level that the report does not reach, or does not have, gives no threshold."""
    found = trust(metrics(), right)
    assert found.threshold is None
    assert found.lines[1].startswith("no threshold is known")
    assert found.lines[1].endswith(reason)


def test_a_level_is_found_whatever_its_digits() -> None:
    """What a person writes as .995 is the level 99.5 of a report."""
    assert trust(metrics(**{"p99.5": 0.97}), 0.995).threshold == 0.97


def test_a_temperature_that_harms_is_not_used() -> None:
    """Where the report shows that it makes the loss larger, confidence stays as it is."""
    found = trust(metrics(1.5, applied=1.0))
    assert found.temperature == 1.0
    assert "made it worse" in found.lines[0]
    assert found.threshold == 0.8


def test_without_a_temperature_confidence_is_not_calibrated() -> None:
    """A report with too few images for one still has its thresholds."""
    found = trust(metrics(None))
    assert (found.temperature, found.threshold) == (1.0, 0.8)
    assert found.lines[0].startswith("confidence is not calibrated")


@pytest.mark.parametrize("missing", ["card", "lock", "report"])
def test_a_model_folder_alone_is_untested(missing: str) -> None:
    """Without the results of its run nothing is known of a model, which is said."""
    report = None if missing == "report" else metrics()
    card = None if missing == "card" else CARD
    lock = None if missing == "lock" else lock_of(CARD, metrics())
    found = trust(report, card=card, lock=lock)
    assert found == untested("there is no dvc.lock and reports/interpret/details.json of its run")
    assert found.lines[0].startswith("confidence is not calibrated and no threshold is known")


def test_the_report_of_another_model_does_not_count() -> None:
    """Neither a report made of another model, nor one that dvc.lock does not name, is believed."""
    other = trust(metrics(), card=b"another card")
    assert (other.temperature, other.threshold) == (1.0, None)
    assert "is not of this model" in other.lines[0]
    changed = trust(metrics(3.0), lock=lock_of(CARD, metrics(1.5)))
    assert (changed.temperature, changed.threshold) == (1.0, None)
    assert "is not the one that dvc.lock names" in changed.lines[0]
    before = trust(metrics(), lock=b'{"schema": "2.0", "stages": {}}')
    assert "is not of this model" in before.lines[0]


def test_a_report_of_an_earlier_version_is_not_believed() -> None:
    """Its thresholds are of confidence without a temperature, so nothing is taken from it."""
    earlier = json.loads(metrics())
    del earlier["calibration"]["applied_temperature"]
    found = trust(json.dumps(earlier).encode())
    assert (found.temperature, found.threshold) == (1.0, None)
    assert "is of an earlier version; dvc repro" in found.lines[0]


def test_a_damaged_report_is_named() -> None:
    """A report that is none is an error with its name and the remedy."""
    for report in (
        b"{}",
        b"no json",
        b'{"calibration": {"temperature": 1, "applied_temperature": "hot"}, "sure": {}}',
    ):
        with pytest.raises(UserError, match=r"json is damaged .* dvc repro -f -s interpret"):
            trust(report)
