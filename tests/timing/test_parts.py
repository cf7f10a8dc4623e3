"""Intervals, instants, recurrence rules, exceptions, bounds and jitter, each by example."""
# ruff: noqa: DTZ001 -- naive datetimes stand for wall times here

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.timing.brute import zone_of

from rota.clock import SECOND, from_instant, to_instant
from rota.model.schedule import At, Cron, Dates, Every, Freeze, Holidays, RRule, Schedule
from rota.timing import compile_schedule, parse_schedule

BERLIN = "Europe/Berlin"


def at(*parts: int) -> int:
    return to_instant(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


def shown(schedule: Schedule, after: int, count: int, zone: str = "UTC", seed: str = "") -> list[str]:
    ready, found = compile_schedule(schedule, seed=seed), []
    for _ in range(count):
        following = ready.next_after(after)
        if following is None:
            break
        found.append(f"{from_instant(following).astimezone(zone_of(zone)):%Y-%m-%d %H:%M}")
        after = following
    return found


# --- every, at


def test_an_interval_is_counted_from_its_anchor() -> None:
    every = Schedule((Every(timedelta(minutes=15), datetime(2026, 1, 1, 0, 5, tzinfo=UTC)),))
    assert shown(every, at(2026, 6, 1), 2) == ["2026-06-01 00:05", "2026-06-01 00:20"]
    assert shown(every, at(2025, 6, 1), 1) == ["2025-06-01 00:05"]
    assert shown(Schedule((Every(timedelta(hours=7)),)), -1, 2) == ["1970-01-01 00:00", "1970-01-01 07:00"]


def test_an_interval_counts_elapsed_time_over_a_change_of_the_clock() -> None:
    daily = Schedule((Every(timedelta(days=1), datetime(2027, 3, 27, 9)),), BERLIN)
    assert shown(daily, at(2027, 3, 27), 3, BERLIN) == [
        "2027-03-27 09:00",
        "2027-03-28 10:00",
        "2027-03-29 10:00",
    ]


def test_intervals_are_counted_without_being_made() -> None:
    ready = compile_schedule(Schedule((Every(timedelta(milliseconds=1)),)))
    assert ready.span(0, 10**15) == (1000, 10**15, 10**12)


def test_single_instants() -> None:
    schedule = Schedule(
        (At((datetime(2027, 1, 2, tzinfo=UTC), datetime(2027, 1, 1, 12), datetime(2027, 1, 2, 1))),), BERLIN
    )
    assert shown(schedule, at(2026, 1, 1), 9) == ["2027-01-01 11:00", "2027-01-02 00:00"]
    assert shown(schedule, at(2027, 1, 2), 9) == []


def test_a_wall_time_in_the_gap_is_the_end_of_the_gap_and_in_the_fold_the_first_pass() -> None:
    gap = Schedule((At((datetime(2027, 3, 28, 2, 30),)),), BERLIN)
    assert shown(gap, 0, 1) == ["2027-03-28 01:00"]
    fold = Schedule((At((datetime(2026, 10, 25, 2, 30),)),), BERLIN)
    assert shown(fold, 0, 1) == ["2026-10-25 00:30"]


# --- rrule


def test_a_recurrence_rule() -> None:
    rule = Schedule((RRule("RRULE:FREQ=MONTHLY;BYDAY=-1FR", datetime(2026, 1, 1, 9)),), BERLIN)
    assert shown(rule, 0, 2, BERLIN) == ["2026-01-30 09:00", "2026-02-27 09:00"]
    assert shown(rule, at(2040, 6, 1), 1, BERLIN) == ["2040-06-29 09:00"]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SA",
        "FREQ=WEEKLY",
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=HOURLY;BYHOUR=2,3",
        "FREQ=MINUTELY;INTERVAL=95",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=DAILY;COUNT=1000",
        "FREQ=DAILY;UNTIL=20280301T000000Z",
        "FREQ=DAILY;UNTIL=20280301",
        "FREQ=DAILY;BYDAY=MO;BYMONTH=1",
    ],
)
def test_recurrence_agrees_with_dateutil_counted_from_the_start(text: str) -> None:
    """In UTC; ours moves the start ahead, dateutil's is counted through from the beginning."""
    from dateutil.rrule import rrulestr

    start = datetime(2026, 1, 31, 9, 30)
    aware = "UNTIL" not in text or text.endswith("Z")
    zoned = start.replace(tzinfo=UTC) if aware else start
    until = "T235959" if text.endswith("0301") else ""
    theirs = [
        one.replace(tzinfo=UTC)
        for one in rrulestr(text + until, dtstart=zoned).xafter(zoned - timedelta(1), 3000)
    ]
    ready = compile_schedule(Schedule((RRule(text, start),)))
    assert [from_instant(one) for one in ready.between(0, to_instant(theirs[-1]))] == theirs
    for index in (0, 1, len(theirs) // 2, len(theirs) - 2):
        assert ready.next_after(to_instant(theirs[index])) == to_instant(theirs[index + 1])


def test_recurrence_keeps_wall_time_and_the_rule_of_gap_and_fold() -> None:
    daily = Schedule((RRule("FREQ=DAILY", datetime(2027, 3, 27, 2, 30)),), BERLIN)
    assert shown(daily, 0, 3, BERLIN) == ["2027-03-27 02:30", "2027-03-28 03:00", "2027-03-29 02:30"]
    hourly = Schedule((RRule("FREQ=HOURLY", datetime(2026, 10, 25, 0, 30)),), BERLIN)
    assert shown(hourly, 0, 5, BERLIN)[1:] == [
        f"2026-10-25 {hour}" for hour in ("01:30", "02:30", "02:30", "03:30")
    ]


def test_the_start_of_a_schedule_is_the_start_of_its_recurrence_rules() -> None:
    schedule = parse_schedule({"rules": [{"rrule": "FREQ=DAILY;INTERVAL=2"}], "start": "2026-01-01T09:00"})
    assert shown(schedule, 0, 2) == ["2026-01-01 09:00", "2026-01-03 09:00"]


def test_an_old_secondly_rule_is_quick() -> None:
    ready = compile_schedule(Schedule((RRule("FREQ=SECONDLY;INTERVAL=5", datetime(1990, 1, 1)),)))
    began = time.perf_counter()
    assert ready.next_after(at(2026, 1, 1)) == at(2026, 1, 1) + 5 * SECOND
    assert time.perf_counter() - began < 1.0


# --- exceptions


def test_holidays_are_left_out() -> None:
    work = Schedule((Cron("0 9 * * MON-FRI"),), BERLIN, (Holidays("DE", "BE"),))
    days = [text[:10] for text in shown(work, at(2026, 12, 23, 12), 4)]
    assert days == ["2026-12-24", "2026-12-28", "2026-12-29", "2026-12-30"]
    everywhere = Schedule((Cron("0 9 * * MON-FRI"),), BERLIN, (Holidays("DE"),))
    # 8 March is a holiday of Berlin alone; in 2027 it is a Monday
    assert compile_schedule(work).between(at(2027, 3, 7), at(2027, 3, 9)) == []
    assert len(compile_schedule(everywhere).between(at(2027, 3, 7), at(2027, 3, 9))) == 1


def test_a_date_is_a_whole_local_day() -> None:
    schedule = Schedule((Cron("0 */6 * * *"),), "America/New_York", (Dates((date(2026, 7, 4),)),))
    assert shown(schedule, at(2026, 7, 3, 20), 3, "America/New_York") == [
        "2026-07-03 18:00",
        "2026-07-05 00:00",
        "2026-07-05 06:00",
    ]


def test_a_freeze_window_ends_before_its_end() -> None:
    freeze = Freeze(datetime(2026, 12, 20, 0), datetime(2026, 12, 21, 0))
    schedule = Schedule((Cron("0 */12 * * *"),), "UTC", (freeze,))
    assert shown(schedule, at(2026, 12, 19, 6), 3) == [
        "2026-12-19 12:00",
        "2026-12-21 00:00",
        "2026-12-21 12:00",
    ]


def test_a_long_freeze_of_a_quick_schedule_is_jumped_over() -> None:
    windows = tuple(Freeze(datetime(2026 + n, 1, 1), datetime(2027 + n, 1, 1)) for n in range(10))
    ready = compile_schedule(Schedule((Cron("* * * * * *", "first"),), "UTC", windows))
    began = time.perf_counter()
    assert ready.next_after(at(2026, 1, 1)) == at(2036, 1, 1)
    assert time.perf_counter() - began < 0.5


def test_nothing_but_exceptions_ends() -> None:
    christmas = Schedule((Cron("0 0 25 12 *"),), BERLIN, (Holidays("DE"),))
    assert compile_schedule(christmas).next_after(at(2026, 1, 1)) is None


def test_patience_is_counted_from_the_first_occurrence_and_not_from_the_instant_asked() -> None:
    moments = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    schedule = parse_schedule(Schedule((At(moments),), excepts=(Dates((date(2026, 1, 1),)),)))
    assert shown(schedule, at(1900, 1, 1), 9) == ["2026-01-02 00:00"]


def test_an_exception_of_a_day_whose_midnight_comes_twice() -> None:
    """On 1 November 2026 in Havana the clock goes from 01:00 back to 00:00."""
    schedule = Schedule((Cron("*/30 * * * *"),), "America/Havana", (Dates((date(2026, 11, 1),)),))
    assert shown(schedule, at(2026, 11, 1, 3, 45), 1, "America/Havana") == ["2026-11-02 00:00"]
    eve = Schedule((Cron("*/30 * * * *"),), "America/Santiago", (Dates((date(2026, 4, 4),)),))
    found = compile_schedule(eve).next_after(at(2026, 4, 4, 12))
    assert from_instant(found).astimezone(zone_of("America/Santiago")).strftime("%d %H:%M") == "05 00:00"  # type: ignore[arg-type]


# --- bounds


def test_start_is_admitted_and_end_is_not() -> None:
    schedule = parse_schedule({"cron": "0 0 * * *", "start": "2026-01-01T00:00Z", "end": "2026-01-03T00:00Z"})
    assert shown(schedule, 0, 9) == ["2026-01-01 00:00", "2026-01-02 00:00"]
    whole_days = parse_schedule({"cron": "0 */12 * * *", "start": "2026-01-01", "end": "2026-01-01"})
    assert shown(whole_days, 0, 9) == ["2026-01-01 00:00", "2026-01-01 12:00"]


def test_a_bare_bound_is_wall_time() -> None:
    schedule = parse_schedule({"every": "1h", "start": "2026-07-01", "limit": 1}, timezone=BERLIN)
    assert shown(schedule, 0, 9) == ["2026-06-30 22:00"]


@pytest.mark.parametrize(
    "rule",
    [At((datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))),
     RRule("FREQ=DAILY", datetime(2026, 1, 1))],
)  # fmt: skip
def test_a_limit_needs_no_start_where_the_rule_has_one(rule) -> None:
    assert shown(Schedule((rule,), limit=2), 0, 9) == ["2026-01-01 00:00", "2026-01-02 00:00"]


def test_a_limit_is_the_same_from_everywhere() -> None:
    schedule = parse_schedule({"cron": "0 0 * * *", "start": "2026-01-01", "limit": 3})
    assert shown(schedule, at(2026, 1, 2), 9) == ["2026-01-03 00:00"]
    assert shown(schedule, at(2026, 1, 3), 9) == []
    assert compile_schedule(schedule).count_between(at(2026, 1, 1), at(2027, 1, 1)) == 2


# --- jitter


def jittered(expression: str, jitter: timedelta) -> Schedule:
    return Schedule((Cron(expression),), jitter=jitter)


def test_jitter_is_pinned_and_differs_by_seed() -> None:
    """Were these figures to change, occurrences would move on an upgrade."""
    schedule = jittered("0 * * * *", timedelta(minutes=5))
    found = [compile_schedule(schedule, seed=seed).next_after(at(2026, 1, 1)) for seed in ("a", "b")]
    assert found == [at(2026, 1, 1) + 103_622_000, at(2026, 1, 1) + 247_284_000]


@settings(max_examples=50, deadline=None)
@given(jitter=st.integers(1, 10 * 3600), seed=st.text(max_size=5), asked=st.integers(0, 86_400 * SECOND))
def test_jitter_longer_than_the_distance_keeps_the_order(jitter: int, seed: str, asked: int) -> None:
    ready = compile_schedule(jittered("*/10 * * * *", timedelta(seconds=jitter)), seed=seed)
    day = at(2026, 3, 1)
    row = ready.between(day - 1, day + 86_400 * SECOND)
    assert len(row) in (144, 145, 146)
    assert row == sorted(set(row))
    assert [moment // (600 * SECOND) for moment in row[:144]] == list(
        range(row[0] // (600 * SECOND), row[0] // (600 * SECOND) + 144)
    )
    assert ready.next_after(day + asked) == next(
        (one for one in row if one > day + asked), ready.next_after(row[-1])
    )


def test_jitter_does_not_reach_the_next_of_a_quick_row() -> None:
    ready = compile_schedule(
        Schedule((Every(timedelta(milliseconds=2)),), jitter=timedelta(seconds=1)), seed="a"
    )
    row = ready.between(-1, 200_000)
    assert [moment // 2000 for moment in row] == list(range(len(row)))
    assert {moment % 2000 for moment in row} == {0, 1000}


def test_jitter_is_spread_over_its_whole_length() -> None:
    ready = compile_schedule(jittered("0 * * * *", timedelta(minutes=30)), seed="web/a/")
    moved = [
        (moment - at(2026, 1, 1)) % (3600 * SECOND)
        for moment in ready.between(at(2026, 1, 1), at(2026, 3, 1))
    ]
    assert max(moved) <= 1800 * SECOND
    assert max(moved) > 1750 * SECOND
    assert min(moved) < 50 * SECOND
    assert 800 < sum(moved) / len(moved) / SECOND < 1000


# --- speed of long outages


def test_two_weeks_of_minutes_are_counted_at_once() -> None:
    began = time.perf_counter()
    ready = compile_schedule(Schedule((Cron("* * * * *"),), BERLIN))
    span = ready.span(at(2026, 10, 20), at(2026, 11, 3))
    assert span == (at(2026, 10, 20, 0, 1), at(2026, 11, 3), 20_160)
    assert time.perf_counter() - began < 0.5


def test_ten_years_of_seconds_are_counted_by_days() -> None:
    ready = compile_schedule(Schedule((Cron("* * * * * *", "first"),), BERLIN))
    began = time.perf_counter()
    assert ready.count_between(at(2020, 1, 1), at(2030, 1, 1)) == (at(2030, 1, 1) - at(2020, 1, 1)) // SECOND
    assert time.perf_counter() - began < 1.0
