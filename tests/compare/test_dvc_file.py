"""What a .dvc file says of the path beside it, whoever wrote it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.compare.dvc_file import TrackedContent, read_dvc_file

NAME = "data/photos.dvc of v1"
MD5 = "a1" * 16 + ".dir"
FOLDER = f"outs:\n- md5: {MD5}\n  size: 9\n  nfiles: 2\n  hash: md5\n  path: photos\n".encode()


def test_a_folder_has_its_hash_its_size_and_its_files() -> None:
    """All that `dvc add` writes of a folder is read."""
    assert read_dvc_file(FOLDER, "data/photos", NAME) == TrackedContent(
        md5=MD5, size=9, files=2, is_import=False
    )


def test_what_comes_from_elsewhere_is_an_import() -> None:
    """The file of `dvc import-url` names where the photos come from."""
    content = read_dvc_file(b"deps:\n- path: /mnt/birds\n" + FOLDER, "data/photos", NAME)
    assert content is not None
    assert content.is_import


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"outs: []",
        FOLDER.replace(b"path: photos", b"path: pictures"),
        FOLDER.replace(b"  hash: md5\n", b""),  # as DVC 2 wrote it
        b"outs:\n- path: photos\n",
        b"wdir: ../raw\n" + FOLDER,
        re.sub(rb"[0-9a-f]{32}", b"zz", FOLDER),
    ],
)
def test_a_file_may_say_nothing_of_the_content(content: bytes | None) -> None:
    """A missing file, one of another path or folder, and another kind of hash are no failure."""
    assert read_dvc_file(content, "data/photos", NAME) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"outs: 1", r"outs: Input should be a valid list, not 1; dvc add data/photos writes"),
        (b"outs: [{path: [a]}]", "outs.0.path: Input should be a valid string"),
        (b"outs: [{path: photos, size: many}]", "outs.0.size: .* not 'many'"),
    ],
)
def test_a_damaged_file_is_named(content: bytes, words: str) -> None:
    """The error has the file, the place in it and the command that writes it anew."""
    with pytest.raises(UserError, match=rf"^data/photos\.dvc of v1.*{words}"):
        read_dvc_file(content, "data/photos", NAME)


def test_dvc_writes_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of DVC that writes its files otherwise is noticed here."""
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Path("photos", name).write_bytes(name.encode())
    for command in (["init", "-q", "--no-scm"], ["add", "-q", "photos"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], check=True)
    content = read_dvc_file(Path("photos.dvc").read_bytes(), "photos", "photos.dvc")
    assert content is not None
    assert (content.size, content.files, content.is_import) == (10, 2, False)
    assert content.md5.endswith(".dir")
