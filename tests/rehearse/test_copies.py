"""A copy has what a rehearsal needs and no secret, from either ledger, and comes back from its file as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.ledger.house import House
from tests.rehearse.stage import BEGIN, Stage, duty

from rota.app import open_scratch
from rota.change.apply import apply
from rota.clock import SECOND, ManualClock, from_instant
from rota.define.loaded import LoadedRota
from rota.engine.planner import fire_all_due
from rota.errors import UnknownName, UsageError
from rota.ledger.protocol import Ledger
from rota.ledger.records import Change, NewSchedule
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.model.lifecycle import Errored, Succeeded
from rota.model.rehearsal import Rehearsal
from rota.model.task import Command, Request, Retries
from rota.rehearse.copies import copy_as_json, copy_from_json, of_service, take_copy
from rota.rehearse.rehearse import Asked, rehearse
from rota.settings import Settings

SECRET = "hunter2-hunter2"
HOURLY = duty("hourly", "5 * * * *", retry=Retries(attempts=2, backoff=timedelta(0)))


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    """Either of them, empty."""
    made: Ledger
    if request.param == "sqlite":
        made = SqliteLedger(tmp_path / "rota.db", clock=clock)
    else:
        from rota.ledger.postgres.ledger import PostgresLedger

        made = PostgresLedger(request.getfixturevalue("postgres_url"), clock=clock)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_instant(BEGIN))


def lived_in(ledger: Ledger, clock: ManualClock) -> LoadedRota:
    """A rota with a history: twenty runs of a minute, every fourth of which needs a second try."""
    secretive = replace(
        duty("fetch", None, args={"password": SECRET}),
        target=Request(
            f"https://ann:{SECRET}@example.org/?token={SECRET}", headers={"X": SECRET}, json={"a": SECRET}
        ),
        rollback_command=("undo", SECRET),
    )
    told = replace(
        duty("told", "0 3 * * *"),
        target=Command(("sync", f"--password={SECRET}", "--all"), env={"KEY": SECRET}),
    )
    loaded = LoadedRota("web", {one.name: one for one in (HOURLY, secretive, told)})
    apply(ledger, loaded, author="ann", reason="first")
    ledger.put_schedules(
        [
            NewSchedule(
                "web",
                "hourly",
                "reader:7",
                '{"rules":[{"cron":"0 8 * * *"}],"timezone":"UTC"}',
                None,
                f'{{"a":"{SECRET}"}}',
            )
        ]
    )
    house = House(ledger, clock, lambda: ledger)
    house.ids = {one.name: one.id for one in ledger.tasks("web")}
    node = house.node("n1", lease=10_000_000 * SECOND)
    for number in range(20):
        clock.move(hours=1)
        fire_all_due(ledger)
        for event in (*([Errored()] if number % 4 == 0 else []), Succeeded()):
            claimed = [one for one in house.claim(node) if one.task == "hourly"]
            clock.move(minutes=1)
            ledger.finish(
                node,
                [
                    house.outcome(one, event, retries=HOURLY.retry, started_at=clock.now() - 60 * SECOND)
                    for one in claimed
                ],
            )
    [task] = [one for one in ledger.tasks("web") if one.name == "told"]
    ledger.pause(task.id, Change(clock.now(), "ann", "pause", "web/told", "repairs"))
    return loaded


def test_it_has_what_is_needed(ledger: Ledger, clock: ManualClock) -> None:
    lived_in(ledger, clock)
    copy = take_copy(ledger, None)
    assert (copy.service, copy.number, copy.at) == ("web", 1, clock.now())
    by_name = {one.name: one for one in copy.tasks}
    statistics = by_name["hourly"].statistics
    assert statistics.runs == 20
    assert statistics.failures == pytest.approx(5 / 25)
    assert set(statistics.durations) == {60 * SECOND}
    assert (by_name["told"].paused, by_name["told"].paused_reason) == (True, "repairs")
    assert {(one.task, one.key) for one in copy.cursors} == {
        ("hourly", ""),
        ("hourly", "reader:7"),
        ("told", ""),
    }


@pytest.mark.parametrize("arguments", [False, True])
def test_no_secret_is_in_it(ledger: Ledger, clock: ManualClock, arguments: bool) -> None:
    lived_in(ledger, clock)
    text = json.dumps(copy_as_json(take_copy(ledger, "web", arguments=arguments)))
    if arguments:  # what was asked for stands there, as a program handed it in
        text = text.replace(json.dumps({"password": SECRET}), "").replace(
            json.dumps(f'{{"a":"{SECRET}"}}'), ""
        )
    assert SECRET not in text


def test_a_file_gives_the_copy_back(ledger: Ledger, clock: ManualClock) -> None:
    lived_in(ledger, clock)
    copy = take_copy(ledger, "web")
    again = copy_from_json(json.loads(json.dumps(copy_as_json(copy))), "web.json")
    assert again == copy
    assert of_service(again, "web") == of_service(again, None) == copy
    with pytest.raises(UnknownName):
        of_service(again, "mail")


def test_a_rehearsal_from_either_ledger_is_put_back(ledger: Ledger, clock: ManualClock, stage: Stage) -> None:
    loaded = lived_in(ledger, clock)
    fewer = replace(
        loaded, tasks={"hourly": replace(HOURLY, schedule=duty("hourly", "*/20 * * * *").schedule)}
    )
    asked = Asked(take_copy(ledger, "web"), fewer, Rehearsal(days=2), Settings(), what_if=False)
    report = rehearse(asked, open_scratch)
    assert report.holds, report.proofs
    [hourly] = report.tasks
    assert hourly.states["succeeded"] + hourly.states.get("failed", 0) == hourly.due
    assert 0 < hourly.retries < hourly.due / 2
    assert not hourly.estimated


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("tasks"),
        lambda value: value.update(rota_export=2),
        lambda value: value["tasks"][0].update(colour="red"),
        lambda value: value["cursors"].append({}),
    ],
)
def test_what_is_no_export_is_refused(stage: Stage, spoil: Callable[[dict[str, object]], object]) -> None:
    scratch = stage.scratch()
    scratch.apply(LoadedRota("web", {"hourly": HOURLY}))
    value = json.loads(json.dumps(copy_as_json(take_copy(scratch.ledger, "web"))))
    spoil(value)
    with pytest.raises(UsageError):
        copy_from_json(value, "web.json")
