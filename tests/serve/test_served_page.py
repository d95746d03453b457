"""The served page is the report with the live part, and nothing in a name becomes markup."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.page.html import read_page_script
from stages.page.review import Correction
from stages.serve.corrections_file import CorrectionsState
from stages.serve.served_page import ReportPage, read_report_page, script_json, served_page

HOSTILE = "</script><script>alert(1)</script>"
DATA = {"key": "k", "classes": ["cat"], "decided": [], "images": [{"path": "a.jpg"}]}
PAGE = """<!doctype html><html><head>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-x'">
</head><body><p>&lt;/body&gt;</p>
<script type="application/json" id="review-data">{data}</script>
<script>{script}</script></body></html>
"""


def write(folder: Path, data: object = DATA) -> Path:
    """Write a page with the real script of the corrections."""
    file = folder / "index.html"
    script = read_page_script("templates/corrections.js").text
    file.write_text(PAGE.replace("{data}", script_json(data)).replace("{script}", script), "utf-8")
    return file


def state(*paths: str) -> CorrectionsState:
    """Return the state of a file with rows for these photos."""
    rows = [
        Correction(path=path, sha256="", action="drop", label="", note=HOSTILE, problem="")
        for path in paths
    ]
    return CorrectionsState(sha256="abc", rows=rows)


def test_the_page_brings_what_the_file_says_now(tmp_path: Path) -> None:
    """Rows that the file has by now are in the review's data, whatever stands in them."""
    text = served_page(
        read_report_page(write(tmp_path)), state(HOSTILE), "data/c.csv", running=True
    )
    match = re.search(r'id="review-data">(.*?)</script>', text)
    assert match
    data = json.loads(match[1])
    assert data["saved"][0]["path"] == HOSTILE
    assert {key: data[key] for key in DATA} == DATA
    live = re.search(r'id="live-data">(.*?)</script>', text)
    assert live
    assert json.loads(live[1]) == {"sha256": "abc", "running": True}
    assert HOSTILE not in text


def test_the_policy_knows_the_live_script(tmp_path: Path) -> None:
    """Each script that runs has its hash, and the page connects to its server alone."""
    text = served_page(read_report_page(write(tmp_path)), state(), "data/c.csv", running=False)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert policy[1].endswith("; connect-src 'self'")
    live = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[-1]
    digest = b64encode(sha256(live.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy[1]
    assert "'sha256-x'" in policy[1]
    assert text.rstrip().endswith("</body></html>")


def test_the_file_on_the_disk_stays(tmp_path: Path) -> None:
    """Serving a page writes nothing."""
    file = write(tmp_path)
    before = file.read_bytes()
    served_page(read_report_page(file), state("a.jpg"), "data/c.csv", running=False)
    assert file.read_bytes() == before


def test_photos_are_those_of_images_and_decisions(tmp_path: Path) -> None:
    """A photo that was decided on before and has no card is known all the same."""
    decided = [{"path": "b.jpg", "problem": ""}]
    assert read_report_page(write(tmp_path, DATA | {"decided": decided})).photos == {
        "a.jpg",
        "b.jpg",
    }


def test_a_page_that_is_missing_or_old_is_refused(tmp_path: Path) -> None:
    """Without a page, or with one that knows of no saved file, make repro is the remedy."""
    with pytest.raises(UserError, match="is missing; `make repro`"):
        read_report_page(tmp_path / "index.html")
    file = write(tmp_path)
    file.write_text(file.read_text("utf-8").replace("data.saved", "data.old"), "utf-8")
    with pytest.raises(UserError, match="is of an earlier version; `make repro`"):
        read_report_page(file)
    file.write_text("<html></html>")
    with pytest.raises(UserError, match="is of an earlier version"):
        read_report_page(file)


def test_a_backslash_in_a_name_is_no_group(tmp_path: Path) -> None:
    """A name with a backslash stays so: what is put into the page is no pattern."""
    page = ReportPage(write(tmp_path).read_text("utf-8"), DATA)
    text = served_page(page, state(r"\1 \g<0>.jpg"), "data/c.csv", running=False)
    match = re.search(r'id="review-data">(.*?)</script>', text)
    assert match
    assert json.loads(match[1])["saved"][0]["path"] == r"\1 \g<0>.jpg"
