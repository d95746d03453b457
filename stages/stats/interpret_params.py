"""The section `interpret` of params.yaml, known without what computes the figures."""

from pydantic import Field

from stages.base.params import Section


class InterpretParams(Section):
    """The section `interpret` of params.yaml: how much of each the page shows."""

    top_losses: int = Field(
        ge=1,
        le=200,
        description="pictures of the worst predictions, and of the most confident mistakes",
    )
    most_confused: int = Field(ge=1, le=100, description="pairs of classes on the page")
    suspects: int = Field(
        ge=0, le=1000, description="images whose label looks wrong, listed for review"
    )
