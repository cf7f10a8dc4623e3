"""Two who change a rota at the same time, on either ledger: one of them wins and both know, and nothing in between is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.engine.judged import at, duty

from rota.app import open_ledger, read_settings
from rota.change.apply import apply
from rota.change.begin import begin
from rota.change.rollback import earlier, roll_back
from rota.change.verify import confirm, put_back, start_canaries
from rota.clock import SECOND, Instant, from_instant
from rota.define.loaded import LoadedRota
from rota.errors import Conflict
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.task import Task
from rota.testing import ManualClock

NOON = at("2026-11-27T12:00")
FIVE, SEVEN = timedelta(minutes=5), timedelta(minutes=7)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_instant(NOON))


@pytest.fixture(params=["sqlite", "postgresql"])
def both(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> Iterator[tuple[Ledger, Ledger]]:
    """One ledger, opened by two."""
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    opened = [open_ledger(read_settings(database_url=url), clock=clock) for _ in range(2)]
    yield opened[0], opened[1]
    for one in opened:
        one.close()


def rota(*tasks: Task) -> LoadedRota:
    return LoadedRota("web", {one.name: one for one in tasks})


def applied(ledger: Ledger, *tasks: Task, **more: Any) -> int:
    return apply(ledger, rota(*tasks), author="ann", reason="a test", **more).number


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each came to, begun together."""
    found: list[object] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def work(place: int, call: Callable[[], object]) -> None:
        start.wait()
        try:
            found[place] = call()
        except Conflict as error:
            found[place] = error

    threads = [threading.Thread(target=work, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def on_trial(ledger: Ledger) -> int:
    """A second revision that is put back in a minute, unless it is confirmed."""
    applied(ledger, duty())
    return applied(ledger, duty(timeout=FIVE), base=1, confirm_by=Instant(ledger.now() + 60 * SECOND))


def before(ledger: Ledger, name: str, come: Callable[[], object]) -> None:
    """Have somebody else come just before a call of the ledger, once."""
    call, calls = getattr(ledger, name), []

    def slower(*given: Any, **more: Any) -> Any:
        if not calls:
            calls.append(given)
            come()
        return call(*given, **more)

    setattr(ledger, name, slower)


def test_of_two_who_apply_what_they_planned_one_is_refused(both: tuple[Ledger, Ledger]) -> None:
    for number in range(5):
        base = applied(both[0], duty(timeout=timedelta(minutes=10 + number)))
        found = at_once(
            partial(applied, both[0], duty(timeout=FIVE), base=base),
            partial(applied, both[1], duty(timeout=SEVEN), base=base),
        )
        assert sorted(map(type, found), key=str) == [int, Conflict], found
        assert both[0].current("web") == base + 1


def test_of_two_who_roll_back_one_is_refused_and_it_is_back_once(both: tuple[Ledger, Ledger]) -> None:
    applied(both[0], duty())
    applied(both[0], duty(timeout=FIVE))
    there = earlier(both[0], "web", None)

    def back(ledger: Ledger) -> object:
        return roll_back(ledger, *there, author="ann", reason="worse").changed

    found = at_once(lambda: back(both[0]), lambda: back(both[1]))
    # the second finds what it wanted, or that the rota was changed meanwhile; it changes nothing in either case
    assert found.count(True) == 1, found
    assert [one.origin.restores for one in both[0].revisions("web")] == [1, None, None]


def test_two_nodes_put_back_once_what_was_not_confirmed(
    both: tuple[Ledger, Ledger], clock: ManualClock
) -> None:
    assert on_trial(both[0]) == 2
    assert (put_back(both[0]), put_back(both[1])) == (0, 0)
    clock.move(seconds=61)
    assert sorted(map(str, at_once(lambda: put_back(both[0]), lambda: put_back(both[1])))) == ["0", "1"]
    assert [one.origin.restores for one in both[0].revisions("web")] == [1, None, None]
    assert both[0].unconfirmed() == []


def test_what_was_confirmed_in_the_last_moment_stays(both: tuple[Ledger, Ledger], clock: ManualClock) -> None:
    """A node had seen that its time was over; then it was confirmed, and somebody was told that it stays."""
    number = on_trial(both[0])
    clock.move(seconds=61)
    before(both[1], "apply", lambda: confirm(both[0], "web", number, actor="ann", reason="it is good"))
    assert put_back(both[1]) == 0
    assert both[0].current("web") == number


def test_it_stays_or_is_put_back_but_never_both(both: tuple[Ledger, Ledger], clock: ManualClock) -> None:
    on_trial(both[0])
    number = 2
    for _ in range(8):
        clock.move(seconds=61)

        def keep(number: int = number) -> str:
            confirm(both[0], "web", number, actor="ann", reason="it is good")
            return "stays"

        stays, back = at_once(keep, lambda: put_back(both[1]))
        if stays == "stays":
            assert (back, both[0].current("web")) == (0, number)
        else:
            assert (back, both[0].current("web")) == (1, number + 1)
        minutes = timedelta(minutes=20 + number)
        base = both[0].current("web")
        number = applied(
            both[0], duty(timeout=minutes), base=base, confirm_by=Instant(clock.now() + 60 * SECOND)
        )


def test_nothing_is_applied_over_what_is_on_trial_and_nobody_waits_for_ever(
    both: tuple[Ledger, Ledger],
) -> None:
    on_trial(both[0])
    with pytest.raises(Conflict, match="not confirmed yet"):
        applied(both[1], duty(timeout=SEVEN))
    with pytest.raises(Conflict, match="not confirmed yet"):
        begin(both[1], rota(duty(timeout=SEVEN)), apply_on_start=True, author="a node")


def test_of_two_first_starts_with_different_files_one_is_served_by_both(both: tuple[Ledger, Ledger]) -> None:
    mine, yours = rota(duty(timeout=FIVE)), rota(duty(timeout=SEVEN))
    before(both[0], "apply", lambda: begin(both[1], yours, apply_on_start=False, author="the other node"))
    begun = begin(both[0], mine, apply_on_start=False, author="a node")
    assert (begun.number, begun.is_pending) == (1, True)
    assert begun.rota.tasks["tidy"].timeout == SEVEN


def test_a_canary_of_a_change_that_is_gone_is_refused(both: tuple[Ledger, Ledger]) -> None:
    applied(both[0], duty())
    number = applied(both[0], duty(), replace(duty(), name="new"), base=1)
    roll_back(both[1], *earlier(both[1], "web", None), author="ben", reason="not now")
    with pytest.raises(Conflict, match="new of revision 2 cannot be tried"):
        start_canaries(both[0], "web", number, ["new"], actor="ann")


def test_what_falls_due_while_a_schedule_changes_is_not_lost(
    both: tuple[Ledger, Ledger], clock: ManualClock
) -> None:
    """Between the fire and the change a minute passes, in which the old rule has an occurrence; no node is there."""
    one = both[0]
    applied(one, duty(schedule="* * * * *"), replace(duty(schedule="* * * * *"), name="gone"))
    before(one, "apply", lambda: clock.move(seconds=60))
    applied(one, duty(schedule="0 3 * * *"))
    due = [(run.task, run.scheduled_at) for run in one.runs(RunFilter(order="oldest"))]
    assert sorted(due) == [("gone", Instant(NOON + 60 * SECOND)), ("tidy", Instant(NOON + 60 * SECOND))]
    assert one.current("web") == 2
