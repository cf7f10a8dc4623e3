"""How a node ends, and how it loses: drain, a second signal, a lost lease, a blocked event loop."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from tests.engine.harness import DUTY, ShiftedClock, ended, in_state, rota_in, runs, second_node, until

from rota import Run
from rota.engine.rescuer import decide
from rota.model.run import Reason, State


def waiting_task(rota, started):
    @rota.task(**DUTY, retry={"attempts": 2, "backoff": "50ms"})
    async def wait(run: Run, seconds: float = 60.0) -> str:
        started.append((run.attempt, run.token))
        await asyncio.sleep(seconds)
        return "done"


def test_draining_lets_what_runs_end_and_hands_back_the_rest_without_counting(tmp_path):
    rota, started = rota_in(tmp_path, drain=0.4), []
    waiting_task(rota, started)

    async def scenario():
        async with rota.running() as node:
            short = await rota.enqueue("wait", args={"seconds": 0.2})
            long = await rota.enqueue("wait")
            await until(lambda: node.busy == 2)
        ledger = rota.ledger  # opened anew: the node closed its own
        first = ledger.run(short.id), ledger.run(long.id), ledger.nodes(live=False)
        again = rota_in(tmp_path)
        waiting_task(again, started)
        async with again.running():
            taken = await in_state(again, long.id, State.RUNNING)
            again.ledger.cancel(long.id, _change())
            again.node.beat_now()
            await ended(again, long.id)
        return first, taken

    (short, long, nodes), taken = asyncio.run(scenario())
    assert short.state is State.SUCCEEDED
    assert (long.state, long.reason, long.spent, long.node) == (State.WAITING, Reason.HANDED_BACK, 0, None)
    assert [node.state for node in nodes] == ["left"]
    assert (taken.attempt, taken.spent) == (2, 0)


def test_what_was_claimed_ahead_is_handed_back_unstarted(tmp_path):
    rota, started = rota_in(tmp_path, ahead=5.0, drain=0.0), []
    waiting_task(rota, started)

    async def scenario():
        async with rota.running():
            later = await rota.enqueue("wait", delay=timedelta(seconds=4))
            await in_state(rota, later.id, State.RUNNING)  # held in memory, under the lease
        return rota.ledger.run(later.id)

    run = asyncio.run(scenario())
    rota.close()
    assert (run.state, run.reason, run.spent) == (State.WAITING, Reason.HANDED_BACK, 0)
    assert started == []


def test_a_second_signal_does_not_wait(tmp_path):
    rota, started = rota_in(tmp_path, drain=60.0), []
    waiting_task(rota, started)

    async def scenario():
        node = await rota.start()
        handed = await rota.enqueue("wait")
        await until(lambda: node.busy == 1)
        began = time.monotonic()
        stopping = asyncio.create_task(rota.stop())
        await until(lambda: node.draining)
        node.hurry()
        await stopping
        return time.monotonic() - began, rota.ledger.run(handed.id)

    took, run = asyncio.run(scenario())
    rota.close()
    assert took < 10
    assert (run.state, run.reason) == (State.WAITING, Reason.HANDED_BACK)


def test_a_node_that_lost_its_lease_learns_it_stops_and_records_nothing(tmp_path):
    """River #1302, Oban's unguarded acknowledgement: a late worker must not overwrite a rescued run."""
    rota, started = rota_in(tmp_path), []
    waiting_task(rota, started)

    async def scenario():
        async with rota.running() as node:
            handed = await rota.enqueue("wait")
            await until(lambda: node.busy == 1)
            before = node.id
            _take_over(rota, before)
            rescued = rota.ledger.run(handed.id)
            node.beat_now()
            await until(lambda: node.id != before)  # a fresh identity: the old one is never reused
            await until(lambda: len(started) == 2)
            again = await in_state(rota, handed.id, State.RUNNING)
            rota.ledger.cancel(handed.id, _change())
            node.beat_now()
            return rescued, again, await ended(rota, handed.id), rota.ledger.attempts(handed.id), before

    rescued, again, last, attempts, before = asyncio.run(scenario())
    assert (rescued.state, rescued.reason, rescued.spent, rescued.crashes) == (
        State.WAITING,
        Reason.RETRY,
        1,
        1,
    )
    assert again.attempt == 2
    assert again.node != before
    assert last.state is State.CANCELLED
    lost = attempts[0]
    assert (lost.state, lost.attempt) == ("lost", 1)
    assert "late answer" in lost.note  # it was refused, and is kept
    assert started[0][1] < started[1][1]  # the fencing token rose


def test_what_was_held_does_not_begin_under_a_lease_that_has_run_out(tmp_path):
    """A process that was frozen wakes with what it held, before it has seen what time it is."""
    clock = ShiftedClock()
    rota, started = rota_in(tmp_path, clock, ahead=5.0), []
    waiting_task(rota, started)

    async def scenario():
        async with rota.running() as node:
            handed = await rota.enqueue("wait", delay=timedelta(seconds=3), args={"seconds": 0})
            await until(lambda: len(node._held))
            before = node.id
            clock.asleep -= 10.0  # ten seconds pass at once
            (claimed,) = node._held.take_all()
            node._begin(claimed)
            assert node.id != before
            return await ended(rota, handed.id, within=30)

    run = asyncio.run(scenario())
    rota.close()
    assert run.state is State.SUCCEEDED
    assert [attempt for attempt, _ in started] == [2]


def test_another_node_takes_over_from_a_silent_one(tmp_path):
    one, two, started = rota_in(tmp_path), rota_in(tmp_path), []
    waiting_task(one, started)

    async def scenario():
        async with one.running() as node:
            handed = await one.enqueue("wait")
            await until(lambda: node.busy == 1)
            node._heart.stop()  # frozen, as far as others can see
            await next(loop for loop in node._loops if loop.name == "pulse").stop()
            async with second_node(two, one):
                taken = await until(lambda: _held_by(two, handed.id, two.node.id), within=15)
                two.ledger.cancel(handed.id, _change())
                two.node.beat_now()
                last = await ended(two, handed.id)
            node._attempts.stop_all(__import__("rota.engine.ending").engine.ending.Stop.LOST)
            return taken, last, two.close()

    taken, last, _ = asyncio.run(scenario())
    assert taken.attempt == 2
    assert last.state is State.CANCELLED


def test_a_blocked_event_loop_does_not_look_like_a_dead_node(tmp_path):
    one, two, started = rota_in(tmp_path), rota_in(tmp_path), []

    @one.task(**DUTY)
    async def block() -> str:
        started.append(1)
        time.sleep(3.0)  # the blocking itself, for longer than the lease
        return "done"

    async def scenario():
        async with one.running():
            handed = await one.enqueue("block")
            done = await ended(one, handed.id, within=20)
            return done, one.ledger.nodes(live=False), runs(one)

    done, nodes, all_ = asyncio.run(scenario())
    two.close()
    assert (done.state, done.attempt, len(all_)) == (State.SUCCEEDED, 1, 1)
    assert started == [1]
    assert all(node.state != "lost" for node in nodes)


def _held_by(rota, run_id, node):
    run = rota.ledger.run(run_id)
    return run if run.node == node else None


def _take_over(rota, node):
    """What another node does to a silent one; its lease is made to have run out."""
    with rota.ledger._store._writing() as connection:
        connection.run("UPDATE rota_node SET lease_until = 0 WHERE id = :id", {"id": node})
    assert rota.ledger.rescue([node], decide) == 1


def _change():
    from rota.ledger.records import Change

    return Change(0, "tester", "cancel", "test", "the test is over")
