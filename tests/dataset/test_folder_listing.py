"""A folder is listed sorted, without what is hidden, and what cannot be a file is named."""

import os
from pathlib import Path

import pytest

from stages.dataset.folder_listing import list_files
from tests.dataset.test_scan import names_of, photo


def test_hidden_files_are_passed_over_and_counted(tmp_path: Path) -> None:
    """What systems and tools leave in folders is no photo: dot files, dot folders, Thumbs.db."""
    photo(tmp_path / "a.jpg")
    for name in [
        ".DS_Store",
        ".gitignore",
        ".made.json",
        "Thumbs.db",
        "sub/._a.jpg",
        "desktop.ini",
    ]:
        photo(tmp_path / name)
    photo(tmp_path / ".cache" / "deep" / "b.jpg")
    assert list_files(tmp_path) == (["a.jpg"], [], 7)


def test_the_order_is_that_of_the_paths(tmp_path: Path) -> None:
    """Files come sorted by their whole path, however the disk lists them."""
    names = [f"{a}{sep}{b}.jpg" for a in "zaB" for sep in ("/", "-", "") for b in "ya9"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    assert list_files(tmp_path)[0] == sorted(names)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    """Links inside a linked folder are still inside."""
    photo(tmp_path / "real" / "a.jpg")
    (tmp_path / "real" / "b.jpg").symlink_to(tmp_path / "real" / "a.jpg")
    (tmp_path / "photos").symlink_to("real")
    assert list_files(tmp_path / "photos") == (["a.jpg", "b.jpg"], [], 0)


def test_links_that_lead_out_or_nowhere_are_problems(tmp_path: Path) -> None:
    """Nothing outside the folder is read through a link; loops and broken links have names."""
    photo(tmp_path / "outside" / "x.jpg")
    root = tmp_path / "photos"
    photo(root / "a" / "b" / "x.jpg")
    (root / "out.jpg").symlink_to(tmp_path / "outside" / "x.jpg")
    (root / "out").symlink_to("../outside")
    (root / "similar").symlink_to(tmp_path / "photos2")
    photo(tmp_path / "photos2" / "x.jpg")
    (root / "gone.jpg").symlink_to("nothing.jpg")
    (root / "self").symlink_to("self")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "a" / "b" / "up").symlink_to("..")
    (root / "a" / "b" / "here").symlink_to(".")
    (root / "a" / "top").symlink_to(root)
    paths, problems, _ = list_files(root)
    assert paths == ["a/b/x.jpg"]
    assert names_of(problems) == {
        "out.jpg": "link out of the folder",
        "out": "linked folder",
        "similar": "linked folder",
        "gone.jpg": "broken link",
        "self": "symlink loop",
        "one": "symlink loop",
        "two": "symlink loop",
        "a/b/up": "linked folder",
        "a/b/here": "linked folder",
        "a/top": "linked folder",
    }
    assert not any(str(tmp_path) in problem.detail for problem in problems)


def test_folders_that_link_to_each_other_come_to_an_end(tmp_path: Path) -> None:
    """Linked folders are not entered, so that many of them are no maze."""
    for folder in range(12):
        photo(tmp_path / f"{folder:02}" / "x.jpg")
        for target in range(12):
            (tmp_path / f"{folder:02}" / f"to{target:02}").symlink_to(f"../{target:02}")
    paths, problems, _ = list_files(tmp_path)
    assert len(paths) == 12
    assert {problem.problem for problem in problems} == {"linked folder"}


@pytest.mark.skipif(os.name != "posix" or os.uname().sysname != "Linux", reason="Linux keeps bytes")
def test_names_that_are_not_utf8_are_problems(tmp_path: Path) -> None:
    """A name that no table can hold is shown with its bytes escaped, a folder with all in it."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9r")).mkdir()
    for name in (b"/caf\xe9.jpg", b"/d\xe9r/x.jpg"):
        Path(os.fsdecode(os.fsencode(tmp_path) + name)).write_bytes(b"x")
    (tmp_path / "café.jpg").write_bytes(b"x")
    paths, problems, _ = list_files(tmp_path)
    assert paths == ["café.jpg"]
    assert names_of(problems) == {"caf\\xe9.jpg": "name not UTF-8", "d\\xe9r": "name not UTF-8"}


@pytest.mark.slow
def test_very_deep_folders_are_listed(tmp_path: Path) -> None:
    """Depth is bounded by the system alone, not by the interpreter's stack."""
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1100):
            Path("d").mkdir()
            os.chdir("d")
        Path("x.jpg").write_bytes(b"x")
        os.chdir(tmp_path)
        paths, problems, _ = list_files(Path())
        assert paths == ["d/" * 1100 + "x.jpg"]
        assert problems == []
    finally:
        os.chdir(here)
        os.system(f"rm -rf '{tmp_path}/d'")


def test_what_systems_leave_beside_photos_is_passed_over(tmp_path: Path) -> None:
    """Thumbnails of network drives, bins and previews are no photos, though they are images."""
    photo(tmp_path / "a.jpg")
    for name in [
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        "__MACOSX/a.jpg",
        "#recycle/b.jpg",
        "$RECYCLE.BIN/b.jpg",
        "lost+found/c.jpg",
        "Holiday Previews.lrdata/1.jpg",
        "a.jpg:Zone.Identifier",
        ".picasa.ini",
        "Icon\r",
    ]:
        photo(tmp_path / name)
    assert list_files(tmp_path) == (["a.jpg"], [], 9)
