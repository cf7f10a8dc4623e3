"""Claims: the order, the limits, and that what cannot start stands in nobody's way."""

from __future__ import annotations

import time

import pytest
from tests.ledger.house import House

from rota.clock import SECOND
from rota.ledger.records import QueueLimits
from rota.model.run import Kind, State


def test_a_claim_is_a_whole_record_under_a_token_greater_than_all_before(house: House) -> None:
    house.rota(house.task(every=60))
    house.put("tidy", "reader:1", 60)
    house.clock.move(seconds=60)
    house.fire()
    tokens = []
    for one in house.claim():
        run = house.run(one.id)
        assert (one.service, one.task, one.schedule_key) == ("web", "tidy", run.schedule_key)
        assert (one.kind, one.scheduled_at, one.run_at, one.attempt, one.spent) == (
            "scheduled", house.now, house.now, 1, 0,
        )  # fmt: skip
        assert (run.state, run.token, run.node, run.attempt) == (State.RUNNING, one.token, "n1", 1)
        tokens.append(one.token)
    house.lose()
    house.node("n2")
    house.clock.move(minutes=10)
    tokens += [one.token for one in house.claim("n2")]
    assert len(tokens) == 4
    assert tokens == sorted(set(tokens))


def test_nothing_is_claimed_before_its_time(house: House) -> None:
    house.rota(house.task())
    house.enqueue(after=10)
    assert house.claim(ahead=9) == []
    assert house.ledger.next_waiting() == house.now + 10 * SECOND
    assert len(house.claim(ahead=10)) == 1
    assert house.ledger.next_waiting() is None


def test_the_higher_priority_first_and_then_the_earlier(house: House) -> None:
    house.rota(house.task())
    wanted = [
        (priority, after)
        for priority in (9, 5, 0)
        for after in (-30, -20, -10)
    ]  # fmt: skip
    runs = {}
    for place, (priority, after) in enumerate(reversed(wanted)):
        runs[house.enqueue(priority=priority, after=after)] = place
    claimed = [one.id for _ in range(9) for one in house.claim(want=1)]
    assert [runs[one] for one in claimed] == list(reversed(range(9)))


def test_a_batch_is_in_the_same_order(house: House) -> None:
    house.rota(house.task())
    for priority, after in ((0, -3), (9, -1), (5, -2), (9, -2)):
        house.enqueue(priority=priority, after=after)
    assert [house.run(one.id).priority for one in house.claim()] == [9, 9, 5, 0]


def test_queues_have_quotas_of_their_own(house: House) -> None:
    house.rota(house.task())
    for queue in ("default", "mail", "other"):
        for _ in range(5):
            house.enqueue(queue=queue)
    claimed = house.claim(quota={"mail": 2, "default": 3})
    assert [house.run(one.id).queue for one in claimed] == ["mail"] * 2 + ["default"] * 3


def test_only_tasks_that_the_node_has(house: House) -> None:
    house.rota(house.task(), house.task("send"))
    house.enqueue("tidy"), house.enqueue("send")
    assert [one.task for one in house.claim(tasks=["send"])] == ["send"]
    assert house.claim(tasks=[]) == []
    assert house.claim(tasks=["send", "no-such-task"]) == []
    assert [one.task for one in house.claim(tasks=["tidy"])] == ["tidy"]


def test_retired_tasks_wait_until_they_are_back(house: House) -> None:
    house.rota(house.task(), house.task("send"))
    run = house.enqueue()
    house.rota(house.task("send"))
    assert house.claim() == []
    assert house.state(run) is State.WAITING
    house.rota(house.task(), house.task("send"))
    assert [one.id for one in house.claim()] == [run]


@pytest.mark.parametrize("node", ["nobody", "left", "lost"])
def test_a_node_without_a_live_lease_gets_nothing(house: House, node: str) -> None:
    house.rota(house.task())
    run = house.enqueue()
    if node != "nobody":
        house.node(node)
    house.ledger.leave("left")
    if node == "lost":
        house.lose("lost")
    assert house.claim(node) == []
    assert house.state(run) is State.WAITING


# -- paused and disabled


@pytest.mark.parametrize("how", ["paused", "disabled"])
def test_of_a_task_held_back_only_what_a_person_asks_for_starts(house: House, how: str) -> None:
    house.rota(house.task())
    kinds = [Kind.ENQUEUED, Kind.DELAYED, Kind.CAUGHT_UP, Kind.SCHEDULED]
    waiting = [house.enqueue(kind=kind) for kind in kinds]
    asked = house.enqueue(kind=Kind.MANUAL)
    if how == "paused":
        house.ledger.pause(house.ids["tidy"], house.change())
    else:
        house.rota(house.task(enabled=False))
    assert [one.id for one in house.claim()] == [asked]
    assert {house.state(run) for run in waiting} == {State.WAITING}
    if how == "paused":
        house.ledger.resume(house.ids["tidy"], house.change("resume"))
    else:
        house.rota(house.task())
    assert {one.id for one in house.claim()} == set(waiting)


# -- limits


def test_no_more_of_a_task_run_at_once_than_it_says(house: House) -> None:
    house.rota(house.task(concurrency=2), house.task("free"))
    runs = [house.enqueue() for _ in range(5)]
    house.node("n2")
    first = house.claim(want=1) + house.claim("n2")
    assert [one.id for one in first] == runs[:2]
    assert house.claim() + house.claim("n2") == []
    house.succeed(first[0])
    assert len(house.claim("n2")) == 1


def test_no_more_of_a_queue_run_at_once_than_it_says_over_all_nodes(house: House) -> None:
    house.rota(house.task(), queues=[QueueLimits("mail", concurrency=3)])
    for _ in range(5):
        house.enqueue(queue="mail")
    house.node("n2")
    first = house.claim(quota={"mail": 2})
    second = house.claim("n2", quota={"mail": 2})
    assert (len(first), len(second)) == (2, 1)
    house.succeed(*first)
    assert len(house.claim("n2", quota={"mail": 10})) == 2


def test_the_rate_of_a_queue_is_a_bucket_filled_by_the_ledgers_clock(house: House) -> None:
    house.rota(house.task(), queues=[QueueLimits("mail", rate=2.0)])
    for _ in range(20):
        house.enqueue(queue="mail")
    taken = []
    for seconds in (0, 0, 0.5, 1, 60):
        house.clock.move(seconds=seconds)
        taken.append(len(house.claim(quota={"mail": 10})))
    assert taken == [2, 0, 1, 2, 2]


def test_a_slow_rate_still_comes_to_one(house: House) -> None:
    house.rota(house.task(), queues=[QueueLimits("mail", rate=0.1)])
    for _ in range(3):
        house.enqueue(queue="mail")
    taken = []
    for seconds in (0, 9, 1, 10):
        house.clock.move(seconds=seconds)
        taken.append(len(house.claim(quota={"mail": 10})))
    assert taken == [1, 0, 1, 1]


def test_a_clock_set_back_neither_empties_a_bucket_nor_stops_it_from_filling(house: House) -> None:
    house.rota(house.task(), queues=[QueueLimits("mail", rate=1.0)])
    for _ in range(5):
        house.enqueue(queue="mail", after=-7200)
    assert len(house.claim(quota={"mail": 10})) == 1
    at = house.clock.at
    house.clock.set(at.replace(year=at.year - 1, month=12, day=31, hour=23))
    assert house.claim(quota={"mail": 10}) == []
    house.clock.set(house.clock.at)
    house.clock.move(seconds=1)
    house.ledger.enqueue([house.new(queue="mail", after=-60)])
    assert len(house.claim(quota={"mail": 10})) == 1


# -- what cannot start stands in nobody's way


MANY = 10_000


def crowd(house: House, task: str, count: int = MANY, **values: object) -> None:
    """Runs that have waited for longer than anything else."""
    house.ledger.enqueue([house.new(task, after=-100, **values)] * count)


@pytest.fixture(params=["a busy lane", "a busy task", "a paused task", "a busy queue", "a foreign task"])
def crowded(house: House, request: pytest.FixtureRequest) -> House:
    """Ten thousand runs that cannot start, and one that can."""
    house.rota(
        house.task("crowd", every=3600, overlap="queue-all", concurrency=1 if request.param == "a busy task" else None),
        house.task("free"),
        queues=[QueueLimits("narrow", concurrency=1)],
    )  # fmt: skip
    house.known = ["crowd", "free"]
    if request.param == "a busy lane":
        lane = house.ledger.schedules("web", "crowd")[0].id
        crowd(house, "crowd", lane=lane, kind=Kind.BACKFILLED)
        assert len(house.claim(want=1)) == 1
    elif request.param == "a busy task":
        crowd(house, "crowd")
        assert len(house.claim(want=1)) == 1
    elif request.param == "a paused task":
        crowd(house, "crowd")
        house.ledger.pause(house.ids["crowd"], house.change())
    elif request.param == "a busy queue":
        crowd(house, "crowd", queue="narrow")
        assert len(house.claim(quota={"narrow": 1})) == 1
    else:
        crowd(house, "crowd")
        house.known = ["free"]
    return house


def test_ten_thousand_that_are_blocked_do_not_starve_another(crowded: House) -> None:
    run = crowded.enqueue("free")
    began = time.perf_counter()
    claimed = crowded.claim(quota={"narrow": 5, "default": 5}, tasks=crowded.known)
    took = time.perf_counter() - began
    assert [one.id for one in claimed] == [run]
    assert took < 0.5  # some milliseconds on a quiet machine: none of the crowd is read


def test_those_that_become_blocked_within_a_claim_leave_room_for_others(house: House) -> None:
    """The batch is filled although most of what comes first may not start beside the first of it."""
    house.rota(
        house.task("one", concurrency=1),
        house.task("lane", every=3600, overlap="queue-all"),
        house.task("free"),
    )
    lane = house.ledger.schedules("web", "lane")[0].id
    crowd(house, "one", 500)
    crowd(house, "lane", 500, lane=lane, kind=Kind.BACKFILLED)
    for _ in range(10):
        house.enqueue("free")
    claimed = house.claim(want=12)
    assert sorted(one.task for one in claimed) == ["free"] * 10 + ["lane", "one"]


def test_ten_thousand_to_skip_are_skipped_while_others_start(house: House) -> None:
    house.rota(house.task(every=3600, overlap="skip"), house.task("free"))
    house.due("tidy", after=-5000)
    house.claim()
    runs = [house.occurrence(after=-n) for n in range(2000)]
    house.ledger.enqueue(runs)
    run = house.enqueue("free")
    assert [one.id for one in house.claim(want=1)] == [run]
    assert len(house.runs(states=(State.SKIPPED,))) == 2000
