"""Whatever people name becomes photos, and what cannot be one becomes a problem in its place."""

import errno
import io
import os
from itertools import islice
from pathlib import Path

import pytest

from stages.base.bucket import BucketFile
from stages.base.errors import UserError
from stages.predict import find_sources as module
from stages.predict import photo_source
from stages.predict.find_sources import Found, find_sources
from stages.predict.path_in_tar import TarPaths
from stages.predict.photo_source import Address, PhotoSource, Unread, read_source_bytes
from tests.tar_files import write_tar


def find(*arguments: str | Path, stdin: bytes = b"", column: str = "path") -> list[Found]:
    """Return what is behind arguments."""
    return find_sources(
        [str(argument) for argument in arguments], column, io.BytesIO(stdin), TarPaths()
    )


def sources(*arguments: str | Path, stdin: bytes = b"", column: str = "path") -> list[PhotoSource]:
    """Return the sources behind arguments."""
    return [
        source for found in find(*arguments, stdin=stdin, column=column) for source in found.sources
    ]


def touch(folder: Path, *names: str) -> None:
    """Make empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_file_is_taken_as_it_is_named(tmp_path: Path) -> None:
    """A file that is named is a photo to read, whatever its name, and so is one that is absent."""
    (found,) = find(tmp_path / "note.txt")
    assert list(found.sources) == [PhotoSource(f"{tmp_path}/note.txt", tmp_path / "note.txt")]
    assert found.count == 1


def test_a_folder_gives_its_photos_sorted(tmp_path: Path) -> None:
    """Photos are found below a folder at any depth; other files are counted in a line."""
    touch(
        tmp_path, "c.JPG", "sub/deep/b.png", "a.webp", "d.heic", "a.json", "sub/clip.MOV", ".d.jpg"
    )
    (found,) = find(tmp_path)
    names = [Path(source.name).relative_to(tmp_path).as_posix() for source in found.sources]
    assert names == ["a.webp", "c.JPG", "d.heic", "sub/deep/b.png"]
    assert found.count == 4
    assert found.passed_over == f"{tmp_path}: passed over 2 other files (1 .json, 1 .mov)"


def test_a_folder_without_photos_says_so(tmp_path: Path) -> None:
    """An empty folder is one problem rather than nothing."""
    (source,) = sources(tmp_path)
    assert isinstance(source.place, Unread)
    assert source.place.problem.startswith("no photo in the folder")


def test_what_is_odd_in_a_folder_has_a_row(tmp_path: Path) -> None:
    """A pipe, a link to nowhere and a name that is not UTF-8 are problems with names to write."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "away.jpg").symlink_to("nowhere.jpg")
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    touch(tmp_path, "a.jpg")
    problems = {Path(source.name).name: source.place for source in sources(tmp_path)}
    assert problems.pop("a.jpg") == tmp_path / "a.jpg"
    assert problems == {
        "pipe.jpg": Unread("not a file: a pipe, a socket or a device"),
        "away.jpg": Unread("broken link: what it leads to is not there"),
        "caf\\xe9.jpg": Unread("name not UTF-8: rename it"),
    }


def test_a_pattern_gives_the_photos_that_match(tmp_path: Path) -> None:
    """A pattern goes into folders where it says so, and passes over folders and other files."""
    touch(tmp_path, "a.jpg", "b.png", "c.txt", "album.jpg/d.jpg")
    names = [Path(source.name).name for source in sources(tmp_path / "**" / "*.jpg")]
    assert sorted(names) == ["a.jpg", "d.jpg"]
    (found,) = find(tmp_path / "*")
    assert [Path(source.name).name for source in found.sources] == ["a.jpg", "b.png"]
    assert "passed over 1 other file (1 .txt)" in found.passed_over
    (nothing,) = sources(tmp_path / "*.gif")
    assert nothing.place == Unread("no photo has such a name")


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    """What is there under that very name is no pattern."""
    touch(tmp_path, "a[1].jpg", "a1.jpg")
    (source,) = sources(tmp_path / "a[1].jpg")
    assert source.place == tmp_path / "a[1].jpg"


def test_a_photo_in_a_tar_may_be_named_like_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the path that rows have or by that of its tar; what no tar has so is a pattern."""
    monkeypatch.chdir(tmp_path)
    photos = {"cat/a[1].jpg": b"[", "why?.jpg": b"?", "**.jpg": b"*"}
    write_tar(tmp_path / "tars[2]" / "a.tar", photos)
    (found,) = find("tars[2]")
    rows = {source.name: read_source_bytes(source) for source in found.sources}
    assert rows == {f"tars[2]/{path}": content for path, content in photos.items()}
    named = sources(*rows)
    assert {source.name: read_source_bytes(source) for source in named} == rows
    inside = sources(*(f"tars[2]/a.tar/{path}" for path in photos))
    assert [read_source_bytes(source) for source in inside] == list(photos.values())
    touch(tmp_path, "plain/a1.jpg", "tars2/cat/a1.jpg")
    assert [source.name for source in sources("plain/a[1].jpg")] == ["plain/a1.jpg"]
    (nothing,) = sources("tars[2]/*.jpg")
    assert nothing.place == Unread("no photo has such a name")


def test_a_path_like_a_pattern_says_why_its_tar_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken link says so too, as with any other name."""
    monkeypatch.chdir(tmp_path)
    (write_tar(tmp_path / "a.tar", {"1.jpg": bytes(9000)})).write_bytes(b"no tar")
    (damaged,) = sources("a.tar/a[1].jpg")
    assert isinstance(damaged.place, Unread)
    assert damaged.place.problem.startswith("a.tar is damaged at byte 0")
    (tmp_path / "b[1].jpg").symlink_to("nowhere.jpg")
    (broken,) = sources("b[1].jpg")
    assert read_source_bytes(broken) == Unread("unreadable: No such file or directory")


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_a_list_comes_from_stdin(separator: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are parted by lines or by NUL, also where a piece ends inside of one; none is lost."""
    monkeypatch.setattr(module, "_PIECE", 7)
    lines = [b"a photo.jpg", b"http://host/b.jpg", b"caf\xe9.jpg", b"c.jpg"]
    listed = sources("-", stdin=separator.join(lines))
    assert listed == [
        PhotoSource("a photo.jpg", Path("a photo.jpg")),
        PhotoSource("http://host/b.jpg", Address("http://host/b.jpg")),
        PhotoSource("caf\\xe9.jpg", Path(os.fsdecode(b"caf\xe9.jpg"))),
        PhotoSource("c.jpg", Path("c.jpg")),
    ]


def test_an_empty_line_is_a_problem() -> None:
    """An empty line in a list is not taken for the folder at hand."""
    _, empty, _ = sources("-", stdin=b"a.jpg\n\nb.jpg\n")
    assert empty.place == Unread("no path: the line or the cell is empty")


def test_a_list_is_read_as_it_is_consumed() -> None:
    """The first photo of a list is there before the last one is known."""
    reading, writing = os.pipe()
    os.write(writing, b"a.jpg\n" * 100)  # and the pipe stays open
    with os.fdopen(reading, "rb") as pipe:
        (found,) = find_sources(["-"], "path", pipe, TarPaths())
        names = [source.name for source in islice(found.sources, 100)]
    os.close(writing)
    assert names == ["a.jpg"] * 100
    assert found.count is None


def test_a_table_names_photos_from_its_own_folder(tmp_path: Path) -> None:
    """Cells are paths from the table on, or addresses; rows keep what the cell says."""
    table = tmp_path / "list.csv"
    table.write_text("label;Path\ncat;a.jpg\ndog;http://host/b.jpg\nowl;\n", encoding="utf-8")
    (found,) = find(table)
    assert list(found.sources) == [
        PhotoSource("a.jpg", tmp_path / "a.jpg"),
        PhotoSource("http://host/b.jpg", Address("http://host/b.jpg")),
        PhotoSource("", Unread("no path: the line or the cell is empty")),
    ]
    assert found.count == 3
    names = [source.name for source in sources(table, table)]
    assert names == [f"{tmp_path}/a.jpg", "http://host/b.jpg", ""] * 2
    with pytest.raises(UserError, match="--column"):
        find(table, column="file")


def test_a_pattern_may_end_like_a_table_or_a_tar(tmp_path: Path) -> None:
    """A pattern is one whatever it ends in; what it matches is no photo, and is said."""
    touch(tmp_path, "a.csv", "b.tar")
    for pattern in ("*.csv", "*.tar"):
        (found,) = find(tmp_path / pattern)
        assert "passed over 1 other file" in found.passed_over


def test_a_folder_of_tars_gives_its_photos_by_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are called as if they lay in the folder, and are read at their places."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    odd = {"../4.jpg": b"4", "/etc/y.jpg": b"5"}
    write_tar(folder / "a.tar", {"cats/2.jpg": b"2", "note.txt": b"3"} | odd)
    write_tar(folder / "b.tar", {"cats/1.jpg": b"one"})
    (found,) = find(folder)
    leaving, absolute, *photos = found.sources
    assert isinstance(leaving.place, Unread)
    assert leaving.place.problem.startswith("path leaves the folder")
    assert leaving.name == f"{folder}/a.tar/../4.jpg"
    assert absolute.name == f"{folder}/a.tar/etc/y.jpg"  # no other file of this machine
    assert [photo.name for photo in photos] == [f"{folder}/cats/1.jpg", f"{folder}/cats/2.jpg"]
    assert [read_source_bytes(photo) for photo in photos] == [b"one", b"2"]
    assert found.count == 4
    assert "1 other file (1 .txt)" in found.passed_over
    monkeypatch.setattr(photo_source, "MOST_BYTES", 2)
    large = read_source_bytes(photos[0])
    assert isinstance(large, Unread)
    assert large.problem.startswith("too large: 3 bytes")


def test_tables_and_lists_name_photos_in_tars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the folder of the table on, or where they are typed; names stay as they are."""
    monkeypatch.chdir(tmp_path)
    write_tar(tmp_path / "in" / "tars" / "a.tar", {"cats/1.jpg": b"one"})
    (tmp_path / "in" / "list.csv").write_text(
        "path\ntars/cats/1.jpg\n tars/a.tar/cats/1.jpg \ntars/cats/2.jpg\ngz.tar.gz/1.jpg\n"
    )
    touch(tmp_path, "in/gz.tar.gz")
    names = ["tars/cats/1.jpg", "tars/a.tar/cats/1.jpg", "tars/cats/2.jpg", "gz.tar.gz/1.jpg"]
    alone = sources("in/list.csv")
    assert [source.name for source in alone] == names
    one, same, gone, compressed = map(read_source_bytes, alone)
    assert one == same == b"one"
    assert gone == Unread("unreadable: No such file or directory")
    assert isinstance(compressed, Unread)
    listed = sources("-", stdin="\n".join(f"in/{name}" for name in names).encode())
    assert sources("in/list.csv", "in/list.csv")[:4] == listed
    assert [read_source_bytes(source) for source in listed[:2]] == [b"one", b"one"]
    (named,) = sources("in/tars/cats/1.jpg")
    assert named == listed[0]


def test_spaces_around_a_name_are_none(tmp_path: Path) -> None:
    """A cell with spaces around a path names the photo that is there, unless one has them."""
    touch(tmp_path, "cat/1.jpg", "2.jpg ", "2.jpg")
    (tmp_path / "list.csv").write_text("path\n cat/1.jpg\n2.jpg \n")
    assert [source.name for source in sources(tmp_path / "list.csv")] == ["cat/1.jpg", "2.jpg "]


def test_a_folder_of_tars_that_cannot_be_used_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage, a path twice and compressed tars each have one, and other folders their photos."""
    write_tar(tmp_path / "ok" / "a.tar", {"1.jpg": b"1"})
    write_tar(tmp_path / "cut" / "a.tar", {"1.jpg": bytes(9000)})
    os.truncate(tmp_path / "cut" / "a.tar", 5000)
    write_tar(tmp_path / "twice" / "a.tar", {"1.jpg": b"1"})
    write_tar(tmp_path / "twice" / "b.tar", {"1.jpg": b"2"})
    touch(tmp_path, "gz/a.tar.gz")
    monkeypatch.chdir(tmp_path)
    arguments = ("cut", "twice", "gz", "ok")
    assert [found.count for found in find(*arguments)] == [1, 1, 1, 1]
    *problems, photo = sources(*arguments)
    assert photo.name == "ok/1.jpg"
    assert read_source_bytes(photo) == b"1"
    assert {row.name: row.place for row in problems} == {
        "cut": Unread(
            "cut/a.tar is damaged at byte 512: 1.jpg lacks its last 4,512 bytes; copy the tar again"
        ),
        "twice": Unread(
            "twice: 1 path more than once in its tars, which would be one photo; remove one of"
            " them (tar --delete of GNU tar), or pack them under other paths: '1.jpg': in a.tar and"
            " b.tar"
        ),
        "gz": Unread(
            "gz holds 1 compressed tar, such as 'a.tar.gz', and photos are read from"
            " uncompressed ones; unpack them to .tar (as gunzip does of .tar.gz): photos are"
            " compressed as they are"
        ),
    }


def test_a_tar_that_cannot_be_read_now_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the disk below a folder of tars may pass."""
    write_tar(tmp_path / "a.tar", {"1.jpg": b"1"})

    def stale(*_: object) -> object:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr("stages.dataset.tar_index.tar_state", stale)
    (source,) = sources(tmp_path)
    assert isinstance(source.place, Unread)
    assert source.place.again
    assert "a.tar cannot be read: Stale file handle" in source.place.problem


@pytest.fixture
def files_in_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a URL of file:// be read as one of a bucket, which needs no server."""
    monkeypatch.setattr(module, "local_path", str)


@pytest.mark.usefixtures("files_in_a_bucket")
def test_a_bucket_is_its_photos_by_url(tmp_path: Path) -> None:
    """Below a URL photos are sorted and named by it, hidden ones left out, others passed over."""
    touch(tmp_path, "b/2.jpg", "b/1.PNG", ".x/3.jpg", "note.txt")
    url = f"file://{tmp_path}"
    (found,) = find(f"{url}/")
    photos = list(found.sources)
    assert [photo.name for photo in photos] == [f"{url}/b/1.PNG", f"{url}/b/2.jpg"]
    assert [photo.place for photo in photos] == [
        BucketFile(url, "b/1.PNG"),
        BucketFile(url, "b/2.jpg"),
    ]
    assert found.count == 2
    assert "1 other file" in found.passed_over


def test_a_url_may_name_one_photo_anywhere_in_a_list(tmp_path: Path) -> None:
    """A URL that ends as a photo is one, given by itself, in a list or in a table."""
    photo = PhotoSource("s3://birds/a.jpg", BucketFile("s3://birds", "a.jpg"))
    assert sources("s3://birds/a.jpg") == [photo]
    assert sources("-", stdin=b"s3://birds/a.jpg") == [photo]
    (tmp_path / "table.csv").write_text("path\ns3://birds/a.jpg\n")
    assert sources(tmp_path / "table.csv") == [photo]


@pytest.mark.usefixtures("files_in_a_bucket")
def test_a_bucket_without_a_photo_is_a_problem_or_an_error(tmp_path: Path) -> None:
    """Other files alone are a problem in the URL's place; nothing at all is an error."""
    touch(tmp_path, "album/note.txt")
    (source,) = sources(f"file://{tmp_path}/album")
    assert isinstance(source.place, Unread)
    assert source.place.problem.startswith("no photo in the bucket")
    with pytest.raises(UserError, match="holds no file"):
        find(f"file://{tmp_path}/gone")


def test_a_url_of_a_folder_here_is_the_folder(tmp_path: Path) -> None:
    """What a listing of file:// leaves out in silence has its problem, as below a path."""
    touch(tmp_path, "a.jpg")
    (tmp_path / "away.jpg").symlink_to("nowhere.jpg")
    assert sources(f"file://{tmp_path}") == sources(tmp_path)
    assert len(sources(f"file://{tmp_path}")) == 2
    (listed,) = sources("-", stdin=f"file://{tmp_path}/a.jpg".encode())
    assert listed == PhotoSource(f"file://{tmp_path}/a.jpg", tmp_path / "a.jpg")


def test_a_user_in_a_url_is_not_in_results() -> None:
    """In a list such a line is a problem without the user; as an argument it is refused."""
    (source,) = sources("-", stdin=b"sftp://me:a/secret@host/a.jpg")
    assert source == PhotoSource("sftp://host/a.jpg", module.SECRET)
    for url in ("s3://me:a/secret@birds", "s3://me:a/secret@birds/a.jpg"):
        with pytest.raises(UserError) as error:
            find(url)
        assert "secret" not in str(error.value)


def test_an_unknown_storage_in_a_list_is_a_problem() -> None:
    """One line of a list ends no run, and its problem says what is read."""
    odd, upper = sources("-", stdin=b"ftp://host/a.jpg\nS3://birds/a.jpg")
    assert isinstance(odd.place, Unread)
    assert odd.place.problem.startswith("photos are not read from ftp://, but from s3")
    assert upper.place == BucketFile("s3://birds", "a.jpg")


def test_a_key_that_the_locale_has_no_letters_for_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A URL outside ASCII is refused under such a locale, as a folder of such files is."""
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "ascii")
    with pytest.raises(UserError, match="PYTHONUTF8=1"):
        sources("-", stdin="s3://birds/\u00e9.jpg".encode())
