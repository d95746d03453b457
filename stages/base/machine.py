"""What the machine decides, not the results: environment variables, read in one place."""

import os

from stages.base.errors import UserError


def workers() -> int:
    """Return how many processes or threads to use: FINETRACK_WORKERS, else the cores at hand."""
    text = os.environ.get("FINETRACK_WORKERS", "")
    if not text:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"FINETRACK_WORKERS must be a whole number from 1, not {text!r}")
    return int(text)


def device_name() -> str:
    """Return the device asked for by FINETRACK_DEVICE (cpu, cuda, cuda:1, mps), or 'auto'."""
    return os.environ.get("FINETRACK_DEVICE", "") or "auto"
