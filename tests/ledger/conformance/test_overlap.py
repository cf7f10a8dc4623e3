"""All five overlap policies, held by the ledger: what a due occurrence does while its lane is busy."""

from __future__ import annotations

import threading

import pytest
from tests.ledger.house import House

from rota.clock import SECOND
from rota.model.lifecycle import Errored
from rota.model.run import Kind, Reason, State
from rota.model.task import Retries


@pytest.fixture
def busy(house: House, request: pytest.FixtureRequest) -> House:
    """A task under the policy named by the test's parameter, of which one occurrence is running."""
    house.rota(house.task(every=3600, overlap=request.param))
    house.due("tidy")
    house.running = house.claim_one()
    house.clock.move(seconds=10)
    return house


def policy(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("busy", [name], indirect=True)


@policy("skip")
def test_skip(busy: House) -> None:
    (run,) = busy.due("tidy")
    assert busy.claim() == []
    assert busy.told(run) == ("skipped", "overlap")
    assert busy.run(run).finished_at == busy.now
    assert "had not ended" in (busy.run(run).note or "")


@policy("skip")
def test_an_occurrence_claimed_ahead_is_not_skipped_before_it_is_due(busy: House) -> None:
    (run,) = busy.due("tidy", after=2)
    assert busy.claim(ahead=3) == []
    assert busy.state(run) is State.WAITING
    busy.succeed(busy.running)
    assert [one.id for one in busy.claim(ahead=3)] == [run]


@policy("skip")
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SCHEDULED])
def test_whatever_was_asked_for_waits_behind_its_lane(busy: House, kind: Kind) -> None:
    lane = busy.running.id and busy.run(busy.running.id).schedule_id
    run = busy.enqueue(kind=kind, lane=lane)
    assert busy.claim() == []
    assert busy.state(run) is State.WAITING
    busy.succeed(busy.running)
    assert [one.id for one in busy.claim()] == [run]


@policy("queue")
def test_queue_lets_one_wait_the_oldest(busy: House) -> None:
    first, second, third = (busy.due("tidy", after=-n)[0] for n in (3, 2, 1))
    assert busy.claim() == []
    assert [busy.state(run).value for run in (first, second, third)] == ["waiting", "skipped", "skipped"]
    assert busy.told(second) == ("skipped", "overlap")
    busy.succeed(busy.running)
    assert [one.id for one in busy.claim()] == [first]


@policy("queue-all")
def test_queue_all_lets_all_wait_and_start_in_order(busy: House) -> None:
    runs = [busy.due("tidy", after=-n)[0] for n in (3, 2, 1)]
    assert busy.claim() == []
    started, current = [], busy.running
    for _ in runs:
        busy.succeed(current)
        current = busy.claim_one()
        started.append(current.id)
    assert started == runs


@policy("cancel")
def test_cancel_asks_the_running_one_to_stop_and_lets_the_newest_wait(busy: House) -> None:
    older, newest = (busy.due("tidy", after=-n)[0] for n in (2, 1))
    assert busy.claim() == []
    assert busy.beat().stops == [(busy.running.id, busy.running.token, "superseded")]
    assert busy.told(older) == ("skipped", "overlap")
    assert "superseded" in (busy.run(older).note or "")
    assert busy.state(newest) is State.WAITING
    assert busy.claim() == []
    asked = busy.outcome(busy.running, Errored(), asked=Reason.SUPERSEDED, ended="cancelled")
    assert busy.finish("n1", asked) == []
    assert busy.told(busy.running.id) == ("cancelled", "superseded")
    assert [one.id for one in busy.claim()] == [newest]


@policy("cancel")
def test_a_superseded_run_that_its_node_would_try_again_is_cancelled(busy: House) -> None:
    busy.due("tidy")
    busy.claim()
    unaware = busy.outcome(busy.running, Errored(), retries=Retries(attempts=9))
    assert unaware.move.state is State.WAITING
    assert busy.finish("n1", unaware) == []
    assert busy.told(busy.running.id) == ("cancelled", "superseded")


@policy("cancel")
def test_a_superseded_run_that_succeeds_all_the_same_has_succeeded(busy: House) -> None:
    busy.due("tidy")
    busy.claim()
    busy.succeed(busy.running)
    assert busy.state(busy.running.id) is State.SUCCEEDED


def test_allow_has_no_lane(house: House) -> None:
    house.rota(house.task(every=3600, overlap="allow"))
    for n in range(3):
        house.due("tidy", after=-n, lane=None)
    assert len(house.claim()) == 3


@pytest.mark.parametrize(("overlap", "others"), [("skip", "skipped"), ("queue-all", "waiting")])
def test_of_several_due_in_one_claim_one_starts_and_the_others_find_the_lane_busy(
    house: House, overlap: str, others: str
) -> None:
    house.rota(house.task(every=3600, overlap=overlap))
    runs = [house.due("tidy", after=-n)[0] for n in (3, 2, 1)]
    assert [one.id for one in house.claim()] == runs[:1]
    assert [house.state(run).value for run in runs] == ["running", others, others]


def test_a_retry_and_what_a_person_reopened_are_never_skipped(house: House) -> None:
    house.rota(house.task(every=3600, overlap="skip"))
    retried, reopened = house.due("tidy", after=-20) + house.due("tidy", after=-10)
    first = house.claim_one()
    assert house.told(reopened) == ("skipped", "overlap")
    house.finish("n1", house.outcome(first, Errored(), retries=Retries(attempts=3, jitter=0)))
    house.clock.move(minutes=2)
    (blocking,) = house.due("tidy", after=-100)
    assert house.ledger.reopen(reopened, house.change("retry"))
    assert [one.id for one in house.claim()] == [blocking] or house.state(retried) is State.RUNNING
    states = {house.state(run) for run in (retried, reopened)}
    assert State.SKIPPED not in states


def test_lanes_of_different_schedules_do_not_meet(house: House) -> None:
    house.rota(house.task())
    for key in ("a", "b"):
        house.put("tidy", key, 60)
    house.clock.move(seconds=60)
    house.fire()
    assert {one.schedule_key for one in house.claim()} == {"a", "b"}


def test_eight_threads_never_have_two_of_a_lane_running(house: House) -> None:
    """Each claims, checks that it is alone in its lane, and finishes, until nothing is left."""
    house.rota(*(house.task(f"t{n}", every=3600, overlap="queue-all") for n in range(3)))
    for n in range(3):
        for second in range(30):
            house.due(f"t{n}", after=-second)
    inside: dict[str, int] = {}
    guard, doubles, done = threading.Lock(), [], []

    def work(number: int) -> None:
        ledger, node = house.open(), house.node(f"w{number}")
        while len(done) < 90:
            for claimed in house.claim(node, 2, ledger=ledger):
                with guard:
                    inside[claimed.task] = inside.get(claimed.task, 0) + 1
                    doubles.extend([claimed.task] if inside[claimed.task] > 1 else [])
                with guard:
                    inside[claimed.task] -= 1
                assert ledger.finish(node, [house.outcome(claimed)]) == []
                done.append(claimed.id)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (doubles, len(done), len(set(done))) == ([], 90, 90)
    assert {run.state for run in house.runs()} == {State.SUCCEEDED}


def test_a_deadline_that_has_passed_is_missed_not_started(house: House) -> None:
    house.rota(house.task(every=3600))
    late, early = house.new(expires_at=house.now), house.new(expires_at=house.now + SECOND)
    missed, started = (one.id for one in house.ledger.enqueue([late, early]))
    assert [one.id for one in house.claim()] == [started]
    assert house.told(missed) == ("missed", "deadline")


def test_a_deadline_is_for_the_first_start_a_retry_may_come_later(house: House) -> None:
    house.rota(house.task())
    run = house.enqueue(expires_at=house.now + SECOND)
    house.finish("n1", house.outcome(house.claim_one(), Errored(), retries=Retries(attempts=2)))
    house.clock.move(minutes=1)
    assert house.ledger.sweep() == 0
    assert [one.id for one in house.claim()] == [run]


def test_a_sweep_declares_missed_what_nobody_claims(house: House) -> None:
    house.rota(house.task())
    runs = [house.enqueue(expires_at=house.now + n * SECOND) for n in (1, 2, 60)]
    house.clock.move(seconds=5)
    assert house.ledger.sweep(limit=1) == 1
    assert house.ledger.sweep() == 1
    assert house.ledger.sweep() == 0
    assert [house.told(run) for run in runs] == [
        ("missed", "deadline"),
        ("missed", "deadline"),
        ("waiting", "due"),
    ]
