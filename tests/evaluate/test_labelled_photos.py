"""Photos get their labels by folder, by name or by a table, and what has none is said."""

from pathlib import Path
from shutil import rmtree

import pytest

from stages.base.bucket import BucketFile
from stages.base.errors import UserError
from stages.base.params import read_section
from stages.dataset.ingest_params import IngestParams
from stages.evaluate import labelled_photos
from stages.evaluate.labelled_photos import (
    LabelBy,
    LabelledPhotos,
    LabelOptions,
    find_labelled_photos,
    require_known_class,
)
from stages.labels.labels import LabelParams
from stages.predict import find_sources
from stages.predict.photo_source import Unread, read_source_bytes
from tests.evaluate.example_evaluation import ROOT
from tests.predict.small_model import make_photo
from tests.tar_files import write_tar

TABLE = LabelOptions()
BY_FOLDER = LabelOptions(by="folder")


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> LabelParams:
    """Return the rule of the project's own params.yaml: by file name."""
    with monkeypatch.context() as context:
        context.chdir(ROOT)
        return read_section("ingest", IngestParams).label


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two classes, one photo beside them, and a note; its parent is here."""
    for name in ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "stray.jpg"):
        make_photo(tmp_path / "album" / name)
    (tmp_path / "album" / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "album"


def by_name(photos: LabelledPhotos) -> dict[str, str]:
    """Return the labels, checked to be those of the sources, in their order."""
    assert [source.name for source in photos.sources] == sorted(photos.labels)
    return dict(photos.labels)


def test_a_folder_names_classes(album: Path, rule: LabelParams) -> None:
    """The folder of a photo is its label, one at the top has none, other files are passed over."""
    photos = find_labelled_photos("album", rule, BY_FOLDER)
    expected = {"album/cat/1.jpg": "cat", "album/cat/2.jpg": "cat", "album/dog/1.jpg": "dog"}
    assert by_name(photos) == expected
    assert [row.path for row in photos.unlabelled] == ["album/stray.jpg"]
    assert "1 other file" in photos.passed_over


@pytest.mark.parametrize("argument", ["album", "album/", "./album", "{absolute}"])
def test_any_spelling_of_the_folder_will_do(album: Path, rule: LabelParams, argument: str) -> None:
    """However a folder is named, labels go by the path below it."""
    photos = find_labelled_photos(argument.format(absolute=album), rule, BY_FOLDER)
    assert sorted(photos.labels.values()) == ["cat", "cat", "dog"]


def test_the_folder_itself_may_be_here(
    album: Path, rule: LabelParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.` is a folder as others, and gives its name to no photo."""
    monkeypatch.chdir(album)
    assert by_name(find_labelled_photos(".", rule, BY_FOLDER))["cat/1.jpg"] == "cat"


def test_the_rule_of_the_params_is_the_default(tmp_path: Path, rule: LabelParams) -> None:
    """Without --label-by the regex of params.yaml labels by file name."""
    make_photo(tmp_path / "a" / "owl_1.jpg")
    assert list(find_labelled_photos(f"{tmp_path}", rule, TABLE).labels.values()) == ["owl"]


def test_a_table_names_photos_beside_it(album: Path, rule: LabelParams) -> None:
    """Paths of a table are relative to it or absolute; delimiter and columns are its own."""
    rows = ["file;kind", "cat/1.jpg;cat", f"{album / 'dog' / '1.jpg'};dog", "gone.jpg;cat"]
    (album / "list.csv").write_text("\n".join(rows))
    options = LabelOptions(path_column="file", label_column="kind")
    photos = find_labelled_photos("album/list.csv", rule, options)
    places = {source.name: source.place for source in photos.sources}
    assert photos.labels == {"cat/1.jpg": "cat", f"{album}/dog/1.jpg": "dog", "gone.jpg": "cat"}
    assert places["cat/1.jpg"] == Path("album/cat/1.jpg")
    assert places[f"{album}/dog/1.jpg"] == album / "dog" / "1.jpg"


def test_a_table_of_labels_beside_a_folder(album: Path, rule: LabelParams) -> None:
    """--labels: paths are below the folder; rows without a photo and photos without a row count."""
    rows = ["path,label", "cat/1.jpg,owl", "cat\\2.jpg,owl", "cat/9.jpg,owl", ",cat"]
    Path("labels.csv").write_text("\n".join(rows))
    photos = find_labelled_photos("album", rule, LabelOptions(table=Path("labels.csv")))
    assert by_name(photos) == {"album/cat/1.jpg": "owl", "album/cat/2.jpg": "owl"}
    assert [row.path for row in photos.unlabelled] == ["album/dog/1.jpg", "album/stray.jpg"]
    problems = {row.problem for row in photos.row_problems}
    assert {"row without photo", "empty path"} <= problems
    assert photos.rows_without_photo == 1
    details = " ".join(row.detail for row in photos.row_problems)
    assert "album has no such image" in details
    assert "ingest.images" not in details


def test_spaces_around_a_path_are_none(album: Path, rule: LabelParams) -> None:
    """A cell with spaces around a path names the photo that is there."""
    (album / "list.csv").write_text("path,label\ncat/1.jpg ,cat\n dog/1.jpg,dog\n")
    photos = find_labelled_photos("album/list.csv", rule, TABLE)
    assert by_name(photos) == {"cat/1.jpg": "cat", "dog/1.jpg": "dog"}
    assert all(isinstance(one.place, Path) and one.place.exists() for one in photos.sources)


@pytest.mark.parametrize(
    ("argument", "by", "error"),
    [
        ("album/list.csv", None, "album/list.csv is a table of labels itself; leave out --labels"),
        ("album", "folder", "--labels labels.csv and --label-by folder are two sources"),
        ("album", "filename", "--labels labels.csv and --label-by filename are two sources"),
    ],
)
def test_two_sources_of_labels_are_refused(
    album: Path, rule: LabelParams, argument: str, by: LabelBy | None, error: str
) -> None:
    """--labels beside a table, or beside another rule, is never passed over."""
    for file in (album / "list.csv", Path("labels.csv")):
        file.write_text("path,label\ncat/1.jpg,cat\n")
    with pytest.raises(UserError, match=error):
        find_labelled_photos(argument, rule, LabelOptions(by=by, table=Path("labels.csv")))


@pytest.mark.parametrize("options", [BY_FOLDER, LabelOptions(table=Path("labels.csv"))])
def test_an_empty_folder_is_no_photo(album: Path, rule: LabelParams, options: LabelOptions) -> None:
    """A folder without a photo is refused by its name, though it has a folder itself."""
    (album / "empty").mkdir()
    Path("labels.csv").write_text("path,label\nempty,cat\n")
    with pytest.raises(UserError, match="album/empty: no photo in the folder"):
        find_labelled_photos("album/empty", rule, options)


def test_a_photo_that_a_table_names_twice_is_one(album: Path, rule: LabelParams) -> None:
    """Rows that agree are one photo; rows that do not leave it without a label."""
    rows = ["path,label", "cat/1.jpg,cat", "cat/1.jpg,cat", "dog/1.jpg,dog", "dog/1.jpg,cat"]
    (album / "list.csv").write_text("\n".join(rows))
    photos = find_labelled_photos("album/list.csv", rule, TABLE)
    assert by_name(photos) == {"cat/1.jpg": "cat"}
    assert [row.problem for row in photos.unlabelled] == ["conflicting labels"]


def test_the_labels_of_the_training_photos_are_not_taken(album: Path, rule: LabelParams) -> None:
    """Where params.yaml labels by a CSV, a folder needs its own, since names may be the same."""
    by_csv = rule.model_copy(update={"by": "csv"})
    with pytest.raises(UserError, match=r"none is named: evaluate the table itself"):
        find_labelled_photos("album", by_csv, TABLE)


def test_a_column_that_is_not_there_is_named(album: Path, rule: LabelParams) -> None:
    """A missing column of labels is an error with the header and the option."""
    (album / "list.csv").write_text("path,class\ncat/1.jpg,cat\n")
    with pytest.raises(UserError, match=r"'label' in its header \(path, class\).*--label-column"):
        find_labelled_photos("album/list.csv", rule, TABLE)


@pytest.mark.parametrize(
    ("argument", "options", "error"),
    [
        ("absent", TABLE, "absent does not exist; name a folder"),
        ("album/stray.jpg", TABLE, "is neither; name a folder"),
        ("album", TABLE, r"none of 4 photos has a label: ingest\.label\.regex"),
        ("album/cat", BY_FOLDER, r"none of 2 photos has a label: put each into a folder"),
    ],
)
def test_what_gives_no_labelled_photo_is_refused(
    album: Path, rule: LabelParams, argument: str, options: LabelOptions, error: str
) -> None:
    """What is no folder and no table, and a set without a label, are errors with the remedy."""
    with pytest.raises(UserError, match=error):
        find_labelled_photos(argument, rule, options)


def test_a_model_of_other_classes_is_refused(album: Path, rule: LabelParams) -> None:
    """Where the model knows no label, the error shows those of both; one that it knows will do."""
    photos = find_labelled_photos("album", rule, BY_FOLDER)
    require_known_class(photos, ["dog", "owl"])
    with pytest.raises(UserError, match=r"none of the labels \('cat', 'dog'\).*'Cat', 'owl'"):
        require_known_class(photos, ["Cat", "owl"])


def test_labels_of_a_bucket_go_by_the_path_below_its_url(
    album: Path, rule: LabelParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By folder or by a table here, a bucket's photos are labelled as those of the folder."""
    for module in (labelled_photos, find_sources):  # so that file:// is read as a bucket
        monkeypatch.setattr(module, "local_path", str)
    url = f"file://{album}"
    photos = find_labelled_photos(f"{url}/", rule, BY_FOLDER)
    expected = {f"{url}/cat/1.jpg": "cat", f"{url}/cat/2.jpg": "cat", f"{url}/dog/1.jpg": "dog"}
    assert by_name(photos) == expected
    assert [row.path for row in photos.unlabelled] == [f"{url}/stray.jpg"]
    Path("labels.csv").write_text("path,label\nstray.jpg,fox\n")
    by_table = LabelOptions(table=Path("labels.csv"))
    assert by_name(find_labelled_photos(url, rule, by_table)) == {f"{url}/stray.jpg": "fox"}


def test_a_table_in_a_bucket_is_refused(rule: LabelParams) -> None:
    """A table is read from this machine, and the error says to copy it."""
    with pytest.raises(UserError, match="copy it here"):
        find_labelled_photos("s3://birds/labels.csv", rule, TABLE)


def test_a_user_in_a_url_is_not_shown(album: Path, rule: LabelParams) -> None:
    """Whether the URL is named or stands in a table, the error has nothing of the password."""
    (album / "list.csv").write_text("path,label\ns3://me:a/secret@birds/1.jpg,cat\n")
    for argument in ("s3://me:a/secret@birds/list.csv", "album/list.csv"):
        with pytest.raises(UserError, match="user name") as error:
            find_labelled_photos(argument, rule, TABLE)
        assert "secret" not in str(error.value)


def test_tars_are_labelled_as_their_folder_is(album: Path, rule: LabelParams) -> None:
    """By folder and by a table beside them, names and labels are those of the folder."""
    files = {
        file.relative_to(album).as_posix(): file.read_bytes()
        for file in sorted(album.rglob("*"))
        if file.is_file()
    }
    (album.parent / "list.csv").write_text("path,label\ncat/1.jpg,x\ndog/1.jpg,y\n")
    by_table = LabelOptions(table=Path("list.csv"))
    expected = [find_labelled_photos("album", rule, way) for way in (BY_FOLDER, by_table)]
    rmtree(album)
    write_tar(album / "a.tar", files)
    for way, unpacked in zip((BY_FOLDER, by_table), expected, strict=True):
        found = find_labelled_photos("album", rule, way)
        assert by_name(found) == by_name(unpacked)
        assert found.unlabelled == unpacked.unlabelled
        assert found.passed_over == unpacked.passed_over


def test_a_table_names_photos_in_tars(album: Path, rule: LabelParams) -> None:
    """By the path that results have, or by the tar; one that no tar has is a photo to be missed."""
    write_tar(album.parent / "tars" / "a.tar", {"cat/1.jpg": b"1", "dog/1.jpg": b"two"})
    rows = ["path,label", "tars/cat/1.jpg,cat", "tars/a.tar/dog/1.jpg,dog", "tars/owl.jpg,owl"]
    Path("list.csv").write_text("\n".join(rows))
    photos = find_labelled_photos("list.csv", rule, TABLE)
    assert list(photos.labels.values()) == ["cat", "dog", "owl"]
    assert [read_source_bytes(source) for source in photos.sources] == [
        b"1",
        b"two",
        Unread("unreadable: No such file or directory"),
    ]


def test_photos_of_a_table_have_the_version_of_now(
    album: Path, rule: LabelParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo behind a URL in a table has size and version, so that one written anew is another."""
    monkeypatch.setattr(find_sources, "local_path", str)
    url = f"file://{album}/cat/1.jpg"
    (album / "list.csv").write_text(f"path,label\n{url},cat\ndog/1.jpg,dog\n")
    photos = find_labelled_photos("album/list.csv", rule, TABLE)
    place = {source.name: source.place for source in photos.sources}[url]
    assert isinstance(place, BucketFile)
    assert place.size == (album / "cat" / "1.jpg").stat().st_size
    assert place.version
