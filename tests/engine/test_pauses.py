"""Paused: nothing runs, everything is recorded as skipped, and its end makes up for it as the policy says."""

from __future__ import annotations

import asyncio

import pytest
from tests.engine.harness import DUTY, rota_in, runs, until

from rota import Run
from rota.change.actions import pause, resume
from rota.clock import SECOND, Instant
from rota.model.run import Kind, Reason, State


def paused_task(folder, catch_up, monkeypatch):
    monkeypatch.setattr("rota.engine.janitor.SWEEP_EVERY", 0.05)
    rota, started = rota_in(folder), []

    @rota.task(**DUTY, schedule={"every": "200ms"}, overlap="allow", catch_up=catch_up, catch_up_limit=3)
    async def tick(run: Run) -> None:
        started.append((run.kind, run.covers.count))

    return rota, started


@pytest.mark.parametrize("by_itself", [True, False])
@pytest.mark.parametrize(
    ("catch_up", "kind", "made_up"), [("latest", "caught-up", 1), ("all", "backfilled", 3), ("none", "", 0)]
)
def test_a_pause_and_its_end(tmp_path, monkeypatch, by_itself, catch_up, kind, made_up):
    rota, started = paused_task(tmp_path, catch_up, monkeypatch)

    async def scenario():
        async with rota.running():
            ledger = rota.ledger
            await until(lambda: len(started) >= 2)
            end = Instant(ledger.now() + 2 * SECOND) if by_itself else None
            pause(ledger, ledger.tasks()[0], actor="ada", reason="maintenance", until=end)
            await until(lambda: len([run for run in runs(rota) if run.state is State.SKIPPED]) >= 5)
            before = len(started)
            if not by_itself:
                resume(ledger, ledger.tasks()[0], actor="ada", reason="done")
            await until(lambda: ledger.tasks()[0].paused_at is None)
            await until(lambda: [1 for k, _ in started[before:] if k == "scheduled"])
            return runs(rota), ledger.changes()

    all_, changes = asyncio.run(scenario())
    skipped = [run for run in all_ if run.state is State.SKIPPED]
    assert {run.reason for run in skipped} == {Reason.PAUSED}
    assert all(run.attempt == 0 for run in skipped)
    extra = [run for run in all_ if run.kind is not Kind.SCHEDULED]
    assert [run.kind for run in extra] == [kind] * made_up
    if catch_up == "latest":
        assert extra[0].covers_count == len(skipped)
        assert ("caught-up", len(skipped)) in started
    instants = [run.scheduled_at for run in all_ if run.kind is Kind.SCHEDULED]
    assert len(set(instants)) == len(instants)
    assert [change.action for change in changes if change.action != "apply"] == ["resume", "pause"]
    assert changes[0].actor == ("rota" if by_itself else "ada")
