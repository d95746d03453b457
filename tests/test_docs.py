"""What is written for people is true: README, CONTRIBUTING, params.yaml and the Makefile agree."""

import re
from functools import cache
from pathlib import Path

import pytest

from stages.base.params import read_yaml

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md"]
PIPELINE = read_yaml(ROOT / "dvc.yaml")
PARAMS = read_yaml(ROOT / "params.yaml")
FILES = (".py", ".json", ".csv", ".txt", ".yaml", ".npz", ".safetensors", ".pth")


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
def test_every_param_is_in_the_readme(key) -> None:
    """The README names each key of params.yaml by its dotted name."""
    assert re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.]*\w)", README.read_text("utf-8")), key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_param_that_is_gone(page) -> None:
    """What a page writes as a key of a section exists, as a key or a subsection."""
    known = {
        ".".join(key.split(".")[:n]) for key in leaves(PARAMS) for n in range(1, key.count(".") + 2)
    }
    sections = "|".join(name for name in PARAMS if name != "seed")
    named = {
        match[0]
        for line in code(page)
        for match in re.finditer(rf"(?<![\w./-])({sections})(\.[a-z_]+)+", line)
        if not match[0].endswith(FILES)
    }
    assert named <= known


@pytest.mark.parametrize("stage", list(PIPELINE["stages"]))
def test_every_stage_is_in_the_readme(stage) -> None:
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
def test_commands_exist(page) -> None:
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
def test_links_and_files_exist(page) -> None:
    """A local link leads somewhere, and a path of the code that is named is there."""
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert link.startswith(("http://", "https://")) or (ROOT / link).exists(), link
    for name in code(page):
        if re.fullmatch(r"(stages|tests|benchmarks|\.ci)/[\w./-]+", name):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_outputs_that_a_page_names_are_made(page) -> None:
    """A file below data/ or reports/ that a page names comes from the pipeline or from git."""
    made = []
    for stage in PIPELINE["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                made.extend([entry] if isinstance(entry, str) else entry)
    by_people = ["data/photos", "data/photos.dvc", "reports/compare"]
    for name in code(page):
        if re.fullmatch(r"(data|reports)/[\w./-]*\w", name):
            path = Path(name)
            known = any(
                path.is_relative_to(other) or Path(other).is_relative_to(path)
                for other in [*made, *by_people]
            )
            assert known or (ROOT / path).exists(), name


def test_make_says_what_it_can() -> None:
    """Every target of the Makefile is phony and explained in one line."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
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
