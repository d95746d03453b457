"""GitHub-flavoured Markdown as GitHub's own renderer, cmark-gfm, reads it."""

import re
from html.parser import HTMLParser

from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from hypothesis import strategies as st

# What GitHub acts on in text that is not code, after the Markdown is rendered: mentions, issues,
# commits, emoji and mathematics; and what the renderer makes links of.
_LIVE = re.compile(
    r"@\w|#\d|\bgh-\d|\b[0-9a-f]{7,40}\b|:\w+:|\$|https?:/|ftp:|www\.|mailto:", re.IGNORECASE
)
_WEAPONS = [
    *("`", "``", "```", "|", "\\", "*", "_", "~~", "$x$", ":smile:", "&amp;", "&#64;"),
    *("![x](http://evil.example/x.png)", "[x](http://evil.example)", "[^1]", "[x]", "<!--", "<b>"),
    *("<img src=x>", "www.evil.example", "http://evil.example", "ftp://evil.example"),
    *("someone@evil.example", "mailto:a@b.org", "@someone", "#12", "owner/repo#1", "GH-1"),
    *("deadbeef", "0123456789", "\n", "\r", "\x00", "\x1b[2J", "\u202e", "- ", "1.", "1)", "# "),
    *("---", "===", " ", "    ", "(", ")", ".", ",", ":", "é", "कि", "word", "→"),
]
# Texts of pieces that act on Markdown or on GitHub.
weapons = st.lists(st.one_of(st.sampled_from(_WEAPONS), st.text(max_size=3)), max_size=9).map(
    "".join
)


class Rendered(HTMLParser):
    """The page that GitHub makes of some Markdown."""

    def __init__(self, markdown: str) -> None:
        """Render it with its HTML, which GitHub strips of some only later, and read it."""
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self._in_code = 0
        self._outside = ""
        self.feed(github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
        self.close()

    @property
    def live(self) -> list[str]:
        """What GitHub would make links, mentions or pictures of."""
        return [*_LIVE.findall(self._outside), *({"a", "img", "input", "sup"} & {*self.tags})]

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self._in_code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        """Note the end of code."""
        self._in_code -= tag == "code"

    def handle_data(self, data: str) -> None:
        """Note some text, and separately what stands outside of code."""
        self.text += data
        self._outside += "\x00" if self._in_code else data
