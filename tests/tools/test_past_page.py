"""The page of a past revision, from DVC's cache or drawn again."""

import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.compare.dvc_cache import md5_of
from stages.tools import past_page
from stages.tools.compare import COMPARE_FOLDER
from stages.tools.project_files import PROJECT_FILES
from tests.compare.example_history import ExampleHistory, lock_entry, validated

PAGES = {"v1": b"<p>first</p>", "v2": b"<p>second</p>"}
PHOTOS = {"a.jpg": ("1", "cat", "valid")}


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExampleHistory:
    """Return a repository with two runs whose pages are in the cache, and stand in it."""
    history = ExampleHistory(tmp_path / "repo")
    for name, page in PAGES.items():
        outs = {PROJECT_FILES.page: history.put_in_cache(page)}
        predictions = {"data/predictions.npz": md5_of(b"predictions")}
        history.write_lock(
            {
                "fine_tune": lock_entry({}, {}, {}, predictions),
                "interpret": lock_entry(predictions, {}, {}, outs),
            }
        )
        history.commit(name)
    monkeypatch.chdir(history.root)
    return history


def run(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Run the command."""
    monkeypatch.setattr(sys, "argv", ["past_page", name])
    past_page.main()


@pytest.mark.parametrize("name", PAGES)
def test_a_cached_page_is_copied(
    history: ExampleHistory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """The page of a revision is that of its own run, in a file named by its commit."""
    run(monkeypatch, name)
    target = COMPARE_FOLDER / f"{history.git('rev-parse', name)[:10]}.html"
    assert target.read_bytes() == PAGES[name]
    assert capsys.readouterr().out == f"The page of {name}: {target}\n"
    assert history.git("status", "--short") == ""


def test_a_page_that_cannot_be_drawn_names_what_is_missing(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the cached page it would be drawn, for which the cache lacks the predictions."""
    page = history.cache.file(md5_of(PAGES["v1"]))
    assert page is not None
    page.unlink()
    with pytest.raises(UserError, match=r"DVC's cache lacks data/predictions\.npz of v1"):
        run(monkeypatch, "v1")
    assert not COMPARE_FOLDER.exists()


def test_a_run_without_a_page_has_none_again(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where dvc.lock names no page, none can be drawn, and the message says so."""
    history.write_run(validated(PHOTOS), PHOTOS)
    history.commit("v3")
    with pytest.raises(UserError, match="v3 names no single past run"):
        run(monkeypatch, "v3")


def test_only_one_past_run_has_a_page(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workspace is no past run, and a pattern may stand for several."""
    for number in (1, 2):
        history.git("update-ref", f"refs/exps/ab/cdef/seed-{number}", "HEAD")
    for name in ("workspace", "seed-*"):
        with pytest.raises(UserError, match="names no single past run"):
            run(monkeypatch, name)


def test_a_damaged_lock_has_no_page(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where dvc.lock cannot be read, the message names it, its revision and the line."""
    (history.root / PROJECT_FILES.lock).write_text("a: [")
    history.commit("damaged")
    with pytest.raises(UserError, match=r"dvc\.lock of damaged is not valid YAML: line 1"):
        run(monkeypatch, "damaged")


def test_a_damaged_page_is_not_copied(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cached page with another md5 is drawn again, for which the predictions must be there."""
    page = history.cache.file(md5_of(PAGES["v1"]))
    assert page is not None
    page.write_bytes(b"")
    with pytest.raises(UserError, match=r"DVC's cache lacks data/predictions\.npz of v1"):
        run(monkeypatch, "v1")
    assert "its content has another md5" in capsys.readouterr().out
    assert not COMPARE_FOLDER.exists()


def test_a_page_is_no_file_of_the_machine(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An md5 in dvc.lock that climbs out of the cache copies nothing."""
    (history.root.parent / "secret").write_bytes(b"secret")
    outs = {PROJECT_FILES.page: "xx/../../../../../../../secret"}
    history.write_lock({"interpret": lock_entry({}, {}, {}, outs)})
    history.commit("climbing")
    with pytest.raises(UserError, match="32 hexadecimal digits"):
        run(monkeypatch, "climbing")
    assert not COMPARE_FOLDER.exists()
