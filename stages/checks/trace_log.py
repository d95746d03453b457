"""A log of steps over a batch: what each gave, and which images failed in it and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from stages.base.errors import UserError
from stages.checks.findings import Finding
from stages.checks.findings_text import aligned_table

A = TypeVar("A", np.ndarray, Tensor)
RANGE = (np.min, np.max, np.mean)


@dataclass(frozen=True)
class TraceStep:
    """What one step gave: shape, kind and range of its numbers, and a remark."""

    step: str
    shape: list[int]
    dtype: str
    min: float | None
    max: float | None
    mean: float | None
    note: str


class TraceStopped(Exception):
    """A step failed, so that none can follow; the log holds the finding."""


class TraceLog:
    """Runs steps and remembers; `paths` are the images that are still in the batch."""

    def __init__(self) -> None:
        """Start without images and without steps."""
        self.paths: list[str] = []
        self.steps: list[TraceStep] = []
        self.findings: list[Finding] = []

    def take(
        self, step: str, make: Callable[[np.ndarray], A], note: str | Callable[[A], str] = ""
    ) -> A:
        """Return make(rows) for all rows of the batch, logged; Stopped when it fails.

        Then it is made row by row, to name the images that are to blame.
        """
        try:
            value = make(np.arange(len(self.paths)))
        except Exception as error:
            guilty = [path for row, path in enumerate(self.paths) if _fails(make, row)]
            raise self.failed(step, error, guilty or self.paths) from None
        numbers = torch.as_tensor(value).detach().cpu()
        self.add(step, numbers.numpy(), note if isinstance(note, str) else note(value))
        finite = (
            numbers.isfinite().flatten(1).all(dim=1) if numbers.ndim > 1 else numbers.isfinite()
        )
        if not finite.all():
            wrong = [path for path, right in zip(self.paths, finite, strict=True) if not right]
            raise self.failed(step, ValueError("gives numbers that are not finite"), wrong)
        return value

    def add(
        self, step: str, numbers: np.ndarray, note: str, shape: Sequence[int] | None = None
    ) -> None:
        """Log a step by its numbers; those that are not finite are left out of the range."""
        finite = numbers[np.isfinite(numbers)]
        low, high, mean = (_short(f(finite)) if finite.size else None for f in RANGE)
        self.steps.append(
            TraceStep(step, list(shape or numbers.shape), str(numbers.dtype), low, high, mean, note)
        )

    def failed(self, step: str, error: Exception, paths: Sequence[str]) -> TraceStopped:
        """Note an error with the step and the images; returns what to raise."""
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        what = " ".join(f"{kind}{error}".split())
        names = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        message = f"the step {step!r} of the first batch fails for {names} ({what})"
        self.findings.append(Finding("error", f"batch_{step}", message, tuple(paths)))
        return TraceStopped()


def trace_text(steps: Sequence[TraceStep]) -> str:
    """Return the steps as a titled table for a person."""
    rows = [["step", "shape", "type", "min", "max", "mean", ""]]
    for each in steps:
        numbers = ["" if n is None else f"{n:.4g}" for n in (each.min, each.max, each.mean)]
        rows.append([each.step, "×".join(map(str, each.shape)), each.dtype, *numbers, each.note])
    return f"The first batch, step by step\n\n{aligned_table(rows, '<<<>>><')}\n"


def _fails(make: Callable[[np.ndarray], A], row: int) -> bool:
    try:
        make(np.array([row]))
    except Exception:
        return True
    return False


def _short(number: float) -> float:
    """Keep four digits: enough to read, and the same on machines that differ in the last ones."""
    return float(f"{number:.4g}")
