"""Packaged weights: what comes with the requirements."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.model.packages import PACKAGES, packaged_weights


@pytest.mark.parametrize("arch", list(PACKAGES))
def test_a_package_holds_the_file(arch: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The file is there, and finding it prints nothing, though two packages print their folder."""
    assert Path(packaged_weights(arch).path()).stat().st_size > 10**6
    assert capfd.readouterr().out == ""


def test_no_package_for_other_architectures() -> None:
    """Asking for packaged weights of another architecture names the choices."""
    with pytest.raises(UserError, match=r"resnet18; choose hub, none, a file.*efficientnet_lite0"):
        packaged_weights("resnet18")
