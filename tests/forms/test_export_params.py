"""Params of export."""

import pytest
from pydantic import ValidationError

from stages.base.params import validation_lines
from stages.forms.export_params import ExportParams


def test_8_bits_need_the_onnx_file() -> None:
    """int8 without onnx is refused in one line that says what to set."""
    with pytest.raises(ValidationError) as caught:
        ExportParams(onnx=False, int8=True)
    lines = validation_lines(caught.value, ExportParams, "export")
    assert lines == ["export: int8 is made from model.onnx; set export.onnx to true as well"]


@pytest.mark.parametrize(("onnx", "int8"), [(True, False), (True, True), (False, False)])
def test_everything_else_goes(onnx: bool, int8: bool) -> None:
    """The other combinations are what they say."""
    params = ExportParams(onnx=onnx, int8=int8)
    assert (params.onnx, params.int8) == (onnx, int8)
