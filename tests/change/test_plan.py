"""What a plan says before anything is done: tasks, occurrences, runs, hazards; and that it is applied as it was reviewed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.judged import OWNER, at, duty

from rota.app import open_ledger, read_settings
from rota.change.apply import apply
from rota.change.diff import diff
from rota.change.plan import Plan, check_base, make_plan, plan_as_json, read_plan
from rota.clock import from_instant
from rota.define.canonical import canonical_text, digest_of, rota_as_json
from rota.define.loaded import LoadedRota
from rota.errors import Conflict, UsageError
from rota.ledger.protocol import Ledger
from rota.ledger.records import Applied
from rota.model.alerts import Alerts, OwnerRoute
from rota.model.revision import Origin
from rota.model.run import Kind, NewRun
from rota.model.task import Command, Overlap, Task
from rota.testing import ManualClock

SLOTS = {"loop": 100, "command": 100, "request": 100, "process": 2, "thread": 8}
TOLD = Alerts({"mail": "MAIL"}, default=("mail",))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    opened = open_ledger(
        read_settings(database_url=url), clock=ManualClock(from_instant(at("2026-11-27T12:00")))
    )
    yield opened
    opened.close()


def rota(*tasks: Task, alerts: Alerts = TOLD) -> LoadedRota:
    return LoadedRota("web", {one.name: one for one in tasks}, alerts=alerts)


def applied(ledger: Ledger, *tasks: Task) -> None:
    apply(ledger, rota(*tasks), author="ann", reason="a test")


def planned(ledger: Ledger, *tasks: Task, alerts: Alerts = TOLD) -> Plan:
    return make_plan(ledger, rota(*tasks, alerts=alerts), SLOTS)


def sorts(plan: Plan) -> dict[str, str]:
    return {one.change.name: one.change.sort for one in plan.effects}


def hazards(plan: Plan) -> dict[str, str]:
    """What is said of each sort, by the task it is of."""
    found: dict[str, str] = {}
    for one in plan.hazards:
        found[one.sort] = "; ".join(filter(None, (found.get(one.sort), one.words)))
    return found


def test_the_first_rota_is_all_added(ledger: Ledger) -> None:
    plan = planned(ledger, duty(), duty("other", "0 3 * * *"))
    assert (plan.base, plan.changes, sorts(plan)) == (0, True, {"tidy": "added", "other": "added"})
    [tidy] = [one for one in plan.effects if one.change.name == "tidy"]
    assert (tidy.before, tidy.after[0], tidy.gained, tidy.lost) == ((), at("2026-11-27T12:01"), 7 * 1440, 0)


def test_nothing_to_do(ledger: Ledger) -> None:
    applied(ledger, duty())
    plan = planned(ledger, duty())
    assert (plan.base, plan.changes, plan.effects) == (1, False, ())


def test_what_changes_is_said_by_field_and_by_occurrence(ledger: Ledger) -> None:
    applied(ledger, duty(schedule="0 3 * * *"), duty("gone"), duty("same"))
    plan = planned(
        ledger, duty(schedule="0 4 * * *", timeout=timedelta(minutes=5)), duty("same"), duty("new", None)
    )
    assert sorts(plan) == {"tidy": "changed", "gone": "removed", "new": "added"}
    [tidy] = [one for one in plan.effects if one.change.name == "tidy"]
    assert [(field.key, field.after) for field in tidy.change.fields if field.key == "timeout"] == [
        ("timeout", '"5m"')
    ]
    assert (tidy.gained, tidy.lost) == (7, 7)
    assert (tidy.first_lost, tidy.first_gained) == (at("2026-11-28T03:00"), at("2026-11-28T04:00"))


def test_another_name_is_seen_with_its_evidence(ledger: Ledger) -> None:
    one = replace(duty("publish"), target=Command(("publish",)))
    applied(ledger, one, duty("other"))
    plan = planned(ledger, replace(one, name="publish-due", owner="Ann <ann@example.org>"), duty("other"))
    [change] = [one.change for one in plan.effects]
    assert (change.sort, change.name, change.was) == ("renamed", "publish-due", "publish")
    assert change.evidence == "what it runs and its schedule are the same"
    assert {field.key for field in change.fields} == {"name", "owner"}


def test_two_that_look_alike_are_not_taken_for_the_same(ledger: Ledger) -> None:
    applied(ledger, duty("one"))
    assert sorts(planned(ledger, duty("two"), duty("three"))) == {
        "one": "removed",
        "two": "added",
        "three": "added",
    }


def test_runs_and_schedules_that_are_touched_are_counted(ledger: Ledger) -> None:
    applied(ledger, duty(), duty("kept"))
    [task] = [one for one in ledger.tasks("web") if one.name == "tidy"]
    now = ledger.now()
    ledger.enqueue([NewRun(task_id=task.id, kind=Kind.ENQUEUED, scheduled_at=now, run_at=now)] * 3)
    plan = planned(ledger, duty("kept"))
    [gone] = plan.effects
    assert (gone.waiting, gone.running) == (3, 0)
    assert "3 waiting" in hazards(plan)["waiting-runs"]


# ---- hazards, each there and not there ---------------------------------------------------------------


def hazard_of(ledger: Ledger, sort: str, *tasks: Task, alerts: Alerts = TOLD) -> str | None:
    return hazards(planned(ledger, *tasks, alerts=alerts)).get(sort)


def test_a_change_of_the_clocks_within_a_year(ledger: Ledger) -> None:
    berlin = duty(schedule="30 2 * * *", zone="Europe/Berlin")
    assert "2027-03-28 02:30" in str(hazard_of(ledger, "clock-change", berlin))
    assert hazard_of(ledger, "clock-change", duty(schedule="30 4 * * *", zone="Europe/Berlin")) is None


def test_many_tasks_at_the_same_instant(ledger: Ledger) -> None:
    many = [duty(f"task-{number}", "0 3 * * *") for number in range(12)]
    assert "12 tasks are due at the same instant; H in place" in str(hazard_of(ledger, "crowd", *many))
    spread = [duty(f"task-{number}", "H H * * *") for number in range(12)]
    assert hazard_of(ledger, "crowd", *spread) is None
    every_minute = [duty(f"task-{number}", "* * * * *") for number in range(12)]
    assert "H in place" not in str(hazard_of(ledger, "crowd", *every_minute))


def test_a_timeout_longer_than_the_interval(ledger: Ledger) -> None:
    assert "1 h (timeout)" in str(hazard_of(ledger, "overlong", duty(timeout=timedelta(hours=1))))
    assert hazard_of(ledger, "overlong", duty(timeout=timedelta(seconds=30))) is None
    assert hazard_of(ledger, "overlong", duty(timeout=None)) is None


def test_more_work_than_slots(ledger: Ledger) -> None:
    from tests.ledger.house import House

    applied(ledger, duty())
    house = House(ledger, ledger.clock, lambda: ledger)  # type: ignore[arg-type]  # a clock to turn
    house.ids = {one.name: one.id for one in ledger.tasks("web")}
    house.enqueue()
    [claimed] = house.claim(house.node())
    house.clock.move(seconds=600)
    house.ledger.finish("n1", [house.outcome(claimed, started_at=at("2026-11-27T12:00"))])
    few = {**SLOTS, "command": 5}
    quick = duty(overlap=Overlap.ALLOW)
    found = {one.sort: one.words for one in make_plan(ledger, rota(quick), few).hazards}
    assert "need 10.0 slots at all times" in found["too-much-work"]
    assert hazard_of(ledger, "too-much-work", quick) is None


def test_an_owner_who_is_not_told(ledger: Ledger) -> None:
    assert "the rota has no [alerts]" in str(hazard_of(ledger, "untold", duty(), alerts=Alerts()))
    silent = replace(TOLD, owners=(OwnerRoute(OWNER, ()),))
    assert (
        hazard_of(ledger, "untold", duty(), alerts=silent)
        == f"{OWNER} has no channel, and is not told of tidy"
    )
    assert hazard_of(ledger, "untold", duty()) is None


def test_no_success_since_the_last_change(ledger: Ledger) -> None:
    from tests.ledger.house import House

    from rota.model.lifecycle import Errored

    applied(ledger, duty())
    house = House(ledger, ledger.clock, lambda: ledger)  # type: ignore[arg-type]  # a clock to turn
    house.ids = {one.name: one.id for one in ledger.tasks("web")}
    changed = duty(timeout=timedelta(seconds=9))
    assert hazard_of(ledger, "no-success", changed) is None, "it has not run"
    for event in (Errored(), None):
        house.enqueue()
        [claimed] = house.claim(house.node())
        house.ledger.finish("n1", [house.outcome(claimed, event)])
        found = hazard_of(ledger, "no-success", changed)
        assert found == ("it has not succeeded since revision 1" if event else None)


def test_the_last_change_is_the_tasks_own(ledger: Ledger) -> None:
    """Another task's revision does not wipe out that this one has failed ever since it was changed."""
    from tests.ledger.house import House

    from rota.model.lifecycle import Errored

    applied(ledger, duty(timeout=timedelta(seconds=8)))
    applied(ledger, duty())
    house = House(ledger, ledger.clock, lambda: ledger)  # type: ignore[arg-type]  # a clock to turn
    house.ids = {one.name: one.id for one in ledger.tasks("web")}
    house.enqueue()
    [claimed] = house.claim(house.node())
    house.ledger.finish("n1", [house.outcome(claimed, Errored())])
    ledger.clock.move(seconds=1)  # type: ignore[attr-defined]  # a clock to turn
    applied(ledger, duty(), duty("other", "0 3 * * *"))
    changed = (duty(timeout=timedelta(seconds=9)), duty("other", "0 4 * * *"))
    [found] = [one for one in planned(ledger, *changed).hazards if one.sort == "no-success"]
    assert (found.task, found.words) == ("tidy", "it has not succeeded since revision 2")


# ---- the file ------------------------------------------------------------------------------------------


def carried_out(ledger: Ledger, text: str) -> Applied:
    reviewed = read_plan(text, "plan.json")
    check_base(ledger, reviewed)
    return apply(
        ledger, reviewed.rota, author="ann", reason="reviewed", origin=reviewed.origin, base=reviewed.base
    )


def file_of(plan: Plan) -> str:
    return json.dumps(plan_as_json(plan, Origin(commit="0a1b2c", dirty=False)))


def test_a_plans_file_applies_what_was_reviewed_and_from_which_commit(ledger: Ledger) -> None:
    applied(ledger, duty())
    plan = planned(ledger, duty(timeout=timedelta(minutes=5)))
    assert carried_out(ledger, file_of(plan)).number == 2
    newest = ledger.revisions("web")[0]
    assert (newest.definition, newest.digest) == (plan.definition, plan.digest)
    assert newest.origin == Origin(commit="0a1b2c", dirty=False)


def test_a_plans_file_is_refused_where_the_ledger_moved_on(ledger: Ledger) -> None:
    applied(ledger, duty())
    text = file_of(planned(ledger, duty(timeout=timedelta(minutes=5))))
    applied(ledger, duty(timeout=timedelta(minutes=7)))
    with pytest.raises(Conflict, match="was changed meanwhile"):
        carried_out(ledger, text)
    assert ledger.revisions("web")[0].number == 2


def test_a_plans_file_is_refused_by_a_ledger_that_it_was_not_made_for(ledger: Ledger, tmp_path: Path) -> None:
    """Staging and production may both be at revision 1, and it is not the same one."""
    staging = open_ledger(read_settings(database_url=f"sqlite:///{tmp_path / 'staging.db'}"))
    applied(staging, duty("of-staging"))
    text = file_of(planned(staging, duty("of-staging"), duty("new")))
    staging.close()
    applied(ledger, duty("of-production"))
    with pytest.raises(Conflict, match="the plan is not for this ledger"):
        carried_out(ledger, text)
    assert [one.name for one in ledger.tasks("web")] == ["of-production"]


@pytest.mark.parametrize("harm", ["", "[]", "{}", "5m -> 9m", "schema"])
def test_a_plan_that_is_none_is_refused(harm: str, tmp_path: Path) -> None:
    definition: dict[str, Any] = rota_as_json(rota(duty(timeout=timedelta(minutes=5))))
    good = {
        "schema": 1,
        "service": "web",
        "base": 1,
        "base_digest": None,
        "commit": None,
        "dirty": None,
        "digest": digest_of(canonical_text(definition)),
        "definition": definition,
    }
    text = {
        "5m -> 9m": json.dumps(good).replace('"5m"', '"9m"'),
        "schema": json.dumps({**good, "schema": 2}),
    }.get(harm, harm)
    assert read_plan(json.dumps(good), "plan.json").base == 1, "whole, it is one"
    with pytest.raises(UsageError, match="the plan cannot be applied"):
        read_plan(text, "plan.json")


def test_a_difference_is_the_same_both_ways() -> None:
    before, after = rota_as_json(rota(duty(), duty("b"))), rota_as_json(rota(duty(timeout=None), duty("c")))
    forth, back = diff(before, after), diff(after, before)
    turned = {"added": "removed", "removed": "added", "changed": "changed", "renamed": "renamed"}
    assert sorted(turned[one.sort] for one in forth.tasks) == sorted(one.sort for one in back.tasks)
    assert not diff(before, before)
