"""A clock that is set back or forward, and a laptop that sleeps: what the promises say, on a real node."""

from __future__ import annotations

import asyncio

from tests.engine.harness import DUTY, ShiftedClock, rota_in, runs, until

from rota import Run
from rota.clock import SECOND
from rota.model.run import Kind, State


def ticking(rota, started, **options):
    @rota.task(**DUTY, schedule={"every": "1s"}, overlap="allow", **options)
    async def tick(run: Run) -> None:
        started.append((run.scheduled, run.covers.count))


def scheduled(rota):
    return [run for run in runs(rota) if run.kind is Kind.SCHEDULED]


def test_a_clock_set_back_an_hour_repeats_nothing(tmp_path):
    clock, started = ShiftedClock(), []
    rota = rota_in(tmp_path, clock)
    ticking(rota, started)

    async def scenario():
        async with rota.running() as node:
            await until(lambda: len(started) >= 2)
            clock.set_by(-3600)
            before = len(scheduled(rota))
            node.beat_now()
            await asyncio.sleep(2.5)  # what must not happen has time to
            after = scheduled(rota)
            clock.set_by(3600)
            await until(lambda: len(started) > before + 1)
            return before, after, scheduled(rota), rota.ledger.nodes()

    before, after, all_, nodes = asyncio.run(scenario())
    assert len(after) == before
    assert all(run.started_at is None or run.started_at >= run.scheduled_at for run in all_)
    assert len({run.scheduled_at for run in all_}) == len(all_)
    assert len(nodes) == 1  # its lease, a whole hour ahead for a while, was not lost


def test_a_clock_set_forward_a_day_is_a_downtime_of_a_day(tmp_path):
    clock, started = ShiftedClock(), []
    rota = rota_in(tmp_path, clock)
    ticking(rota, started)

    async def scenario():
        async with rota.running() as node:
            await until(lambda: len(started) >= 2)
            identity = node.id
            clock.set_by(86_400)
            await until(lambda: any(count > 80_000 for _, count in started), within=20)
            size = len(started)
            await until(lambda: len(started) >= size + 2)
            schedule = rota.ledger.schedules()[0]
            return identity == node.id, scheduled(rota), rota.ledger.ranges(schedule.id, 0)

    same, all_, ranges = asyncio.run(scenario())
    assert same  # a living node keeps its lease
    (covering,) = (run for run in all_ if run.covers_count > 1)
    assert [(one.covered_by, one.count) for one in ranges] == [(covering.id, covering.covers_count - 1)]
    instants = [run.scheduled_at for run in all_]
    assert len(set(instants)) == len(instants)
    accounted = len(instants) + ranges[0].count
    assert accounted == (max(instants) - min(instants)) // SECOND + 1


def test_a_laptop_that_slept_goes_on_where_it_was(tmp_path):
    """Neither the monotonic clock nor the process runs meanwhile; the wall clock does."""
    clock, started = ShiftedClock(), []
    rota = rota_in(tmp_path, clock)
    ticking(rota, started)

    @rota.task(**DUTY)
    async def under_way(run: Run) -> str:
        await asyncio.sleep(1.0)
        return "it was not lost"

    async def scenario():
        async with rota.running() as node:
            handed = await rota.enqueue("under-way")
            await until(lambda: node.busy >= 1 and len(started) >= 1)
            clock.set_by(7200)  # two hours pass, and the process knows nothing of them
            await until(lambda: any(count > 7000 for _, count in started), within=20)
            run = await until(lambda: _done(rota, handed.id))
            return run, scheduled(rota), rota.ledger.nodes(live=False)

    run, all_, nodes = asyncio.run(scenario())
    assert (run.state, run.attempt) == (State.SUCCEEDED, 1)
    assert [node.state for node in nodes] == ["live"]
    assert len({one.scheduled_at for one in all_}) == len(all_)


def _done(rota, run_id):
    run = rota.ledger.run(run_id)
    return run if run.state is State.SUCCEEDED else None
