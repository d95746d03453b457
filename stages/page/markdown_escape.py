"""Text for GitHub's Markdown in which nothing of a name or a sentence acts as markup.

A backslash or an entity stops the markup that Markdown knows, but not what GitHub does with the
text afterwards: &#64;someone is a mention, a&#64;b.org a link. In code it does none of that (GitHub
Flavored Markdown 6.9 for links, html-pipeline for mentions, issues, commits and emoji). So whatever
is no plain word stands in a code span.
"""

import re

from stages.base.terminal import printable

CODE_SPAN_LENGTH = 80  # characters of a name; a longer one is cut
# A word with the punctuation around it that does nothing there.
_WORD = re.compile(r"(\(?)(.+?)([).,:;]*)")
# Letters, with hyphens or an apostrophe between them; a number with its sign; an arrow or a dash.
_PLAIN = re.compile(r"[^\W\d_]+([-'’][^\W\d_]+)*|[+−]?\d{1,3}(,\d{3})*(\.\d+)?|%|[→–]")
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b", re.IGNORECASE)
# GitHub links issues by gh-12 and takes these for the beginning of a list.
_LIST_MARK = re.compile(r"\d+[.)]")


def code_span(text: str, longest: int | None = CODE_SPAN_LENGTH, in_table: bool = False) -> str:
    r"""Return a name as a code span of one line, in which nothing is markup, mention or link.

    The fence is the shortest that does not occur inside (CommonMark 6.1); one that is longer than
    every run inside could exceed the length that GitHub reads. longest: characters of the name, of
    which a longer one is cut; None for no limit. in_table: a bar is escaped, which outside of a
    table would show the backslash too.

    >>> print(code_span("<b> | `x`"), code_span("a|b", in_table=True), code_span(""))
    `` <b> | `x` `` `a\|b` `""`
    """
    line = _one_line(text) or '""'
    if longest is not None and len(line) > longest:
        line = line[: longest - 1] + "…"
    span = _fenced(line)
    return span.replace("|", r"\|") if in_table else span


def plain_sentence(text: str) -> str:
    r"""Return a sentence on one line in which Markdown, HTML and GitHub find nothing to act on.

    A word that is more than letters or a number stands as code. The sentence is for a paragraph or
    the item of a list, not for the cell of a table.

    >>> print(plain_sentence("<b> @someone: model.arch changed (fine_tune), 4 → 8."))
    `<b>` `@someone`: `model.arch` changed (`fine_tune`), 4 → 8.
    """
    first, *others = _one_line(text).split(" ")
    opening = _fenced(first) if _LIST_MARK.fullmatch(first) else _escaped(first)
    return " ".join([opening, *map(_escaped, others)])


def _fenced(line: str) -> str:
    """Return a line as a code span; the line holds something, and no space at its ends."""
    runs = {len(run) for run in re.findall("`+", line)}
    fence = "`" * next(length for length in range(1, len(line) + 2) if length not in runs)
    pad = " " if "`" in (line[:1], line[-1:]) else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _escaped(word: str) -> str:
    """Return a word as it is where it is plain, and otherwise as code between its punctuation."""
    parts = _WORD.fullmatch(word)
    if parts is None:
        return word
    opening, inner, closing = parts.groups()
    if _PLAIN.fullmatch(inner) and not _COMMIT.search(inner):
        return word
    return f"{opening}{_fenced(inner)}{closing}"


def _one_line(text: str) -> str:
    """Return a text on one line, with nothing in it that cannot be seen."""
    return printable(" ".join(text.split()))
