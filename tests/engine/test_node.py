"""A node from claim to outcome: what user code says, and what the ledger keeps of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from tests.engine.harness import DUTY, ended, in_state, rota_in, runs, until

from rota import GiveUp, Retry, Run
from rota.errors import ArgumentsError, UnknownName
from rota.ledger.records import Change
from rota.model.run import Kind, Reason, State

CHANGE = Change(0, "tester", "cancel", "test", "because")


def test_a_run_from_hand_in_to_result(tmp_path):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY)
    async def greet(run: Run, name: str = "you") -> dict[str, str]:
        run.log(f"greeting {name}")
        run.progress(1, 1, "done")
        return {"hello": name}

    async def scenario():
        async with rota.running():
            handed = await rota.enqueue("greet", args={"name": "Ada"})
            return await ended(rota, handed.id), rota.ledger.log(handed.id)

    run, log = asyncio.run(scenario())
    assert (run.state, run.attempt, run.kind) == (State.SUCCEEDED, 1, Kind.ENQUEUED)
    assert json.loads(run.result) == {"hello": "Ada"}
    assert [line.text for line in log] == ["greeting Ada"]
    assert run.run_at <= run.started_at <= run.finished_at


def test_arguments_are_refused_when_they_are_handed_in(tmp_path):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY)
    async def publish(article_id: int) -> None: ...

    async def scenario():
        async with rota.running():
            with pytest.raises(ArgumentsError, match="article_id"):
                await rota.enqueue("publish", args={"article_id": "many"})
            with pytest.raises(ArgumentsError):
                await rota.enqueue("publish", args={"artikel": 1})
            with pytest.raises(UnknownName, match="did you mean publish"):
                await rota.enqueue("publsh", args={"article_id": 1})
            return runs(rota)

    assert asyncio.run(scenario()) == []


def test_retries_until_it_succeeds_with_the_asked_delay(tmp_path):
    rota, starts = rota_in(tmp_path), []

    @rota.task(**DUTY, retry={"attempts": 3, "backoff": "50ms", "jitter": 0})
    async def flaky(run: Run) -> int:
        starts.append(datetime.now(UTC))
        if run.attempt == 1:
            raise RuntimeError("not yet")
        if run.attempt == 2:
            raise Retry(after=timedelta(milliseconds=300))
        return run.attempt

    async def scenario():
        async with rota.running():
            handed = await rota.enqueue("flaky")
            return await ended(rota, handed.id), rota.ledger.attempts(handed.id)

    run, attempts = asyncio.run(scenario())
    assert (run.state, run.result, run.spent) == (State.SUCCEEDED, "3", 3)
    assert [attempt.attempt for attempt in attempts] == [1, 2, 3]
    assert "not yet" in attempts[0].error
    assert len({attempt.token for attempt in attempts}) == 3
    first, second = (b - a for a, b in pairwise(starts))
    assert first >= timedelta(milliseconds=50)
    assert second >= timedelta(milliseconds=300)


def test_giving_up_ends_it_at_once_and_says_why(tmp_path):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY, retry={"attempts": 9})
    async def hopeless() -> None:
        raise GiveUp("the article was deleted")

    async def scenario():
        async with rota.running():
            return await ended(rota, (await rota.enqueue("hopeless")).id)

    run = asyncio.run(scenario())
    assert (run.state, run.reason, run.attempt) == (State.FAILED, Reason.ERROR, 1)
    assert "the article was deleted" in run.error


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_hang_is_stopped_at_its_timeout(tmp_path, stubborn):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY, timeout="200ms", grace="200ms")
    async def hang() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    async def scenario():
        async with rota.running():
            return await ended(rota, (await rota.enqueue("hang")).id)

    run = asyncio.run(scenario())
    assert (run.state, run.reason) == (State.FAILED, Reason.TIMEOUT)
    assert "0.2 s" in run.error
    assert 200_000 <= run.finished_at - run.started_at < 3_000_000


def test_cancelling_a_waiting_and_a_running_one(tmp_path):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY)
    async def wait() -> None:
        await asyncio.sleep(60)

    async def scenario():
        async with rota.running() as node:
            later = await rota.enqueue("wait", delay=timedelta(hours=1))
            now = await rota.enqueue("wait")
            await in_state(rota, now.id, State.RUNNING)
            await until(lambda: node.busy == 1)
            found = [rota.ledger.cancel(handed.id, CHANGE) for handed in (later, now)]
            node.beat_now()
            return found, await ended(rota, later.id), await ended(rota, now.id)

    found, later, now = asyncio.run(scenario())
    assert found == [State.WAITING, State.RUNNING]
    assert (later.state, later.reason, later.attempt) == (State.CANCELLED, Reason.OPERATOR, 0)
    assert (now.state, now.reason, now.attempt) == (State.CANCELLED, Reason.OPERATOR, 1)


def test_the_same_key_moves_the_run_that_has_not_started(tmp_path):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY)
    async def publish(article: int) -> int:
        return article

    async def scenario():
        async with rota.running():
            one = await rota.enqueue("publish", key="a", args={"article": 1}, delay=timedelta(hours=1))
            two = await rota.enqueue("publish", key="a", args={"article": 2}, delay=timedelta(hours=2))
            kept = await rota.enqueue("publish", key="a", args={"article": 3}, if_exists="keep")
            waiting = rota.ledger.run(one.id)
            moved = await rota.enqueue("publish", key="a", args={"article": 4})
            done = await ended(rota, one.id)
            again = await rota.enqueue("publish", key="a", args={"article": 5})
            return one, two, kept, waiting, moved, done, again

    one, two, kept, waiting, moved, done, again = asyncio.run(scenario())
    assert (one.created, two.created, kept.created, moved.created, again.created) == (
        True,
        False,
        False,
        False,
        True,
    )
    assert one.id == two.id == kept.id == moved.id != again.id
    assert json.loads(waiting.args) == {"article": 2}
    assert done.result == "4"


def test_no_more_run_at_once_than_the_task_allows(tmp_path):
    rota, running, most = rota_in(tmp_path), set(), []

    @rota.task(**DUTY, concurrency=2)
    async def narrow(run: Run) -> None:
        running.add(run.id)
        most.append(len(running))
        await asyncio.sleep(0.02)
        running.remove(run.id)

    @rota.task(**DUTY)
    async def wide() -> None: ...

    async def scenario():
        async with rota.running():
            handed = [await rota.enqueue("narrow") for _ in range(12)]
            free = await ended(rota, (await rota.enqueue("wide")).id)
            rest = [await ended(rota, one.id) for one in handed]
            return free, rest

    free, rest = asyncio.run(scenario())
    assert all(run.state is State.SUCCEEDED for run in (free, *rest))
    assert max(most) == 2
    assert free.started_at < rest[-1].started_at  # those that wait do not stand in the way of others


def test_higher_priorities_start_first(tmp_path):
    rota, order = rota_in(tmp_path, slots=1), []

    @rota.task(**DUTY)
    async def note(name: str) -> None:
        order.append(name)

    async def scenario():
        rota.ledger  # noqa: B018 - opened, so that the tasks can be applied
        from rota.change.apply import apply

        apply(rota.ledger, rota.loaded, author="test", reason="test")
        handed = [await rota.enqueue("note", args={"name": f"p{n}"}, priority=n) for n in (1, 9, 5, 0, 7)]
        async with rota.running():
            for one in handed:
                await ended(rota, one.id)

    asyncio.run(scenario())
    assert order == ["p9", "p7", "p5", "p1", "p0"]


def test_a_task_that_fails_too_often_in_a_row_is_paused(tmp_path):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY, pause_on_failure=2)
    async def broken() -> None:
        raise RuntimeError("on purpose")

    async def scenario():
        async with rota.running():
            for _ in range(2):
                await ended(rota, (await rota.enqueue("broken")).id)
            task = rota.ledger.tasks()[0]
            held = await rota.enqueue("broken")
            await asyncio.sleep(0.3)  # several polls: it must not start
            return task, rota.ledger.run(held.id)

    task, held = asyncio.run(scenario())
    assert task.paused_at is not None
    assert "2 failed runs in a row" in task.paused_reason
    assert held.state is State.WAITING
