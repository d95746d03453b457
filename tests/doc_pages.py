"""What stands in the pages for people: their code, their links, and the commands of a console."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
OF_THE_SITE = sorted(DOCS.rglob("*.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md", *OF_THE_SITE]
_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the lines that it prints there."""

    line: str
    output: tuple[str, ...]


@cache
def text_of(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def all_blocks(page: Path) -> list[tuple[str, str]]:
    """Return language and text of the fenced blocks of a page, without their indentation."""
    return [
        (language, re.sub(rf"^{indent}", "", body, flags=re.MULTILINE))
        for indent, language, body in _FENCE.findall(text_of(page))
    ]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language."""
    return [body for name, body in all_blocks(page) if name == language]


def without_blocks(page: Path) -> str:
    """Return the text of a page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))


@cache
def code(page: Path) -> list[str]:
    """Return the lines of a page's fenced blocks, and its inline code."""
    lines = [line for _, _, body in _FENCE.findall(text_of(page)) for line in body.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", without_blocks(page))
    return [line.strip().removeprefix("$ ") for line in lines] + inline


def commands(block: str) -> list[Command]:
    """Return the commands of a console block, in order."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return [Command(line, tuple(output)) for line, output in found]


def says(shown: tuple[str, ...], printed: str) -> bool:
    """Return whether a command printed what a page shows, one line below the other.

    A number of the page stands for any number, "..." in a line for any text, and by itself for any
    lines.
    """
    pattern = ""
    for line in shown:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            text = re.sub(r"\d[\d.,]*", "0", line)
            pattern += re.escape(text).replace("0", r"[\d.,]+").replace(r"\.\.\.", ".*") + r"\n"
    return re.search(rf"^{pattern}", f"{printed}\n", re.MULTILINE) is not None


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and as mkdocs makes them."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", text)).lower() for text in headings]
    return {text.strip().replace(" ", "-") for text in words}


def local_links(page: Path) -> list[tuple[str, str]]:
    """Return path and anchor of the links and pictures of a page that lead to no other host."""
    links = re.findall(r"\]\(([^)\s]+)\)", without_blocks(page))
    local = [link for link in links if not link.startswith(("http://", "https://"))]
    return [(path, anchor) for path, _, anchor in (link.partition("#") for link in local)]
