"""Params of export: which forms of the model are written."""

from typing import Self

from pydantic import Field, model_validator

from stages.base.params import Section


class ExportParams(Section):
    """The section `export` of params.yaml."""

    onnx: bool = Field(description="write model.onnx, which programs in any language can run")
    int8: bool = Field(
        description="write model.int8.onnx too, smaller and mostly faster, unless it errs more"
    )

    @model_validator(mode="after")
    def _int8_is_made_from_onnx(self) -> Self:
        if self.int8 and not self.onnx:
            raise ValueError("int8 is made from model.onnx; set export.onnx to true as well")
        return self
