"""The runbook: a page a task, whole, and the same for the same ledger."""

from __future__ import annotations

from markdown_it import MarkdownIt
from tests.read.house import EVIL, House, errored, succeeded
from tests.read.judged import an_incident

from rota.read.runbook import runbook


def page(house: House, name: str) -> str:
    return runbook(house.ledger, [house.task(name)])


def test_a_page_holds_all_that_is_needed_at_night(house: House) -> None:
    for ending in (succeeded(), errored("the cache is down"), succeeded()):
        house.clock.move(seconds=60)
        house.round(ending)
    an_incident(house)
    text = page(house, "publish-due")
    for part in (
        "# newsroom/publish-due", "**Owner**", "publish-due has done what it should", "nothing to undo", "| run | every run succeeds",
        "Every minute", "Next after what has been recorded", "1 failed, 2 succeeded", "66.7 % of those that ended succeeded",
        "500 ms (median)", "the cache is down", "`rota trigger publish-due --wait --reason WHY`",
    ):  # fmt: skip
        assert part in text, text


def test_the_same_ledger_gives_the_same_page_whenever_it_is_asked(house: House) -> None:
    house.clock.move(seconds=60)
    house.round(succeeded())
    records = sorted(house.ledger.tasks(), key=lambda one: one.name)
    before = runbook(house.ledger, records)
    house.clock.move(days=40)
    assert runbook(house.ledger, records) == before


def test_a_task_that_has_never_run_and_one_without_a_schedule(house: House) -> None:
    text = page(house, "republish")
    assert "Only when it is asked for." in text
    assert "it has not run yet" in text
    assert "rota backfill" not in text


def test_what_a_task_wrote_is_text_and_not_markup(house: House) -> None:
    house.clock.move(seconds=60)
    house.round(errored(f"a | b {EVIL}\n# not a heading"))
    html = MarkdownIt("commonmark").enable("table").render(page(house, "publish-due"))
    assert "<script>" not in html
    assert "<h1>not a heading</h1>" not in html
    assert html.count("<h1>") == 1
