"""The params of ingest: the folder of photos, and the rule that labels them."""

from pathlib import PurePosixPath, PureWindowsPath

from pydantic import Field, field_validator

from stages.base.params import Section
from stages.labels.labels import LabelParams


class IngestParams(Section):
    """The section `ingest` of params.yaml."""

    images: str = Field(
        description="folder of photos, searched with its subfolders; your own: data/photos"
    )
    label: LabelParams

    @field_validator("images")
    @classmethod
    def _is_relative(cls, value: str) -> str:
        absolute = PurePosixPath(value).is_absolute() or PureWindowsPath(value).drive
        if not value.strip() or absolute:
            raise ValueError(
                f"must be a folder given from the root of the repository, such as data/photos,"
                f" not {value!r}"
            )
        return value
