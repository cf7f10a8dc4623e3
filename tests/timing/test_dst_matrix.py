"""Daylight saving time in many zones: a daily job once a local day, and what the rules say at each kind of change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.timing.brute import transitions, zone_of
from tests.timing.strategies import ZONES

from rota.clock import SECOND, to_instant
from rota.model.schedule import Cron, Schedule
from rota.timing import Occurrences, compile_schedule, occurrences, zones
from rota.timing.cron import cron_times
from rota.timing.walk import WallRule

YEARS = {"Pacific/Apia": 2011, "Antarctica/Casey": 2011, "Asia/Tehran": 2021}


def cron(expression: str, zone: str, **how: str) -> Occurrences:
    return compile_schedule(Schedule((Cron(expression),), zone, **how))  # type: ignore[arg-type]


def local(zone: str, expression: str, after: datetime, count: int = 3, **how: str) -> list[str]:
    schedule, at, found = cron(expression, zone, **how), to_instant(after), []
    for _ in range(count):
        following = schedule.next_after(at)
        assert following is not None
        assert following > at
        at = following
        found.append(
            f"{(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone_of(zone)):%m-%d %H:%M%z}"
        )
    return found


def midnight(zone: str, year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=zone_of(zone))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("time", ["0 0", "30 0", "30 1", "0 2", "15 2", "30 2", "0 3", "30 23"])
def test_a_daily_job_runs_once_each_local_day(zone: str, time: str) -> None:
    year = YEARS.get(zone, 2026)
    begin, end = midnight(zone, year, 1, 1), midnight(zone, year + 1, 1, 1)
    found = occurrences(f"{time} * * *", timezone=zone, after=begin - timedelta(seconds=1), count=400)
    days = [at.astimezone(zone_of(zone)).date() for at in found if at < end]
    expected = [
        date(year, 1, 1) + timedelta(days=n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)
    ]
    if zone == "Pacific/Apia":
        expected.remove(date(2011, 12, 30))  # the day that Samoa left out
    if (zone, time) == ("America/Nuuk", "30 23"):
        expected[expected.index(date(2026, 3, 28))] = date(2026, 3, 29)  # the gap ends at midnight
    assert days == expected


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/10 * * * *", "0,20,40 0-3 * * *", "* * * * *"])
@pytest.mark.parametrize("fold", ["once", "both"])
def test_the_answer_is_always_later_and_the_same_from_everywhere(
    zone: str, expression: str, fold: str
) -> None:
    year = YEARS.get(zone, 2026)
    schedule = cron(expression, zone, dst_fold=fold)
    for moment in transitions(zone, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)):
        begin, end = to_instant(moment) - 5 * 3600 * SECOND, to_instant(moment) + 5 * 3600 * SECOND
        due = schedule.between(begin, end)
        for at in range(begin, end, 420 * SECOND + 1):
            following = schedule.next_after(at)
            assert following is not None
            assert following > at
            assert following == next((one for one in due if one > at), following)
            assert schedule.count_between(begin, at) == sum(one <= at for one in due)


def test_fixed_times_in_the_gap_fire_at_its_end_together() -> None:
    before = midnight("Europe/Berlin", 2027, 3, 28)
    assert local("Europe/Berlin", "30 2 * * *", before, 2) == ["03-28 03:00+0200", "03-29 02:30+0200"]
    assert local("Europe/Berlin", "0,30 2 * * *", before, 2) == ["03-28 03:00+0200", "03-29 02:00+0200"]
    assert local("Europe/Berlin", "30 2,3 * * *", before, 2) == ["03-28 03:00+0200", "03-28 03:30+0200"]
    assert local("Europe/Berlin", "0 2,3 * * *", before, 2) == ["03-28 03:00+0200", "03-29 02:00+0200"]
    assert local("Europe/Berlin", "30 2 28 3 *", before, 1) == ["03-28 03:00+0200"]


def test_skip_leaves_the_gap_out() -> None:
    before = midnight("Europe/Berlin", 2027, 3, 28)
    assert local("Europe/Berlin", "30 2 * * *", before, 1, dst_gap="skip") == ["03-29 02:30+0200"]
    assert local("Europe/Berlin", "30 2,3 * * *", before, 1, dst_gap="skip") == ["03-28 03:30+0200"]


def test_fixed_times_in_the_fold_fire_on_the_first_pass() -> None:
    before = midnight("Europe/Berlin", 2026, 10, 25)
    assert local("Europe/Berlin", "30 2 * * *", before, 2) == ["10-25 02:30+0200", "10-26 02:30+0100"]
    both = local("Europe/Berlin", "0,30 2 * * *", before, 5, dst_fold="both")
    assert both[:4] == ["10-25 02:00+0200", "10-25 02:30+0200", "10-25 02:00+0100", "10-25 02:30+0100"]


def test_asked_inside_the_second_pass_a_fixed_time_is_tomorrow() -> None:
    second_pass = datetime(2026, 10, 25, 1, 5, tzinfo=UTC)  # 02:05+01:00
    assert local("Europe/Berlin", "30 2 * * *", second_pass, 1) == ["10-26 02:30+0100"]
    assert local("Europe/Berlin", "30 * * * *", second_pass, 1) == ["10-25 02:30+0100"]


def test_what_starts_with_a_star_follows_real_time() -> None:
    before = midnight("Europe/Berlin", 2027, 3, 28, 1)
    assert local("Europe/Berlin", "*/30 * * * *", before, 3)[:3] == [
        "03-28 01:30+0100",
        "03-28 03:00+0200",
        "03-28 03:30+0200",
    ]
    assert local("Europe/Berlin", "*/30 2 * * *", before, 1) == ["03-29 02:00+0200"]
    assert local("Europe/Berlin", "0 */2 * * *", before, 2) == ["03-28 04:00+0200", "03-28 06:00+0200"]
    fold = midnight("Europe/Berlin", 2026, 10, 25, 1)
    assert local("Europe/Berlin", "30 * * * *", fold, 4) == [
        "10-25 01:30+0200",
        "10-25 02:30+0200",
        "10-25 02:30+0100",
        "10-25 03:30+0100",
    ]


def test_h_is_fixed_and_h_with_a_step_follows_real_time() -> None:
    before = midnight("Europe/Berlin", 2027, 3, 28)
    assert local("Europe/Berlin", "H 2 * * *", before, 1) == ["03-28 03:00+0200"]
    assert local("Europe/Berlin", "H(0-29)/10 2 * * *", before, 1) == ["03-28 03:00+0200"]
    assert local("Europe/Berlin", "H/15 2 * * *", before, 1)[0].startswith("03-29 02:")


def test_half_an_hour_in_lord_howe() -> None:
    gap = midnight("Australia/Lord_Howe", 2026, 10, 4)
    assert local("Australia/Lord_Howe", "15 2 * * *", gap, 2) == ["10-04 02:30+1100", "10-05 02:15+1100"]
    fold = midnight("Australia/Lord_Howe", 2026, 4, 5, 1)
    assert local("Australia/Lord_Howe", "45 1 * * *", fold, 2) == ["04-05 01:45+1100", "04-06 01:45+1030"]
    assert local("Australia/Lord_Howe", "45 * * * *", fold, 3) == [
        "04-05 01:45+1100",
        "04-05 01:45+1030",
        "04-05 02:45+1030",
    ]
    assert local("Australia/Lord_Howe", "0 * * * *", fold, 2) == ["04-05 02:00+1030", "04-05 03:00+1030"]


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        ("Africa/Cairo", (2026, 4, 24), "04-24 01:00+0300"),
        ("America/Santiago", (2026, 9, 6), "09-06 01:00-0300"),
        ("Asia/Beirut", (2026, 3, 29), "03-29 01:00+0300"),
        ("America/Havana", (2026, 3, 8), "03-08 01:00-0400"),
    ],
)
def test_a_gap_at_midnight(zone: str, day: tuple[int, int, int], first: str) -> None:
    before = midnight(zone, *day) - timedelta(hours=3)
    assert local(zone, "0 0 * * *", before, 1) == [first]
    assert local(zone, "30 0 * * *", before, 1) == [first]
    assert local(zone, "0 0 * * *", before, 1, dst_gap="skip")[0] != first


def test_the_day_that_samoa_left_out_is_not_made_up() -> None:
    before = midnight("Pacific/Apia", 2011, 12, 29)
    assert local("Pacific/Apia", "30 2 * * *", before, 2) == ["12-29 02:30-1000", "12-31 02:30+1400"]
    assert local("Pacific/Apia", "30 2 30 12 *", before, 1) == ["12-30 02:30+1400"]  # of 2012


def test_three_hours_in_casey_are_made_up() -> None:
    before = datetime(2011, 10, 27, 12, tzinfo=UTC)  # the clock goes from 02:00 to 05:00 on the 28th
    assert local("Antarctica/Casey", "30 2 * * *", before, 2) == ["10-28 05:00+1100", "10-29 02:30+1100"]


def test_seconds_in_the_gap_come_due_as_one() -> None:
    schedule = compile_schedule(Schedule((Cron("15,45 30 2 * * *", "first"),), "Europe/Berlin"))
    at = to_instant(datetime(2027, 3, 28, tzinfo=UTC))
    assert schedule.between(at, at + 20 * 3600 * SECOND) == [to_instant(datetime(2027, 3, 28, 1, tzinfo=UTC))]


def test_a_gap_and_the_time_at_its_end_are_counted_once() -> None:
    schedule = cron("0,30 2,3 * * *", "Europe/Berlin")
    begin, end = (
        to_instant(datetime(2027, 3, 28, tzinfo=UTC)),
        to_instant(datetime(2027, 3, 28, 12, tzinfo=UTC)),
    )
    assert len(schedule.between(begin, end)) == schedule.count_between(begin, end) == 2


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Casey", "Pacific/Apia"])
def test_it_does_not_matter_how_long_a_stretch_of_zone_data_is_kept(zone: str, monkeypatch) -> None:
    """Half an hour at a time, so that many stretches begin inside a fold."""
    year = YEARS.get(zone, 2026)
    moments = transitions(zone, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    spans = [(to_instant(at) - 4 * 3600 * SECOND, to_instant(at) + 30 * 3600 * SECOND) for at in moments]

    def found() -> list[list[int]]:
        place = zones.Zone(zone, zone_of(zone))
        rows = []
        for expression in ("30 2 * * *", "*/10 * * * *", "5,35 0-5 * * *"):
            times = cron_times(expression, None, "")
            rule = WallRule(times, place, fixed=times.fixed, gap_runs=True, fold_twice=False)
            for begin, end in spans:
                row, at = [], begin // SECOND
                while (at := rule.next_after(at) or end) < end // SECOND:
                    row.append(at)
                assert rule.count(begin // SECOND, end // SECOND - 1) == len(row)
                rows.append(row)
        return rows

    usual = found()
    monkeypatch.setattr(zones, "_STRETCH", 11)
    assert found() == usual
