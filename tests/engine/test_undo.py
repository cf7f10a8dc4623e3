"""An undo, rehearsed: the rollback command on a real node and both ledgers, whatever becomes of it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.engine.harness import DUTY, QUICK, ended, in_state, until
from tests.faults.scene import scene, wait_for

from rota import Rota
from rota.change.actions import cancel, pause, trigger
from rota.change.apply import apply
from rota.change.undo import plan_undo, undo
from rota.engine import follower, judge, verdicts
from rota.errors import Conflict
from rota.ledger.judging import IncidentFilter, VerdictRecord
from rota.ledger.records import RunFilter, TaskRecord
from rota.model.run import FINAL, Kind, Reason, RunRecord, State
from rota.model.verdict import Check, Standing

WITHIN = 30.0
TELL = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('ROTA_')}))"
RESTORE = [sys.executable, "-c", TELL]
FAIL = [sys.executable, "-c", "import sys; print('half of it'); sys.exit('no backup there')"]
HANG = [sys.executable, "-c", "import time; print('hanging', flush=True); time.sleep(600)"]


async def publish(id: int = 1, fail: bool = False, wait: float = 0.0) -> dict[str, int]:
    await asyncio.sleep(wait)
    if fail:
        raise ValueError("half of it was published")
    return {"published": id}


def light() -> None:
    """What runs in a thread, or in a worker process."""


def newsroom(url: str, command: list[str], **options: Any) -> Rota:
    """A rota of one task, which is undone by the command."""
    rota = Rota("test", database_url=url, apply_on_start=True, **QUICK)
    rota.task(name="publish", rollback_command=command, **{**DUTY, **options})(publish)
    return rota


def record(rota: Rota, name: str = "publish") -> TaskRecord:
    return next(task for task in rota.ledger.tasks() if task.name == name)


def ask(rota: Rota, name: str = "publish", run: int | None = None) -> int:
    """What `rota undo` does."""
    task = record(rota, name)
    plan = plan_undo(rota.ledger, task, run)
    return undo(rota.ledger, task, plan, actor="ada", reason="the wrong edition")


async def undone(rota: Rota, name: str = "publish", run: int | None = None) -> RunRecord:
    return await ended(rota, ask(rota, name, run), WITHIN)


async def ran(rota: Rota, **args: Any) -> RunRecord:
    """A run of the task's own, to its end."""
    return await ended(rota, (await rota.enqueue("publish", args=args)).id, WITHIN)


def run_verdict(rota: Rota) -> VerdictRecord:
    """What is said of how the task's runs end."""
    return next(one for one in rota.ledger.verdicts() if one.check is Check.RUN)


def written(rota: Rota, run: RunRecord) -> list[str]:
    return [line.text for line in rota.ledger.log(run.id)]


def test_it_is_a_run_of_its_own_that_knows_what_to_undo(url: str) -> None:
    rota = newsroom(url, RESTORE)

    async def scenario() -> None:
        async with rota.running():
            first, second = await ran(rota, id=7), await ran(rota, id=8)
            run = await undone(rota)
            assert (run.kind, run.state, run.attempt, run.requested_by) == (
                Kind.UNDO,
                State.SUCCEEDED,
                1,
                "ada",
            )
            told = json.loads(run.result or "")
            assert [json.loads(line) for line in written(rota, run)] == [told]
            assert (told["ROTA_RUN_ID"], told["ROTA_TASK"]) == (str(run.id), "publish")
            assert (told["ROTA_UNDO_RUN"], told["ROTA_REHEARSAL"]) == (str(second.id), "")
            assert json.loads(told["ROTA_ARGS"]) == {"id": 8}
            named = await undone(rota, run=first.id)
            assert json.loads(named.result or "")["ROTA_UNDO_RUN"] == str(first.id)
            (line, _) = rota.ledger.changes(subject="test/publish", limit=2)
            assert (line.action, line.actor, line.reason) == ("undo", "ada", "the wrong edition")
            assert json.loads(line.detail or "")["undoes"] == first.id

    asyncio.run(scenario())
    rota.close()


def test_it_counts_for_nothing_but_itself(url: str) -> None:
    """Not as a success of the task's, which would hide its failures; not as a failure, which would pause it."""
    strict = {
        "max_duration": "1ms",
        "result": {"type": "object", "required": ["published"]},
        "fresh_within": "1h",
    }
    rota = newsroom(
        url, RESTORE, pause_on_failure=2, retry={"attempts": 3, "backoff": "10ms"}, expectation=strict
    )
    other = newsroom(
        url, FAIL, pause_on_failure=2, retry={"attempts": 3, "backoff": "10ms"}, expectation=strict
    )

    async def scenario() -> None:
        async with rota.running():
            assert (await ran(rota, fail=True)).state is State.FAILED
            before = rota.ledger.counts(rota.ledger.now() - 10**9)  # type: ignore[arg-type]  # a little before now
            done = await undone(rota)
            assert (done.state, done.reason) == (State.SUCCEEDED, None)
            assert record(rota).failures == 1
        async with other.running():
            failed = await undone(other)
            assert (failed.state, failed.reason, failed.attempt) == (State.FAILED, Reason.ERROR, 1)
            assert "no backup there" in str(failed.error)
            assert written(other, failed) == ["half of it", "no backup there"]
            kept = record(other)
            assert (kept.failures, kept.paused_at) == (1, None)
            assert other.ledger.counts(other.ledger.now() - 10**9) == before  # type: ignore[arg-type]  # the same
            assert other.ledger.durations("test", "publish") == []
            assert other.ledger.successes(kept.id, since=0) == []  # type: ignore[arg-type]  # since ever
            (bad,) = other.ledger.bad_runs(kept.id)
            assert bad.id not in (done.id, failed.id)

    asyncio.run(scenario())
    rota.close()
    other.close()


def test_it_does_not_resolve_what_the_task_has_to_mend_itself(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The incident that a failed run opened stays open, and no verdict says that the task's runs end well."""
    monkeypatch.setattr(judge, "EVERY", 0.05)
    monkeypatch.setattr(verdicts, "EVERY", 0.05)
    rota = newsroom(url, RESTORE)

    async def scenario() -> None:
        async with rota.running():
            ledger = rota.ledger
            failed = await ran(rota, fail=True)
            (incident,) = await until(lambda: ledger.incidents(IncidentFilter(is_open=True)), WITHIN)
            assert (incident.check, incident.run_id) == (Check.RUN, failed.id)
            before = run_verdict(rota)
            assert (await undone(rota)).state is State.SUCCEEDED
            again = await ran(
                rota, fail=True
            )  # judged after the undo: had that been told, it would be by now
            (still,) = await until(
                lambda: [one for one in ledger.incidents(IncidentFilter()) if one.run_id == again.id], WITHIN
            )
            assert (still.id, still.resolved_at, still.times) == (incident.id, None, 2)
            after = run_verdict(rota)
            assert (after.standing, after.since_at) == (Standing.UNMET, before.since_at)
            good = await ran(rota)
            await until(lambda: run_verdict(rota).run_id == good.id, WITHIN)
            assert run_verdict(rota).standing is Standing.MET

    asyncio.run(scenario())
    rota.close()


def test_a_program_that_is_not_there(url: str) -> None:
    rota = newsroom(url, ["no-such-program-anywhere"])

    async def scenario() -> None:
        async with rota.running():
            await ran(rota)
            run = await undone(rota)
            assert (run.state, run.reason) == (State.FAILED, Reason.ERROR)
            assert "no-such-program-anywhere" in str(run.error)

    asyncio.run(scenario())
    rota.close()


def test_it_can_be_cancelled_and_has_the_tasks_timeout(url: str) -> None:
    rota, hasty = newsroom(url, HANG, grace="1s"), newsroom(url, HANG, timeout="500ms", grace="1s")

    async def scenario() -> None:
        async with rota.running():
            await ran(rota)
            run = ask(rota)
            await until(lambda: rota.ledger.log(run), WITHIN)
            assert cancel(rota.ledger, run, actor="ada") is State.RUNNING
            stopped = await ended(rota, run, WITHIN)
            assert (stopped.state, stopped.reason) == (State.CANCELLED, Reason.OPERATOR)
        async with hasty.running():
            late = await undone(hasty)
            assert (late.state, late.reason) == (State.FAILED, Reason.TIMEOUT)

    asyncio.run(scenario())
    rota.close()
    hasty.close()


def test_it_works_on_a_paused_task(url: str) -> None:
    rota = newsroom(url, RESTORE, schedule={"every": "200ms"})

    async def scenario() -> None:
        async with rota.running():
            ledger = rota.ledger
            await until(lambda: ledger.runs(RunFilter(states=(State.SUCCEEDED,))), WITHIN)
            pause(ledger, record(rota), actor="ada", reason="the wrong edition")
            await until(lambda: ledger.runs(RunFilter(states=(State.SKIPPED,))), WITHIN)
            await until(lambda: not ledger.runs(RunFilter(states=(State.RUNNING,))), WITHIN)
            assert (await undone(rota)).state is State.SUCCEEDED
            assert record(rota).paused_at is not None

    asyncio.run(scenario())
    rota.close()


def test_nothing_of_the_task_runs_beside_it(url: str) -> None:
    """Refused while a run is under way; and what is due while it is under way itself waits for its end."""
    rota = newsroom(url, HANG, schedule={"every": "1h"}, overlap="cancel", grace="1s")

    async def scenario() -> None:
        async with rota.running():
            ledger = rota.ledger
            assert (await ran(rota)).state is State.SUCCEEDED
            busy = (await rota.enqueue("publish", args={"wait": 600.0})).id
            await in_state(rota, busy, State.RUNNING, WITHIN)
            with pytest.raises(Conflict, match=f"run {busy}, running") as caught:
                ask(rota)
            assert f"rota cancel {busy}" in caught.value.next
            cancel(ledger, busy, actor="ada")
            await ended(rota, busy, WITHIN)
            run = ask(rota)
            await until(lambda: ledger.log(run), WITHIN)
            with pytest.raises(Conflict, match="an undo of it is under way"):
                ask(rota)
            manual = trigger(ledger, record(rota), args=None, actor="ada")
            await asyncio.sleep(0.5)  # ten polls, in each of which it could have been started
            assert rota.ledger.run(manual).state is State.WAITING  # type: ignore[union-attr]  # it is there
            cancel(ledger, run, actor="ada")
            assert (await ended(rota, manual, WITHIN)).state is State.SUCCEEDED

    asyncio.run(scenario())
    rota.close()


@pytest.mark.parametrize("isolation", ["loop", "thread", "process"])
def test_it_takes_and_gives_back_a_slot_of_its_tasks_own_kind(isolation: str, url: str) -> None:
    """With one slot of each kind: were it given back to another, one of them would never be free again."""
    rota = Rota("test", database_url=url, slots=1, threads=1, workers=1, **QUICK)
    rota.task(name="publish", rollback_command=RESTORE, **DUTY)(publish)
    if isolation != "loop":
        rota.task(name="light", rollback_command=RESTORE, isolation=isolation, **DUTY)(light)  # type: ignore[call-overload]  # one of its words
    name = "publish" if isolation == "loop" else "light"

    async def scenario() -> None:
        async with rota.running():
            for _ in range(3):
                assert (await ended(rota, (await rota.enqueue(name)).id, WITHIN)).state is State.SUCCEEDED
                assert (await undone(rota, name)).state is State.SUCCEEDED
                assert (await ran(rota)).state is State.SUCCEEDED

    asyncio.run(scenario())
    rota.close()


def test_a_node_runs_no_other_command_than_the_one_that_was_confirmed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has not heard yet that another revision is current: nothing is run, and the run says why."""
    monkeypatch.setattr(follower, "EVERY", 600.0)
    rota, newer = newsroom(url, RESTORE), newsroom(url, HANG)

    async def scenario() -> None:
        async with newer.running():
            apply(newer.ledger, rota.loaded, author="ada", reason="another command")
            run = await undone(newer)
            assert (run.state, run.reason) == (State.FAILED, Reason.REJECTED)
            assert "not this node's" in str(run.error)
            assert (await ran(newer)).state is State.SUCCEEDED

    asyncio.run(scenario())
    rota.close()
    newer.close()


TOML = f"""\
service = "faults"
[[task]]
name = "task-0"
run = "tests.faults.site_tasks:quick"
owner = "faults@example.org"
expects = "it is undone, once"
rollback = "hang"
rollback_command = {json.dumps(HANG)}
retry = {{ attempts = 3, backoff = "10ms" }}
"""


def test_what_a_killed_node_had_begun_to_undo_is_not_tried_again(url: str, tmp_path: Path) -> None:
    with scene(tmp_path, url, 1, TOML) as made:
        node = made.start()
        wait_for(lambda: made.ledger.nodes() and made.ledger.tasks(), 60, made.log)
        (task,) = made.ledger.tasks()
        run_id = undo(made.ledger, task, plan_undo(made.ledger, task), actor="ada", reason="a test")
        wait_for(lambda: made.ledger.log(run_id), 60, made.log)
        made.kill(node)
        made.start()

        def run() -> RunRecord:
            found = made.ledger.run(run_id)
            assert found is not None
            return found

        wait_for(lambda: run().state in FINAL, 60, made.log)
        assert (run().state, run().reason, run().attempt) == (State.FAILED, Reason.LOST, 1)
        assert made.ledger.tasks()[0].failures == 0
