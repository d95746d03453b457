"""What a stage uses is read from its source, whatever form an import or a reading takes."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools.source_uses import stage_uses
from tests.tools.small_source import CLOSURE, write_module, write_source


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return a small repository with two stages."""
    write_source(tmp_path)
    return tmp_path


def test_a_closure_follows_imports_wherever_they_stand(repo: Path) -> None:
    """Modules that modules import count, inside functions too, and files that they name beside."""
    uses = stage_uses(repo, "train")
    assert uses.files == CLOSURE
    assert uses.packages == {"numpy", "pillow"}


def test_params_are_the_names_that_are_read(repo: Path) -> None:
    """Sections and single keys are found by the calls that read them; a section holds its keys."""
    assert stage_uses(repo, "train").params == {"train", "data.size", "seed"}


def test_the_reader_of_params_reads_nothing_itself(repo: Path) -> None:
    """Who imports the module that defines read_seed does not depend on the seed by that alone."""
    write_module(repo, "copy.py", "from stages.base.params import read_section\n")
    assert stage_uses(repo, "copy").params == set()


@pytest.mark.parametrize(
    "line",
    [
        "import stages.deep.two",
        "import stages.deep.two as t",
        "from stages.deep import two",
        "from stages.deep.two import f, PAGE",
        "try:\n    import stages.deep.two\nexcept ImportError:\n    pass",
        "class A:\n    def m(self):\n        from stages.deep import two",
        "if 1 == 2:\n    from stages.deep import two",
    ],
)
def test_every_form_of_import_is_seen(repo: Path, line: str) -> None:
    """However a module is imported, it and what it imports are in the closure."""
    write_module(repo, "copy.py", line + "\n")
    assert {"stages/deep/two.py", "stages/deep/one.py"} <= stage_uses(repo, "copy").files


def test_circles_end(repo: Path) -> None:
    """Two modules that import one another do not send the search in circles."""
    write_module(repo, "deep/one.py", "import stages.deep.two\n")
    assert "stages/deep/one.py" in stage_uses(repo, "train").files


@pytest.mark.parametrize("name", ["../base/tool.txt", "/etc/hosts", "tool.py", "a b.html", "", "."])
def test_only_files_beside_the_module_are_companions(repo: Path, name: str) -> None:
    """A string that names something elsewhere, a module, or nothing, adds no file."""
    (repo / "stages" / "base" / "tool.txt").write_text("")
    write_module(repo, "deep/one.py", f"X = {name!r}\n")
    assert stage_uses(repo, "train").files == CLOSURE - {
        "stages/base/tool.py",
        "stages/deep/page.html",
    }


@pytest.mark.parametrize("call", ["read_section(name, int)", "read_value()", "p.read_value(f'x')"])
def test_a_name_that_is_computed_is_refused(repo: Path, call: str) -> None:
    """A section whose name is not a plain string cannot be listed: the line is named."""
    write_module(repo, "copy.py", f"\n{call}\n")
    with pytest.raises(UserError, match=r"stages/copy\.py line 2: read_\w+ needs its name"):
        stage_uses(repo, "copy")


def test_a_module_that_is_missing_or_broken_is_named(repo: Path) -> None:
    """A stage without its script, or a module that is no Python, is named by its path."""
    with pytest.raises(UserError, match=r"stages/none\.py is missing"):
        stage_uses(repo, "none")
    write_module(repo, "deep/one.py", "x = (\n")
    with pytest.raises(UserError, match=r"stages/deep/one\.py line 1"):
        stage_uses(repo, "train")


def test_reading_all_params_uses_every_section(repo: Path) -> None:
    """A stage that reads all params depends on each section that params.yaml has, and the seed."""
    (repo / "params.yaml").write_text("seed: 1\nzoo:\n  a: 1\ndata:\n  size: 2\n")
    write_module(
        repo, "copy.py", "from stages.base.params import read_all_params\nread_all_params()\n"
    )
    assert stage_uses(repo, "copy").params == {"data", "data.size", "seed", "zoo"}


def test_a_section_holds_its_keys(repo: Path) -> None:
    """Where all sections are read, single keys are not listed beside them."""
    (repo / "params.yaml").write_text("train:\n  rate: 1\n")
    write_module(repo, "deep/one.py", "from stages.base import params\nparams.read_all_params()\n")
    assert stage_uses(repo, "train").params == {"data.size", "seed", "train"}


def test_params_that_dvc_overlooks_are_listed_by_their_whole_names(repo: Path) -> None:
    """In a section a key `size` or `nfiles`, at any depth, stands beside the section."""
    (repo / "params.yaml").write_text("train: {rate: 1, size: 2, deep: {nfiles: 3, size_of: 4}}\n")
    assert stage_uses(repo, "train").params == {
        "train", "train.size", "train.deep.nfiles", "data.size", "seed",
    }  # fmt: skip
