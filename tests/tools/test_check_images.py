"""The folder of photos is refused where DVC would delete it or ingest finds nothing."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from stages.tools.check_images import images_mistakes, is_inside, outputs_of

OUTPUTS = ["data/sample", "data/presized", "data/model"]


@pytest.fixture(autouse=True)
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a photo in data/photos."""
    (tmp_path / "data" / "photos").mkdir(parents=True)
    (tmp_path / "data" / "photos" / "1.jpg").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_of_photos_is_in_order() -> None:
    """A folder with a file, outside all outputs, has no mistake."""
    assert list(images_mistakes("data/photos", "none", OUTPUTS)) == []


@pytest.mark.parametrize(
    ("images", "what"),
    [
        ("data/presized/x", "overlaps data/presized"),
        ("data", "overlaps data/sample"),
        ("data/sample", "stays empty"),
        ("data/gone", "does not exist"),
        ("data/photos/1.jpg", "is no folder"),
    ],
)
def test_another_folder_is_refused(images: str, what: str) -> None:
    """What DVC deletes, what stays empty and what is not there is one mistake with its remedy."""
    (mistake,) = images_mistakes(images, "none", OUTPUTS)
    assert mistake.startswith("ingest.images: ")
    assert what in mistake


def test_photos_that_dvc_has_are_brought_by_it() -> None:
    """In a new clone the folder is not there yet, and the mistake says which commands make it."""
    Path("data/birds 1.dvc").write_text("outs: []\n")
    (mistake,) = images_mistakes("data/birds 1/old", "none", OUTPUTS)
    assert "`dvc checkout 'data/birds 1'`" in mistake
    assert "`dvc pull 'data/birds 1'`" in mistake


def test_a_path_is_inside_itself_and_its_folders() -> None:
    """Whole parts of a path are compared."""
    assert is_inside("data/a/b", "data/a")
    assert is_inside("data/a", "data/a")
    assert not is_inside("data/ab", "data/a")


def test_outputs_are_named_with_and_without_options() -> None:
    """An output of dvc.yaml may be a text or a mapping with options."""
    stage = {"outs": ["a", {"b": {"persist": True}}], "metrics": [{"c": {"cache": False}}]}
    assert outputs_of({"stages": {"one": stage}}) == ["a", "b", "c"]


@pytest.mark.parametrize(("scheme", "package"), [("gs", "dvc-gs"), ("azure", "dvc-azure")])
def test_a_bucket_needs_the_package_of_dvc(scheme: str, package: str) -> None:
    """Where the package for a scheme is missing the mistake has the line that installs it."""
    if find_spec(package.replace("-", "_")):
        pytest.skip(f"{package} is installed")
    (mistake,) = images_mistakes(f"{scheme}://birds/2024", "none", OUTPUTS)
    assert mistake.startswith(f"ingest.images: {scheme}://birds/2024 needs {package}")
    assert mistake.endswith(f"pip install {package}")


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("az://gs/az", "azure://gs/az"),
        ("abfs://a", "azure://a"),
        ("gcs://a", "gs://a"),
        ("s3a://a", "s3://a"),
    ],
)
def test_a_scheme_that_fsspec_alone_knows_is_written_as_dvc_does(url: str, written: str) -> None:
    """The same bucket has a URL that both follow, and the mistake has it."""
    (mistake,) = images_mistakes(url, "none", OUTPUTS)
    assert mistake == f"ingest.images: {url}: DVC reaches it by another scheme; write {written}"


@pytest.mark.parametrize(
    "url", ["file:///photos", "memory://photos", "remote://birds", "birds://2024", "sftp://a"]
)
def test_a_url_that_dvc_does_not_follow_is_refused(url: str) -> None:
    """Behind a scheme that is no storage of DVC a change would not be seen."""
    (mistake,) = images_mistakes(url, "none", OUTPUTS)
    assert mistake.startswith(f"ingest.images: {url}: DVC and Finetrack do not both reach")
