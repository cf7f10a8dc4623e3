"""Plays keep to the rules of a real node: slots, lanes, retries, deadlines, limits; and the same seed gives the same days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.rehearse.stage import BEGIN, Stage, after, duty, takes

from rota.clock import SECOND
from rota.model.run import Reason, State
from rota.model.task import CatchUp, Expectation, Overlap, Queue, Retries
from rota.read.audit import audit
from rota.rehearse.claims import Claims
from rota.rehearse.play import Outage


def test_each_occurrence_runs_on_its_instant(stage: Stage) -> None:
    done = stage.play(duty(), duty("hourly", "30 * * * *"), until=after(days=1))
    assert done.states() == {"succeeded": 1440}
    assert done.states("hourly") == {"succeeded": 24}
    assert done.played.lateness() == [0] * 1464
    assert done.played.peak == 2


def test_what_waits_for_a_slot_is_late_and_told(stage: Stage) -> None:
    tasks = [duty(f"t{n}", "0 * * * *") for n in range(3)]
    done = stage.play(*tasks, until=after(hours=2, minutes=5), slots=1, all_take=takes(60))
    assert done.played.lateness() == [0, 0, 60 * SECOND, 60 * SECOND, 120 * SECOND, 120 * SECOND]
    assert done.played.full_at == after(minutes=59, seconds=30)
    assert done.played.full_of == "async"
    assert done.played.peak == 1


def test_slots_that_are_enough_are_not_full(stage: Stage) -> None:
    tasks = [duty(f"t{n}", "0 * * * *") for n in range(3)]
    done = stage.play(*tasks, until=after(hours=2), slots=3, all_take=takes(60))
    assert done.played.full_at is None
    assert max(done.played.lateness()) == 0


def test_an_overlap_is_skipped(stage: Stage) -> None:
    done = stage.play(duty(), until=after(minutes=10), all_take=takes(90))
    assert done.states() == {"succeeded": 5, "skipped": 5}


def test_an_overlap_waits(stage: Stage) -> None:
    done = stage.play(duty(overlap=Overlap.QUEUE_ALL), until=after(minutes=3), all_take=takes(90))
    # due at 30 s, 90 s, 150 s: the second begins as the first ends, at 120 s, and the third when time is over
    assert done.states() == {"succeeded": 1, "running": 1, "waiting": 1}
    assert done.played.lateness() == [0, 30 * SECOND]


def test_an_overlap_is_stopped_by_the_next_heartbeat(stage: Stage) -> None:
    done = stage.play(duty(overlap=Overlap.CANCEL), until=after(minutes=3), all_take=takes(90))
    assert done.states() == {"cancelled": 2, "running": 1}
    assert all(0 < late <= 5 * SECOND for late in done.played.lateness()[1:])


def test_a_failed_try_comes_again_within_its_backoff(stage: Stage) -> None:
    retry = Retries(attempts=2, backoff=timedelta(seconds=10), jitter=0.0)
    done = stage.play(duty(retry=retry), until=after(minutes=1), all_take=takes(1, failures=1.0))
    [run] = done.runs()
    assert (run.state, run.attempt, run.spent) == (State.FAILED, 2, 2)
    assert run.started_at == after(seconds=30 + 1 + 10)
    assert done.played.retries["tidy"] == 1


def test_a_timeout_and_an_expectation_end_a_run(stage: Stage) -> None:
    late = duty("late", timeout=timedelta(seconds=5))
    long = duty("long", expectation=Expectation(max_duration=timedelta(seconds=5)))
    done = stage.play(late, long, until=after(minutes=1), all_take=takes(10))
    told = {run.task: (run.state.value, run.reason and run.reason.value) for run in done.runs()}
    assert told == {"late": ("failed", "timeout"), "long": ("failed", "expectation")}
    assert done.played.busy["late"] == 5 * SECOND


def test_what_is_past_its_deadline_is_missed(stage: Stage) -> None:
    tasks = [
        duty(f"t{n}", "0 0 * * *", zone="Asia/Kolkata", deadline=timedelta(seconds=30)) for n in range(3)
    ]
    done = stage.play(*tasks, until=after(days=1), slots=1, all_take=takes(60))
    assert sorted(run.state for run in done.runs()) == ["missed", "missed", "succeeded"]


def test_failures_in_a_row_pause_a_task(stage: Stage) -> None:
    done = stage.play(duty(pause_on_failure=3), until=after(minutes=10), all_take=takes(1, failures=1.0))
    assert done.states() == {"failed": 3, "skipped": 7}


def test_a_pause_begins_when_the_last_failure_ends_and_no_sooner(stage: Stage) -> None:
    """Although records are made far ahead: of runs that are long, overlap, and fail now and then."""
    often = duty(pause_on_failure=3, overlap=Overlap.ALLOW, retry=Retries(attempts=2))
    pauses = 0
    for seed in range(1, 9):
        done = stage.play(often, until=after(hours=8), all_take=takes(30, failures=0.55, most=400), seed=seed)
        in_a_row, paused_at = 0, after(hours=8)
        ended = [run for run in done.runs() if run.finished_at and run.started_at]
        for run in sorted(ended, key=lambda run: run.finished_at or 0):
            in_a_row = in_a_row + 1 if run.state is State.FAILED else 0
            if in_a_row == 3:
                paused_at, pauses = min(paused_at, run.finished_at or paused_at), pauses + 1
                break
        for run in done.runs():
            assert (run.reason is Reason.PAUSED) == (run.scheduled_at >= paused_at), (seed, run)
    assert pauses > 3


def test_limits_of_tasks_and_queues_hold(stage: Stage) -> None:
    mail = [duty(f"t{n}", "0 * * * *", queue="mail") for n in range(4)]
    done = stage.play(
        *mail, until=after(hours=1, minutes=5), all_take=takes(60), queues=(Queue("mail", concurrency=2),)
    )
    assert done.played.lateness() == [0, 0, 60 * SECOND, 60 * SECOND]
    rated = stage.play(
        *mail, until=after(hours=1, minutes=5), all_take=takes(60), queues=(Queue("mail", rate=0.1),)
    )
    assert max(rated.played.lateness()) > 20 * SECOND


def test_an_outage_is_caught_up_as_each_task_says(stage: Stage) -> None:
    tasks = [
        duty("latest"),
        duty("all", catch_up=CatchUp.ALL, overlap=Overlap.QUEUE_ALL),
        duty("none", catch_up=CatchUp.NONE),
    ]
    outage = Outage(after(hours=1), after(hours=2))
    done = stage.play(*tasks, until=after(hours=4), outage=outage)
    assert done.states("latest")["succeeded"] == 240 - 59
    assert done.states("all") == {"succeeded": 240}
    assert done.states("none")["succeeded"] < 240 - 57
    assert not audit(done.scratch.ledger, BEGIN, after(hours=4)).breaches


def test_what_ran_when_the_nodes_went_is_lost_and_tried_again(stage: Stage) -> None:
    once, again = duty("once", "0 1 * * *"), duty("again", "0 1 * * *", retry=Retries(attempts=2))
    outage = Outage(after(hours=1), after(hours=3))
    done = stage.play(once, again, until=after(hours=4), all_take=takes(300), outage=outage)
    told = {run.task: (run.state.value, run.reason and run.reason.value) for run in done.runs()}
    assert told == {"once": ("failed", "lost"), "again": ("succeeded", None)}


def test_the_same_seed_gives_the_same_days_and_another_does_not(stage: Stage) -> None:
    def story(seed: int) -> list[object]:
        tasks = [duty(f"t{n}", f"*/{n + 2} * * * *", retry=Retries(attempts=3)) for n in range(5)]
        done = stage.play(
            *tasks, until=after(hours=6), slots=2, all_take=takes(20, failures=0.2, most=200), seed=seed
        )
        return [
            (run.task, run.scheduled_at, run.state, run.started_at, run.finished_at) for run in done.runs()
        ]

    assert story(7) == story(7) != story(8)


@pytest.mark.parametrize("limited", [False, True])
def test_claims_that_reach_ahead_change_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    """What is claimed in one go is what would have been claimed at each instant; also beside tasks with limits."""
    tasks = [
        duty(f"t{n}", f"{n * 7 % 60} */{n % 3 + 1} * * *", retry=Retries(attempts=3), overlap=policy)
        for n, policy in enumerate([Overlap.SKIP, Overlap.ALLOW, Overlap.QUEUE, Overlap.QUEUE_ALL] * 3)
    ]
    lasting = takes(60, failures=0.1, most=5000)
    queues: tuple[Queue, ...] = ()
    if limited:
        tasks = [replace(one, queue="mail") if n % 5 == 0 else one for n, one in enumerate(tasks)]
        tasks[1] = replace(tasks[1], concurrency=1)
        queues = (Queue("mail", concurrency=1),)
    ahead = stage.play(*tasks, until=after(days=3), slots=4, all_take=lasting, queues=queues)
    monkeypatch.setattr(Claims, "_reach", lambda self, now, horizon: now)
    at_once = stage.play(*tasks, until=after(days=3), slots=4, all_take=lasting, queues=queues)
    stories = [
        [
            (run.task, run.scheduled_at, run.state, run.reason, run.started_at, run.finished_at)
            for run in done.runs()
        ]
        for done in (ahead, at_once)
    ]
    assert sorted(stories[0], key=str) == sorted(stories[1], key=str)
    assert ahead.played.peak == at_once.played.peak == 4


def test_the_scratch_ledger_keeps_the_promises(stage: Stage) -> None:
    tasks = [duty(f"t{n}", f"*/{n + 1} * * * *", retry=Retries(attempts=2)) for n in range(4)]
    done = stage.play(*tasks, until=after(hours=12), slots=2, all_take=takes(30, failures=0.1, most=120))
    found = audit(done.scratch.ledger, BEGIN, after(hours=12))
    assert found.expected > 1000
    assert not found.breaches
