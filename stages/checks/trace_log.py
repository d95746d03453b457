"""The log of a trace: what each step over a batch gave, which images failed in it, and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from stages.base.errors import UserError
from stages.checks.finding import Finding
from stages.checks.findings_text import aligned_table

_Values = TypeVar("_Values", np.ndarray, Tensor)
_FOR_DEVELOPERS = "For who works on the pipeline itself; nothing below concerns photos or labels."


@dataclass(frozen=True, kw_only=True)
class TraceStep:
    """The output of one step: shape, type, range (where it has finite numbers), and a remark."""

    step: str
    shape: list[int]
    dtype: str
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    note: str


class TraceStopped(Exception):
    """A step failed, so that none can follow; the log holds the finding."""


class TraceLog:
    """Runs steps and records them; `paths` are the images that are still in the batch."""

    def __init__(self) -> None:
        """Start without images and without steps."""
        self.paths: list[str] = []
        self.steps: list[TraceStep] = []
        self.findings: list[Finding] = []

    def run(
        self,
        step: str,
        compute: Callable[[np.ndarray], _Values],
        note: str | Callable[[_Values], str] = "",
    ) -> _Values:
        """Return compute(rows) for all rows of the batch, recorded; TraceStopped when it fails.

        Then it is computed row by row, to name the images for which it fails.
        """
        try:
            values = compute(np.arange(len(self.paths)))
        except Exception as error:
            failing = [path for row, path in enumerate(self.paths) if _fails(compute, row)]
            raise self.record_failure(step, error, failing or self.paths) from None
        numbers = torch.as_tensor(values).detach().cpu()
        self.record(step, numbers.numpy(), note if isinstance(note, str) else note(values))
        finite = numbers.isfinite()
        if numbers.ndim > 1:
            finite = finite.flatten(1).all(dim=1)
        if not finite.all():
            failing = [path for path, ok in zip(self.paths, finite, strict=True) if not ok]
            not_finite = ValueError("gives numbers that are not finite")
            raise self.record_failure(step, not_finite, failing)
        return values

    def record(
        self, step: str, numbers: np.ndarray, note: str, shape: Sequence[int] | None = None
    ) -> None:
        """Record a step by its numbers; those that are not finite are left out of the range."""
        finite = numbers[np.isfinite(numbers)]
        self.steps.append(
            TraceStep(
                step=step,
                shape=list(shape or numbers.shape),
                dtype=str(numbers.dtype),
                min=_four_digits(np.min(finite)) if finite.size else None,
                max=_four_digits(np.max(finite)) if finite.size else None,
                mean=_four_digits(np.mean(finite)) if finite.size else None,
                note=note,
            )
        )

    def record_failure(self, step: str, error: Exception, paths: Sequence[str]) -> TraceStopped:
        """Record an error as a finding about these images; return the exception to raise."""
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        reason = " ".join(f"{kind}{error}".split())
        names = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        message = f"the step {step!r} of the first batch fails for {names} ({reason})"
        self.findings.append(Finding("error", f"batch_{step}", message, tuple(paths)))
        return TraceStopped()


def trace_text(steps: Sequence[TraceStep]) -> str:
    """Return the steps as a titled table, below a line that says whom it is for."""
    rows = [["step", "shape", "type", "min", "max", "mean", ""]]
    for step in steps:
        numbers = [
            "" if number is None else f"{number:.4g}" for number in (step.min, step.max, step.mean)
        ]
        rows.append([step.step, "×".join(map(str, step.shape)), step.dtype, *numbers, step.note])
    table = aligned_table(rows, "<<<>>><")
    return f"{_FOR_DEVELOPERS}\n\nThe first batch, step by step\n\n{table}\n"


def _fails(compute: Callable[[np.ndarray], _Values], row: int) -> bool:
    """Return whether a step fails for one image alone."""
    try:
        compute(np.array([row]))
    except Exception:
        return True
    return False


def _four_digits(number: float) -> float:
    """Round to four digits: enough to read, and the same where machines differ in the last ones."""
    return float(f"{number:.4g}")
