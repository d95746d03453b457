"""Leaks: findings by which the error in validation may look too small, in a sentence each."""

from collections.abc import Iterable, Mapping

_SUMMARY = "reports/datablock/summary.txt"


def leak_sentences(findings: Iterable[Mapping[str, object]]) -> list[str]:
    """Return what is said of the findings of summary.json that tell of a leak, in their order.

    A finding of a version that knew of no leaks has none.
    """
    return [
        f"The error may be too small, since {leak}; {_SUMMARY} says more."
        for leak in (finding.get("leak") for finding in findings)
        if leak
    ]
