"""Bugs of others about what falls due: each under its name, see `bugs.py`."""

from __future__ import annotations

import pytest
from tests.faults.ledger.stage import Stage

from rota.change.actions import pause
from rota.clock import SECOND
from rota.model.run import Reason, State


def test_good_job_767_the_unique_key_outlives_pruning(stage: Stage) -> None:
    """All history is pruned, and then the clock goes back to where it had fired already."""
    stage.rota({"tick": {"schedule": {"every": "60s"}, "overlap": "allow", "catch_up": "all"}})
    node = stage.node()
    stage.pass_time(3600, node, step=60)
    back = stage.clock.at
    stage.clock.move(seconds=1)
    while stage.ledger.prune(stage.now, 1000):
        pass
    assert len(stage.runs()) == 1  # the newest, which the key and the cursor stand on
    newest = stage.runs()[0].id
    stage.clock.set(back.replace(minute=30, hour=0))
    stage.sql("UPDATE rota_schedule SET next_at = :now, fired_at = NULL", now=stage.runs()[0].scheduled_at)
    stage.clock.set(back)
    node.turn()
    assert [run.id for run in stage.runs()] == [newest]


def test_temporal_8087_nothing_is_left_out_without_a_reason(stage: Stage) -> None:
    """Each way to be left out has its own reason, on the record of each occurrence or on its range."""
    every = {"schedule": {"every": "1s"}}
    stage.rota({
        "overlapping": {**every, "overlap": "skip"}, "late": {**every, "deadline": "3s", "overlap": "queue-all", "catch_up": "all"},
        "caught-up": every, "not-caught-up": {**every, "catch_up": "none"}, "off": {**every, "enabled": False}, "paused": every,
    })  # fmt: skip
    paused = next(task for task in stage.ledger.tasks() if task.name == "paused")
    pause(stage.ledger, paused, actor="ann", reason="to see")
    node = stage.node()
    for _ in range(20):
        stage.clock.move(seconds=1)
        node.beat()
        node.fire()
        node.end([one for one in node.claim() if one.task != "overlapping"])  # which does not end
    stage.clock.move(seconds=300)
    after = stage.node()
    after.turn()
    reasons: dict[str, set[str]] = {}
    for run in stage.runs(states=(State.SKIPPED, State.MISSED)):
        assert run.reason is not None
        reasons.setdefault(run.task, set()).add(run.reason.value)
    for schedule in stage.ledger.schedules():
        for missed in stage.ledger.ranges(schedule.id, stage.begun):
            reasons.setdefault(schedule.task, set()).add(missed.reason.value)
    assert reasons["overlapping"] >= {"overlap"}
    assert reasons["late"] == {"deadline"}
    assert reasons["caught-up"] == {"catch-up"}
    assert reasons["not-caught-up"] == {"catch-up"}
    assert reasons["off"] == {"disabled"}
    assert reasons["paused"] == {"paused"}
    found = stage.audit()
    assert found.expected == found.by_run + found.in_range


@pytest.mark.parametrize(("late", "runs"), [(1.5, True), (45, True), (300, False)])
def test_apscheduler_296_a_late_occurrence_runs_or_is_recorded(stage: Stage, late: float, runs: bool) -> None:
    """Even where nothing is caught up for, a busy moment is not a downtime; and what is too late has its record."""
    stage.rota({"hourly": {"schedule": {"every": "1h"}, "catch_up": "none"}})
    stage.clock.move(seconds=3600 + late)
    stage.node().turn()
    (run,) = stage.runs()
    assert run.state is (State.SUCCEEDED if runs else State.MISSED)
    assert runs or run.reason is Reason.CATCH_UP
    stage.audit()


def test_apscheduler_5_a_task_that_is_added_runs_no_other_again(stage: Stage) -> None:
    tasks = {"hourly": {"schedule": {"every": "1h"}}, "daily": {"schedule": "0 0 * * *"}}
    stage.rota(tasks)
    node = stage.node()
    stage.pass_time(86_400 + 600, node, step=600)
    before = [(run.task, run.scheduled_at) for run in stage.runs()]
    cursors = {one.task: one.next_at for one in stage.ledger.schedules()}
    for number in range(5):
        tasks = {**tasks, f"new-{number}": {"schedule": {"every": "1h"}}}
        stage.rota(tasks)
        node.turn()
    assert [(run.task, run.scheduled_at) for run in stage.runs()] == before
    assert {one.task: one.next_at for one in stage.ledger.schedules() if one.task in cursors} == cursors
    stage.audit()


def test_temporal_pr_11530_queue_keeps_one_waiting(stage: Stage) -> None:
    stage.rota({"slow": {"schedule": {"every": "1s"}, "overlap": "queue", "catch_up": "all"}})
    node = stage.node()
    for _ in range(30):
        stage.clock.move(seconds=1)
        node.beat()
        node.fire()
        if len(node.holding) == 1 and stage.now % (7 * SECOND) == 0:
            node.finish()
        node.claim()
        assert len(stage.runs(states=(State.RUNNING,))) <= 1
        assert len(stage.runs(states=(State.WAITING,))) <= 1
    assert {run.reason for run in stage.runs(states=(State.SKIPPED,))} == {Reason.OVERLAP}
    stage.settle(node)
    stage.audit()
