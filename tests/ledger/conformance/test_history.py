"""What has been: listings, logs, counts; and that pruning takes nothing that still has to hold."""

from __future__ import annotations

import threading

import pytest
from tests.ledger.house import House

from rota.clock import SECOND, Instant
from rota.ledger.work import LogLine
from rota.model.run import Kind, Reason, State


@pytest.fixture
def tidy(house: House) -> House:
    house.rota(house.task(every=60), house.task("other"))
    return house


def test_runs_are_found_by_every_filter_and_in_every_order(tidy: House) -> None:
    tidy.put("tidy", "reader:1", 60)
    succeeded, failed = tidy.enqueue(), tidy.enqueue("other")
    a, b = tidy.claim()
    tidy.succeed(a), tidy.fail(b)
    keyed = tidy.enqueue(key="k", after=500)
    (own,) = tidy.due("tidy", after=100)
    (readers,) = (one.id for one in tidy.ledger.enqueue([tidy.occurrence(key="reader:1", after=50)]))
    every = [succeeded, failed, keyed, own, readers]

    def ids(**where) -> list[int]:
        return [run.id for run in tidy.runs(**where)]

    assert ids() == every
    assert ids(order="newest") == every[::-1]
    assert ids(order="due", states=(State.WAITING,)) == [readers, own, keyed]
    assert ids(service="web") == every
    assert ids(service="mail") == []
    assert ids(service="web", task="other") == [failed]
    assert ids(states=(State.FAILED,)) == [failed]
    assert ids(states=(State.FAILED, State.WAITING)) == [failed, keyed, own, readers]
    assert ids(states=(State.RUNNING, State.WAITING)) == [keyed, own, readers]
    assert ids(kinds=(Kind.SCHEDULED,)) == [own, readers]
    assert ids(kinds=(Kind.SCHEDULED, Kind.ENQUEUED)) == every
    assert ids(reasons=(Reason.ERROR,)) == [failed]
    assert ids(schedule_key="reader:1") == [readers]
    assert ids(schedule_key="") == [own]
    assert ids(key="k") == [keyed]
    assert ids(since=Instant(tidy.now + 100 * SECOND)) == [keyed, own]
    assert ids(until=Instant(tidy.now + 100 * SECOND)) == [succeeded, failed, readers]
    assert ids(before=keyed) == [succeeded, failed]
    assert ids(after=keyed) == [own, readers]
    assert ids(limit=2, order="newest") == [readers, own]
    assert tidy.ledger.run(999) is None


def test_a_running_run_shows_when_it_began_but_not_before_it_has(tidy: House) -> None:
    now, later = tidy.enqueue(), tidy.enqueue(after=5)
    tidy.claim(ahead=10)
    assert (tidy.run(now).started_at, tidy.run(later).started_at) == (tidy.now, None)
    tidy.clock.move(seconds=5)
    assert tidy.run(later).started_at == tidy.now


def test_counts_and_durations(tidy: House) -> None:
    old = tidy.enqueue(after=-1000)
    for seconds in (1, 2, 3):
        tidy.enqueue()
        one = next(one for one in tidy.claim() if one.id != old)
        tidy.finish("n1", tidy.outcome(one, finished_at=Instant(tidy.now + seconds * SECOND)))
    tidy.enqueue("other")
    tidy.fail(tidy.claim_one())
    assert tidy.ledger.counts(Instant(tidy.now - SECOND)) == {
        ("web", "tidy"): {"succeeded": 3},
        ("web", "other"): {"failed": 1},
    }
    assert tidy.ledger.counts(Instant(0))["web", "tidy"] == {"running": 1, "succeeded": 3}
    assert tidy.ledger.durations("web", "tidy") == [3 * SECOND, 2 * SECOND, SECOND]
    assert tidy.ledger.durations("web", "tidy", limit=1) == [3 * SECOND]
    assert tidy.ledger.durations("web", "nothing") == []


def line(run: int, text: str, attempt: int = 1) -> LogLine:
    return LogLine(run, attempt, Instant(1), "INFO", text)


def test_the_log_of_a_run_keeps_the_order_in_which_it_was_written(tidy: House) -> None:
    one, two = tidy.enqueue(), tidy.enqueue()
    tidy.ledger.write_log([line(one, "a"), line(two, "x"), line(one, "b")])
    tidy.ledger.write_log([line(one, "c", attempt=2), line(two, "y")])
    tidy.ledger.write_log([])
    tidy.ledger.write_log([line(999, "of no run")])
    assert [(entry.seq, entry.text, entry.attempt) for entry in tidy.ledger.log(one)] == [
        (1, "a", 1), (2, "b", 1), (3, "c", 2),
    ]  # fmt: skip
    assert [entry.text for entry in tidy.ledger.log(one, after=1)] == ["b", "c"]
    assert [entry.text for entry in tidy.ledger.log(one, after=1, limit=1)] == ["b"]
    assert [entry.text for entry in tidy.ledger.log(two)] == ["x", "y"]
    assert tidy.ledger.log(999) == []


def test_reads_see_only_what_is_whole_and_wait_for_no_writer(tidy: House) -> None:
    """While a fire is under way, others read what was before it."""
    tidy.clock.move(seconds=60)
    inside, go_on, seen = threading.Event(), threading.Event(), []

    def plan(due, now):
        inside.set()
        assert go_on.wait(10)
        return list(tidy.plan()(due, now))

    writer = threading.Thread(target=lambda: tidy.ledger.fire(tidy.now, 10, plan))
    writer.start()
    assert inside.wait(10)
    seen.append(len(tidy.runs()))
    seen.append(len(tidy.open().tasks()))
    go_on.set()
    writer.join(10)
    assert seen == [0, 2]
    assert len(tidy.runs()) == 1


# -- prune


def history(house: House, minutes: int) -> list[int]:
    """Occurrences of so many minutes, all succeeded."""
    for _ in range(minutes):
        house.clock.move(minutes=1)
        house.fire()
        house.succeed(*house.claim())
    return [run.id for run in house.runs()]


def test_prune_goes_in_small_batches_and_keeps_what_is_young(tidy: House) -> None:
    runs = history(tidy, 20)
    tidy.ledger.write_log([line(runs[0], "gone"), line(runs[-1], "kept")])
    before = Instant(tidy.run(runs[10]).scheduled_at + 1)
    assert [tidy.ledger.prune(before, limit=4) for _ in range(4)] == [4, 4, 3, 0]
    assert [run.id for run in tidy.runs()] == runs[11:]
    assert tidy.ledger.log(runs[0]) == []
    assert [entry.text for entry in tidy.ledger.log(runs[-1])] == ["kept"]


def test_prune_keeps_the_newest_record_of_a_schedule_so_that_it_cannot_be_made_twice(tidy: House) -> None:
    runs = history(tidy, 5)
    occurrence = tidy.occurrence()
    tidy.clock.move(days=400)
    assert tidy.ledger.prune(tidy.now) == 4
    assert [run.id for run in tidy.runs()] == runs[-1:]
    assert tidy.ledger.enqueue([occurrence])[0].created is False


def test_prune_leaves_what_has_not_ended_and_goes_on_beyond_it(tidy: House) -> None:
    waiting = [tidy.enqueue("other", after=10**6) for _ in range(50)]
    tidy.enqueue("tidy")
    running = tidy.claim_one()
    history(tidy, 5)
    ended = [tidy.enqueue("other") for _ in range(50)]
    tidy.succeed(*tidy.claim())
    tidy.clock.move(days=1)
    # a small batch looks at a few runs each time: what has to stay at the front must not stop it for good
    gone = sum(tidy.ledger.prune(tidy.now, limit=2) for _ in range(60))
    assert gone == len(ended) + 4
    left = {run.id for run in tidy.runs()}
    assert left >= {*waiting, running.id}
    assert len(left) == len(waiting) + 2
    tidy.succeed(running)
    tidy.clock.move(days=1)
    assert (
        sum(tidy.ledger.prune(tidy.now, limit=2) for _ in range(10)) == 1
    )  # and it comes back to what has ended since


def test_prune_takes_no_node_that_holds_something(tidy: House) -> None:
    tidy.node("n2")
    tidy.ledger.leave("n2")
    tidy.enqueue()
    tidy.claim()
    tidy.clock.move(days=1)
    tidy.ledger.prune(tidy.now)
    assert [node.id for node in tidy.ledger.nodes(live=False)] == ["n1"]


# -- facts and backup


def test_facts_say_what_the_ledger_is(tidy: House) -> None:
    facts = tidy.ledger.facts()
    assert {"kind", "driver", "schema", "serves", "size", "id"} <= set(facts)
    assert facts["schema"] == facts["serves"] == tidy.ledger.version()[0]
    assert facts["id"] == tidy.open().facts()["id"]
