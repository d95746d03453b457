"""The served report in use: a real Chromium saves decisions, runs again and drops photos."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.example_results import STRANGE_LABELS
from tests.predict.small_model import make_photo
from tests.serve.running_review import (
    CORRECTIONS,
    HEADER,
    RunningReview,
    running_review,
    write_review_project,
)
from tests.test_browser import csv_rows
from tests.tiny_repo import Repo

pytestmark = [pytest.mark.browser, pytest.mark.slow]
_SLOWEST = 300_000  # ms; a busy machine took 30 s for one page
expect.set_options(timeout=_SLOWEST)
DROP = """([name, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name));
  for (const type of ["dragover", "drop"])
    document.body.dispatchEvent(
      new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with strange labels and a report."""
    root = tmp_path_factory.mktemp("project")
    write_review_project(root, STRANGE_LABELS)
    return root


@pytest.fixture(scope="module")
def review(root: Path) -> Iterator[RunningReview]:
    """Return a review that runs in it."""
    with running_review(root) as review:
        yield review


@pytest.fixture
def file(root: Path) -> Path:
    """Return the file of corrections, with its header alone."""
    (root / CORRECTIONS).write_text(HEADER)
    return root / CORRECTIONS


class Reviewer:
    """A person at the served page, with what the browser logs and asks for."""

    def __init__(self, browser: Browser, review: RunningReview, width: int = 1280) -> None:
        """Open the page in a fresh profile."""
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.set_default_timeout(_SLOWEST)
        self.messages: list[str] = []
        self.origins: set[str] = set()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(review.address)
        self.origin = f"http://{review.authority}"

    def _note(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")):
            self.origins.add("/".join(url.split("/")[:3]))

    def start(self) -> dict[str, str]:
        """Go to the first card; return its image."""
        self.page.click("#review-start")
        return self.image()

    def image(self) -> dict[str, str]:
        """Return the image whose card has the focus."""
        image: dict[str, str] = self.page.evaluate(
            "corrections.data.images[document.activeElement.closest('[data-image]').dataset.image]"
        )
        return image

    def type_class(self, text: str) -> None:
        """Open the box of the card in focus for a class, and type there."""
        self.page.keyboard.press("r")
        self.page.keyboard.insert_text(text)

    def said(self, text: str) -> None:
        """Wait until the bar says something."""
        expect(self.page.locator("#review-said")).to_contain_text(text)

    def check_quiet(self, *allowed: str) -> None:
        """Check that nothing but this server was asked, and nothing was logged."""
        assert self.origins == {self.origin}
        rest = [line for line in self.messages if not any(part in line for part in allowed)]
        assert rest == []
        self.page.close()


def test_decisions_are_saved_as_they_are_made(
    chromium: Browser, review: RunningReview, file: Path
) -> None:
    """Keys write rows, another decision replaces one, undo takes it away, a reload knows all."""
    person = Reviewer(chromium, review)
    first = person.start()
    person.page.keyboard.press("k")
    person.said(f"{first['path']}: saved")
    assert [row["action"] for row in csv_rows(file.read_text("utf-8"))] == ["keep"]
    second = person.image()
    person.type_class('=new, "class" 😀')
    person.page.keyboard.press("Enter")
    person.page.keyboard.press("Enter")
    person.said(f"{second['path']}: saved")
    rows = csv_rows(file.read_text("utf-8"))
    assert [(row["path"], row["action"], row["label"]) for row in rows] == [
        (first["path"], "keep", first["label"]),
        (second["path"], "new class", '=new, "class" 😀'),
    ]
    assert rows[1]["sha256"] == second["sha256"]
    person.page.locator("[data-image]", has_text=first["path"]).first.focus()
    person.page.keyboard.press("u")
    person.said(f"{first['path']}: saved")
    assert [row["path"] for row in csv_rows(file.read_text("utf-8"))] == [second["path"]]
    person.page.reload()
    decided = person.page.locator("[data-decided='new class'] .decision").first
    assert decided.inner_text().startswith('before: → =new, "class" 😀')
    assert person.page.locator("#review-save").is_hidden()
    person.check_quiet()


def test_the_beginning_of_a_class_chooses_it(
    chromium: Browser, review: RunningReview, file: Path
) -> None:
    """In any case the beginning of one class is that class; of none, Enter waits for a second."""
    person = Reviewer(chromium, review)
    image = person.start()
    chosen = next(name for name in ("=cmd()", "quote") if not image["label"].startswith(name))
    full = next(name for name in STRANGE_LABELS if name.startswith(chosen))
    person.type_class(chosen[:3].upper())
    expect(person.page.locator(".entry:visible .new")).to_have_text(f"→ {full}")
    person.page.keyboard.press("Enter")
    person.said(f"{image['path']}: saved")
    (row,) = csv_rows(file.read_text("utf-8"))
    assert (row["action"], row["label"]) == ("relabel", full)

    second = person.image()
    person.type_class("zz")
    person.page.keyboard.press("Enter")
    hint = person.page.locator(".entry:visible .new")
    expect(hint).to_contain_text("Enter again makes a new class")
    assert person.page.locator("[data-decided='new class']").count() == 0
    person.page.keyboard.insert_text("y")  # another name has to be asked for again
    person.page.keyboard.press("Enter")
    expect(hint).to_contain_text("Enter again makes a new class")
    assert len(csv_rows(file.read_text("utf-8"))) == 1
    person.page.keyboard.press("Enter")
    person.said(f"{second['path']}: saved")
    assert [(r["action"], r["label"]) for r in csv_rows(file.read_text("utf-8"))][1:] == [
        ("new class", "zzy")
    ]
    person.check_quiet()


def test_the_beginning_of_a_class_can_be_a_new_class_by_its_button(
    chromium: Browser, review: RunningReview, file: Path
) -> None:
    """The button makes a class of a name with which another begins, and the next may take it."""
    person = Reviewer(chromium, review)
    image = person.start()
    person.type_class("quote")
    person.page.locator(".entry:visible").get_by_text("New class", exact=True).click()
    person.said(f"{image['path']}: saved")
    (row,) = csv_rows(file.read_text("utf-8"))
    assert (row["action"], row["label"]) == ("new class", "quote")
    person.page.locator("[data-image]", has_text=image["path"]).first.focus()
    person.page.keyboard.press("ArrowRight")
    other = person.image()
    person.type_class("quote")
    person.page.keyboard.press("Enter")
    person.said(f"{other['path']}: saved")
    assert [r["label"] for r in csv_rows(file.read_text("utf-8"))] == ["quote", "quote"]
    person.check_quiet()


def test_a_hand_edit_is_told_and_either_side_can_win(
    chromium: Browser, review: RunningReview, file: Path
) -> None:
    """What an editor saved in between stays, until a person says that the decision comes too."""
    person = Reviewer(chromium, review)
    image = person.start()
    by_hand = f"{HEADER}{image['path']},,keep,,by hand\nother.jpg,,drop,,mine\n"
    file.write_text(by_hand)
    person.page.keyboard.press("d")
    panel = person.page.locator("#live-conflict")
    expect(panel).to_be_visible()
    assert "keep by hand" in panel.inner_text()
    assert file.read_text() == by_hand
    panel.get_by_text("Write mine too").click()
    person.said(f"{image['path']}: saved")
    notes = {row["path"]: (row["action"], row["note"]) for row in csv_rows(file.read_text("utf-8"))}
    assert notes == {image["path"]: ("drop", ""), "other.jpg": ("drop", "mine")}

    file.write_text(by_hand)
    person.page.locator("[data-image]", has_text=image["path"]).first.focus()
    person.page.keyboard.press("n")
    person.page.keyboard.insert_text("mine")
    person.page.keyboard.press("Enter")
    expect(panel).to_be_visible()
    with person.page.expect_navigation():
        panel.get_by_text("Leave the file as it is").click()
    assert file.read_text() == by_hand
    card = person.page.locator("[data-image]", has_text=image["path"]).first
    assert "keep · by hand" in card.locator(".decision").inner_text()
    person.check_quiet("409 (Conflict)")


def test_a_dropped_photo_is_answered(
    chromium: Browser, review: RunningReview, file: Path, tmp_path: Path
) -> None:
    """A photo, dropped or chosen, opens what the model says, in two pictures; junk its problem."""
    person = Reviewer(chromium, review)
    photo = make_photo(tmp_path / "photo.png", 3)
    person.page.evaluate(DROP, ["photo.png", list(photo.read_bytes())])
    dialog = person.page.locator("#live-photo")
    expect(dialog.locator("li")).to_have_count(3)
    expect(dialog.locator("img").first).to_be_visible()
    expect(dialog.locator("img").last).to_be_visible()
    assert "confidence is not calibrated" in dialog.inner_text()
    dialog.get_by_text("Close").click()
    junk = tmp_path / "junk.jpg"
    junk.write_bytes(b"no photo")
    person.page.set_input_files("#live-ask input", junk)
    expect(dialog.locator(".answer")).to_be_hidden()
    expect(dialog.locator(".problem")).to_contain_text("not an image")
    person.check_quiet()


def test_a_run_that_fails_shows_its_last_lines(
    chromium: Browser, review: RunningReview, file: Path
) -> None:
    """G starts a run; here there is no git, and the page says what DVC says."""
    person = Reviewer(chromium, review)
    person.page.keyboard.press("g")
    progress = person.page.locator("#live-progress")
    expect(progress).to_contain_text("The run failed")
    expect(progress.locator("pre")).to_contain_text("DVC repository")
    person.check_quiet()


def test_a_server_that_is_gone_is_told(
    chromium: Browser, root: Path, file: Path, tmp_path: Path
) -> None:
    """After Ctrl-C a decision stays in the page, which says so."""
    copy = shutil.copytree(root, tmp_path / "copy", ignore=shutil.ignore_patterns(".finetrack"))
    with running_review(copy) as review:
        person = Reviewer(chromium, review)
        person.start()
        assert review.interrupt()[0] == 0
        person.page.keyboard.press("d")
        person.said("Not saved: make review has ended")
        assert "1 of" in person.page.inner_text("#review-count")
        person.page.close()
    assert (copy / CORRECTIONS).read_text() == HEADER


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_the_bar_fits_a_screen(
    chromium: Browser, review: RunningReview, file: Path, width: int
) -> None:
    """On a telephone, a tablet and a desk the served page is as wide as the screen."""
    person = Reviewer(chromium, review, width)
    assert person.page.evaluate("document.documentElement.scrollWidth") == width
    expect(person.page.locator("#live-run")).to_be_visible()
    person.check_quiet()


@pytest.mark.thorough  # takes 90 s; test_application.py starts runs
def test_a_review_and_its_run_without_moving_a_file(chromium: Browser, repo: Repo) -> None:
    """Decide, press G, see the stages, and the new page opens and says what was applied."""
    environment = repo.environment()
    with running_review(repo.path, **environment) as review:
        person = Reviewer(chromium, review)
        kept = person.start()
        person.page.keyboard.press("k")
        person.said(f"{kept['path']}: saved")
        with person.page.expect_navigation(timeout=3 * _SLOWEST):
            person.page.keyboard.press("g")
            expect(person.page.locator("#live-progress b")).to_contain_text("Running ingest")
        listed = person.page.locator("tr[data-row]").all_inner_texts()
        assert len(listed) == 1
        assert kept["path"] in listed[0]
        assert "applied" in listed[0]
        person.check_quiet()
    assert repo.status() == set()
