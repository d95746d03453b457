"""What is written for people is true: README, CONTRIBUTING, params.yaml and the Makefile agree."""

import re
from functools import cache
from pathlib import Path

import pytest

from stages.base.yaml_file import read_yaml

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PIPELINE = read_yaml(ROOT / "dvc.yaml")
PARAMS = read_yaml(ROOT / "params.yaml")
FILES = (".onnx", ".py", ".json", ".csv", ".txt", ".yaml", ".npz", ".safetensors", ".pth")


def leaves(value: object, prefix: str = "") -> list[str]:
    """Return the dotted name of every value in a nested mapping."""
    if not isinstance(value, dict):
        return [prefix]
    dotted = ((f"{prefix}.{name}" if prefix else name, inner) for name, inner in value.items())
    return [leaf for name, inner in dotted for leaf in leaves(inner, name)]


@cache
def code(page: Path) -> list[str]:
    """Return the lines of a page's fenced blocks, and its inline code."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```[^\n]*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()] + [
        *inline
    ]


def make_targets() -> set[str]:
    """Return the targets that the Makefile has."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w.-]*):(?!=)", text, re.MULTILINE))


def test_every_param_has_a_comment() -> None:
    """Each value in params.yaml carries its meaning behind it."""
    bare = [
        line
        for line in (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*\w+: \S", line) and " # " not in line
    ]
    assert bare == []


@pytest.mark.parametrize("key", leaves(PARAMS))
def test_every_param_has_a_row_in_the_docs(key: str) -> None:
    """docs/params.md has a row for each key of params.yaml, and the README leads there."""
    assert f"\n| `{key}` | " in (ROOT / "docs" / "params.md").read_text("utf-8")
    assert "(docs/params.md)" in README.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_param_that_is_gone(page: Path) -> None:
    """What a page writes as a key of a section exists, as a key or a subsection."""
    known = {
        ".".join(key.split(".")[:n]) for key in leaves(PARAMS) for n in range(1, key.count(".") + 2)
    }
    sections = "|".join(name for name in PARAMS if name != "seed")
    named = {
        match[0]
        for line in code(page)
        for match in re.finditer(rf"(?<![\w./-])({sections})(\.[a-z_][a-z_\d]*)+", line)
        if not match[0].endswith(FILES)
    }
    assert named <= known


@pytest.mark.parametrize("stage", list(PIPELINE["stages"]))
def test_every_stage_is_in_the_readme(stage: str) -> None:
    """The README has each stage by its name."""
    assert re.search(rf"\b{stage}\b", README.read_text("utf-8"))


def variables(folder: str) -> set[str]:
    """Return the FINETRACK_ variables that the code in a folder names."""
    texts = [path.read_text("utf-8") for path in (ROOT / folder).rglob("*.py")]
    return set(re.findall(r"FINETRACK_[A-Z]+", "\n".join(texts)))


def test_the_readme_has_every_machine_knob_and_no_other() -> None:
    """Each FINETRACK_ variable that the code reads is documented, and none that it does not."""
    documented = set(re.findall(r"FINETRACK_[A-Z]+", README.read_text("utf-8")))
    assert documented == variables("stages")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    """A make target, module or script that a page tells people to run is there."""
    for line in code(page):
        for target in re.findall(r"(?:^|&& |; )make ((?:[a-z][\w.-]*)(?: [a-z][\w.-]*)*)", line):
            assert set(target.split()) <= make_targets(), line
        for module in re.findall(r"python -m (stages[\w.]*)", line):
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), line
        for script in re.findall(r"(?:^|&& |; )(?:python |\./)([\w./-]+\.\w+)", line):
            assert (ROOT / script).is_file(), line
        for stage in re.findall(r"dvc repro ([a-z_]+)", line):
            assert stage in PIPELINE["stages"], line
        for key in re.findall(r"(?:-S|--set-param) '?([\w.]+)=", line):
            assert key in leaves(PARAMS), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_exist(page: Path) -> None:
    """A local link leads somewhere, and a path of the code that is named is there."""
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert link.startswith(("http://", "https://")) or (page.parent / link).exists(), link
    for name in code(page):
        if re.fullmatch(r"(stages|tests|benchmarks|\.ci)/[\w./-]+", name):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_outputs_that_a_page_names_are_written(page: Path) -> None:
    """A file below data/ or reports/ that a page names comes from the pipeline or from git."""
    outputs: list[str] = []
    for stage in PIPELINE["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                outputs.extend([entry] if isinstance(entry, str) else entry)
    by_people = ["data/photos", "data/photos.dvc", "reports/compare", "reports/test"]
    for name in code(page):
        if re.fullmatch(r"(data|reports)/[\w./-]*\w", name):
            path = Path(name)
            known = any(
                path.is_relative_to(other) or Path(other).is_relative_to(path)
                for other in [*outputs, *by_people]
            )
            assert known or (ROOT / path).exists(), name


def test_make_says_what_it_can() -> None:
    """Every target of the Makefile is phony and explained in one line."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = {
        target
        for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
        for target in line.split()
    }
    explained = set(re.findall(r"^([a-z][\w.-]*):[^#\n]*## \w", text, re.MULTILINE))
    assert phony == explained == make_targets()


def test_the_license_is_the_whole_apache_license() -> None:
    """LICENSE is the text that pyproject.toml names."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_no_page_holds_what_dates_it_or_places_it() -> None:
    """Pages name no path of somebody's machine and no package index of somebody's network."""
    for page in [*PAGES, ROOT / "requirements.txt", ROOT / "params.yaml", ROOT / "dvc.yaml"]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.])/(home|root|Users|work|tmp)/", text), page
        assert "index-url" not in text or page.suffix == ".md", page


def glossary() -> list[tuple[str, str, str]]:
    """Return term, meaning and module of every line of the glossary."""
    lines = [line for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("- ")]
    entries = [re.fullmatch(r"- \*\*(.+?)\*\*: (.+)\. `(stages/[\w./]+)`", line) for line in lines]
    assert None not in entries, [
        line for line, entry in zip(lines, entries, strict=True) if not entry
    ]
    return [(entry[1], entry[2], entry[3]) for entry in entries if entry]


def test_each_term_of_the_glossary_has_its_module() -> None:
    """Every line is a term, its meaning, and a module of stages/ that exists."""
    entries = glossary()
    assert len(entries) > 60
    assert [(term, module) for term, _, module in entries if not (ROOT / module).is_file()] == []


def test_no_term_stands_twice_and_all_are_in_order() -> None:
    """Terms are sorted as a dictionary is, whatever their capitals, so a second would be seen."""
    terms = [term.casefold() for term, _, _ in glossary()]
    assert terms == sorted(set(terms))


def test_every_room_has_terms() -> None:
    """No room of stages/ is without a term in the glossary."""
    rooms = {path.name for path in (ROOT / "stages").iterdir() if (path / "__init__.py").is_file()}
    assert rooms == {module.split("/")[1] for _, _, module in glossary()}
