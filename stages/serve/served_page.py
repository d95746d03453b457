"""The served page: the report as it lies on the disk, with what saves, runs and asks beside it."""

import json
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

from stages.base.errors import UserError
from stages.page.jinja_environment import jinja_environment
from stages.page.review import Correction
from stages.serve.corrections_file import CorrectionsState

_FOLDER = Path(__file__).parent
_TEMPLATE = "templates/live.html"
_SCRIPT = "templates/live.js"
_STYLE = "templates/live.css"
_POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")([^"]*)(">)')
_DATA = re.compile(
    r'(<script type="application/json" id="review-data">)(.*?)(</script>)', re.DOTALL
)
# Without these the script of a page of an earlier version knows nothing of a file that is saved.
_NEEDED = ("data.saved", "rowsOf")


@dataclass(frozen=True)
class ReportPage:
    """The page that interpret wrote, and what its review knows."""

    text: str
    data: dict[str, Any]  # a ReviewData

    @property
    def photos(self) -> frozenset[str]:
        """The paths of the photos that the page knows."""
        return frozenset(row["path"] for row in [*self.data["images"], *self.data["decided"]])

    @property
    def decided(self) -> list[Correction]:
        """The rows of corrections.csv that the page was made with."""
        rows: list[Correction] = self.data["decided"]
        return rows


def read_report_page(file: Path) -> ReportPage:
    """Return the page in a file; UserError where there is none, or one that cannot be served."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{file} is missing; `make repro` makes it") from None
    match = _DATA.search(text)
    if match is None or not _POLICY.search(text) or not all(word in text for word in _NEEDED):
        raise UserError(f"{file} is of an earlier version; `make repro` makes it anew")
    return ReportPage(text, json.loads(match[2]))


def served_page(page: ReportPage, state: CorrectionsState, corrections: str, running: bool) -> str:
    """Return the page with the rows that the file has now, and with the live part.

    corrections: what the file is called. The policy lets the live script run too, and connect to
    this server and no other.
    """
    script = _read(_SCRIPT)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    live = (
        jinja_environment(_FOLDER)
        .get_template(_TEMPLATE)
        .render(
            style=_read(_STYLE),
            script=script,
            corrections=corrections,
            live={"sha256": state.sha256, "running": running},
        )
    )
    data = {**page.data, "saved": state.rows}
    text = _DATA.sub(lambda match: match[1] + script_json(data) + match[3], page.text, count=1)
    text = _POLICY.sub(lambda match: match[1] + _policy(match[2], digest) + match[3], text, count=1)
    before, end, after = text.rpartition("</body>")
    return before + live + "\n" + end + after


def script_json(value: Any) -> str:
    r"""Return JSON that may stand inside <script>: nothing in it ends the element.

    >>> script_json({"a": "</script>"})
    '{"a": "\\u003c/script\\u003e"}'
    """
    text = json.dumps(value)
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _policy(policy: str, digest: str) -> str:
    scripts = policy.replace("script-src", f"script-src 'sha256-{digest}'", 1)
    return f"{scripts}; connect-src 'self'"


def _read(name: str) -> Markup:
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704 - a file of this package
