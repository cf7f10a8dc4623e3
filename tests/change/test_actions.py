"""What people do to tasks and runs: what is recorded, what is refused, and the audit line that each leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.read.house import SERVICE, House, a_task, build, errored, every, succeeded

from rota.change import actions, backfill
from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.errors import Conflict, UnknownName, UsageError
from rota.ledger.records import Change, NewSchedule, RunFilter
from rota.model.run import Kind, Reason, RunRecord, State
from rota.model.task import CatchUp, Overlap, Task

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def tasks() -> list[Task]:
    return [
        a_task("publish", every(60)),
        a_task("count", every(60), catch_up=CatchUp.ALL, catch_up_limit=3),
        a_task("forget", every(60), catch_up=CatchUp.NONE),
        a_task("side-by-side", every(60), overlap=Overlap.ALLOW, queue="default", priority=8),
        a_task("hurry", every(60), deadline=timedelta(minutes=2)),
        a_task("on-request", args={"id": 1}),
    ]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build(tmp_path, tasks())
    yield built
    built.ledger.close()


def run_of(house: House, run_id: int) -> RunRecord:
    run = house.ledger.run(run_id)
    assert run is not None
    return run


def runs_of(house: House, task: str, *states: State, kind: Kind | None = None) -> list[RunRecord]:
    kinds = () if kind is None else (kind,)
    found = house.ledger.runs(RunFilter(task=task, states=states, kinds=kinds, limit=500))
    return sorted(found, key=lambda run: run.scheduled_at)


def last_change(house: House, task: str) -> Change:
    return house.ledger.changes(subject=f"{SERVICE}/{task}", limit=1)[0]


def detail(change: Change) -> dict[str, object]:
    found: dict[str, object] = json.loads(change.detail or "{}")
    return found


# ---- trigger


def test_a_triggered_run_is_recorded_and_due_now(house: House) -> None:
    run_id = actions.trigger(
        house.ledger, house.task("publish"), args='{"id":7}', actor="ann", reason="try it"
    )
    run = run_of(house, run_id)
    assert (run.kind, run.state, run.reason) == (Kind.MANUAL, State.WAITING, Reason.DUE)
    assert (run.scheduled_at, run.run_at) == (house.now, house.now)
    assert (run.args, run.requested_by, run.schedule_id) == ('{"id":7}', "ann", None)
    line = last_change(house, "publish")
    assert (line.actor, line.action, line.reason, line.at) == ("ann", "trigger", "try it", house.now)
    assert detail(line) == {"run": run_id}


def test_a_run_triggered_for_later_waits_for_its_time(house: House) -> None:
    later = Instant(house.now + HOUR)
    run = run_of(
        house, actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann", run_at=later)
    )
    assert (run.run_at, run.reason) == (later, Reason.DELAYED)
    assert house.claim() == []


def test_a_time_that_has_passed_is_now(house: House) -> None:
    before = Instant(house.now - HOUR)
    run = run_of(
        house, actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann", run_at=before)
    )
    assert (run.run_at, run.reason) == (house.now, Reason.DUE)


def test_triggered_runs_never_overlap_unless_the_task_allows_it(house: House) -> None:
    for name, together in (("publish", 1), ("side-by-side", 2)):
        for _ in range(2):
            actions.trigger(house.ledger, house.task(name), args=None, actor="ann")
        assert len(house.claim()) == together
        states = [run.state for run in runs_of(house, name)]
        assert states.count(State.RUNNING) == together
        assert State.SKIPPED not in states  # what an operator asked for waits for its turn
        for held in house.held:
            house.end(held, succeeded())
        house.round(succeeded())


def test_a_triggered_run_takes_the_tasks_priority(house: House) -> None:
    run = run_of(house, actions.trigger(house.ledger, house.task("side-by-side"), args=None, actor="ann"))
    assert run.priority == 8


def test_a_paused_task_can_be_triggered(house: House) -> None:
    actions.pause(house.ledger, house.task("publish"), actor="ann", reason="broken")
    run_id = actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    assert [held.id for held in house.claim()] == [run_id]


def test_a_task_without_a_schedule_can_be_triggered(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("on-request"), args=None, actor="ann")
    assert [held.id for held in house.claim()] == [run_id]


# ---- enqueue


def test_an_enqueued_run_waits_while_the_task_is_paused(house: House) -> None:
    actions.pause(house.ledger, house.task("on-request"), actor="ann", reason="broken")
    done = actions.enqueue(house.ledger, house.task("on-request"), args=None, actor="ann")
    assert done.created
    assert run_of(house, done.id).kind is Kind.ENQUEUED
    assert house.claim() == []


def test_a_key_moves_the_run_that_waits_or_keeps_it(house: House) -> None:
    task = house.task("on-request")
    first, second = Instant(house.now + HOUR), Instant(house.now + 2 * HOUR)
    made = actions.enqueue(house.ledger, task, args=None, actor="ann", run_at=first, key="a")
    kept = actions.enqueue(
        house.ledger, task, args=None, actor="ann", run_at=second, key="a", if_exists="keep"
    )
    assert (kept.id, kept.created, run_of(house, made.id).run_at) == (made.id, False, first)
    moved = actions.enqueue(house.ledger, task, args=None, actor="ann", run_at=second, key="a")
    assert (moved.id, moved.created, run_of(house, made.id).run_at) == (made.id, False, second)
    assert run_of(house, made.id).kind is Kind.DELAYED
    assert detail(last_change(house, "on-request")) == {"run": made.id, "key": "a", "created": False}


# ---- pause


def test_a_pause_says_who_why_and_until_when(house: House) -> None:
    until = Instant(house.now + HOUR)
    actions.pause(house.ledger, house.task("publish"), actor="ann", reason=" the cache is down ", until=until)
    task = house.task("publish")
    assert (task.paused_by, task.paused_reason, task.paused_until) == ("ann", "the cache is down", until)
    line = last_change(house, "publish")
    assert (line.action, line.reason) == ("pause", "the cache is down")
    assert detail(line) == {"until": "2026-11-23T13:00:00Z"}


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_pause_without_a_reason_is_refused(house: House, reason: str) -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        actions.pause(house.ledger, house.task("publish"), actor="ann", reason=reason)
    assert house.task("publish").paused_at is None


def test_a_pause_that_would_be_over_is_refused(house: House) -> None:
    with pytest.raises(UsageError, match="over already"):
        actions.pause(house.ledger, house.task("publish"), actor="ann", reason="x", until=house.now)
    assert house.task("publish").paused_at is None


# ---- resume


def paused_for(house: House, task: str, minutes: int) -> None:
    """Pause, and let occurrences be recorded as skipped, one a minute."""
    actions.pause(house.ledger, house.task(task), actor="ann", reason="a test")
    for _ in range(minutes):
        house.clock.move(minutes=1)
        house.fire()


def test_latest_makes_up_with_one_run_that_covers_the_pause(house: House) -> None:
    began = house.now
    paused_for(house, "publish", 5)
    assert actions.resume(house.ledger, house.task("publish"), actor="ann", reason="mended") == 1
    (run,) = runs_of(house, "publish", kind=Kind.CAUGHT_UP)
    assert (run.covers_from, run.covers_count) == (began + MINUTE, 5)
    assert (run.scheduled_at, run.run_at, run.state) == (began + 5 * MINUTE, house.now, State.WAITING)
    assert run.schedule_key == ""
    assert house.task("publish").paused_at is None
    line = last_change(house, "publish")
    assert (line.action, line.reason, detail(line)) == ("resume", "mended", {"catch_up": "latest", "runs": 1})
    claimed = [held for held in house.claim() if held.task == "publish"]
    assert [(held.covers_from, held.covers_count) for held in claimed] == [(began + MINUTE, 5)]


def test_one_skipped_occurrence_covers_nothing_else(house: House) -> None:
    paused_for(house, "publish", 1)
    actions.resume(house.ledger, house.task("publish"), actor="ann")
    (run,) = runs_of(house, "publish", kind=Kind.CAUGHT_UP)
    assert (run.covers_from, run.covers_count) == (None, 1)


def test_all_makes_up_with_the_last_few_up_to_the_limit(house: House) -> None:
    began = house.now
    paused_for(house, "count", 5)
    assert actions.resume(house.ledger, house.task("count"), actor="ann") == 3
    made = runs_of(house, "count", kind=Kind.BACKFILLED)
    assert [run.scheduled_at for run in made] == [began + minute * MINUTE for minute in (3, 4, 5)]


def test_none_leaves_them_skipped(house: House) -> None:
    paused_for(house, "forget", 5)
    assert actions.resume(house.ledger, house.task("forget"), actor="ann") == 0
    assert {run.state for run in runs_of(house, "forget")} == {State.SKIPPED}


@pytest.mark.parametrize(("named", "runs"), [("none", 0), ("latest", 1), ("all", 5)])
def test_whoever_resumes_may_name_another_policy(house: House, named: str, runs: int) -> None:
    paused_for(house, "publish", 5)
    assert actions.resume(house.ledger, house.task("publish"), actor="ann", catch_up=named) == runs  # type: ignore[arg-type]  # a parametrized literal


def test_what_is_past_its_deadline_stays_skipped_unless_asked_for(house: House) -> None:
    paused_for(house, "hurry", 5)
    again = Instant(house.now - 2 * MINUTE)
    assert actions.resume(house.ledger, house.task("hurry"), actor="ann") == 1
    (run,) = runs_of(house, "hurry", kind=Kind.CAUGHT_UP)
    assert (run.covers_from, run.covers_count) == (again, 3)
    house.clock.move(seconds=30)
    paused_for(house, "hurry", 5)
    house.clock.move(minutes=30)
    assert actions.resume(house.ledger, house.task("hurry"), actor="ann", catch_up="latest") == 1
    assert runs_of(house, "hurry", kind=Kind.CAUGHT_UP)[-1].covers_count == 5


def test_only_this_pause_is_made_up_for(house: House) -> None:
    paused_for(house, "publish", 3)
    actions.resume(house.ledger, house.task("publish"), actor="ann", catch_up="none")
    house.clock.move(seconds=30)
    paused_for(house, "publish", 2)
    actions.resume(house.ledger, house.task("publish"), actor="ann")
    (run,) = runs_of(house, "publish", kind=Kind.CAUGHT_UP)
    assert run.covers_count == 2


def test_what_fell_due_before_the_pause_and_was_skipped_by_it_counts(house: House) -> None:
    house.clock.move(minutes=3, seconds=1)  # no node was there to record these
    actions.pause(house.ledger, house.task("publish"), actor="ann", reason="a test")
    house.fire()
    actions.resume(house.ledger, house.task("publish"), actor="ann")
    (run,) = runs_of(house, "publish", kind=Kind.CAUGHT_UP)
    assert run.covers_count == 3


def test_a_long_pause_recorded_as_a_range_is_made_up_for(house: House) -> None:
    actions.pause(house.ledger, house.task("publish"), actor="ann", reason="a test")
    house.clock.move(hours=5)
    house.fire()
    assert runs_of(house, "publish", State.SKIPPED) == []  # so many stand in one range
    assert actions.resume(house.ledger, house.task("publish"), actor="ann") == 1
    (run,) = runs_of(house, "publish", kind=Kind.CAUGHT_UP)
    assert (run.covers_count, run.scheduled_at) == (300, house.now)


def test_schedules_that_programs_added_are_each_made_up_for(house: House) -> None:
    ledger = house.ledger
    rule = ledger.schedules(SERVICE, "publish", key="")[0].rule
    added = [
        NewSchedule(SERVICE, "publish", key, rule, Instant(house.now + MINUTE), args=f'{{"key":"{key}"}}')
        for key in ("a", "b")
    ]
    ledger.put_schedules(added)
    paused_for(house, "publish", 2)
    assert actions.resume(ledger, house.task("publish"), actor="ann") == 3
    made = runs_of(house, "publish", kind=Kind.CAUGHT_UP)
    assert sorted((run.schedule_key or "", run.args) for run in made) == [
        ("", None), ("a", '{"key":"a"}'), ("b", '{"key":"b"}')
    ]  # fmt: skip


def test_a_longer_pause_is_still_the_same_pause(house: House) -> None:
    paused_for(house, "publish", 2)
    actions.pause(
        house.ledger, house.task("publish"), actor="bob", reason="not yet", until=Instant(house.now + HOUR)
    )
    house.clock.move(minutes=1)
    house.fire()
    actions.resume(house.ledger, house.task("publish"), actor="ann")
    (run,) = runs_of(house, "publish", kind=Kind.CAUGHT_UP)
    assert run.covers_count == 3


def test_what_is_not_paused_cannot_be_resumed(house: House) -> None:
    with pytest.raises(Conflict, match="publish is not paused"):
        actions.resume(house.ledger, house.task("publish"), actor="ann")


def test_of_two_who_resume_at_once_one_is_told(house: House) -> None:
    paused_for(house, "publish", 2)
    seen_by_both = house.task("publish")
    actions.resume(house.ledger, seen_by_both, actor="ann")
    with pytest.raises(Conflict, match="publish is not paused"):
        actions.resume(house.ledger, seen_by_both, actor="bob")
    assert len(runs_of(house, "publish", kind=Kind.CAUGHT_UP)) == 1


# ---- cancel and retry


def test_a_waiting_run_is_withdrawn(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    assert actions.cancel(house.ledger, run_id, actor="bob", reason="too soon") is State.WAITING
    run = run_of(house, run_id)
    assert (run.state, run.reason) == (State.CANCELLED, Reason.OPERATOR)
    line = last_change(house, "publish")
    assert (line.actor, line.action, line.reason, detail(line)) == (
        "bob",
        "cancel",
        "too soon",
        {"run": run_id},
    )


def test_a_running_run_is_asked_to_stop(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    house.claim()
    assert actions.cancel(house.ledger, run_id, actor="bob") is State.RUNNING
    run = run_of(house, run_id)
    assert (run.state, run.cancel_reason) == (State.RUNNING, "operator")


def test_an_ended_run_cannot_be_cancelled(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    house.round(succeeded())
    before = len(house.ledger.changes(limit=100))
    with pytest.raises(Conflict) as caught:
        actions.cancel(house.ledger, run_id, actor="bob")
    assert caught.value.found == "succeeded"
    assert len(house.ledger.changes(limit=100)) == before  # nothing was done, so nothing is on record


def test_a_failed_run_is_tried_again(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    house.round(errored())
    actions.retry(house.ledger, run_id, actor="bob", reason="the cache is back")
    assert run_of(house, run_id).state is State.WAITING
    line = last_change(house, "publish")
    assert (line.action, line.reason, detail(line)) == ("retry", "the cache is back", {"run": run_id})
    house.round(succeeded())
    assert (run_of(house, run_id).state, run_of(house, run_id).attempt) == (State.SUCCEEDED, 2)


def test_a_run_that_has_not_ended_cannot_be_tried_again(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    with pytest.raises(Conflict, match="has not ended") as caught:
        actions.retry(house.ledger, run_id, actor="bob")
    assert caught.value.found == "waiting"


@pytest.mark.parametrize("act", [actions.cancel, actions.retry])
def test_a_run_that_is_not_there_is_unknown(house: House, act: Callable[..., object]) -> None:
    with pytest.raises(UnknownName, match="99"):
        act(house.ledger, 99, actor="ann")


# ---- backfill


def test_occurrences_without_a_succeeded_run_are_started(house: House) -> None:
    began = house.now
    for ending in (succeeded(), errored(), succeeded(), errored()):
        house.clock.move(minutes=1)
        house.round(ending)
    task = house.task("publish")
    due = actions.backfill(house.ledger, task, since=began, until=house.now, actor="ann", reason="holes")
    assert due == [began + 2 * MINUTE, began + 4 * MINUTE]
    made = runs_of(house, "publish", kind=Kind.BACKFILLED)
    assert [(run.scheduled_at, run.run_at, run.state) for run in made] == [
        (at, house.now, State.WAITING) for at in due
    ]
    line = last_change(house, "publish")
    assert (line.action, line.reason) == ("backfill", "holes")
    assert detail(line) == {"since": "2026-11-23T12:00:00Z", "until": "2026-11-23T12:04:00Z", "runs": 2}


def test_the_span_begins_after_its_start_and_holds_its_end(house: House) -> None:
    began = house.now
    house.clock.move(minutes=10)
    due = actions.backfill(
        house.ledger, house.task("publish"), since=Instant(began + MINUTE), until=Instant(began + 3 * MINUTE), actor="ann"
    )  # fmt: skip
    assert due == [began + 2 * MINUTE, began + 3 * MINUTE]


def test_a_dry_run_changes_nothing(house: House) -> None:
    began = house.now
    house.clock.move(minutes=3)
    before = house.ledger.changes(limit=100)
    due = actions.backfill(
        house.ledger, house.task("publish"), since=began, until=house.now, actor="ann", dry_run=True
    )
    assert len(due) == 3
    assert runs_of(house, "publish") == []
    assert house.ledger.changes(limit=100) == before


def test_asked_twice_nothing_is_started_twice(house: House) -> None:
    began = house.now
    house.clock.move(minutes=3)
    task = house.task("publish")
    span = {"since": began, "until": house.now, "actor": "ann"}
    assert len(actions.backfill(house.ledger, task, **span)) == 3  # type: ignore[arg-type]  # keywords of one call
    assert actions.backfill(house.ledger, task, **span) == []  # type: ignore[arg-type]  # the same
    assert len(runs_of(house, "publish", kind=Kind.BACKFILLED)) == 3


def test_a_backfilled_run_that_failed_is_tried_again(house: House) -> None:
    began = house.now
    house.clock.move(minutes=1)
    task = house.task("forget")  # catch-up none: nothing else runs for it
    span = {"since": began, "until": house.now, "actor": "ann"}
    actions.backfill(house.ledger, task, **span)  # type: ignore[arg-type]  # keywords of one call
    for held in house.claim():
        house.end(held, errored())
    (failed,) = runs_of(house, "forget", State.FAILED)
    assert len(actions.backfill(house.ledger, task, **span)) == 1  # type: ignore[arg-type]  # the same
    assert run_of(house, failed.id).state is State.WAITING
    assert len(runs_of(house, "forget", kind=Kind.BACKFILLED)) == 1


def test_backfilled_runs_wait_for_each_other(house: House) -> None:
    began = house.now
    house.clock.move(minutes=3)
    actions.backfill(house.ledger, house.task("publish"), since=began, until=house.now, actor="ann")
    assert len(house.claim()) == 1
    assert len(runs_of(house, "publish", State.WAITING)) == 2
    assert runs_of(house, "publish", State.SKIPPED) == []


@pytest.mark.parametrize(
    ("since", "until", "match"),
    [(0, 0, "ends before it begins"), (1, 0, "ends before it begins"), (-1, 1, "into the future")],
)
def test_spans_that_make_no_sense_are_refused(house: House, since: int, until: int, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        actions.backfill(
            house.ledger, house.task("publish"), since=Instant(house.now + since * HOUR), until=Instant(house.now + until * HOUR), actor="ann"
        )  # fmt: skip


@pytest.mark.parametrize("hours", [17, 24 * 30])
def test_too_many_are_refused_before_any_is_started(house: House, hours: int) -> None:
    began = house.now
    house.clock.move(hours=hours)
    with pytest.raises(UsageError, match="occurrences") as caught:
        actions.backfill(house.ledger, house.task("publish"), since=began, until=house.now, actor="ann")
    assert f"{backfill.BACKFILL_LIMIT:,}" in str(caught.value.expected)
    assert runs_of(house, "publish") == []


def test_a_task_without_a_schedule_cannot_be_backfilled(house: House) -> None:
    with pytest.raises(UsageError, match="no schedule of its own"):
        actions.backfill(
            house.ledger, house.task("on-request"), since=Instant(0), until=house.now, actor="ann"
        )


# ---- retired tasks


@pytest.mark.parametrize("act", ["trigger", "enqueue", "pause", "resume", "backfill"])
def test_a_retired_task_is_left_alone(house: House, act: str) -> None:
    fewer = LoadedRota(SERVICE, {task.name: task for task in tasks() if task.name != "publish"})
    apply(house.ledger, fewer, author="ann", reason="no longer needed")
    (gone,) = (task for task in house.ledger.tasks(SERVICE, retired=True) if task.name == "publish")
    more: dict[str, dict[str, object]] = {
        "trigger": {"args": None},
        "enqueue": {"args": None},
        "pause": {"reason": "x"},
        "resume": {},
        "backfill": {"since": Instant(0), "until": house.now},
    }
    with pytest.raises(Conflict, match="no longer in the rota") as caught:
        getattr(actions, act)(house.ledger, gone, actor="ann", **more[act])
    assert caught.value.retry.safe is False
