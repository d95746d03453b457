"""Records of comparisons, and the verdicts that hold for all of them together."""

import json
from pathlib import Path

import numpy as np
import pytest

from stages.compare.build_record import comparison_records
from stages.compare.comparison import Comparison, compare_setups
from stages.compare.git import GitHistory
from stages.compare.record import BaseAndOther
from stages.compare.setups import group_by_setup
from stages.compare.tried_runs import read_tried_outcomes
from stages.stats.calibration import expected_calibration_error
from stages.stats.holm import holm
from stages.stats.power import images_to_tell
from tests.compare.example_history import OUTCOMES, ExampleHistory, outcomes_table

PHOTOS = {f"{number:03}.jpg": (str(number), "cat", "valid") for number in range(100)}
# Name of a revision -> images wrong, epochs, seed.
RUNS = {
    "base": (20, 4, 42),
    "close": (18, 5, 42),
    "clear": (2, 6, 42),
    "border": (14, 7, 42),
    "seed-1": (2, 8, 1),
    "seed-2": (4, 8, 2),
}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> ExampleHistory:
    """Return a repository with a base and other runs; of each the first images are wrong."""
    history = ExampleHistory(tmp_path_factory.mktemp("records") / "repo")
    for name, (wrong, epochs, seed) in RUNS.items():
        rows = [
            (path, "cat", "dog" if number < wrong else "cat") for number, path in enumerate(PHOTOS)
        ]
        params = {"seed": seed, "fine_tune": {"epochs": epochs}}
        history.write_run(outcomes_table(rows, confidence=0.9), PHOTOS, params)
        history.commit(name)
    return history


def compare(history: ExampleHistory, *names: str, base: str = "base") -> list[Comparison]:
    """Return the comparisons of some revisions with the base."""
    others = [history.snapshot(name) for name in names]
    base_setup, setups = group_by_setup(history.snapshot(base), others)
    return [compare_setups(base_setup, setup, OUTCOMES) for setup in setups]


def test_a_record_has_the_numbers_of_its_comparison(history: ExampleHistory) -> None:
    """Names, commits, counts, images and changes are those of the comparison."""
    (record,) = comparison_records(compare(history, "clear"), {})
    assert (record.base, record.other, record.verdict) == ("base", "clear", "better")
    assert record.other_commit == history.git("rev-parse", "clear")[:10]
    assert record.n_common == 100
    assert (record.only_base_right, record.only_other_right) == (0, 18)
    assert record.error_rate.base == pytest.approx(0.2)
    assert record.error_rate.other == pytest.approx(0.02)
    assert (len(record.newly_wrong), len(record.newly_right)) == (0, 18)
    image = record.newly_right[0]
    assert (image.actual, image.base, image.other) == ("cat", "dog", "cat")
    assert record.changed.data is not None
    assert record.changed.data.counts == {}
    assert record.images_to_tell is None
    assert record.seeds is None


def test_calibration_is_the_expected_error(history: ExampleHistory) -> None:
    """The gap is the expected calibration error of each side."""
    (record,) = comparison_records(compare(history, "clear"), {})
    summary = record.confidence.base
    assert summary is not None
    assert (summary.confidence, summary.accuracy) == pytest.approx((0.9, 0.8))
    right = np.arange(100) >= 20
    assert summary.gap == pytest.approx(expected_calibration_error(np.full(100, 0.9), right))


def test_without_a_verdict_the_images_that_would_tell_are_given(history: ExampleHistory) -> None:
    """Where nothing is certain the record says how many images would be needed."""
    (record,) = comparison_records(compare(history, "close"), {})
    assert record.verdict == "cannot tell"
    assert record.images_to_tell == images_to_tell(0.02, 0.0)


def test_verdicts_hold_for_all_comparisons_together(history: ExampleHistory) -> None:
    """A difference that is significant by itself may not be so among many."""
    (alone,) = comparison_records(compare(history, "border"), {})
    assert alone.verdict == "better"
    assert alone.p_holm == alone.p < 0.05
    together = comparison_records(compare(history, "border", "close", "clear", "seed-1"), {})
    assert [record.p_holm for record in together] == pytest.approx(
        holm([record.p for record in together])
    )
    assert together[0].verdict == "cannot tell"
    assert together[0].p_holm >= 0.05
    assert together[0].images_to_tell == images_to_tell(0.06, 0.0, 0.05 / 4)


def test_seeds_stand_with_their_own_errors(history: ExampleHistory) -> None:
    """Each run of a setup has its seed and error rate; more images are no remedy alone."""
    (record,) = comparison_records(compare(history, "seed-1", "seed-2"), {})
    assert record.seeds is not None
    runs = record.seeds.other.runs
    assert [(run.name, run.seed) for run in runs] == [("seed-1", 1), ("seed-2", 2)]
    assert [run.error_rate for run in runs] == pytest.approx([0.02, 0.04])
    assert record.seeds.other.sd == pytest.approx(np.std([0.02, 0.04], ddof=1))
    assert record.seeds.base.sd is None
    assert record.images_to_tell is None


def test_models_of_two_machines_have_both_named(tmp_path: Path) -> None:
    """The record names the processors of two models where they and the weights differ."""
    history = ExampleHistory(tmp_path / "repo")
    outcomes = outcomes_table([(path, "cat", "cat") for path in PHOTOS])
    for name, processor in (("m1", "one"), ("m2", "another"), ("m3", "another"), ("m4", "")):
        card = json.dumps({"processor": processor, "seed": name}).encode()
        model = {"model.json": card, "model.safetensors": name.encode()}
        history.write_run(outcomes, PHOTOS, model=model)
        history.commit(name)
    (record,) = comparison_records(compare(history, "m2", base="m1"), {})
    assert record.changed.processors == BaseAndOther(base="one", other="another")
    card = json.dumps({"processor": "a third", "seed": "m5"}).encode()
    history.write_run(outcomes, PHOTOS, model={"model.json": card, "model.safetensors": b"m1"})
    history.commit("m5")
    for base, other in (("m2", "m3"), ("m1", "m4"), ("m1", "m5")):
        (record,) = comparison_records(compare(history, other, base=base), {})
        assert record.changed.processors is None


def test_no_comparison_is_no_record() -> None:
    """Nothing compared gives nothing."""
    assert comparison_records([], {}) == []


def test_the_best_of_the_runs_is_on_the_images_of_the_other(history: ExampleHistory) -> None:
    """Where several runs have the images of a comparison, its record has the best of them."""
    tried = read_tried_outcomes(GitHistory(history.root), OUTCOMES)
    (record,) = comparison_records(compare(history, "close"), tried)
    assert record.choosing is not None
    assert (record.choosing.runs, record.choosing.images) == (5, 100)  # two of six are the same
    assert record.choosing.best == "clear"  # its tag
    assert record.choosing.error_rate.value == pytest.approx(0.02)
