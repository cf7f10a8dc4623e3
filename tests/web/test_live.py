"""The stream tells that something changed: to all tabs from one reader, and it ends when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sse_starlette import ServerSentEvent
from tests.read.house import House, succeeded
from tests.web.conftest import Site, make_site

from rota.errors import LedgerUnreachable
from rota.events import RunsChanged
from rota.model.run import Kind, NewRun
from rota.web import live
from rota.web.live import Watch

LIMIT = 5.0  # seconds that a test waits for what must come at once


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader looks often, so that a test need not wait."""
    monkeypatch.setattr(live, "POLL", 0.02)
    monkeypatch.setattr(live, "REST", 0.01)


async def first(stream: AsyncIterator[ServerSentEvent]) -> str | None:
    async with asyncio.timeout(LIMIT):
        return (await anext(stream)).event


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():
            await asyncio.sleep(0.005)


def run_with(house: House, body: Callable[[Site, Watch], Awaitable[None]]) -> None:
    site = make_site(house)
    asyncio.run(body(site, site.app.state.watch))


async def opened(watch: Watch, run_id: int | None = None) -> AsyncIterator[ServerSentEvent]:
    """A tab that is open, with the reader having looked once: it says so, since the page is older than that."""
    stream = watch.stream(run_id)
    assert await first(stream) == "open"
    assert await first(stream) == "changed"
    return stream


async def looked(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Counts the looks at the ledger."""
    looks = 0
    real = live._seen

    def counted(*args: object) -> object:
        nonlocal looks
        looks += 1
        return real(*args)  # type: ignore[arg-type]  # handed through as they are

    monkeypatch.setattr(live, "_seen", counted)
    return lambda: looks


def test_a_change_reaches_every_tab_from_one_reader(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(site: Site, watch: Watch) -> None:
        looks = await looked(watch, monkeypatch)
        tabs = [await opened(watch) for _ in range(5)]
        waiting = [asyncio.create_task(first(tab)) for tab in tabs]
        await until(lambda: looks() >= 3)
        before = looks()
        task = house.task("republish")
        house.ledger.enqueue([NewRun(task.id, Kind.ENQUEUED, house.now, house.now)])
        assert await asyncio.gather(*waiting) == ["changed"] * 5
        assert looks() - before < 5 * 5, "one look serves all tabs"
        for tab in tabs:
            await tab.aclose()  # type: ignore[attr-defined]  # it is a generator
        await until(lambda: not watch.reading)
        assert watch.tabs == 0

    run_with(house, body)


def test_a_tab_on_one_run_is_told_of_that_run_only(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(site: Site, watch: Watch) -> None:
        house.clock.move(seconds=120)
        house.fire()
        mine, other = house.claim()[:2]
        stream = await opened(watch, mine.id)
        told = asyncio.create_task(first(stream))
        looks = await looked(watch, monkeypatch)
        house.log(other.id, "not mine")
        before = looks()
        await until(lambda: looks() >= before + 3)
        assert not told.done()
        house.log(mine.id, "mine")
        assert await told == "changed"
        for change in (lambda: house.progress(mine, {"done": 1}), lambda: house.end(mine, succeeded())):
            change()
            assert await first(stream) == "changed"
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator

    run_with(house, body)


def test_the_stream_ends_when_the_server_stops_and_none_is_opened_then(house: House) -> None:
    async def body(site: Site, watch: Watch) -> None:
        stream = await opened(watch)
        site.stopping = True
        with pytest.raises(StopAsyncIteration):
            await first(stream)
        await until(lambda: not watch.reading)

    run_with(house, body)
    site = make_site(house)
    site.stopping = True
    answer = site.visitor().get("/events")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_the_answer_is_an_event_stream_that_ends_with_the_server(house: House) -> None:
    site = make_site(house)
    looks = 0

    def stopping() -> bool:
        nonlocal looks
        looks += 1
        return looks > 3

    object.__setattr__(site.context, "stopping", stopping)
    answer = site.visitor().get("/events?run=1")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: open" in answer.text


def test_one_tab_too_many_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TABS", 0)
    answer = make_site(house).visitor().get("/events")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"


def test_a_ledger_that_is_away_for_a_while_ends_no_stream(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(site: Site, watch: Watch) -> None:
        real, away, refused = live._seen, True, 0

        def seen(*args: object) -> object:
            nonlocal refused
            if away:
                refused += 1
                raise LedgerUnreachable("gone")
            return real(*args)  # type: ignore[arg-type]  # handed through as they are

        stream = await opened(watch)
        monkeypatch.setattr(live, "_seen", seen)
        await until(lambda: refused >= 2)
        assert watch.reading
        house.ledger.enqueue([NewRun(house.task("republish").id, Kind.ENQUEUED, house.now, house.now)])
        away = False
        site.context.events.emit(RunsChanged(1))
        assert await first(stream) == "changed"
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator

    run_with(house, body)


def test_what_changed_between_the_page_and_its_stream_is_not_lost(house: House) -> None:
    async def body(site: Site, watch: Watch) -> None:
        house.clock.move(seconds=60)
        house.fire()
        [claimed] = house.claim()
        house.log(claimed.id, "written after the page was made, before the stream was opened")
        stream = watch.stream(claimed.id)
        assert [await first(stream), await first(stream)] == ["open", "changed"]
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator

    run_with(house, body)
