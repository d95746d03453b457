"""Provider: who keeps a bucket, by the scheme of its URL, and what its library wants to know."""

from typing import NamedTuple


class Provider(NamedTuple):
    """A storage that both DVC and fsspec reach, with all but the account and the key in the URL."""

    scheme: str  # as DVC names it
    protocol: str  # as fsspec does
    package: str  # of DVC, by which both reach it
    credentials: str  # what gives them, as the end of a sentence
    place: str  # what else than its name decides where a bucket is looked for, or ""
    says_which: bool  # whether an answer tells a bucket that is absent from a photo that is
    repeats: bool  # whether its library asks again by itself, and cannot be told not to


_S3 = Provider(
    scheme="s3",
    protocol="s3",
    package="dvc-s3",
    credentials="for S3 AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give them",
    place=", and after AWS_ENDPOINT_URL where it is not Amazon's",
    says_which=True,
    repeats=False,
)
_GOOGLE = Provider(
    scheme="gs",
    protocol="gs",
    package="dvc-gs",
    credentials=(
        "for Google GOOGLE_APPLICATION_CREDENTIALS, or gcloud auth application-default login,"
        " gives them"
    ),
    place="",  # names are unique in all projects
    says_which=False,
    repeats=True,  # gcsfs 2026.10: 6 tries in half a minute
)
_AZURE = Provider(
    scheme="azure",
    protocol="az",
    package="dvc-azure",
    credentials=(
        "for Azure AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT and"
        " AZURE_STORAGE_KEY, give them"
    ),
    place=", and after the account that the environment names",
    says_which=False,
    repeats=True,  # azure-storage-blob 12.31: 4 tries in about a minute and a half
)
_BY_SCHEME = {
    "s3": _S3,
    "s3a": _S3,
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "azure": _AZURE,
    "az": _AZURE,
    "abfs": _AZURE,
}
BUCKET_SCHEMES = tuple(_BY_SCHEME)


def scheme_of(url: str) -> str:
    """Return the scheme of a URL, in lower case."""
    return url.split("://", maxsplit=1)[0].lower()


def provider_of(url: str) -> Provider | None:
    """Return the provider of a URL, None where it has a scheme of none."""
    return _BY_SCHEME.get(scheme_of(url))


def credentials_hint(url: str) -> str:
    """Return what gives the credentials of a URL, those of S3 where its scheme is of none."""
    return (provider_of(url) or _S3).credentials


def fsspec_url(url: str) -> str:
    """Return a URL as fsspec spells its scheme.

    >>> fsspec_url("azure://birds/1.jpg"), fsspec_url("file:///birds")
    ('az://birds/1.jpg', 'file:///birds')
    """
    provider = provider_of(url)
    return f"{provider.protocol}://{url.split('://', maxsplit=1)[1]}" if provider else url


def bucket_of(url: str) -> str:
    """Return the URL of the bucket that a URL leads into.

    >>> bucket_of("gs://birds/2024/1.jpg")
    'gs://birds'
    """
    return "/".join(url.split("/")[:3])
