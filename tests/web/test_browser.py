"""The pages in a real browser: no errors, nothing cut off, readable, named, alive, and usable without scripts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.read.house import EVIL, House, build, errored, succeeded
from tests.read.judged import an_incident, refused
from tests.web.conftest import TOKEN, make_site

from rota.model.verdict import Check

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = [(1280, 900), (390, 844)]
SCHEMES = ["light", "dark"]
LIMIT = 10_000  # milliseconds that the browser waits for what must come

pytestmark = [pytest.mark.browser, pytest.mark.slow]

if not CHROMIUM.exists() and not os.environ.get("CI"):
    pytest.skip(f"no browser at {CHROMIUM}; in CI this would fail", allow_module_level=True)


class Served:
    """A house with its pages on a port of this machine."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.site = make_site(house)
        config = uvicorn.Config(
            self.site.app,
            host="127.0.0.1",
            port=0,
            log_level="error",
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> str:
        self.thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def stop(self) -> float:
        """Ask the server to stop; returns how many seconds that took."""
        asked = time.monotonic()
        self.site.stopping = True
        self.server.should_exit = True
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()
        return time.monotonic() - asked


def lived_in(house: House) -> dict[str, int]:
    """An hour of history, a failure, a pause, a run under way."""
    from rota.change import actions

    for minute in range(40):
        house.clock.move(seconds=60)
        house.beat()
        if minute == 30:
            house.clock.move(seconds=600)
        house.round(
            errored(EVIL, traceback="Traceback\n  " + "x" * 300)
            if minute in (7, 39)
            else succeeded({"n": minute}),
            late=minute % 9 // 8 * 70,
        )
    failed = max(run.id for run in house.ledger.runs(_failed()))
    actions.pause(house.ledger, house.task("rebuild-sitemap"), actor="ann", reason="the store is being moved")
    house.clock.move(seconds=60)
    house.beat()
    house.fire()
    running = next(one for one in house.claim() if one.task == "publish-due")
    house.log(running.id, *(f"line {n} {EVIL} " + "long " * 30 for n in range(30)))
    house.progress(running, {"done": 3, "total": 10, "note": "articles"})
    an_incident(house, words=f"run {failed} failed (error): {EVIL} " + "long " * 40)
    refused(house)
    an_incident(house, "rebuild-sitemap", Check.FRESH)
    return {"running": running.id, "failed": failed}


def _failed() -> Any:
    from rota.ledger.records import RunFilter
    from rota.model.run import State

    return RunFilter(states=(State.FAILED,))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    house = build(tmp_path)
    one = Served(house)
    yield one
    if one.thread.is_alive():
        one.stop()
    house.ledger.close()


def visit(browser: Any, address: str, complaints: list[str], **options: Any) -> Any:
    """A page in a session of its own; whatever the browser complains of is kept."""
    context = browser.new_context(**options)
    context.set_default_timeout(LIMIT)
    page = context.new_page()
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/?token={TOKEN}")
    return page


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
def test_every_page_is_whole_readable_and_named(
    browser: Any, served: Served, size: tuple[int, int], scheme: str
) -> None:
    runs = lived_in(served.house)
    address = served.start()
    complaints: list[str] = []
    page = visit(
        browser, address, complaints, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    shots = os.environ.get("ROTA_SCREENSHOTS")
    paths = [
        "/", "/tasks", "/tasks/newsroom/publish-due", "/tasks/newsroom/republish", "/tasks/newsroom/rebuild-sitemap",
        "/runs", "/runs?state=failed", f"/runs/{runs['running']}", f"/runs/{runs['failed']}", "/incidents", "/incidents/1",
        "/nodes", "/about",
    ]  # fmt: skip
    for path in paths:
        page.goto(address + path)
        page.wait_for_selector("main h1")
        for details in page.query_selector_all("details"):
            details.evaluate("element => element.open = true")
        if shots:
            name = path.strip("/").replace("/", "_").replace("?", "-") or "overview"
            page.screenshot(path=f"{shots}/{name}-{size[0]}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
        assert page.evaluate(UNNAMED) == [], path
        assert page.evaluate(FAINT) == [], path
        if size[0] < 500:
            assert page.evaluate(SMALL) == [], path
    page.goto(address + "/tasks/newsroom/nothing")
    assert page.evaluate(FAINT) == []
    complaints = [said for said in complaints if "404" not in said]
    assert complaints == []
    page.context.close()


def test_an_empty_house_shows_without_complaint(browser: Any, tmp_path: Path) -> None:
    house = build(tmp_path, [])
    served = Served(house)
    address = served.start()
    complaints: list[str] = []
    page = visit(browser, address, complaints, viewport={"width": 390, "height": 844})
    shots = os.environ.get("ROTA_SCREENSHOTS")
    for path in ("/", "/tasks", "/runs", "/nodes", "/about"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        if shots:
            page.screenshot(path=f"{shots}/empty-{path.strip('/') or 'overview'}.png", full_page=True)
    assert complaints == []
    page.context.close()
    served.stop()
    house.ledger.close()


def test_log_progress_and_state_show_as_they_come(browser: Any, served: Served) -> None:
    house = served.house
    house.clock.move(seconds=60)
    house.fire()
    [claimed] = [one for one in house.claim() if one.task == "publish-due"]
    address = served.start()
    complaints: list[str] = []
    page = visit(browser, address, complaints)
    page.goto(f"{address}/runs/{claimed.id}")
    page.wait_for_selector('[data-live="on"]')
    page.fill("#reason", "half written")
    house.log(claimed.id, f"first line {EVIL}")
    page.wait_for_selector(f"text=first line {EVIL}")
    house.log(claimed.id, "second line", source="ERROR")
    house.progress(claimed, {"done": 7, "total": 10, "note": "articles so far"})
    page.wait_for_selector("text=articles so far")
    page.wait_for_selector("text=second line")
    assert page.input_value("#reason") == "half written", "what is being typed stays"
    house.end(claimed, succeeded({"n": 1}))
    page.wait_for_selector("text=Try it once more")
    assert complaints == []
    page.context.close()


def test_a_list_shows_a_new_run_by_itself(browser: Any, served: Served) -> None:
    address = served.start()
    complaints: list[str] = []
    page = visit(browser, address, complaints)
    page.wait_for_selector('[data-live="on"]')
    served.house.clock.move(seconds=60)
    served.house.round(errored())
    page.wait_for_selector("text=1 failed run in a row")
    assert complaints == []
    page.context.close()


@pytest.mark.parametrize("late", ["rota.js", "htmx.min.js", "hx-sse.min.js"])
def test_a_page_is_live_whichever_of_its_scripts_comes_late(browser: Any, served: Served, late: str) -> None:
    address = served.start()
    context = browser.new_context()
    context.set_default_timeout(LIMIT)

    def hold(route: Any) -> None:
        time.sleep(0.5)
        route.continue_()

    context.route(f"**/static/{late}*", hold)
    page = context.new_page()
    page.goto(f"{address}/?token={TOKEN}")
    page.wait_for_selector('[data-live="on"]')
    context.close()


def test_an_open_tab_does_not_hold_up_the_server(browser: Any, served: Served) -> None:
    address = served.start()
    page = visit(browser, address, [])
    page.wait_for_selector('[data-live="on"]')
    assert served.stop() < 3
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_operator_can_act(browser: Any, served: Served, scripts: bool) -> None:
    address = served.start()
    complaints: list[str] = []
    page = visit(browser, address, complaints, java_script_enabled=scripts)
    page.goto(f"{address}/tasks/newsroom/republish")
    page.fill('[name="arg.limit"]', "12345678901234567890")
    page.click("text=Run it now")
    page.wait_for_selector("text=12345678901234567890")
    page.fill("#reason", "not needed")
    page.click("text=Cancel this run")
    page.wait_for_selector("text=somebody cancelled it")
    page.goto(f"{address}/tasks/newsroom/publish-due")
    page.fill("#pause-reason", "the store is being moved")
    page.click('button:has-text("Pause")')
    page.wait_for_selector("text=The task is paused.")
    page.click('button:has-text("Resume")')
    page.wait_for_selector("text=The task is resumed.")
    page.fill("#undo-reason", "the wrong edition")
    page.click('button:has-text("Undo")')  # not without a tick: the browser asks for it, and nothing is sent
    page.check("[name=sure]")
    page.click('button:has-text("Undo")')
    page.wait_for_selector("text=The undo is recorded")
    assert [change.action for change in served.house.ledger.changes()][:5] == [
        "undo",
        "resume",
        "pause",
        "cancel",
        "trigger",
    ]
    assert complaints == []
    page.context.close()


def test_the_keyboard_reaches_the_content_first_and_shows_where_it_is(browser: Any, served: Served) -> None:
    address = served.start()
    page = visit(browser, address, [])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.goto(f"{address}/tasks")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.evaluate("document.querySelectorAll('nav [aria-current=page]').length") == 1
    page.context.close()


UNNAMED = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, summary, svg[role]')]
  .filter(one => !(one.getAttribute('aria-label') || one.textContent.trim() || (one.labels && one.labels.length)))
  .map(one => one.outerHTML.slice(0, 120))"""

SMALL = """() => [...document.querySelectorAll('button, input:not([type=hidden]):not([type=checkbox]), select, textarea, nav a')]
  .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < 43.5)
  .map(one => one.outerHTML.slice(0, 120))"""

FAINT = """() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const one = node.parentElement;
    if (!node.textContent.trim() || one.closest('svg, script, .skip, noscript, option, datalist') || !one.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.add(`${ratio.toFixed(2)} ${one.className} ${node.textContent.trim().slice(0, 40)}`);
  }
  return [...faint];
}"""
