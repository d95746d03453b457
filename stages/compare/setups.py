"""Setups: revisions that differ only in their seed are runs of one setup."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from stages.base.fingerprint import fingerprint
from stages.base.plural import count_noun
from stages.compare.dvc_lock import seed_of, setup_fingerprint
from stages.compare.snapshot import Snapshot


@dataclass(frozen=True)
class Setup:
    """One setup: a revision, or several that differ only in their seed."""

    members: tuple[Snapshot, ...]

    @property
    def lead(self) -> Snapshot:
        """The member that stands for the setup where only one can."""
        return self.members[0]

    @property
    def name(self) -> str:
        """The name of the lead, and how many more seeds there are."""
        more = len(self.members) - 1
        return self.lead.name + (f" and {count_noun(more, 'more seed')}" if more else "")

    def outcomes(self) -> list[pd.DataFrame]:
        """Return the outcomes of every member that has any."""
        return [member.outcomes for member in self.members if member.outcomes is not None]


def group_by_setup(base: Snapshot, others: Sequence[Snapshot]) -> tuple[Setup, list[Setup]]:
    """Return the base's setup and the others, in the order in which their first revisions came.

    A second run with the same seed is a setup by itself. Where all are of the base's own setup,
    its runs are compared with the base one by one.
    """
    groups: list[tuple[str | None, list[Snapshot]]] = []
    for snapshot in (base, *others):
        key = _setup_key(snapshot)
        seed = seed_of(snapshot.lock)
        for group_key, members in groups:
            seeds = [seed_of(member.lock) for member in members]
            if key is not None and key == group_key and seed not in seeds:
                members.append(snapshot)
                break
        else:
            groups.append((key, [snapshot]))
    base_setup, *other_setups = [Setup(tuple(members)) for _, members in groups]
    if not other_setups:
        return Setup((base,)), [Setup((other,)) for other in others]
    return base_setup, other_setups


def _setup_key(snapshot: Snapshot) -> str | None:
    """Return what two runs share that differ only in their seed; None where it is not known."""
    if snapshot.lock is None or snapshot.outcomes is None or seed_of(snapshot.lock) is None:
        return None
    labels = snapshot.outcomes["actual"]
    return fingerprint(setup_fingerprint(snapshot.lock), list(labels.index), list(labels))
