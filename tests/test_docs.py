"""What is written for people is true: the pages, params.yaml and the Makefile agree."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints
from xml.etree import ElementTree as ET

import pytest
from ruamel.yaml import YAML

from stages.base.yaml_file import read_yaml
from stages.labels.label_csv import read_labels_csv
from stages.labels.labels import LabelParams
from stages.page.formatting import VERDICTS
from stages.sample.digits import planted_faults
from stages.tools.command_lines import COMMANDS
from stages.tools.param_sections import validate_sections
from stages.train.device import ComputeFacts
from tests.doc_pages import (
    DOCS,
    OF_THE_SITE,
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    code,
    local_links,
    text_of,
)

GLOSSARY = DOCS / "glossary.md"
PIPELINE = read_yaml(ROOT / "dvc.yaml")
PARAMS = read_yaml(ROOT / "params.yaml")
MACHINE_FREE = [
    ROOT / name
    for name in (
        "requirements.txt",
        "requirements-dev.txt",
        "docs/requirements.txt",
        "mkdocs.yml",
        "params.yaml",
        "dvc.yaml",
    )
]
FILES = (".onnx", ".py", ".json", ".csv", ".txt", ".yaml", ".npz", ".safetensors", ".pth")


def name_of(page: Path) -> str:
    """Return the name by which a test of a page is known."""
    return page.relative_to(ROOT).as_posix()


def leaves(value: object, prefix: str = "") -> list[str]:
    """Return the dotted name of every value in a nested mapping."""
    if not isinstance(value, dict):
        return [prefix]
    dotted = ((f"{prefix}.{name}" if prefix else name, inner) for name, inner in value.items())
    return [leaf for name, inner in dotted for leaf in leaves(inner, name)]


def make_targets() -> set[str]:
    """Return the targets that the Makefile has."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = re.findall(r"^TARGETS := (.*)$", text, re.MULTILINE)
    return set(line.split())


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
    assert f"\n| `{key}` | " in text_of(DOCS / "params.md")
    assert "(docs/params.md)" in text_of(README)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
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
def test_every_stage_is_in_the_docs(stage: str) -> None:
    """How it works has a row for each stage, and the drawing of the pipeline a box."""
    assert f"\n| {stage} | " in text_of(DOCS / "how-it-works.md")
    drawing = ET.parse(DOCS / "images" / "pipeline.svg").getroot()
    assert stage in {element.text for element in drawing.iter() if element.tag.endswith("text")}


def test_every_stage_says_what_it_does() -> None:
    """`dvc stage list` shows a sentence for each stage: the first of its script."""
    for name, stage in PIPELINE["stages"].items():
        first = (ROOT / "stages" / f"{name}.py").read_text("utf-8").splitlines()[0]
        assert stage["desc"] == first.removeprefix('"""'), name


def variables(folder: str) -> set[str]:
    """Return the FINETRACK_ variables that the code in a folder names."""
    texts = [path.read_text("utf-8") for path in (ROOT / folder).rglob("*.py")]
    return set(re.findall(r"FINETRACK_[A-Z]+", "\n".join(texts)))


def test_the_docs_have_every_machine_knob_and_no_other() -> None:
    """Each FINETRACK_ variable that the code reads has a row, and no page has another."""
    known = variables("stages")
    rows = re.findall(r"^\| `(FINETRACK_[A-Z]+)` ", text_of(DOCS / "environment.md"), re.MULTILINE)
    assert sorted(rows) == sorted(known)
    named = {name for page in PAGES for name in re.findall(r"FINETRACK_[A-Z]+", text_of(page))}
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
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


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """A local link leads to a file, and its anchor to a heading of that page."""
    for path, anchor in local_links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", OF_THE_SITE, ids=name_of)
def test_a_page_of_the_site_stays_on_it(page: Path) -> None:
    """A page of docs/ links to nothing outside docs/, which the site does not have."""
    for path, _ in local_links(page):
        assert (page.parent / path).resolve().is_relative_to(DOCS), path


def test_the_site_has_every_page_once() -> None:
    """mkdocs.yml lists each page of docs/ once, and docs/index.md leads to each."""
    nav = read_yaml(ROOT / "mkdocs.yml")["nav"]
    listed = [item for entry in nav for part in entry.values() for item in as_list(part)]
    pages = [page.relative_to(DOCS).as_posix() for page in OF_THE_SITE]
    assert sorted(listed) == pages
    reached = {path for path, _ in local_links(DOCS / "index.md")}
    assert set(pages) - reached == {"index.md"}


def as_list(value: str | list[str]) -> list[str]:
    """Return a section of the navigation as a list of its pages."""
    return [value] if isinstance(value, str) else value


def test_every_drawing_is_shown_and_has_a_title() -> None:
    """A drawing of docs/images is on a page, is XML, and has a title for who cannot see it."""
    shown = {Path(path).name for page in PAGES for path, _ in local_links(page)}
    for drawing in (DOCS / "images").glob("*.svg"):
        assert drawing.name in shown
        title = ET.parse(drawing).getroot().find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert title.text


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_of_the_code_exist(page: Path) -> None:
    """A path of the code that a page names is there."""
    for name in code(page):
        if re.fullmatch(r"(stages|tests|benchmarks|docs|\.ci|\.github)/[\w./-]+", name):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_params_that_a_page_shows_are_allowed(page: Path) -> None:
    """A block of YAML sets keys of params.yaml, to values that check takes."""
    for block in blocks(page, "yaml"):
        shown = read_yaml_text(block)
        assert set(leaves(shown)) <= set(leaves(PARAMS))
        _, mistakes = validate_sections(merged(PARAMS, shown))
        assert mistakes == []


def test_the_table_of_the_docs_is_read_with_its_params(tmp_path: Path) -> None:
    """The example of a table gives labels and groups with the params that stand below it."""
    page = DOCS / "labels.md"
    (text,) = (block for block in blocks(page, "text") if block.startswith("Datei;"))
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    shown = [read_yaml_text(block) for block in blocks(page, "yaml")]
    params = PARAMS
    for content in shown:
        params = merged(params, content)
    assert params["datablock"]["split"]["group"] == "column"
    rule = LabelParams.model_validate(params["ingest"]["label"])
    photos = [f"pictures/{line.partition(';')[0]}" for line in text.splitlines()[1:]]
    found = read_labels_csv(file, rule, photos)
    assert list(found.labels.values()) == ["cardboard", "trash"]
    assert list(found.groups.values()) == ["bin10", "bin0"]


def read_yaml_text(text: str) -> dict[str, object]:
    """Return the content of a block of YAML."""
    content: dict[str, object] = YAML(typ="safe").load(text)
    return content


def merged(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings with some of their values replaced."""
    replaced = {
        key: merged(content[key], value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }
    return {**content, **replaced}


def outputs() -> dict[str, bool]:
    """Return every output of the pipeline, and whether DVC keeps it (else git does)."""
    found: dict[str, bool] = {}
    for stage in PIPELINE["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                named = {entry: {}} if isinstance(entry, str) else entry
                found.update({path: facts.get("cache", True) for path, facts in named.items()})
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_outputs_that_a_page_names_are_written(page: Path) -> None:
    """A file below data/ or reports/ that a page names comes from the pipeline or from git."""
    by_people = ["data/photos", "data/photos.dvc", "reports/compare", "reports/test"]
    for name in code(page):
        if re.fullmatch(r"(data|reports)/[\w./-]*\w", name):
            path = Path(name)
            known = any(
                path.is_relative_to(other) or Path(other).is_relative_to(path)
                for other in [*outputs(), *by_people]
            )
            assert known or (ROOT / path).exists(), name


@pytest.mark.parametrize(("output", "by_dvc"), outputs().items())
def test_every_output_has_a_row(output: str, by_dvc: bool) -> None:
    """docs/outputs.md has each output of the pipeline, and says whether git or DVC keeps it."""
    rows = [line for line in text_of(DOCS / "outputs.md").splitlines() if f"`{output}`" in line]
    assert len(rows) == 1
    assert f"| {'DVC' if by_dvc else 'git'} |" in rows[0]


def test_the_row_of_the_model_has_all_that_made_it() -> None:
    """Every fact of model.json on the machine and its kernels is named where the outputs are."""
    (row,) = [line for line in text_of(DOCS / "outputs.md").splitlines() if "`data/model`" in line]
    assert {"processor", *get_type_hints(ComputeFacts)} <= set(re.findall(r"`(\w+)`", row))


def test_every_command_has_a_row() -> None:
    """docs/commands.md has each target of the Makefile, and each option of the tools."""
    page = text_of(DOCS / "commands.md")
    assert set(re.findall(r"`make ([a-z][\w.-]*)", page)) == make_targets()
    for tool in ("predict", "evaluate", "shards", "pack", "compare", "past_page"):
        (row,) = [
            line
            for line in page.splitlines()
            if line.startswith(f"| `python -m stages.tools.{tool} ")
        ]
        assert set(re.findall(r"--[a-z-]+", row)) == options_of(tool), tool


def options_of(tool: str) -> set[str]:
    """Return the options that the source of a tool declares."""
    folder = ROOT / "stages" / "tools"
    text = (folder / f"{tool}.py").read_text("utf-8")
    if "add_model_options" in text:
        text += (folder / "model_options.py").read_text("utf-8")
    return set(re.findall(r'"(--[a-z-]+)"', text))


def test_the_sections_of_the_report_are_explained() -> None:
    """docs/report.md has each section of the page by its name, and each verdict."""
    text = text_of(DOCS / "report.md")
    template = (ROOT / "stages" / "page" / "html.py").read_text("utf-8")
    names = re.findall(r'\("\w+", "(\w+)", "templates/', template)
    assert len(names) > 5
    assert [name for name in names if f"**{name}**" not in text] == []
    assert [verdict for verdict in VERDICTS if f"\n| {verdict} | " not in text] == []


def test_the_planted_faults_are_named() -> None:
    """The page of results names each file of the sample with a planted fault, and no other."""
    numbers = {
        int(number) for number in re.findall(r"`[a-z]+_(\d{4})`", text_of(DOCS / "results.md"))
    }
    numbers |= set(range(1000, 1007))
    assert "numbers 1000 to 1006" in text_of(DOCS / "results.md")
    names = re.findall(r"`([a-z]+_\d{4})`", text_of(DOCS / "results.md"))
    planted = {Path(path).stem for path, _, _ in planted_faults()}
    assert set(names) <= planted
    assert numbers == {int(name.rpartition("_")[2]) for name in planted}


def test_the_readme_is_short() -> None:
    """The README is a door of at most 130 lines, with a table of five rows; docs/ has the rest."""
    lines = text_of(README).splitlines()
    assert len(lines) <= 130
    assert sum(line.startswith("|") for line in lines) <= 2 + 5


def test_make_and_its_commands_are_one() -> None:
    """The Makefile's targets are the commands that Python runs too, each said in one line."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert make_targets() == set(COMMANDS)
    assert ".PHONY: $(TARGETS)" in text
    assert all(command.does and "\n" not in command.does for command in COMMANDS.values())


def test_the_license_is_the_whole_apache_license() -> None:
    """LICENSE is the text that pyproject.toml names."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_no_page_holds_what_dates_it_or_places_it() -> None:
    """Pages name no path of somebody's machine and no package index of somebody's network."""
    for page in [*PAGES, *MACHINE_FREE]:
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


def test_the_docs_name_the_stages_that_dvc_freezes() -> None:
    """They are those without a path that comes from a param, which tests/test_dvc_ways.py tries."""
    stages = read_yaml(ROOT / "dvc.yaml")["stages"]
    frozen = [name for name, stage in stages.items() if "${" not in str(stage)]
    text = " ".join(text_of(DOCS / "dvc.md").split())
    assert f"for the stages `{'` and `'.join(frozen)}`." in text
