"""Revisions that differ only in their seed are one setup."""

from pathlib import Path

import pytest

from stages.compare.setups import Setup, group_by_setup
from tests.compare.example_history import OUTCOMES, ExampleHistory, validated

PHOTOS = {"a.jpg": ("1", "cat", "valid"), "b.jpg": ("2", "dog", "valid")}
MORE_PHOTOS = PHOTOS | {"c.jpg": ("3", "dog", "valid")}


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with a base, three seeds of one setup, and one of other photos."""
    history = ExampleHistory(tmp_path / "repo")
    history.write_run(validated(PHOTOS), PHOTOS)
    history.commit("base")
    for seed in (1, 2, 3):
        params = {"seed": seed, "fine_tune": {"epochs": 9}}
        history.write_run(validated(PHOTOS), PHOTOS, params)
        history.commit(f"seed-{seed}")
    history.write_run(validated(MORE_PHOTOS), MORE_PHOTOS, {"fine_tune": {"epochs": 9}})
    history.commit("photos")
    return history


def grouped(history: ExampleHistory, *names: str) -> list[list[str]]:
    """Return the names of each setup's members, those of the base first."""
    base, *others = [history.snapshot(name) for name in names]
    base_setup, other_setups = group_by_setup(base, others)
    return [[member.name for member in setup.members] for setup in (base_setup, *other_setups)]


def test_seeds_of_one_setup_are_grouped_in_their_order(history: ExampleHistory) -> None:
    """Runs that differ only in the seed stand together, at the place of the first."""
    assert grouped(history, "base", "seed-3", "photos", "seed-1", "seed-2") == [
        ["base"],
        ["seed-3", "seed-1", "seed-2"],
        ["photos"],
    ]


def test_the_base_has_seeds_too(history: ExampleHistory) -> None:
    """Runs of the base's own setup join the base where there are others to compare with."""
    assert grouped(history, "seed-1", "base", "seed-2") == [["seed-1", "seed-2"], ["base"]]


def test_a_second_run_of_a_seed_is_a_setup_by_itself(history: ExampleHistory) -> None:
    """The same seed again is no further sample of the seeds."""
    history.git("tag", "again", "seed-1")
    assert grouped(history, "base", "seed-1", "again") == [["base"], ["seed-1"], ["again"]]


def test_runs_of_the_base_alone_are_compared_one_by_one(history: ExampleHistory) -> None:
    """Where all are of one setup, each is compared with the base."""
    assert grouped(history, "seed-1", "seed-2", "seed-3") == [["seed-1"], ["seed-2"], ["seed-3"]]


def test_without_outcomes_a_revision_stands_by_itself(history: ExampleHistory) -> None:
    """What a revision without outcomes has in common with others is not known."""
    (history.root / OUTCOMES).unlink()
    history.commit("empty")
    assert grouped(history, "base", "empty", "photos") == [["base"], ["empty"], ["photos"]]


def test_a_setup_is_named_by_its_first_revision(history: ExampleHistory) -> None:
    """The name says how many more seeds there are, and outcomes come from all of them."""
    members = tuple(history.snapshot(f"seed-{seed}") for seed in (2, 1, 3))
    setup = Setup(members)
    assert (setup.lead.name, setup.name) == ("seed-2", "seed-2 and 2 more seeds")
    assert Setup(members[:2]).name == "seed-2 and 1 more seed"
    assert Setup(members[:1]).name == "seed-2"
    assert len(setup.outcomes()) == 3
