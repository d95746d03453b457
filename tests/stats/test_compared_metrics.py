"""The few numbers by which runs are compared, out of all of a report."""

from collections.abc import Mapping

from stages.stats.compared_metrics import ComparedMetrics, compared_metrics
from tests.example_results import example_metrics


def leaves(record: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return every value by its dotted name, as DVC names its columns."""
    found: dict[str, object] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= leaves(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def test_each_stands_in_the_details_under_the_same_name() -> None:
    """No number is made anew or renamed, so that a reader of one file can read the other."""
    metrics = example_metrics()
    compared = leaves(compared_metrics(metrics))
    everything = leaves(metrics)
    assert compared == {name: everything[name] for name in compared}


def test_they_are_few() -> None:
    """Each is a column of `dvc exp show`: 17 of more than 90, the error rate first."""
    metrics = example_metrics()
    compared = compared_metrics(metrics)
    assert list(compared) == list(ComparedMetrics.__annotations__)
    assert len(leaves(compared)) == 17
    assert len(leaves(metrics)) > 90
