"""The page of a rehearsal in a real browser: nothing is fetched, nothing cut off, and it can be read, day and night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.rehearse.stage import BEGIN, Stage, duty, takes
from tests.web.test_browser import SCHEMES, SIZES, browser

from rota.app import open_scratch
from rota.define.loaded import LoadedRota
from rota.model.rehearsal import Budget, Rehearsal
from rota.rehearse.copies import Copy
from rota.rehearse.page import page
from rota.rehearse.rehearse import Asked, rehearse
from rota.settings import Settings

__all__ = ["browser"]  # the fixture, for this module

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST = """() => {
  const light = (text) => {
    const part = text.match(/[0-9.]+/g).slice(0, 3).map(Number).map((one) => {
      const share = one / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]
  }
  const ground = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor
      if (!/, 0\\)$/.test(colour)) return colour
    }
    return "rgb(255, 255, 255)"
  }
  const poor = []
  for (const node of document.querySelectorAll("h1, h2, p, dt, dd, small, li, b, th, td, span")) {
    if (!node.textContent.trim()) continue
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) poor.push([node.textContent.trim().slice(0, 30), ratio])
  }
  return poor
}"""


@pytest.fixture
def address(stage: Stage, tmp_path: Path) -> str:
    """Three days with all that a page can show."""
    tasks = [duty(f"a-task-with-a-long-name-{n}", "0 2 * * *", "Europe/Berlin") for n in range(12)]
    tasks.append(duty("slow", "*/10 * * * *", "Europe/Berlin"))
    stated = Rehearsal(
        days=3,
        price=0.5,
        assumed=takes(30),
        tasks={"slow": takes(900)},
        budget=Budget(no_skips=True, max_slots=50),
    )
    loaded = LoadedRota("web", {one.name: one for one in tasks})
    report = rehearse(Asked(Copy("web", BEGIN), loaded, stated, Settings(slots=3)), open_scratch)
    (tmp_path / "page.html").write_text(page(report), encoding="utf-8")
    return (tmp_path / "page.html").as_uri()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_can_be_read(browser: Any, address: str, size: tuple[int, int], scheme: str) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    fetched: list[str] = []
    said: list[str] = []
    tab = context.new_page()
    tab.on("request", lambda request: fetched.append(request.url))
    tab.on("console", lambda line: said.append(line.text))
    tab.goto(address)
    assert (fetched, said) == ([address], [])
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert tab.evaluate(CONTRAST) == []
    drawn = tab.evaluate(
        "[...document.querySelectorAll('svg')].map((one) => one.getBoundingClientRect().width)"
    )
    assert len(drawn) == 3 + 13
    assert min(drawn) >= 200
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(18, 24, 26)") is (scheme == "dark")
    context.close()
