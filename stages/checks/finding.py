"""A finding: a fault or remark of one check, with the images that it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Severity = Literal["error", "warning", "note"]
_SEVERITIES: list[Severity] = ["error", "warning", "note"]  # the worst first


@dataclass(frozen=True)
class Finding:
    """A fault or remark of one check, in a sentence, and the images that it is about.

    An error is what training would fail on or learn nothing from; a warning, what makes its result
    worse or less certain; a note, what is good to know.
    """

    severity: Severity
    check: str
    message: str
    paths: tuple[str, ...] = ()
    leak: str = ""  # why the error in validation may look too small, in a few words


def error_finding(check: str, message: str) -> Finding:
    """Return an error about the whole set."""
    return Finding("error", check, message)


def warning_finding(
    check: str, message: str, paths: Sequence[str] | pd.Series = (), leak: str = ""
) -> Finding:
    """Return a warning about some images, which are sorted."""
    return Finding("warning", check, message, tuple(sorted(paths)), leak)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with the errors first, then the warnings."""
    return sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))
