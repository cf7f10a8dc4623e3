"""Clocks that change by law: over the change in fourteen zones, and when the law itself changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.faults.ledger.stage import Stage, at
from tests.timing.brute import Brute, shown_walls, transitions, zone_of

from rota.change.zones import keep_up_with_zones
from rota.clock import SECOND, Instant, from_instant, to_instant
from rota.model.run import Kind, State
from rota.timing import compiled, zones

YEARS = {
    "Europe/Berlin": 2026, "Europe/Dublin": 2026, "America/New_York": 2026, "America/Havana": 2026,
    "America/St_Johns": 2026, "America/Santiago": 2026, "Africa/Cairo": 2026, "Africa/Casablanca": 2026,
    "Asia/Beirut": 2026, "Asia/Tehran": 2021, "Australia/Lord_Howe": 2026, "Pacific/Chatham": 2026,
    "Pacific/Apia": 2011, "Antarctica/Troll": 2026,
}  # fmt: skip
RULES = {
    "half-past-two": "30 2 * * *", "midnight": "0 0 * * *", "list": "15,45 1-3 * * *",
    "hourly": "0 * * * *", "wildcard": "*/20 * * * *",
}  # fmt: skip
AROUND = timedelta(hours=27)


def windows(zone: str) -> Iterator[tuple[datetime, datetime, datetime]]:
    """(change, begin, end): each change of a year from a day before, and each of the next year from within: in the
    second pass of a fold answers from the past have been seen."""
    year = YEARS[zone]
    for change in transitions(zone, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)):
        yield change, change - AROUND, change + AROUND
    for change in transitions(
        zone, datetime(year + 1, 1, 1, tzinfo=UTC), datetime(year + 2, 1, 1, tzinfo=UTC)
    ):
        yield change, change + timedelta(minutes=10), change + timedelta(hours=15)


def expected(rule: str, zone: str, change: datetime, begin: datetime, end: datetime) -> list[Instant]:
    """What a cron daemon would do that looks at the clock each minute; told from well before, so that it knows what the
    clock has shown already."""
    walls = shown_walls(zone, change - AROUND - timedelta(hours=12), end)
    found = [Instant(second * SECOND) for second in Brute(rule).occurrences(walls)]
    return [instant for instant in found if instant > to_instant(begin)]


@pytest.mark.parametrize("zone", YEARS)
@pytest.mark.parametrize(
    "stage", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)  # which clock a zone shows is no matter of the ledger's; what follows from it is tried on both by fault 29
def test_28_dst_matrix(stage: Stage, zone: str) -> None:
    """Over gap and fold, begun a day before and begun in the middle of it: each due instant once, each day its jobs."""
    tasks = {
        name: {"schedule": rule, "overlap": "allow", "catch_up": "all", "catch_up_limit": 1000}
        for name, rule in RULES.items()
    }
    todo = list(windows(zone))
    stage.clock.set(todo[0][1] - timedelta(hours=1))
    since = stage.now
    seen = sum(window(stage, tasks, zone, *one) for one in todo)
    stage.clock.move(seconds=1)
    found = stage.audit(since, zone=zone, changes=len(todo))
    assert found.by_run == found.expected == seen > 300


def window(
    stage: Stage,
    tasks: dict[str, dict[str, object]],
    zone: str,
    change: datetime,
    begin: datetime,
    end: datetime,
) -> int:
    """Serve a rota over one change; returns how many occurrences that were."""
    before = max((run.id for run in stage.runs()), default=0)
    stage.clock.set(begin)
    stage.rota(tasks, timezone=zone)
    node = stage.node()
    while stage.clock.at < end:
        stage.clock.move(minutes=290)
        node.turn()
        assert all(
            one.next_at > stage.now for one in stage.ledger.schedules() if one.next_at and not one.retired_at
        )
    stage.rota({"idle": {}})
    seen = 0
    for name, rule in RULES.items():
        runs = [run for run in stage.runs(task=name) if run.id > before]
        due = expected(rule, zone, change, begin, stage.clock.at + timedelta(minutes=1))
        assert [run.scheduled_at for run in runs] == due, (zone, name)
        assert {(run.state, run.attempt) for run in runs} <= {(State.SUCCEEDED, 1)}
        seen += len(runs)
    return seen


def read_zones_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process have other zone data, as after an update of the package and a restart."""
    monkeypatch.setattr(zones, "_data", lambda: folder)
    zones.forget_zones()
    compiled._compile.cache_clear()


def test_29_tzdata_change(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A government keeps summer time for good, three weeks before the clocks would have gone back: what is due after
    that moves, also what is not due for a while, and each local day has one fire."""
    new = zones._data()
    old = tmp_path / "old"
    (old / "zoneinfo" / "Europe").mkdir(parents=True)
    shutil.copy(new / "zoneinfo" / "Europe" / "Athens", old / "zoneinfo" / "Europe" / "Istanbul")
    (old / "zones").write_text("UTC\nEurope/Istanbul\n")
    try:
        read_zones_from(old, monkeypatch)
        stage.clock.set(datetime(2026, 10, 10, tzinfo=UTC))
        keep_up_with_zones(stage.ledger, "2016a")
        tasks = {
            "daily": {"schedule": "0 8 * * *"},
            "monthly": {"schedule": "0 8 1 * *"},
            "hourly": {"schedule": "@hourly"},
        }
        stage.rota(tasks, timezone="Europe/Istanbul")
        stage.pass_time(5 * 86_400, stage.node(), step=14_400)
        assert stage.ledger.schedules("web", "monthly")[0].next_at == at(2026, 11, 1, 6)  # 08:00 at +02:00
    finally:
        read_zones_from(new, monkeypatch)
    assert (
        keep_up_with_zones(stage.ledger, "2016g") == 1
    )  # the two others are due before the clocks would change
    assert keep_up_with_zones(stage.ledger, "2016a") == 0  # a node with the old data does not put it back
    assert stage.ledger.schedules("web", "monthly")[0].next_at == at(2026, 11, 1, 5)  # 08:00 at +03:00
    stage.pass_time(25 * 86_400, stage.node(), step=14_400)
    local = zone_of("Europe/Istanbul")
    fired = [
        from_instant(run.scheduled_at).astimezone(local)
        for run in stage.runs(task="daily")
        if run.kind is Kind.SCHEDULED
    ]
    assert [one.date() for one in fired] == [fired[0].date() + timedelta(days=n) for n in range(30)]
    assert {(one.hour, one.minute) for one in fired} == {(8, 0)}
    assert [from_instant(run.scheduled_at) for run in stage.runs(task="monthly")] == [
        datetime(2026, 11, 1, 5, tzinfo=UTC)
    ]
    stage.audit(at(2026, 10, 10))


def test_29_a_cursor_that_moves_back_in_time_is_caught_up_once(stage: Stage) -> None:
    """By the new data it was due an hour ago; by the old it would be in an hour."""
    stage.rota({"daily": {"schedule": "0 8 * * *"}}, timezone="Europe/Istanbul")
    node = stage.node()
    stage.pass_time(2 * 86_400, node, step=3600)
    (schedule,) = stage.ledger.schedules()
    assert schedule.next_at is not None
    right = schedule.next_at
    stage.ledger.rezone("2016a", [(schedule.id, right, Instant(right + 7200 * SECOND))])
    stage.clock.set(from_instant(right + 3600 * SECOND))
    node = stage.node()
    node.turn()
    assert max(run.scheduled_at for run in stage.runs()) < right
    assert keep_up_with_zones(stage.ledger, "2016g") == 1
    stage.pass_time(3 * 3600, node, step=600)
    assert sum(run.scheduled_at >= right for run in stage.runs()) == 1
    stage.audit()
