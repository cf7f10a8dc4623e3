"""Back to an earlier revision: what the ledger holds is what it was, and going back twice leads to where one was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engine.judged import at, duty

from rota.app import open_ledger, read_settings
from rota.change.apply import apply
from rota.change.rollback import earlier, roll_back
from rota.clock import SECOND, Instant, from_instant
from rota.define.loaded import LoadedRota
from rota.errors import Conflict, UnknownName
from rota.ledger.protocol import Ledger
from rota.ledger.records import NewSchedule
from rota.model.task import Overlap, Queue, Task
from rota.testing import ManualClock
from rota.timing import schedule_as_json


def opened(url: str) -> Ledger:
    return open_ledger(
        read_settings(database_url=url), clock=ManualClock(from_instant(at("2026-11-27T12:00")))
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    found = opened(url)
    yield found
    found.close()


def applied(ledger: Ledger, *tasks: Task, **more: Any) -> None:
    apply(ledger, LoadedRota("web", {one.name: one for one in tasks}, **more), author="ann", reason="a test")


def back(ledger: Ledger, number: int | None = None) -> None:
    current, target = earlier(ledger, "web", number)
    roll_back(ledger, current, target, author="ann", reason="it was worse")


def state(ledger: Ledger) -> dict[str, Any]:
    """All that a revision decides: definitions and policies of the live tasks, and the cursors of their schedules."""
    return {
        "tasks": {one.name: json.loads(one.definition) for one in ledger.tasks("web")},
        "schedules": {
            (one.task, one.key): (one.rule, one.next_at)
            for one in ledger.schedules("web")
            if one.retired_at is None
        },
    }


def test_going_back_twice_leads_to_where_one_was(ledger: Ledger) -> None:
    applied(ledger, duty(), duty("gone", "0 3 * * *"))
    first = state(ledger)
    applied(ledger, duty(timeout=timedelta(minutes=9)), duty("new"))
    second = state(ledger)
    back(ledger)
    assert state(ledger) == first
    back(ledger)
    assert state(ledger) == second
    assert [(one.number, one.origin.restores) for one in ledger.revisions("web")] == [
        (4, 2),
        (3, 1),
        (2, None),
        (1, None),
    ]


def test_any_earlier_one_by_its_number(ledger: Ledger) -> None:
    for minutes in (1, 2, 3):
        applied(ledger, duty(timeout=timedelta(minutes=minutes)))
    back(ledger, 1)
    assert state(ledger)["tasks"]["tidy"]["timeout"] == "1m"


def test_schedules_that_went_with_their_task_come_back_with_it(ledger: Ledger) -> None:
    applied(ledger, duty(), duty("digest", None))
    rule = duty(schedule="0 8 * * 1").schedule
    assert rule is not None
    text = json.dumps(schedule_as_json(rule))
    added = [
        NewSchedule("web", "digest", f"reader:{n}", text, Instant(ledger.now() + 3600 * SECOND))
        for n in range(5)
    ]
    ledger.put_schedules(added)
    before = state(ledger)
    applied(ledger, duty())
    assert len(state(ledger)["schedules"]) == 1
    back(ledger)
    assert state(ledger) == before


def test_who_was_quicker_wins_and_nothing_is_mixed(ledger: Ledger) -> None:
    applied(ledger, duty())
    applied(ledger, duty(timeout=timedelta(minutes=5)))
    current, target = earlier(ledger, "web", None)
    applied(ledger, duty(timeout=timedelta(minutes=7)))
    with pytest.raises(Conflict, match="was changed meanwhile"):
        roll_back(ledger, current, target, author="ann", reason="late")
    assert state(ledger)["tasks"]["tidy"]["timeout"] == "7m"


def test_there_is_nothing_to_go_back_to(ledger: Ledger) -> None:
    with pytest.raises(Conflict, match="nothing to roll web back to"):
        earlier(ledger, "web", None)
    applied(ledger, duty())
    for number in (None, 1):
        with pytest.raises(Conflict, match="nothing to roll web back to"):
            earlier(ledger, "web", number)
    with pytest.raises(UnknownName):
        earlier(ledger, "web", 7)


def test_what_fell_due_before_is_recorded_by_the_rules_under_which_it_did(ledger: Ledger) -> None:
    applied(ledger, duty())
    applied(ledger, duty(schedule="0 3 * * *"))
    back(ledger)
    ledger.clock.move(seconds=90)  # type: ignore[attr-defined]  # a clock to turn
    back(ledger)
    runs = [run.scheduled_at for run in ledger.runs(_all())]
    assert runs == [at("2026-11-27T12:01")]


def _all() -> Any:
    from rota.ledger.records import RunFilter

    return RunFilter()


names = st.sampled_from(["a", "b", "c", "d"])
tasks = st.builds(
    lambda name, minute, policy, timeout, enabled: duty(
        name, None if minute is None else f"{minute} * * * *", overlap=policy, timeout=timedelta(minutes=timeout), enabled=enabled
    ),
    names, st.one_of(st.none(), st.integers(0, 59)), st.sampled_from(list(Overlap)), st.integers(1, 9), st.booleans(),
)  # fmt: skip
rotas = st.lists(tasks, max_size=4, unique_by=lambda one: one.name)
queues = st.dictionaries(st.sampled_from(["default", "mail"]), st.integers(2, 5))


def limits(path: Path) -> dict[str, tuple[Any, ...]]:
    """The queues that are limited, as the ledger's claims see them."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = connection.execute("SELECT name, weight, rate, concurrency FROM rota_queue").fetchall()
    finally:
        connection.close()
    return {row[0]: row[1:] for row in rows if row[1:] != (1, None, None)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(rotas, queues), min_size=2, max_size=5), st.data())
def test_whatever_was_applied_is_brought_back_as_it_was(
    tmp_path: Path, history: list[tuple[list[Task], dict[str, int]]], data: st.DataObject
) -> None:
    path = tmp_path / f"{uuid4()}.db"
    ledger = opened(f"sqlite:///{path}")
    seen: dict[int, Any] = {}
    try:
        for tasks, weights in history:
            named = {name: Queue(name, weight, 2.0, weight) for name, weight in weights.items()}
            applied(ledger, *tasks, queues=named)
            seen[ledger.current("web")] = state(ledger), limits(path)
        newest = max(seen)
        others = [number for number in sorted(seen) if seen[number] != seen[newest]]
        if others:
            wanted = data.draw(st.sampled_from(others))
            back(ledger, wanted)
            assert (state(ledger), limits(path)) == seen[wanted]
            back(ledger)
            assert (state(ledger), limits(path)) == seen[newest]
    finally:
        ledger.close()


def test_a_revision_made_after_one_that_is_current_no_longer_is_made_again(ledger: Ledger) -> None:
    """Two apply at once without saying against what: both hold, one after the other, and no cursor is lost."""
    applied(ledger, duty(schedule="0 3 * * *"))
    apply_first, calls = ledger.apply, []

    def slower(revision: Any) -> Any:
        if not calls:
            calls.append(revision)
            ledger.apply = apply_first  # type: ignore[method-assign]  # the other one comes in between
            applied(ledger, duty(schedule="0 5 * * *"))
        return apply_first(revision)

    ledger.apply = slower  # type: ignore[method-assign]
    applied(ledger, duty(schedule="0 3 * * *", timeout=timedelta(minutes=1)))
    ledger.apply = apply_first  # type: ignore[method-assign]
    [schedule] = ledger.schedules("web")
    assert schedule.next_at == at("2026-11-28T03:00")
    assert [one.number for one in ledger.revisions("web")] == [3, 2, 1]
