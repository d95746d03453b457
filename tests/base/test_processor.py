"""Which processor this machine has."""

import platform
from pathlib import Path

import pytest

from stages.base.processor import processor_maker, processor_name

X86 = """processor\t: 0
model name\t: Some Maker(R) 12: fast
cpu family\t: 25

processor\t: 1
model name\t: Some Maker(R) 12: fast
cpu family\t: 25
power management:
"""


def test_linux_names_maker_model_and_family(tmp_path: Path) -> None:
    """The name is that of a core, with the family; a colon within it stays."""
    (tmp_path / "cpuinfo").write_text(X86)
    assert processor_name(tmp_path / "cpuinfo") == "Some Maker(R) 12: fast family 25"


def test_a_model_without_a_family_stands_alone(tmp_path: Path) -> None:
    """Where Linux knows no family, the name ends with the model."""
    (tmp_path / "cpuinfo").write_text("model name\t: A processor\n")
    assert processor_name(tmp_path / "cpuinfo") == "A processor"


def test_without_a_name_it_is_the_architecture(tmp_path: Path) -> None:
    """ARM's list has no name, and other systems have no list."""
    (tmp_path / "cpuinfo").write_text("CPU implementer\t: 0x41\n")
    assert processor_name(tmp_path / "cpuinfo") == platform.machine()
    assert processor_name(tmp_path / "nothing") == platform.machine()


def test_this_machine_has_a_name() -> None:
    """On the machine at hand the answer is not empty, and the same each time."""
    assert processor_name()
    assert processor_name() == processor_name()


@pytest.mark.parametrize(
    ("vendor", "maker"),
    [("AuthenticAMD", "AMD"), ("GenuineIntel", "Intel"), ("HygonGenuine", "HygonGenuine")],
)
def test_models_of_one_maker_have_the_same_maker(tmp_path: Path, vendor: str, maker: str) -> None:
    """Whatever the model, Linux names who made it; the two great ones have short names."""
    for number, model in enumerate(("Xeon 8275CL", "Xeon 8259CL")):
        file = tmp_path / str(number)
        file.write_text(f"vendor_id\t: {vendor}\nmodel name\t: {model}\n")
        assert processor_maker(file) == maker


def test_without_a_maker_it_is_the_architecture(tmp_path: Path) -> None:
    """Where the list has no maker, or there is no list, the architecture stands for it."""
    (tmp_path / "cpuinfo").write_text("CPU implementer\t: 0x41\n")
    assert processor_maker(tmp_path / "cpuinfo") == platform.machine()
    assert processor_maker(tmp_path / "nothing") == platform.machine()
