"""Text for GitHub's Markdown in which nothing of a name or a sentence acts as markup."""

import re

CODE_SPAN_LENGTH = 80  # characters of a name; a longer one is cut
_MARKUP = "\\`*_[]|"  # what a backslash turns into a plain character; the backslash first


def code_span(text: str, longest: int | None = CODE_SPAN_LENGTH) -> str:
    r"""Return a name as a code span of one line, in which nothing is markup, mention or link.

    The fence is one backtick longer than the longest run inside (CommonMark 6.1), and a bar is
    escaped, so that the span may stand in the cell of a table. longest: characters of the name,
    of which a longer one is cut; None for no limit.

    >>> print(code_span("<b> | `x`"))
    `` <b> \| `x` ``
    """
    line = " ".join(text.split())
    if longest is not None and len(line) > longest:
        line = line[: longest - 1] + "…"
    longest_run = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (1 + longest_run)
    pad = " " if "`" in (line[:1], line[-1:]) else ""
    return f"{fence}{pad}{line}{pad}{fence}".replace("|", r"\|")


def plain_sentence(text: str) -> str:
    r"""Return a sentence on one line in which Markdown and HTML find nothing to act on.

    >>> print(plain_sentence("<b> @someone a_b"))
    &lt;b&gt; &#64;someone a\_b
    """
    line = " ".join(text.split())
    for sign in _MARKUP:
        line = line.replace(sign, f"\\{sign}")
    return line.replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
