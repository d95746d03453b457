"""The page in use: a real Chromium, a real DVC, a review that changes labels."""

import csv
import io
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from stages.evaluate.page import render_evaluation
from stages.page.html import render_page
from stages.stats.interpret_params import InterpretParams
from tests.evaluate.example_evaluation_page import HOSTILE, example_evaluation_page
from tests.example_results import STRANGE_LABELS, write_project
from tests.page.example_page import example_page as compose_example_page
from tests.test_interpret import run_interpret
from tests.tiny_repo import STAGES, Repo, copy_project, draw, hashes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The labels of the real chain: markup, a formula, quotes and commas, another script.
LABELS = {"disc": "<script>alert(1)</script>", "square": "=cmd()", "stripes": '😀 مربع, "x"'}
# Parts of names, between places where they may break, that stand on several lines.
BROKEN_WORDS = """[...document.querySelectorAll('.pair bdi')].flatMap(name =>
  [...name.childNodes].filter(part => {
    const range = document.createRange()
    range.selectNodeContents(part)
    return part.nodeType === Node.TEXT_NODE && range.getClientRects().length > 1
  }).map(part => part.data))"""
# Cards whose last button is not as far from the bottom as that of the card before, in one row.
BUTTONS_OUT_OF_ROW = """(() => {
  const rows = new Map(), out = []
  for (const card of document.querySelectorAll('.card')) {
    const top = Math.round(card.getBoundingClientRect().top)
    const button = Math.round(card.querySelector('[data-do=drop]').getBoundingClientRect().top)
    if (rows.has(top) && Math.abs(rows.get(top) - button) > 1) out.push([top, button])
    rows.set(top, button)
  }
  return out
})()"""
DECIDE_ALL_IN_SIGHT = """for (const card of document.querySelectorAll('[data-image]'))
  if (!card.closest('details')) card.querySelector('[data-do=drop]').click()"""
CORRECTION_COLUMNS = ["path", "sha256", "action", "label", "note"]


class Visit:
    """A page in a browser, with its requests, and its messages on the console and in dialogs."""

    def __init__(self, browser: Browser, file: Path, width: int = 1280, script: str = "") -> None:
        """Open a file in a fresh profile; `script` runs before the page's own."""
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900})
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.add_init_script(script)
        self.url = file.as_uri()
        self.page.goto(self.url)

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def image(self) -> dict[str, str]:
        """Return the review's data of the image whose card has the focus."""
        image: dict[str, str] = self.page.evaluate(
            "corrections.data.images[document.activeElement.closest('[data-image]').dataset.image]"
        )
        return image

    def relabel(self, label: str, *, new: bool = False) -> None:
        """Give the focused image a label, by keys; a new class takes a second Enter."""
        self.press("r")
        self.page.keyboard.insert_text(label)
        self.press(*["Enter"] * (2 if new else 1))

    def download(self) -> str:
        """Return the corrections.csv that the page writes."""
        with self.page.expect_download() as download:
            self.page.get_by_text("Download corrections.csv").click()
        assert download.value.suggested_filename == "corrections.csv"
        return Path(download.value.path()).read_bytes().decode("utf-8")

    def bar_text(self) -> str:
        """Return the text of the bar at the bottom."""
        return self.page.inner_text("#review-bar")

    def check_quiet(self) -> None:
        """Check that the page asked for nothing of a network, and logged no message or error."""
        assert self.messages == []
        assert {url for url in self.requests if not url.startswith(("data:", "blob:"))} == {
            self.url
        }


def csv_rows(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file as Python's reader has them."""
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.fixture(scope="module")
def example_content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the page of an example project with strange labels."""
    root = tmp_path_factory.mktemp("example")
    write_project(root, STRANGE_LABELS, images=90, right=0.7)
    process = run_interpret(root)
    assert process.returncode == 0, process.stderr
    return (root / "reports" / "index.html").read_bytes()


@pytest.fixture
def example_page(example_content: bytes, tmp_path: Path) -> Path:
    """Return a file with that page, at an address of its own, so that no storage is shared."""
    file = tmp_path / "index.html"
    file.write_bytes(example_content)
    return file


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return the project with 60 small photos, after its first dvc repro."""
    repo = copy_project(tmp_path / "repo")
    photos = repo.path / "data" / "photos"
    photos.mkdir()
    rows = [("path", "label")]
    for kind, label in LABELS.items():
        for number in range(20):
            draw(kind, number).save(photos / f"{kind} {number:02}.jpg", quality=90)
            rows.append((f"{kind} {number:02}.jpg", label))
    with (repo.path / "data" / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    repo.change({"ingest.label.by": "csv"})
    assert repo.repro() == set(STAGES)
    return repo


@pytest.mark.thorough  # the review is watched above, its run in test_browser_review.py
def test_a_review_changes_labels_and_the_next_page_says_so(chromium: Browser, repo: Repo) -> None:
    """Decide by keys, reload, download, apply: labels change, and no photo is decoded again."""
    visit = Visit(chromium, repo.path / "reports" / "index.html")
    visit.page.focus("#review-start")
    visit.press("Enter")
    confirmed = visit.image()
    visit.press("k")
    relabelled = visit.image()
    other = next(label for label in LABELS.values() if label != relabelled["label"])
    visit.relabel(other)
    dropped = visit.image()
    visit.press("d", "ArrowLeft")
    assert visit.image() == dropped
    assert "3 of" in visit.bar_text()
    visit.page.reload()
    assert "3 of" in visit.bar_text()
    text = visit.download()
    visit.check_quiet()
    assert csv_rows(text) == [
        dict(zip(CORRECTION_COLUMNS, (image["path"], image["sha256"], *decision, ""), strict=True))
        for image, decision in (
            (confirmed, ("keep", confirmed["label"])),
            (relabelled, ("relabel", other)),
            (dropped, ("drop", "")),
        )
    ]

    photos = hashes(repo.path / "data" / "photos")
    (repo.path / "data" / "corrections.csv").write_text(text, encoding="utf-8", newline="")
    assert repo.repro() == set(STAGES) - {"fetch", "presize"}
    labels = {row["path"]: row["label"] for row in repo.table("data/manifest/labels.csv")}
    assert labels[confirmed["path"]] == confirmed["label"]
    assert labels[relabelled["path"]] == other
    assert dropped["path"] not in labels
    assert hashes(repo.path / "data" / "photos") == photos

    again = Visit(chromium, repo.path / "reports" / "index.html")
    listed = again.page.locator("tr[data-row]").all_inner_texts()
    assert len(listed) == 3
    assert all("applied" in row for row in listed)
    assert relabelled["path"] in listed[1]
    again.page.click("#review-start")
    assert again.download() == text
    again.check_quiet()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_cards_break_no_word_and_have_their_buttons_in_rows(
    chromium: Browser, tmp_path: Path, width: int
) -> None:
    """Names of classes break between words alone; a long path moves no button of its card.

    A percent sign stays with its number.
    """
    labels = ["Abyssinian", "american_pit_bull_terrier", "Egyptian_Mau", "staffordshire_terrier"]
    params = InterpretParams(top_losses=8, most_confused=5, suspects=24)
    file = tmp_path / "index.html"
    file.write_text(render_page(compose_example_page(labels, params=params)), encoding="utf-8")
    visit = Visit(chromium, file, width)
    for path in visit.page.locator(".card .path").all()[::3]:
        path.evaluate("element => element.textContent = 'holiday/in/the/north/'.repeat(9)")
    broken = visit.page.evaluate(BROKEN_WORDS)
    assert broken == []
    reasons = visit.page.locator(".reason").all_text_contents()
    assert reasons
    assert not [reason for reason in reasons if " %" in reason]
    assert visit.page.evaluate(BUTTONS_OUT_OF_ROW) == []
    visit.check_quiet()


def test_tables_sort_by_click_and_by_key(chromium: Browser, example_page: Path) -> None:
    """A heading sorts its column, numbers as numbers, and says so; a second time turns it round."""
    visit = Visit(chromium, example_page)
    heading = visit.page.locator("#classes th", has_text="Trained on")
    cells = visit.page.locator("#classes tbody tr td:last-child")
    heading.get_by_role("button").click()
    down = [int(text) for text in cells.all_inner_texts()]
    assert down == sorted(down, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    visit.press("Enter")
    assert [int(text) for text in cells.all_inner_texts()] == sorted(down)
    assert heading.get_attribute("aria-sort") == "ascending"
    assert visit.page.locator("#classes th[aria-sort]").count() == 1
    visit.check_quiet()


def test_the_file_has_every_character_and_every_earlier_row(
    chromium: Browser, example_page: Path
) -> None:
    """Earlier rows stay as they are until decided anew or taken back; no cell is altered."""
    visit = Visit(chromium, example_page)
    visit.page.click("#review-start")
    before = csv_rows(visit.download())
    assert [row["note"] for row in before] == ['a "note", with\nlines', "=cmd()", ""]
    visit.page.click("#review-next")
    image = visit.image()
    visit.relabel('=new, "class" 😀', new=True)
    visit.page.locator("[data-image]", has_text=image["path"]).first.focus()
    visit.press("n")
    visit.page.keyboard.insert_text(' +1, "دجاجة" ')
    visit.press("Enter")
    visit.page.locator("tr[data-row] button").nth(1).click()
    after = csv_rows(visit.download())
    assert after == [
        *(row for row in before if row["path"] not in (before[1]["path"], image["path"])),
        {
            "path": image["path"],
            "sha256": image["sha256"],
            "action": "new class",
            "label": '=new, "class" 😀',
            "note": '+1, "دجاجة"',
        },
    ]
    visit.check_quiet()


def test_another_page_of_the_same_data_loses_no_decision(
    chromium: Browser, example_page: Path
) -> None:
    """Decisions on photos that a new page shows no more are in the next download all the same."""
    visit = Visit(chromium, example_page)
    visit.page.click("#review-start")
    dropped = visit.image()
    visit.press("d")
    earlier = csv_rows(visit.download())
    assert earlier[-1]["path"] == dropped["path"]
    # The next model has no doubts about this photo, so that its page has no card for it.
    page = example_page.read_text("utf-8")
    example_page.write_text(page.replace(json.dumps(dropped["path"]), '"another.jpg"'), "utf-8")
    visit.page.reload()
    visit.page.click("#review-start")
    confirmed = visit.image()
    visit.press("k")
    *before, added = csv_rows(visit.download())
    assert before == earlier
    assert added["path"] == confirmed["path"] != dropped["path"]
    visit.check_quiet()


def test_a_name_that_is_no_class_is_marked(chromium: Browser, example_page: Path) -> None:
    """While a label is typed the page completes class names, and marks one that is none."""
    visit = Visit(chromium, example_page)
    visit.page.click("#review-start")
    visit.press("r")
    mark = visit.page.locator(".entry:visible .new")
    options = visit.page.locator("#class-names option")
    assert [option.get_attribute("value") for option in options.all()] == sorted(STRANGE_LABELS)
    assert mark.is_hidden()
    visit.page.keyboard.insert_text("platypus")
    assert mark.inner_text() == "No class begins with these letters."
    visit.press("Enter")
    assert mark.inner_text() == "No class begins with these letters. Enter again makes a new class."
    visit.press("Escape")
    assert "platypus" not in visit.bar_text()
    visit.press("r")
    visit.page.keyboard.insert_text("platypus")
    visit.press("Enter")
    assert mark.is_visible()
    visit.press("Escape")
    visit.press("u")
    visit.check_quiet()


def test_a_class_in_another_case_is_meant_before_longer_ones(
    chromium: Browser, example_page: Path
) -> None:
    """Of cat and caterpillar Cat is the first; where the case decides, the hint counts both."""
    visit = Visit(chromium, example_page)
    visit.page.evaluate("corrections.data.classes.push('cat', 'caterpillar', 'Dog', 'dog')")
    visit.page.click("#review-start")
    mark = visit.page.locator(".entry:visible .new")
    for typed, meant in (("Cat", "cat"), ("CATE", "caterpillar")):
        visit.press("r")
        visit.page.keyboard.insert_text(typed)
        assert mark.inner_text() == f"→ {meant}"
        visit.press("Enter")
        assert any(line.endswith(f": → {meant}") for line in visit.bar_text().splitlines())
    visit.press("r")
    visit.page.keyboard.insert_text("DOG")
    assert mark.inner_text() == "2 classes begin with these letters; type more."
    visit.press("Enter")
    assert mark.inner_text() == (
        "2 classes begin with these letters. Enter again makes a new class."
    )
    visit.check_quiet()


def test_next_opens_what_hides_the_next_card(chromium: Browser, example_page: Path) -> None:
    """Once all cards in sight are decided, Next leads to those of the closed right predictions."""
    visit = Visit(chromium, example_page)
    hidden = visit.page.locator("details.right-predictions")
    assert hidden.locator("[data-image]").count() > 1
    assert hidden.get_attribute("open") is None
    visit.page.evaluate(DECIDE_ALL_IN_SIGHT)
    visit.page.click("#review-next")
    assert hidden.get_attribute("open") is not None
    assert visit.page.evaluate("document.activeElement.closest('details') !== null")
    image = visit.image()
    visit.press("k")
    visit.page.click("#review-next")
    assert visit.image() != image
    visit.check_quiet()


def test_a_review_works_without_storage(chromium: Browser, example_page: Path) -> None:
    """Where the browser refuses storage, the page says that a reload forgets, and goes on."""
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})"
    visit = Visit(chromium, example_page, script=refuse)
    visit.page.click("#review-start")
    image = visit.image()
    visit.press("d")
    assert "forgets" in visit.bar_text()
    assert csv_rows(visit.download())[-1]["path"] == image["path"]
    visit.check_quiet()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_name_is_too_long_for_a_screen(
    chromium: Browser, example_page: Path, width: int
) -> None:
    """Labels of 200 characters and from right to left leave the page as wide as the screen."""
    visit = Visit(chromium, example_page, width)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    visit.check_quiet()


def test_the_page_of_an_evaluation(chromium: Browser, tmp_path: Path) -> None:
    """It stands alone, runs nothing that a name says, sorts its classes, and fits a telephone."""
    file = tmp_path / "index.html"
    file.write_text(render_evaluation(example_evaluation_page()), encoding="utf-8")
    for width in (390, 768, 1280):
        visit = Visit(chromium, file, width)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        visit.check_quiet()
    classes = visit.page.locator("#classes table.sortable")
    classes.get_by_role("button", name="Photos").click()
    counts = [int(text) for text in classes.locator("tbody td:nth-child(4)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == len(STRANGE_LABELS)
    seen = visit.page.locator("details", has_text="Trained on: 2")
    seen.locator("summary").click()
    assert HOSTILE.split(chr(10))[0] in seen.locator("li").first.inner_text()
