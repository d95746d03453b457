"""The params of ingest: the folder of photos, and the rule that labels them."""

from pathlib import PurePosixPath, PureWindowsPath

from pydantic import Field, field_validator

from stages.base.bucket import is_bucket_url, photo_folder
from stages.base.errors import UserError
from stages.base.params import Section
from stages.base.provider import scheme_of
from stages.base.storage import SCHEMES
from stages.labels.labels import LabelParams


class IngestParams(Section):
    """The section `ingest` of params.yaml."""

    images: str = Field(
        description="folder of photos, searched with its subfolders; your own: data/photos, or a"
        " bucket: s3://birds/2024"
    )
    label: LabelParams

    @field_validator("images")
    @classmethod
    def _is_relative(cls, value: str) -> str:
        if is_bucket_url(value):
            return _url(value)
        absolute = PurePosixPath(value).is_absolute() or PureWindowsPath(value).drive
        if not value.strip() or absolute:
            raise ValueError(
                f"must be a folder given from the root of the repository, such as data/photos,"
                f" not {value!r}"
            )
        return value


def _url(value: str) -> str:
    try:
        photo_folder(value)
    except UserError as error:
        raise ValueError(str(error)) from None
    if not value.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        raise ValueError(
            f"photos are not read from {scheme_of(value)}://; name a folder, or a bucket as in"
            " s3://birds, gs://birds or azure://birds, in lower case"
        )
    return value
