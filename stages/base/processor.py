"""Processor: which one this machine has, and who made it, as the system names them."""

import platform
from pathlib import Path

_FACTS = Path("/proc/cpuinfo")
_MAKERS = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}


def processor_name(file: Path = _FACTS) -> str:
    """Return maker, model and family of the processor, where Linux tells; else its architecture.

    file: what Linux says of each core, a line for each fact.
    """
    facts = _facts(file)
    model = facts.get("model name", "")
    if not model:  # as of ARM, where Linux has numbers alone
        return platform.machine()
    family = facts.get("cpu family", "")
    return f"{model} family {family}" if family else model


def processor_maker(file: Path = _FACTS) -> str:
    """Return who made the processor, where Linux tells; else its architecture.

    Mathematical libraries choose their code by it. Processors of one maker with the same vector
    instructions have many names, by which nothing is computed otherwise.
    """
    vendor = _facts(file).get("vendor_id", "")
    return _MAKERS.get(vendor, vendor) or platform.machine()


def _facts(file: Path) -> dict[str, str]:
    """Return what Linux says of the last core; nothing where there is no such file."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    return {name.strip(): value.strip() for name, value in pairs}
