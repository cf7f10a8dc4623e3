"""Runs claimed ahead start on their instant: never early, whatever the clock does."""

from __future__ import annotations

import asyncio

import pytest

from rota.clock import SECOND, Instant, SystemClock
from rota.engine.held import Held
from rota.ledger.work import Claimed


class Scripted:
    """A wall clock that a test sets; it follows real time from there."""

    def __init__(self):
        self._real = SystemClock()
        self.offset = 0

    def now(self):
        return Instant(self._real.now() + self.offset)

    def monotonic(self):
        return self._real.monotonic()


def claimed(id_, run_at):
    return Claimed(id_, "web", "task", "", "scheduled", run_at, run_at, 1, id_, 0, 0, None, None, None, 1)


async def run_until(held, condition, within=5.0):
    async with asyncio.timeout(within):
        while not condition():
            await held.step()


async def _started_on_the_instant():
    clock, started = Scripted(), []
    held = Held(clock, lambda run: started.append((run.id, clock.now() - run.run_at)))
    now = clock.now()
    for id_, after in ((1, 0.05), (2, 0.02), (3, 0.02), (4, -1)):
        held.add(claimed(id_, Instant(now + int(after * SECOND))))
    assert [id_ for id_, _ in started] == [4]  # due already: at once
    await run_until(held, lambda: len(started) == 4)
    return started


def test_in_order_and_never_early():
    started = asyncio.run(_started_on_the_instant())
    assert [id_ for id_, _ in started] == [4, 2, 3, 1]
    assert all(late >= 0 for _, late in started)


def test_a_clock_set_forward_starts_them_at_the_next_look():
    async def scenario():
        clock, started = Scripted(), []
        held = Held(clock, started.append)
        held.add(claimed(1, Instant(clock.now() + 3600 * SECOND)))
        clock.offset = 86_400 * SECOND
        held.wake()
        await run_until(held, lambda: bool(started))

    asyncio.run(scenario())


def test_a_clock_set_back_holds_them_back_and_they_can_be_taken():
    async def scenario():
        clock, started = Scripted(), []
        held = Held(clock, started.append)
        held.add(claimed(1, Instant(clock.now() + SECOND // 50)))
        clock.offset = -3600 * SECOND
        with pytest.raises(TimeoutError):
            await run_until(held, lambda: bool(started), within=0.1)
        assert started == []
        taken = held.take_beyond(clock.now() + 5 * SECOND)
        assert [run.id for run in taken] == [1]
        assert len(held) == 0

    asyncio.run(scenario())


def test_dropping_one_leaves_the_others():
    clock, started = Scripted(), []
    held = Held(clock, started.append)
    later = Instant(clock.now() + 3600 * SECOND)
    for id_ in (1, 2, 3):
        held.add(claimed(id_, later))
    assert held.drop(2, 2).id == 2
    assert held.drop(2, 2) is None
    assert held.drop(3, 99) is None
    assert [run.id for run in held.take_all()] == [1, 3]
    assert len(held) == 0
