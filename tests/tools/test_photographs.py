"""params.yaml turns from what suits the sample to what suits photographs, and back by git alone."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.params import read_yaml
from stages.tools import photographs

ROOT = Path(__file__).parents[2]


def test_every_value_that_a_comment_names_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stands behind "for photographs" becomes the value, in its own section, and is told."""
    text = (ROOT / "params.yaml").read_text("utf-8")
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    photographs.main()
    changed, before = read_yaml(tmp_path / "params.yaml"), read_yaml(ROOT / "params.yaml")
    assert changed["presize"] == before["presize"] | {"size": 460}
    assert changed["augment"]["size"] == 224
    assert changed["augment"]["flip"] is True
    assert changed["model"] == before["model"] | {"cut": "none"}
    assert changed["fine_tune"]["train_bn"] is False
    assert changed["fine_tune"]["base_lr"] == 0.0007
    told = capsys.readouterr().out.splitlines()
    named = [line for line in text.split("\n") if " # " in line and "for photographs " in line]
    assert len(told) == len(named)
    assert "fine_tune.base_lr: auto -> 0.0007" in told
    for name, section in before.items():
        if name not in ("presize", "augment", "model", "fine_tune"):
            assert changed[name] == section


def test_comments_and_all_other_lines_stay() -> None:
    """Nothing but the values changes, so that a diff shows them and nothing else."""
    text = (ROOT / "params.yaml").read_text("utf-8")
    changed, changes = photographs.suited(text)
    lines = list(zip(text.split("\n"), changed.split("\n"), strict=True))
    differ = [(old, new) for old, new in lines if old != new]
    assert len(differ) == len(changes)
    assert all(old.split(" # ")[1] == new.split(" # ")[1] for old, new in differ)


def test_a_second_time_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where all is set already, it says so."""
    text, _ = photographs.suited((ROOT / "params.yaml").read_text("utf-8"))
    assert photographs.suited(text) == (text, [])
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    photographs.main()
    assert "already" in capsys.readouterr().out
    assert (tmp_path / "params.yaml").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("comment", "value"),
    [
        ("for photographs 2 to 5", "2"),
        ("for photographs false, which is faster", "false"),
        ("above 0; for photographs 0.5", "0.5"),
        ("for photographs 24 (4 GB of memory)", "24"),
    ],
)
def test_the_value_is_the_first_word(comment, value) -> None:
    """Of what a comment says, the first word is taken, without what ends it."""
    text, changes = photographs.suited(f"a:\n  b: 1 # {comment}")
    assert text == f"a:\n  b: {value} # {comment}"
    assert changes == [f"a.b: 1 -> {value}"]


def test_without_a_file_it_says_where_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run elsewhere, it names the file that it looked for."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"params\.yaml: No such file"):
        photographs.main()
