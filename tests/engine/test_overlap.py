"""Overlap, queues and a task that hurts: on a real node, with what the ledger records of it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from tests.engine.harness import DUTY, ended, rota_in, runs, until

from rota import Run
from rota.change.apply import apply
from rota.model.run import Kind, Reason, State


def overlapping(folder, overlap, seconds=0.7):
    """A task that is due every 200 ms and takes several times as long."""
    rota, together = rota_in(folder), []
    under_way = set()

    @rota.task(**DUTY, schedule={"every": "200ms"}, overlap=overlap)
    async def long(run: Run) -> None:
        under_way.add(run.id)
        together.append(len(under_way))
        try:
            await asyncio.sleep(seconds)
        finally:
            under_way.discard(run.id)

    async def scenario(enough):
        async with rota.running() as node:
            await until(lambda: node.beat_now() or enough(runs(rota)), within=15)
            return runs(rota), max(together)

    return scenario


def states(all_, state, reason=None):
    return [run for run in all_ if run.state is state and (reason is None or run.reason is reason)]


def test_skip_records_each_occurrence_that_it_leaves_out(tmp_path):
    scenario = overlapping(tmp_path, "skip")
    all_, most = asyncio.run(scenario(lambda found: len(states(found, State.SUCCEEDED)) >= 2))
    skipped = states(all_, State.SKIPPED)
    assert most == 1
    assert len(skipped) >= 2
    assert {run.reason for run in skipped} == {Reason.OVERLAP}
    assert all("had not ended" in run.note for run in skipped)


def test_queue_has_one_wait(tmp_path):
    scenario = overlapping(tmp_path, "queue")
    all_, most = asyncio.run(scenario(lambda found: len(states(found, State.SUCCEEDED)) >= 3))
    succeeded = states(all_, State.SUCCEEDED)
    assert most == 1
    assert states(all_, State.SKIPPED, Reason.OVERLAP)
    late = [run.started_at - run.run_at for run in succeeded[1:]]
    assert max(late) > 200_000  # it waited for its predecessor instead of being skipped


def test_queue_all_leaves_none_out(tmp_path):
    scenario = overlapping(tmp_path, "queue-all", seconds=0.3)
    all_, most = asyncio.run(scenario(lambda found: len(states(found, State.SUCCEEDED)) >= 4))
    assert most == 1
    assert not states(all_, State.SKIPPED)
    succeeded = states(all_, State.SUCCEEDED)
    assert [run.scheduled_at for run in succeeded] == sorted(run.scheduled_at for run in succeeded)


def test_cancel_stops_the_running_one_for_the_next(tmp_path):
    scenario = overlapping(tmp_path, "cancel", seconds=60)
    all_, most = asyncio.run(scenario(lambda found: len(states(found, State.CANCELLED)) >= 2))
    assert most == 1
    assert {run.reason for run in states(all_, State.CANCELLED)} == {Reason.SUPERSEDED}


def test_allow_runs_them_side_by_side(tmp_path):
    scenario = overlapping(tmp_path, "allow")
    all_, most = asyncio.run(scenario(lambda found: len(states(found, State.SUCCEEDED)) >= 3))
    assert most >= 3
    assert not states(all_, State.SKIPPED)


def test_a_triggered_run_waits_for_the_scheduled_one_and_is_never_skipped(tmp_path):
    from rota.change.actions import trigger

    rota, together, under_way = rota_in(tmp_path), [], set()

    @rota.task(**DUTY, schedule={"every": "1h"}, overlap="skip")
    async def once(run: Run) -> None:
        under_way.add(run.id)
        together.append(len(under_way))
        await asyncio.sleep(0.2)
        under_way.discard(run.id)

    async def scenario():
        async with rota.running():
            task = rota.ledger.tasks()[0]
            ids = [trigger(rota.ledger, task, args=None, actor="ada") for _ in range(3)]
            return [await ended(rota, id_) for id_ in ids]

    all_ = asyncio.run(scenario())
    assert max(together) == 1
    assert [(run.state, run.kind) for run in all_] == [(State.SUCCEEDED, Kind.MANUAL)] * 3


def test_a_queue_starts_no_more_than_its_rate(tmp_path):
    rota = rota_in(tmp_path)
    rota = type(rota)("test", queues={"mail": {"rate": "10/s"}}, **rota._overrides)

    @rota.task(**DUTY, queue="mail")
    async def send() -> None: ...

    async def scenario():
        async with rota.running():
            ids = [(await rota.enqueue("send")).id for _ in range(25)]
            return [await ended(rota, id_) for id_ in ids]

    started = sorted(run.started_at for run in asyncio.run(scenario()))
    assert started[-1] - started[0] >= 1_300_000  # 25 starts: 10 at once, and then 10 a second
    for first, eleventh in zip(started, started[20:], strict=False):
        assert eleventh - first >= 900_000


def test_a_flood_in_one_queue_does_not_starve_another(tmp_path):
    rota = rota_in(tmp_path, slots=4)
    rota = type(rota)("test", queues={"bulk": {"weight": 1}, "quick": {"weight": 3}}, **rota._overrides)
    order = []

    @rota.task(**DUTY, queue="bulk")
    async def bulk() -> None:
        order.append("bulk")
        await asyncio.sleep(0.01)

    @rota.task(**DUTY, queue="quick")
    async def quick() -> None:
        order.append("quick")
        await asyncio.sleep(0.01)

    async def scenario():
        apply(rota.ledger, rota.loaded, author="test", reason="test")
        flood = [await rota.enqueue("bulk") for _ in range(60)]
        few = [await rota.enqueue("quick") for _ in range(10)]
        async with rota.running():
            for one in (*flood, *few):
                await ended(rota, one.id)

    asyncio.run(scenario())
    assert len(order) == 70
    assert max(index for index, name in enumerate(order) if name == "quick") < 35


def test_a_light_queue_runs_where_the_heavy_one_is_empty_and_few_slots_are_free(tmp_path):
    rota = rota_in(tmp_path, slots=2)
    rota = type(rota)("test", queues={"bulk": {"weight": 1}, "quick": {"weight": 9}}, **rota._overrides)

    @rota.task(**DUTY, queue="bulk")
    async def bulk() -> None: ...

    @rota.task(**DUTY, queue="quick")
    async def quick() -> None: ...

    async def scenario():
        async with rota.running():
            return await ended(rota, (await rota.enqueue("bulk")).id)

    assert asyncio.run(scenario()).state is State.SUCCEEDED


def kill_my_process() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def harmless() -> int:
    return os.getpid()


@pytest.mark.slow
def test_a_task_that_crashes_its_process_is_stopped_after_a_limit_and_hurts_nobody(tmp_path):
    rota = rota_in(tmp_path, workers=1)
    rota.task(**DUTY, retry={"attempts": 99, "backoff": "1ms", "max": "5ms"})(kill_my_process)
    rota.task(**DUTY)(harmless)

    async def scenario():
        async with rota.running() as node:
            bad = await rota.enqueue("kill-my-process")
            good = [await rota.enqueue("harmless") for _ in range(3)]
            good_runs = [await ended(rota, one.id, within=30) for one in good]
            last = await ended(rota, bad.id, within=40)
            return last, good_runs, rota.ledger.attempts(bad.id), node.busy

    last, good, attempts, busy = asyncio.run(scenario())
    assert (last.state, last.crashes) == (State.FAILED, 5)
    assert "SIGSEGV" in last.error
    assert len(attempts) == 5
    assert all(run.state is State.SUCCEEDED for run in good)
    assert busy == 0
