"""A YAML file of anybody's is read in bounded time, or refused with its name, line and remedy."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.params import PARAMS, Section, read_section, read_value
from stages.base.yaml_file import parse_yaml, read_yaml
from tests.measured_work import measured_work


def laughs(levels: int, form: str) -> bytes:
    """Return a file of a few lines whose anchors stand for 9 ** levels values."""
    lines = [form.format(0, "x, " * 9)]
    lines += [form.format(n, f"*a{n - 1}, " * 9) for n in range(1, levels)]
    return "".join(lines).encode()


def complaint(content: bytes) -> str:
    """Return the UserError that a file's content raises, within a second."""
    with measured_work() as work, pytest.raises(UserError) as error:
        parse_yaml(content, "some.yaml")
    assert work.seconds < 3
    return str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        laughs(9, "k{0}: &a{0} [{1}]\n"),
        b"a0: &a0 {x: 1, y: 2}\n"
        + b"".join(f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}\n".encode() for n in range(1, 40)),
        b"a0: &a0 {x: 1, y: 2}\n"
        + b"".join(f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]\n".encode() for n in range(1, 30)),
        b"a: &a '" + b"x" * 100_000 + b"'\nb: [" + b"*a, " * 1000 + b"]\n",
    ],
    ids=["lists", "mappings", "merges", "long text"],
)
def test_anchors_that_stand_for_billions_are_refused(content: bytes) -> None:
    """A file whose anchors would fill the memory is an error at once, with its line."""
    text = complaint(content)
    assert text.startswith("some.yaml, line ")
    assert text.endswith("write the values themselves")


def test_ordinary_anchors_are_read() -> None:
    """Anchors, aliases and merges of people who use them work as in DVC."""
    content = b"base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  b: 3\nsame: *base\n"
    assert parse_yaml(content, "p") == {
        "base": {"a": 1, "b": 2},
        "other": {"a": 1, "b": 3},
        "same": {"a": 1, "b": 2},
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: 1\nb: &b [*b]\n", "some.yaml, line 2: *b stands inside itself"),
        (b"a: 1\nb: " + b"7" * 5000, "line 2: a whole number of 5,000 digits is too long; mend"),
        (b"a: 1\nb: caf\xe9\n", "some.yaml, line 2: byte 0xe9 is no UTF-8; save the file as UTF-8"),
        ("a: 1\n".encode("utf-16"), "some.yaml, line 1: byte 0xff is no UTF-8"),
        (b"a: 1\nb: 2\x00\n", "line 2: the character '\\x00' may not stand in it"),
        (b"a:\n\tb: 1\n", "line 2: found character '\\t' that cannot start any token; indent with"),
        (b"a: 1\nb: 2\na: 3\n", 'line 3: found duplicate key "a"'),
        (b"a: 1\nb: [1\n", "line 3: "),
        (b"a: !!timestamp x\n", "is not valid YAML: "),
        (b"a: 2024-13-45\n", "is not valid YAML: "),
        (b"", "must hold sections of keys and values; it is empty"),
        (b"\xef\xbb\xbf# nothing\n", "it is empty"),
        (b"'" + b"x" * 12000 + b"'", "must hold sections of keys and values; it holds 'xxx"),
        (b'a: {b: ["x", "p\\0q"]}', r"some.yaml: a.b: '\x00' may not stand in a text; remove it"),
        (b'a: {"\\ud800": 1}', r"some.yaml: a.\ud800: '\ud800' may not stand in a text; remove it"),
        (b"- " * 9000, "is nested deeper than 50 levels"),
        (b"#" * 250_001, "has more than 250,000 bytes; is it the right file?"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_remedy(content: bytes, words: str) -> None:
    """File, line where it is known, and what is wrong, however long the file's own text is."""
    text = complaint(content)
    assert text.startswith("some.yaml")
    assert words in text
    assert len(text.splitlines()) == 1
    assert len(text) < 250


def test_a_byte_order_mark_is_no_mistake() -> None:
    """The mark that Windows editors put first is passed over, and so are their line ends."""
    assert parse_yaml(b"\xef\xbb\xbfa: 1\r\nb: x\r\n", "p") == {"a": 1, "b": "x"}


def test_what_is_read_may_be_changed(tmp_path: Path) -> None:
    """Two readers of the same content get objects of their own, and a changed file is read anew."""
    path = tmp_path / "p.yaml"
    path.write_bytes(b"a: {b: 1}\n")
    read_yaml(path)["a"]["b"] = 2
    assert read_yaml(path) == {"a": {"b": 1}}
    path.write_bytes(b"a: {b: 3}\n")
    assert read_yaml(path) == {"a": {"b": 3}}


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """A folder in the place of the file, and a missing file, are errors with the name."""
    with pytest.raises(UserError, match=r"cannot be read: Is a directory; it must be a file"):
        read_yaml(tmp_path)
    with pytest.raises(UserError, match=r"p\.yaml is missing; run from the root"):
        read_yaml(tmp_path / "p.yaml")


class Small(Section):
    """A section."""

    size: int


@pytest.mark.parametrize("value", ["x" * 12000, f"[{'1, ' * 400}]", "0x" + "f" * 9000])
def test_a_wrong_value_is_shown_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """The error about a value, and about a key, shows its beginning only."""
    monkeypatch.chdir(tmp_path)
    PARAMS.write_text(f"small:\n  size: {value}\n  ? {value}\n  : 1\n", "utf-8")
    for read in (lambda: read_section("small", Small), lambda: read_value("small.size", bool)):
        with pytest.raises(UserError, match=r"params.yaml: ") as error:
            read()
        assert len(str(error.value)) < 500
