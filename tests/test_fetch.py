"""fetch fills data/sample, from this machine or from a server, and leaves the user's files."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.fetch import SAMPLE_FOLDER, download_pets, main
from stages.sample.digits import planted_faults

BREEDS = ("Abyssinian_1", "Abyssinian_2", "beagle_10", "great_pyrenees_173")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def choose(dataset: str) -> None:
    """Write params.yaml."""
    Path("params.yaml").write_text(f"fetch:\n  dataset: {dataset}\n")


def names() -> list[str]:
    """Return the file names in the sample."""
    return sorted(path.name for path in SAMPLE_FOLDER.iterdir())


def photo(colour: str | tuple[int, int, int]) -> bytes:
    """Return a small JPEG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def archive(path: Path, files: dict[str, bytes]) -> str:
    """Write a tar.gz as the official ones are laid out; return its md5."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def pets(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, bytes]]:
    """Serve a small Oxford-IIIT Pet set in place of the official address; return its photos."""
    datasets = pytest.importorskip("torchvision.datasets")
    folder = tmp_path_factory.mktemp("served")
    images = {f"images/{name}.jpg": photo((40 * i, 90, 90)) for i, name in enumerate(BREEDS)}
    other = {"images/Abyssinian_100.mat": b"old", "images/._beagle_10.jpg": b"resource fork"}
    rows = [f"{name} {1 + i // 2} 1 1\n".encode() for i, name in enumerate(BREEDS)]
    lists = {
        "annotations/list.txt": b"".join(rows),
        "annotations/trainval.txt": b"".join(rows[:2]),
        "annotations/test.txt": b"".join(rows[2:]),
        "annotations/trimaps/Abyssinian_1.png": b"",
    }
    sums = {
        "images.tar.gz": archive(folder / "images.tar.gz", images | other),
        "annotations.tar.gz": archive(folder / "annotations.tar.gz", lists),
    }
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)
    )
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    where = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(
        datasets.OxfordIIITPet,
        "_RESOURCES",
        tuple((f"{where}/{name}", md5) for name, md5 in sums.items()),
    )
    yield {Path(name).name: content for name, content in images.items()}
    server.shutdown()
    server.server_close()


def test_none_is_an_empty_folder(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With none the folder exists, without photographs."""
    choose("none")
    main()
    assert names() == [".made.json"]
    assert capsys.readouterr().out == (
        "fetch.dataset is none, so data/sample has no sample; ingest.images names yours\n"
    )


@pytest.mark.parametrize("dataset", ["cats", "1", "null"])
def test_an_unknown_dataset_is_refused_by_name(workplace: Path, dataset: str) -> None:
    """A dataset that does not exist is an error that lists those that do, before any writing."""
    choose(dataset)
    with pytest.raises(UserError, match=r"fetch\.dataset: .*'digits', 'pets' or 'none'"):
        main()
    assert not SAMPLE_FOLDER.exists()


def test_pets_are_downloaded_once_and_copied_flat(
    workplace: Path, pets: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """Photographs of both splits arrive byte for byte; a second run needs no download."""
    choose("pets")
    main()
    assert {path.name: path.read_bytes() for path in SAMPLE_FOLDER.glob("*.jpg")} == pets
    assert names() == sorted([".made.json", *pets])
    assert capsys.readouterr().out.endswith("pets: 4 photographs in data/sample, 4 written now\n")
    archives = sorted(Path(".finetrack/downloads").rglob("*.tar.gz"))
    times = [path.stat().st_mtime_ns for path in archives]
    main()
    assert [path.stat().st_mtime_ns for path in archives] == times
    assert capsys.readouterr().out == "pets: 4 photographs in data/sample, 0 written now\n"


def test_another_choice_leaves_only_what_the_user_added(
    workplace: Path, pets: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """Going from pets to none takes the pets away, and neither the added nor the edited photo."""
    choose("pets")
    main()
    (SAMPLE_FOLDER / "mine.jpg").write_bytes(photo("red"))
    (SAMPLE_FOLDER / "beagle_10.jpg").write_bytes(photo("green"))
    main()
    assert "Left as you changed them: beagle_10.jpg\n" in capsys.readouterr().out
    choose("none")
    main()
    assert names() == [".made.json", "beagle_10.jpg", "mine.jpg"]


def test_a_changed_archive_is_refused(
    tmp_path: Path, pets: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive with another checksum than the official one is not used."""
    from torchvision.datasets import OxfordIIITPet

    wrong = tuple((url, "0" * 32) for url, _ in OxfordIIITPet._RESOURCES)
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", wrong)
    with pytest.raises(UserError, match="could not be downloaded"):
        download_pets(tmp_path)


def test_without_a_network_the_other_choices_are_named(
    tmp_path: Path, pets: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed download is one line that names digits and none."""
    from torchvision.datasets import OxfordIIITPet

    nobody = tuple(("http://127.0.0.1:1/x.tar.gz", md5) for _, md5 in OxfordIIITPet._RESOURCES)
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", nobody)
    with pytest.raises(UserError, match=r"digits .* or none") as caught:
        download_pets(tmp_path / "downloads")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.thorough  # make repro makes them in .ci/run
def test_digits_are_written_whole(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sample is 1,011 files, with all planted ones among them."""
    choose("digits")
    main()
    assert len(names()) == 1012
    assert {path for path, _, _ in planted_faults()} < set(names())
    assert capsys.readouterr().out.endswith("1,011 photographs in data/sample, 1,011 written now\n")
