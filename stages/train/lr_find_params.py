"""The section `lr_find` of params.yaml: the sweep, known without torch."""

from pydantic import Field, model_validator

from stages.base.params import Section


class LrFindParams(Section):
    """The section `lr_find` of params.yaml."""

    steps: int = Field(ge=20, le=1000, description="batches of the sweep")
    start: float = Field(gt=0, le=1, description="first learning rate")
    end: float = Field(
        gt=0, le=1000, description="last learning rate, at least 100 times the first"
    )

    @model_validator(mode="after")
    def _rising(self) -> "LrFindParams":
        if self.end < 100 * self.start:
            raise ValueError("lr_find.end must be at least 100 times lr_find.start")
        return self
