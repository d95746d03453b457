"""The check names what a DVC remote needs and the environment lacks."""

import subprocess
import sys
from pathlib import Path

import pytest
from dvc.fs import known_implementations, registry

from stages.tools.remote_plugins import missing_package, plugin_notes


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a DVC repository without remotes, and without anybody's settings of DVC."""
    for variable in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "settings"))
    (tmp_path / "repo" / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def add_remote(name: str, url: str, *options: str) -> None:
    """Add a remote as people do."""
    command = [sys.executable, "-m", "dvc", "remote", "add", "-q", *options, name, url]
    subprocess.run(command, check=True)


def missing_scheme() -> str:
    """Return a kind of remote whose package this environment lacks."""
    for scheme in ("gdrive", "hdfs", "oss"):
        try:
            registry[scheme]
        except ImportError:
            return scheme
    raise AssertionError


def test_a_folder_needs_nothing(repo: Path) -> None:
    """A remote that is a folder or a web server works with DVC alone, and so does none."""
    assert list(plugin_notes()) == []
    add_remote("store", str(repo.parent / "store"), "-d")
    add_remote("web", "https://example.org/store")
    assert list(plugin_notes()) == []


@pytest.mark.parametrize("level", [[], ["--local"]])
def test_a_missing_package_is_named_once_with_its_install_line(
    repo: Path, level: list[str]
) -> None:
    """Two remotes of one kind, in whichever file of settings, make one note."""
    scheme = missing_scheme()
    package = f"dvc-{scheme}"
    add_remote("store", f"{scheme}://bucket/store", *level)
    add_remote("photos", f"{scheme}://bucket/photos", *level)
    (note,) = plugin_notes()
    assert f"remote store and photos needs {package}" in note
    assert note.endswith(f"pip install {package}")


def test_every_kind_of_remote_has_a_package() -> None:
    """Each scheme that DVC knows but those inside DVC itself comes from a package named dvc-*."""
    inside = {"local", "memory", "dvc", "git"}
    for scheme, entry in known_implementations.items():
        package = entry["class"].split(".")[0]
        assert scheme in inside or package.startswith("dvc_"), scheme


def test_settings_that_are_broken_make_no_note(repo: Path) -> None:
    """DVC itself says what is wrong with its settings; the check does not fail over it."""
    (repo / ".dvc" / "config").write_text("[core\n")
    assert list(plugin_notes()) == []


def test_a_scheme_lacks_its_package_or_none() -> None:
    """A scheme of a missing package has its name, one that works or that DVC does not know none."""
    scheme = missing_scheme()
    assert missing_package(scheme) == f"dvc-{scheme}"
    assert missing_package("https") == ""
    assert missing_package("birds") == ""
