"""Processor: which one this machine has, in words, as its maker and the system name it."""

import platform
from pathlib import Path

_FACTS = Path("/proc/cpuinfo")


def processor_name(file: Path = _FACTS) -> str:
    """Return maker, model and family of the processor, where Linux tells; else its architecture.

    file: what Linux says of each core, a line for each fact.
    """
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.machine()
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    facts = {name.strip(): value.strip() for name, value in pairs}
    model = facts.get("model name", "")
    if not model:  # as of ARM, where Linux has numbers alone
        return platform.machine()
    family = facts.get("cpu family", "")
    return f"{model} family {family}" if family else model
