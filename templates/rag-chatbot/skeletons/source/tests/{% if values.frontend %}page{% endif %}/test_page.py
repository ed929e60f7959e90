"""The chat page in headless Chromium, used as people do: by mouse, by keyboard, in the dark, on a phone.

Run by `make test-page`; CHROMIUM names the browser. Screenshots go to tests/page/screenshots.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support import DOCUMENTS, App, Cable, Model, pdf, says, until

pytestmark = pytest.mark.page
BROWSER = shutil.which(os.environ.get("CHROMIUM") or "chromium") or shutil.which("google-chrome")
SCREENSHOTS = Path(__file__).parent / "screenshots"
expect.set_options(timeout=20_000)
ASKED = "What happens when the primary database fails?"
ANSWER = (
    "A replica takes over by itself within **thirty seconds** [1], and `clients` reconnect. Backups are kept "
    "for thirty-five days [2].\n\n1. Look at the dashboard.\n2. Call the person on duty after a second failover."
)


@pytest.fixture(scope="module")
def server() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture(scope="module")
def app(environment, server: Model) -> Iterator[App]:
    with App(environment, **server.settings()) as running:
        for file in sorted(DOCUMENTS.iterdir()):
            running.index(file.name, file.read_bytes())
        running.index("<img src=x onerror=document.title='pwned'>.txt", "The bell rings <b>twice</b> at noon.")
        running.index("scan.pdf", pdf(""))
        yield running


@pytest.fixture(scope="module")
def cable(app: App) -> Iterator[Cable]:
    """Between the page's process and the application."""
    with Cable(("127.0.0.1", app.port)) as plugged:
        yield plugged


@pytest.fixture(scope="module")
def address(app: App, cable: Cable, frontend) -> Iterator[str]:
    with frontend(app, cable.port) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if BROWSER is None:
        pytest.skip("no Chromium here, the page was NOT tested; install chromium or set CHROMIUM")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield launched
        launched.close()


@contextmanager
def visit(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A tab of a new visitor; a script that fails or breaks the policy fails the test."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
    page = context.new_page()
    page.set_default_timeout(15_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    page.goto(address)
    expect(page.locator("#documents li").first).to_be_attached()
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def page(browser: Browser, address: str, server: Model) -> Iterator[Page]:
    server.plays()
    with visit(browser, address) as opened:
        yield opened


def ask(page: Page, question: str = ASKED) -> None:
    page.get_by_label("Question", exact=True).fill(question)
    page.keyboard.press("Enter")


def picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_an_answer_appears_word_by_word_and_then_with_its_sources(page, server):
    server.plays(says(ANSWER, pause=0.02))

    ask(page)

    answer = page.locator("article.answer")
    expect(answer).to_have_attribute("aria-busy", "true")
    expect(answer.locator(".text")).to_contain_text("A replica takes over")
    assert "second failover" not in answer.inner_text(), "the beginning is there before the end"
    expect(answer.locator("summary")).to_have_text("Sources")
    assert answer.get_attribute("aria-busy") is None
    assert answer.locator(".text strong").inner_text() == "thirty seconds"
    assert answer.locator(".text code").inner_text() == "clients"
    assert answer.locator(".sources li").count() == 2


def test_a_citation_opens_the_passage_in_its_place_and_gives_the_focus_back(page, server):
    server.plays(says(ANSWER))
    ask(page)

    page.locator(".text .citation").first.click()

    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("operations.md")
    expect(dialog.locator("mark")).to_contain_text("promoted within thirty seconds")
    expect(dialog.locator("#passage-place")).to_have_text("Operations guide > Database failover")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download the document").click()
    assert Path(download.value.path()).read_bytes() == (DOCUMENTS / "operations.md").read_bytes()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(".text .citation").first).to_be_focused()


def test_an_upload_shows_its_progress_and_ends_ready(page):
    slow = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    slow.send("Network.emulateNetworkConditions", limits)
    text = "The lift is inspected every spring by a person from the authority. " * 6000

    page.locator("#files").set_input_files({"name": "lift.txt", "mimeType": "text/plain", "buffer": text.encode()})

    row = page.locator("#documents li", has_text="lift.txt")
    expect(row.locator(".badge")).to_have_text("uploading")
    until(lambda: row.locator("progress").evaluate("bar => bar.position") > 0.1, "the bar to move", 5)
    expect(row.locator(".badge")).to_contain_text("reading")
    page.once("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_what_cannot_be_used_is_explained(page):
    page.locator("#files").set_input_files({"name": "a.exe", "mimeType": "application/x", "buffer": b"MZ\0"})

    expect(page.get_by_role("alert").first).to_contain_text("known are .docx, .htm")
    scan = page.locator("#documents li.failed", has_text="scan.pdf")
    expect(scan.locator(".error")).to_contain_text("run text recognition (OCR) first")
    expect(scan.get_by_role("button", name="Retry")).to_be_visible()


def test_a_conversation_is_kept_and_opened_again(page, server):
    server.plays(says(ANSWER))
    ask(page, "Who promotes a replica in the night?")
    expect(page.locator(".sources")).to_be_visible()

    page.reload()

    expect(page.locator("article.question")).to_contain_text("Who promotes a replica in the night?")
    expect(page.locator("article.answer .citation").first).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator("article")).to_have_count(0)
    page.get_by_role("button", name="Who promotes a replica in the night?", exact=True).click()
    expect(page.locator("article.answer")).to_contain_text("thirty seconds")


def test_a_reload_in_the_middle_of_an_answer_loses_neither_it_nor_the_question(page, server):
    server.plays(says("word " * 300, pause=0.05))
    ask(page, "What is said before a reload?")
    expect(page.locator("article.answer .text")).to_contain_text("word word")

    page.reload()

    expect(page.locator("article.question")).to_have_text("You askedWhat is said before a reload?")
    expect(page.locator("article.answer .text")).to_contain_text("word word")
    expect(page.locator("article.answer .hint")).to_have_text("Stopped before its end.")


def test_a_conversation_that_was_deleted_elsewhere_gives_way_to_a_new_one(page, server, app):
    server.plays(says(ANSWER))
    ask(page)
    expect(page.locator(".sources")).to_be_visible()
    app.http.delete(f"/api/conversations/{page.url.partition('#')[2]}")

    ask(page)

    expect(page.locator("article.answer .error")).to_have_text(
        "This conversation was deleted. Ask again to begin a new one."
    )
    expect(page.get_by_label("Question", exact=True)).to_have_value(ASKED)
    page.keyboard.press("Enter")
    expect(page.locator("article.answer").last).to_contain_text("It is so")


def test_an_address_that_names_no_conversation_is_put_right(page, address):
    page.goto(f"{address}/#../documents")
    page.reload()

    expect(page.locator("#documents li").first).to_be_attached()
    expect(page.locator(".notice")).to_have_count(0)
    assert "#" not in page.url


def test_conversations_beyond_the_first_list_can_be_reached(page, app, environment):
    environment.rows(
        "INSERT INTO conversations (owner, title, updated_at)"
        " SELECT 'anyone', 'Old ' || n, now() - interval '1 year' - n * interval '1 s' FROM generate_series(1, 120) n"
    )
    page.reload()
    expect(page.locator("#conversations li")).to_have_count(100)

    page.get_by_role("button", name="Show older ones").click()

    expect(page.get_by_role("button", name="Old 120", exact=True)).to_be_attached()
    expect(page.get_by_role("button", name="Show older ones")).to_be_hidden()
    environment.rows("DELETE FROM conversations WHERE title LIKE 'Old %'")


def test_somebody_who_reads_further_up_is_left_alone(page, server):
    server.plays(says("line\n" * 60), says("more\n" * 60, pause=0.03))
    ask(page)
    expect(page.locator("article.answer .sources")).to_have_count(1)
    ask(page)
    expect(page.locator("article.answer").last).to_contain_text("more")

    page.locator("#log").evaluate("log => { log.scrollTop = 0; }")
    before = page.locator("article.answer .text").last.inner_text()
    until(lambda: len(page.locator("article.answer .text").last.inner_text()) > len(before) + 50, "more of it")

    assert page.locator("#log").evaluate("log => log.scrollTop") == 0


def test_a_notice_covers_neither_the_question_nor_its_buttons(page):
    page.locator("#files").set_input_files({"name": "a.exe", "mimeType": "application/x", "buffer": b"MZ\0"})
    notice = page.locator(".notice").bounding_box()
    form = page.locator("#ask").bounding_box()

    assert notice["y"] + notice["height"] < form["y"]


def test_an_index_in_code_is_no_citation(page, server):
    server.plays(says("Use x = items[1] or `items [1]` [1]."))

    ask(page)

    expect(page.locator("article.answer .sources")).to_be_visible()
    expect(page.locator("article.answer .text")).to_have_text("Use x = items[1] or items [1] 1.")
    assert page.locator("article.answer .text .citation").count() == 1


def test_an_answer_can_be_stopped(page, server):
    server.plays(says("word " * 300, pause=0.05))
    ask(page)
    expect(page.locator("article.answer .text")).to_contain_text("word")

    page.get_by_role("button", name="Stop").click()

    expect(page.locator("article.answer .error")).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Ask")).to_be_visible()


def test_an_answer_that_breaks_off_says_so(page, server):
    def cut(request):
        request.begin()
        request.token("A replica ")

    server.plays(cut)

    ask(page)

    expect(page.locator("article.answer .error")).to_contain_text("broke off")
    expect(page.locator("article.answer .text")).to_contain_text("A replica")


def test_an_application_that_is_away_is_reported_and_used_again(page, cable):
    cable.pull()
    ask(page)
    expect(page.locator("article.answer .error")).to_contain_text("does not answer; try again")
    expect(page.get_by_label("Question", exact=True)).to_have_value(ASKED)

    cable.plug()
    page.keyboard.press("Enter")

    expect(page.locator("article.answer").last).to_contain_text("It is so")


def test_everything_can_be_done_from_the_keyboard(page, server):
    server.plays(says(ANSWER))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the question")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type(ASKED)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Be brief.")
    page.keyboard.press("Enter")
    expect(page.locator(".sources")).to_be_visible()

    page.locator("#log").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert server.requests[-1]["body"]["messages"][-1]["content"].endswith(f"{ASKED}\nBe brief.")


def test_a_screen_reader_hears_what_happens(page, server):
    server.plays(says(ANSWER))
    ask(page)

    expect(page.get_by_role("status")).to_have_text("The answer is complete.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_fault_that_a_checker_of_accessibility_knows(browser, address, server, scheme):
    server.plays(says(ANSWER))
    with visit(browser, address, color_scheme=scheme, bypass_csp=True) as page:
        ask(page)
        expect(page.locator(".sources")).to_be_visible()
        found = Axe().run(page)
        page.locator(".text .citation").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        in_dialog = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert in_dialog.violations_count == 0, in_dialog.generate_report()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {}),
        ("dark", {"color_scheme": "dark"}),
        ("narrow", {"viewport": {"width": 360, "height": 740}, "has_touch": True}),
    ],
)
def test_the_page_fits_its_screen(browser, address, server, name, options):
    server.plays(says(ANSWER))
    with visit(browser, address, **options) as page:
        picture(page, f"{name}-start")
        ask(page)
        expect(page.locator(".sources")).to_be_visible()
        picture(page, f"{name}-answer")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
        brightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (max(brightness) < 80) == (name == "dark")
        if name == "narrow":
            page.get_by_role("button", name="Menu").click()
            expect(page.get_by_role("button", name="New conversation")).to_be_visible()
            picture(page, f"{name}-menu")
            page.keyboard.press("Escape")
            expect(page.get_by_label("Question", exact=True)).to_be_visible()
        page.locator(".text .citation").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        picture(page, f"{name}-passage")


def test_what_documents_and_people_wrote_stays_text(page, server):
    server.plays(says("<img src=x onerror=document.title='pwned'> **<b>bold</b>** [1]"))

    ask(page, "<script>document.title='pwned'</script> When does the bell ring?")

    expect(page.locator("article.answer .text")).to_contain_text("<img src=x onerror=document.title='pwned'>")
    expect(page.locator("article.question")).to_contain_text("<script>")
    expect(page.locator("#documents")).to_contain_text("<img src=x onerror=document.title='pwned'>.txt")
    assert page.locator("img, article script, article b").count() == 0
    assert page.title() != "pwned"


def test_a_token_is_asked_for_and_kept_for_the_tab(browser, environment, frontend):
    with (
        App(environment, AUTH_MODE="token", AUTH_TOKENS="open-sesame") as app,
        frontend(app, app.port) as address,
    ):
        page = browser.new_page()
        page.goto(address)
        dialog = page.get_by_role("dialog", name="Sign in")
        dialog.get_by_label("Access token").fill("wrong")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text("The token is not accepted.")

        dialog.get_by_label("Access token").fill("open-sesame")
        page.keyboard.press("Enter")

        expect(dialog).to_be_hidden()
        expect(page.locator("#documents li").first).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(dialog).to_be_visible()
        page.close()


def test_the_policy_allows_only_our_own_files(address):
    policy = httpx2.get(address).headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
