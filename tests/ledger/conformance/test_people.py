"""What people and programs ask: enqueue under keys, cancel, reopen, pause and resume, each with its audit line."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from tests.ledger.house import House

from rota.clock import SECOND, Instant
from rota.errors import LedgerError
from rota.model.lifecycle import Errored, HandedBack
from rota.model.run import Kind, Reason, State
from rota.model.task import Retries


@pytest.fixture
def tidy(house: House) -> House:
    house.rota(house.task(every=3600), house.task("other"))
    return house


# -- keys


def test_a_key_names_one_run_that_has_not_started_and_the_same_key_moves_it(tidy: House) -> None:
    first = tidy.ledger.enqueue([tidy.new(key="k", args='{"n": 1}')])[0]
    moved = replace(tidy.new(key="k", after=60, args='{"n": 2}'), priority=9, kind=Kind.DELAYED)
    again = tidy.ledger.enqueue([moved])[0]
    assert (first.created, again.created, again.id) == (True, False, first.id)
    run = tidy.run(first.id)
    assert (run.args, run.priority, run.kind, run.run_at, run.scheduled_at) == (
        '{"n": 2}', 9, "delayed", moved.run_at, moved.scheduled_at,
    )  # fmt: skip
    assert len(tidy.runs(key="k")) == 1


def test_a_key_can_be_kept_instead(tidy: House) -> None:
    first = tidy.ledger.enqueue([tidy.new(key="k", args='{"n": 1}')])[0]
    again = tidy.ledger.enqueue([tidy.new(key="k", after=60, args='{"n": 2}')], if_exists="keep")[0]
    assert (again.id, again.created, tidy.run(first.id).args) == (first.id, False, '{"n": 1}')


def test_a_key_is_free_again_once_its_run_has_started(tidy: House) -> None:
    first = tidy.enqueue(key="k")
    claimed = tidy.claim_one()
    second = tidy.enqueue(key="k")
    assert second != first
    tidy.finish(
        "n1", tidy.outcome(claimed, HandedBack())
    )  # waits again beside the other, and has started before
    third = tidy.ledger.enqueue([tidy.new(key="k")])[0]
    assert (third.id, third.created) == (second, False)


def test_a_key_belongs_to_its_task(tidy: House) -> None:
    assert tidy.enqueue("tidy", key="k") != tidy.enqueue("other", key="k")


def test_many_at_once_keep_their_order_and_their_keys(tidy: House) -> None:
    runs = [tidy.new(args=f'{{"n": {n}}}', key=f"k{n % 3}" if n % 2 else None) for n in range(10)]
    done = tidy.ledger.enqueue(runs)
    assert [one.created for one in done] == [True] * 7 + [False, True, False]
    assert tidy.run(done[8].id).args == '{"n": 8}'
    plain = tidy.ledger.enqueue([tidy.new(args=f'{{"n": {n}}}') for n in range(100)])
    assert [tidy.run(one.id).args for one in plain] == [f'{{"n": {n}}}' for n in range(100)]


def test_eight_threads_with_one_key_make_one_run(tidy: House) -> None:
    ledgers, start, done = [tidy.open() for _ in range(8)], threading.Barrier(8), []

    def enqueue(ledger):
        start.wait(10)
        done.extend(ledger.enqueue([tidy.new(key="k", after=60)])[0] for _ in range(5))

    threads = [threading.Thread(target=enqueue, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(done), sum(one.created for one in done), len({one.id for one in done})) == (40, 1, 1)


@pytest.mark.parametrize(
    "values", [{"task_id": 999}, {"priority": 11}, {"args": "{no json"}, {"schedule_id": 99}]
)
def test_an_illegal_run_is_refused_and_nothing_of_its_batch_is_recorded(tidy: House, values: dict) -> None:
    with pytest.raises(LedgerError) as refused:
        tidy.ledger.enqueue([tidy.new(), replace(tidy.new(), **values)])
    assert refused.value.retry.safe is False
    assert tidy.runs() == []


def test_a_backfilled_occurrence_has_one_run_beside_the_scheduled_one(tidy: House) -> None:
    (scheduled,) = tidy.due("tidy")
    backfill = tidy.occurrence(kind=Kind.BACKFILLED)
    first, again = tidy.ledger.enqueue([backfill, backfill])
    assert (first.created, again.created, again.id) == (True, False, first.id)
    assert first.id != scheduled


def test_what_is_skipped_from_the_start_is_recorded_as_such(tidy: House) -> None:
    run = tidy.enqueue(state=State.SKIPPED, reason=Reason.PAUSED)
    assert (tidy.told(run), tidy.run(run).finished_at) == (("skipped", "paused"), tidy.now)


# -- cancel and reopen


def test_a_waiting_run_is_withdrawn_at_once(tidy: House) -> None:
    run = tidy.enqueue()
    assert tidy.ledger.cancel(run, tidy.change("cancel", reason="not today")) is State.WAITING
    assert tidy.told(run) == ("cancelled", "operator")
    assert (tidy.run(run).finished_at, tidy.claim()) == (tidy.now, [])
    assert [line.action for line in tidy.ledger.changes()][:1] == ["cancel"]


def test_a_running_run_is_asked_to_stop_and_its_node_hears_of_it(tidy: House) -> None:
    tidy.enqueue()
    claimed = tidy.claim_one()
    assert tidy.ledger.cancel(claimed.id, tidy.change("cancel")) is State.RUNNING
    assert tidy.ledger.cancel(claimed.id, tidy.change("cancel"), Reason.SUPERSEDED) is State.RUNNING
    assert tidy.beat().stops == [(claimed.id, claimed.token, "operator")]  # the first reason stands
    tidy.node("n2")
    assert tidy.beat("n2").stops == []


def test_what_has_ended_or_is_not_there_cannot_be_cancelled(tidy: House) -> None:
    run = tidy.enqueue()
    tidy.succeed(tidy.claim_one())
    assert tidy.ledger.cancel(run, tidy.change("cancel")) is State.SUCCEEDED
    assert tidy.ledger.cancel(999, tidy.change("cancel")) is None
    assert tidy.state(run) is State.SUCCEEDED
    assert [line.action for line in tidy.ledger.changes()] == ["apply"]


def test_what_has_ended_can_be_tried_once_more(tidy: House) -> None:
    run = tidy.enqueue()
    tidy.fail(tidy.claim_one())
    tidy.clock.move(minutes=1)
    assert tidy.ledger.reopen(run, tidy.change("retry"))
    assert tidy.told(run) == ("waiting", "retry")
    assert tidy.run(run).run_at == tidy.now
    assert not tidy.ledger.reopen(run, tidy.change("retry"))
    again = tidy.claim_one()
    assert (again.attempt, again.spent) == (2, 0)
    tidy.succeed(again)
    assert [one.state for one in tidy.ledger.attempts(run)] == ["error", "succeeded"]
    assert not tidy.ledger.reopen(999, tidy.change("retry"))
    assert [line.action for line in tidy.ledger.changes()] == ["retry", "apply"]


def test_what_is_reopened_before_its_instant_waits_for_it(tidy: House) -> None:
    run = tidy.enqueue(after=60)
    tidy.ledger.cancel(run, tidy.change("cancel"))
    assert tidy.ledger.reopen(run, tidy.change("retry"))
    assert tidy.run(run).run_at == tidy.run(run).scheduled_at
    assert tidy.claim() == []
    tidy.clock.move(minutes=1)
    assert tidy.claim_one().id == run


def test_a_run_is_not_reopened_beside_another_of_its_key(tidy: House) -> None:
    run = tidy.enqueue(key="k")
    tidy.ledger.cancel(run, tidy.change("cancel"))
    tidy.enqueue(key="k")
    assert not tidy.ledger.reopen(run, tidy.change("retry"))
    assert tidy.state(run) is State.CANCELLED


def test_a_stop_asked_for_ends_with_its_attempt(tidy: House) -> None:
    run = tidy.enqueue()
    claimed = tidy.claim_one()
    tidy.ledger.cancel(run, tidy.change("cancel"))
    tidy.finish("n1", tidy.outcome(claimed, Errored(), retries=Retries(attempts=5)))
    assert tidy.told(run) == ("cancelled", "operator")
    tidy.ledger.reopen(run, tidy.change("retry"))
    tidy.claim_one()
    assert tidy.beat().stops == []


# -- pause and resume


def test_a_pause_says_who_why_and_until_when(tidy: House) -> None:
    until = Instant(tidy.now + 3600 * SECOND)
    assert tidy.ledger.pause(tidy.ids["tidy"], tidy.change(reason="the disk"), until)
    task = next(one for one in tidy.ledger.tasks("web") if one.name == "tidy")
    assert (task.paused_at, task.paused_until, task.paused_reason, task.paused_by) == (
        tidy.now, until, "the disk", "ann",
    )  # fmt: skip
    assert not tidy.ledger.pause(999, tidy.change())


def test_a_pause_survives_the_next_revision_and_the_tasks_return(tidy: House) -> None:
    tidy.ledger.pause(tidy.ids["tidy"], tidy.change())
    tidy.rota(tidy.task(every=60))
    tidy.rota(tidy.task("other"))
    assert tidy.rota(tidy.task(every=60))["tidy"].paused_reason == "because"


def test_a_resume_records_what_makes_up_for_the_pause_in_the_same_breath(tidy: House) -> None:
    assert not tidy.ledger.resume(tidy.ids["tidy"], tidy.change("resume"), [tidy.new()])
    assert tidy.runs() == []
    tidy.ledger.pause(tidy.ids["tidy"], tidy.change())
    makes_up = replace(tidy.new(kind=Kind.CAUGHT_UP), covers_from=tidy.now, covers_count=7)
    assert tidy.ledger.resume(tidy.ids["tidy"], tidy.change("resume"), [makes_up])
    assert [run.covers_count for run in tidy.runs()] == [7]
    assert [line.action for line in tidy.ledger.changes(subject="web/tidy")] == ["resume", "pause"]
    tidy.ledger.pause(tidy.ids["tidy"], tidy.change())
    with pytest.raises(LedgerError):
        tidy.ledger.resume(tidy.ids["tidy"], tidy.change("resume"), [replace(makes_up, priority=99)])
    assert tidy.ledger.tasks("web")[1].paused_at is not None


def test_the_audit_is_newest_first_and_of_one_subject(tidy: House) -> None:
    for n in range(5):
        tidy.ledger.note(tidy.change(f"act-{n}", "web/other" if n % 2 else "web/tidy"))
    assert [line.action for line in tidy.ledger.changes(limit=3)] == ["act-4", "act-3", "act-2"]
    assert [line.action for line in tidy.ledger.changes(subject="web/other")] == ["act-3", "act-1"]
    line = tidy.ledger.changes(limit=1)[0]
    assert (line.at, line.actor, line.reason, line.id > 0) == (tidy.now, "ann", "because", True)
