"""The folder of photos is one that every clone of the repository has at the same place."""

import pytest
from pydantic import ValidationError

from tests.example_rule import ingest_section


@pytest.mark.parametrize("folder", ["", " ", "/photos", "C:\\photos", "C:/photos"])
def test_the_folder_of_photos_is_relative(folder: str) -> None:
    """An absolute folder exists on one machine only, and is refused."""
    with pytest.raises(ValidationError, match="from the root of the repository"):
        ingest_section(images=folder)


@pytest.mark.parametrize("folder", ["data/photos", "../elsewhere", "photos"])
def test_a_folder_may_lie_beside_the_repository(folder: str) -> None:
    """Relative folders are taken as they are."""
    assert ingest_section(images=folder).images == folder


@pytest.mark.parametrize(
    "url", ["s3://birds", "gs://birds/2024/", "azure://birds", "file:///photos"]
)
def test_a_bucket_may_hold_the_photos(url: str) -> None:
    """A URL is the same place for every clone, and taken as it is."""
    assert ingest_section(images=url).images == url


@pytest.mark.parametrize("url", ["sftp://host/photos", "S3://birds"])
def test_another_storage_is_refused(url: str) -> None:
    """What cannot be reached by its URL alone is refused with what can."""
    with pytest.raises(
        ValidationError, match="s3://birds, gs://birds or azure://birds, in lower case"
    ):
        ingest_section(images=url)


@pytest.mark.parametrize("user", ["key:secret", "key:a/secret+b"])
def test_a_url_with_a_password_is_refused(user: str) -> None:
    """What git would keep of a URL must not open the bucket, and the error does not show it."""
    with pytest.raises(ValidationError) as error:
        ingest_section(images=f"s3://{user}@birds/2024")
    (detail,) = error.value.errors()
    assert "user name" in detail["msg"]
    assert "secret" not in detail["msg"]
