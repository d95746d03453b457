"""A URL has a provider, by whose names DVC and fsspec know it."""

import pytest
from dvc.fs import known_implementations
from fsspec.registry import known_implementations as known_protocols

from stages.base.provider import (
    BUCKET_SCHEMES,
    bucket_of,
    credentials_hint,
    fsspec_url,
    provider_of,
    scheme_of,
)


@pytest.mark.parametrize("scheme", BUCKET_SCHEMES)
def test_dvc_and_fsspec_have_every_provider(scheme: str) -> None:
    """The scheme is one of DVC, whose class is in the package, and the protocol one of fsspec."""
    provider = provider_of(f"{scheme.upper()}://birds/2024")
    assert provider is not None
    assert provider.package.replace("-", "_") in known_implementations[provider.scheme]["class"]
    assert provider.protocol in known_protocols


@pytest.mark.parametrize("url", ["file:///photos", "sftp://host/a", "data/photos", ""])
def test_other_texts_have_none(url: str) -> None:
    """A scheme of no provider stays as it is."""
    assert provider_of(url) is None
    assert fsspec_url(url) == url
    assert "AWS_PROFILE" in credentials_hint(url)


def test_a_url_is_spelled_as_fsspec_knows_it() -> None:
    """Azure's scheme of DVC is none of fsspec, in whatever letters; the path is kept."""
    assert fsspec_url("AZURE://birds/a b/%20.jpg") == "az://birds/a b/%20.jpg"
    assert fsspec_url("s3a://birds") == "s3://birds"
    assert scheme_of("GS://birds") == "gs"


@pytest.mark.parametrize("url", ["gs://birds", "gs://birds/", "gs://birds/2024/a.jpg"])
def test_the_bucket_is_the_first_part(url: str) -> None:
    """Whatever lies below it, the bucket is what stands behind the scheme."""
    assert bucket_of(url) == "gs://birds"


def test_credentials_are_those_of_the_provider() -> None:
    """Each provider has variables of its own."""
    assert "GOOGLE_APPLICATION_CREDENTIALS" in credentials_hint("gcs://birds")
    assert "AZURE_STORAGE_CONNECTION_STRING" in credentials_hint("abfs://birds")
