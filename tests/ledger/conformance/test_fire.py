"""Promise 1: the occurrence's record and the cursor's move are one transaction; a second record is impossible."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from tests.ledger.house import House

from rota.clock import SECOND, Instant
from rota.ledger.work import FirePlan
from rota.model.run import MissedRange, Reason, State


def test_what_is_due_becomes_runs_and_the_cursor_moves(house: House) -> None:
    house.rota(house.task(every=60, queue="mail", priority=7, deadline=30 * SECOND))
    assert house.fire().schedules == 0
    house.clock.move(seconds=125)
    fired = house.fire()
    assert (fired.schedules, fired.runs) == (1, 2)
    first, second = house.runs()
    assert (first.queue, first.priority, first.state, first.reason) == ("mail", 7, State.WAITING, Reason.DUE)
    assert second.scheduled_at - first.scheduled_at == 60 * SECOND
    assert first.expires_at == first.scheduled_at + 30 * SECOND
    schedule = house.ledger.schedules("web", "tidy")[0]
    assert (schedule.fired_at, schedule.next_at) == (second.scheduled_at, second.scheduled_at + 60 * SECOND)
    assert fired.next_at == house.ledger.next_due() == schedule.next_at
    assert house.fire().runs == 0


def test_a_plan_is_told_the_policies_and_the_state_of_its_task(house: House) -> None:
    house.rota(house.task(every=60, overlap="queue", catch_up="all", catch_up_limit=7, enabled=False))
    house.put("tidy", "reader:1", 60)
    house.ledger.pause(house.ids["tidy"], house.change())
    house.clock.move(seconds=60)
    seen = []
    house.ledger.fire(house.now, 10, lambda due, now: seen.extend(due) or ())
    own = seen[0]
    assert (own.service, own.task, own.key, own.overlap, own.catch_up, own.catch_up_limit) == (
        "web", "tidy", "", "queue", "all", 7,
    )  # fmt: skip
    assert (bool(own.paused), bool(own.enabled)) == (True, False)
    assert seen[1].key == "reader:1"


def test_the_earliest_fire_first_and_the_rest_with_the_next(house: House) -> None:
    house.rota(*(house.task(f"t{n}", every=60, first=60 - n) for n in range(5)))
    house.clock.move(seconds=60)
    assert house.fire(limit=2).schedules == 2
    assert [run.task for run in house.runs()] == ["t4", "t3"]
    assert house.fire(limit=10).schedules == 3


def test_an_occurrence_has_one_record_however_often_it_is_planned(house: House) -> None:
    house.rota(house.task(every=60))
    house.clock.move(seconds=60)
    schedule = house.ledger.schedules("web", "tidy")[0]
    twice = [house.occurrence(), house.occurrence()]
    plan = FirePlan(schedule.id, Instant(house.now + SECOND), house.now, twice)
    assert house.ledger.fire(house.now, 10, lambda due, now: [plan]).runs == 1
    again, key = house.ledger.enqueue([house.occurrence(after=-0)])[0], house.runs()[0].id
    assert (again.id, again.created) == (key, False)
    assert len(house.runs()) == 1


def test_a_plan_that_fails_leaves_everything_as_it_was(house: House) -> None:
    house.rota(house.task(every=60), house.task("other", every=60))
    house.clock.move(seconds=60)
    before = house.ledger.next_due()

    def plan(due, now):
        yield from list(house.plan()(due[:1], now))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        house.ledger.fire(house.now, 10, plan)
    assert (house.runs(), house.ledger.next_due()) == ([], before)
    assert house.fire().runs == 2


def test_a_cursor_does_not_go_back_with_the_clock(house: House) -> None:
    house.rota(house.task(every=60))
    house.clock.move(seconds=60)
    house.fire()
    at = house.clock.at
    house.clock.set(at.replace(year=at.year - 1))
    assert house.fire().runs == 0
    house.clock.set(at)
    assert house.fire().runs == 0
    assert len(house.runs()) == 1


def test_eight_firing_at_once_record_each_occurrence_once(house: House) -> None:
    house.rota(*(house.task(f"t{n}", every=1) for n in range(40)))
    house.clock.move(seconds=5)
    ledgers = [house.open() for _ in range(8)]
    start, counts = threading.Barrier(8), []

    def fire(ledger):
        start.wait(10)
        while (fired := house.fire(limit=7, ledger=ledger)).schedules:
            counts.append(fired.runs)

    threads = [threading.Thread(target=fire, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    runs = house.runs()
    assert len(runs) == sum(counts) == 200
    assert len({(run.schedule_id, run.scheduled_at) for run in runs}) == 200


# -- ranges


def missed(house: House, begin: int, end: int, count: int, reason: Reason = Reason.DEADLINE) -> MissedRange:
    schedule = house.ledger.schedules("web", "tidy")[0]
    at = house.clock_start
    return MissedRange(schedule.id, Instant(at + begin * SECOND), Instant(at + end * SECOND), count, reason)


def fire_ranges(house: House, *ranges: MissedRange, **more: object) -> None:
    schedule = house.ledger.schedules("web", "tidy")[0]
    assert schedule.next_at is not None
    plan = FirePlan(schedule.id, Instant(schedule.next_at + SECOND), schedule.next_at, ranges=ranges)
    assert house.ledger.fire(schedule.next_at, 10, lambda due, now: [replace(plan, **more)]).schedules == 1


@pytest.fixture
def ranged(house: House) -> House:
    house.rota(house.task(every=1, first=0))
    house.clock_start = house.now
    return house


def test_ranges_that_follow_one_another_for_the_same_reason_are_one(ranged: House) -> None:
    fire_ranges(ranged, missed(ranged, 0, 10, 10))
    fire_ranges(ranged, missed(ranged, 10, 15, 5))
    fire_ranges(ranged, missed(ranged, 15, 16, 1, Reason.CATCH_UP))
    fire_ranges(ranged, missed(ranged, 20, 21, 1, Reason.CATCH_UP))
    found = ranged.ledger.ranges(ranged.ledger.schedules()[0].id, Instant(0))
    at = ranged.clock_start
    assert [((one.from_at - at) // SECOND, (one.until_at - at) // SECOND, one.count, one.reason) for one in found] == [
        (0, 15, 15, Reason.DEADLINE), (15, 16, 1, Reason.CATCH_UP), (20, 21, 1, Reason.CATCH_UP),
    ]  # fmt: skip
    assert len(ranged.ledger.ranges(found[0].schedule_id, found[2].from_at)) == 1
    assert len(ranged.ledger.ranges(found[0].schedule_id, Instant(0), limit=2)) == 2


def test_a_covered_range_names_the_run_that_covers_it(ranged: House) -> None:
    covering = replace(ranged.occurrence(after=30), covers_from=ranged.now, covers_count=31)
    fire_ranges(ranged, covered=[missed(ranged, 0, 30, 30, Reason.CATCH_UP)], runs=[covering])
    (found,) = ranged.ledger.ranges(covering.schedule_id, Instant(0))
    (run,) = ranged.runs()
    assert (found.covered_by, run.covers_count, run.covers_from) == (run.id, 31, ranged.now)


def test_a_range_never_overlaps_another(ranged: House) -> None:
    fire_ranges(ranged, missed(ranged, 0, 10, 10))
    fire_ranges(ranged, missed(ranged, 5, 10, 5, Reason.CATCH_UP))
    found = ranged.ledger.ranges(ranged.ledger.schedules()[0].id, Instant(0))
    assert sum(one.count for one in found) == 10


def test_an_outage_of_many_schedules_is_quick(house: House) -> None:
    """Some thousand schedules, each with a run that covers a range: one batch, well under a second."""
    house.rota(house.task())
    count = 2000
    from rota.ledger.records import NewSchedule

    rule, begin = json.dumps({"every": SECOND}), house.now
    house.ledger.put_schedules(
        [NewSchedule("web", "tidy", f"k{n}", rule, Instant(begin + SECOND)) for n in range(count)]
    )
    house.clock.move(hours=1)

    def plan(due, now):
        for one in due:
            run = house._run_of(one, now)
            yield FirePlan(
                one.id, Instant(now + SECOND), now, [run],
                covered=[MissedRange(one.id, one.next_at, now, 3599, Reason.CATCH_UP)],
            )  # fmt: skip

    import time

    began = time.perf_counter()
    assert house.ledger.fire(house.now, count, plan).runs == count
    assert time.perf_counter() - began < 3  # a statement for each would be far beyond, beside a busy thread
    schedules = house.ledger.schedules(key="k1999")
    assert house.ledger.ranges(schedules[0].id, Instant(0))[0].covered_by is not None
