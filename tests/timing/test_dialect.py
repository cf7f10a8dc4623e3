"""Each decision of the cron dialect, as a table; all in UTC, where nothing but the dialect decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rota.clock import MICROSECOND, to_instant
from rota.errors import ScheduleError
from rota.model.schedule import Cron, Schedule
from rota.timing import compile_schedule, occurrences, parse_schedule

START = datetime(2026, 1, 1, tzinfo=UTC) - MICROSECOND  # a Thursday


def next_ones(expression: str, count: int, seconds: str | None = None, after: datetime = START) -> list[str]:
    found = occurrences(expression, after=after, count=count, seconds=seconds)
    return [at.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00") for at in found]


def days(expression: str, count: int) -> list[str]:
    return [text.removeprefix("2026-")[:5] for text in next_ones(expression, count)]


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("5/15 * * * *", "5-59/15 * * * *"),
        ("5/15 * * * *", "5,20,35,50 * * * *"),
        ("0 20/2 * * *", "0 20,22 * * *"),
        ("0 0 * * 5/1", "0 0 * * 5,6,0"),
        ("0 0 * * 1/2", "0 0 * * 1,3,5,7"),
        ("5-5 * * * *", "5 * * * *"),
        ("5-5/3 * * * *", "5 * * * *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 7", "0 0 * * SUN"),
        ("0 0 * * 5-7", "0 0 * * 5,6,0"),
        ("0 0 * * SAT-SUN", "0 0 * * 6,0"),
        ("0 0 * * SUN-TUE", "0 0 * * 0-2"),
        ("0 0 * * 0-7", "0 0 * * *"),
        ("0 0 * * */7", "0 0 * * 0"),
        ("0 0 * jan,DeC mon-Fri", "0 0 * 1,12 1-5"),
        ("0 0 * * moN#2", "0 0 * * 1#2"),
        ("0 0 * * fril", "0 0 * * 5L"),
        ("0 0 l * *", "0 0 L * *"),
        ("0 0 * * 0L", "0 0 * * 7L"),
        ("  0   0 * *  *  ", "0 0 * * *"),
        ("00 09 * * *", "0 9 * * *"),
        ("1,1,1 * * * *", "1 * * * *"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@Annually", "0 0 1 1 *"),
        ("*/60 * * * *", "0 * * * *"),
    ],
)
def test_two_spellings_of_one_thing(expression: str, same: str) -> None:
    assert next_ones(expression, 40) == next_ones(same, 40)


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31", "04-30"]),
        ("0 0 LW * *", ["01-30", "02-27", "03-31", "04-30", "05-29"]),  # 31 January and May are at a weekend
        ("0 0 15W * *", ["01-15", "02-16", "03-16", "04-15"]),  # 15 February and March are Sundays
        ("0 0 1W * *", ["01-01", "02-02", "03-02", "04-01", "05-01", "06-01", "07-01", "08-03"]),
        (
            "0 0 31W * *",
            ["01-30", "03-31", "05-29", "07-31", "08-31", "10-30", "12-31"],
        ),  # none in shorter months
        ("0 0 30W 5 *", ["05-29"]),
        ("0 0 * * 5L", ["01-30", "02-27", "03-27"]),
        ("0 0 * * MON#2", ["01-12", "02-09", "03-09"]),
        ("0 0 * * 5#5", ["01-30", "05-29", "07-31"]),
        ("0 0 1,L * *", ["01-01", "01-31", "02-01", "02-28"]),
        ("0 0 * * MON,5L", ["01-05", "01-12", "01-19", "01-26", "01-30", "02-02"]),
        ("0 0 13 * 5", ["01-02", "01-09", "01-13", "01-16"]),  # either
        ("0 0 */2 * 1", ["01-05", "01-19", "02-09", "02-23"]),  # both, since the day starts with *
        ("0 0 1-7 * */7", ["01-04", "02-01", "03-01"]),  # both, since the weekday starts with *
        ("0 0 *,13 * 5", ["01-02", "01-09"]),
        ("0 0 29 2 1", ["02-02", "02-09", "02-16", "02-23"]),
        ("0 0 30 2 1", ["02-02", "02-09"]),  # either: the Mondays remain
    ],
)
def test_days(expression: str, first: list[str]) -> None:
    assert days(expression, len(first)) == first


def test_sparse_expressions() -> None:
    assert next_ones("0 0 29 2 *", 3) == ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]
    assert next_ones("0 0 29 2 */7", 3) == ["2032-02-29 00:00", "2060-02-29 00:00", "2088-02-29 00:00"]
    century = datetime(2096, 3, 1, tzinfo=UTC)
    assert next_ones("0 0 29 2 *", 1, after=century) == ["2104-02-29 00:00"]


def test_six_fields_where_it_is_said_which_holds_the_seconds() -> None:
    assert next_ones("30 0 9 * * *", 1, "first") == ["2026-01-01 09:00:30"]
    assert next_ones("30 0 9 * * *", 1, "last") == ["2026-01-09 00:30"]
    assert next_ones("*/20 * * * * *", 4, "first") == [
        "2026-01-01 00:00",
        "2026-01-01 00:00:20",
        "2026-01-01 00:00:40",
        "2026-01-01 00:01",
    ]
    assert next_ones("58,59 59 23 31 12 *", 2, "first") == ["2026-12-31 23:59:58", "2026-12-31 23:59:59"]
    assert next_ones("@hourly", 1, "first") == ["2026-01-01 00:00"]


def test_it_ends_with_the_calendar() -> None:
    daily = compile_schedule(Schedule((Cron("0 0 * * *"),), "Europe/Berlin"))
    assert daily.next_after(to_instant(datetime(9999, 1, 1, tzinfo=UTC))) is None
    assert daily.next_after(1 << 62) is None
    assert daily.next_after(-(1 << 62)) is not None
    last = occurrences("0 0 1 1 *", after=datetime(9990, 1, 1, 1, tzinfo=UTC), count=50)
    assert [at.year for at in last] == list(range(9991, 9999))


# --- H


def chosen(expression: str, seed: str, count: int = 1, seconds: str | None = None) -> list[datetime]:
    schedule = compile_schedule(Schedule((Cron(expression, seconds),)), seed=seed)
    found, at = [], to_instant(START)
    for _ in range(count):
        at = schedule.next_after(at)
        found.append(datetime(1970, 1, 1, tzinfo=UTC) + at * MICROSECOND)
    return found


def test_h_is_stable_and_spreads() -> None:
    names = [f"web/task-{number}/" for number in range(600)]
    minutes = [chosen("H * * * *", name)[0].minute for name in names]
    assert minutes == [chosen("H * * * *", name)[0].minute for name in names]
    assert set(minutes) == set(range(60))
    assert max(minutes.count(minute) for minute in range(60)) < 30
    assert {chosen("H H * * *", name)[0].hour for name in names} == set(range(24))


def test_h_never_moves_between_versions() -> None:
    """Figures pinned: were they to change, every rota with H would change on an upgrade."""
    assert [chosen("H H * * *", seed)[0].strftime("%H:%M") for seed in ("", "web/a/", "web/b/")] == PINNED


PINNED = ["10:45", "04:20", "10:59"]


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("H(0-29) 3 * * *", lambda at: at.minute < 30 and at.hour == 3),
        ("H H(1-5) * * *", lambda at: 1 <= at.hour <= 5),
        ("0 0 H * *", lambda at: at.day <= 28),
        ("0 0 * * H(1-5)", lambda at: at.weekday() < 5),
        ("0 0 * * H", lambda at: True),
        ("0 0 1 H *", lambda at: at.day == 1),
        ("0,H(30-40) 0 * * *", lambda at: at.minute == 0 or 30 <= at.minute <= 40),
    ],
)
def test_h_keeps_to_its_range(expression: str, allowed) -> None:
    seen = set()
    for number in range(100):
        for at in chosen(expression, f"web/{number}/", 2):
            assert allowed(at)
            seen.add(at)
    assert len(seen) > 2


def test_h_with_a_step() -> None:
    starts = set()
    for number in range(60):
        first, *rest = chosen("H/15 * * * *", f"web/{number}/", 5)
        assert [b - a for a, b in zip([first, *rest], rest, strict=False)] == [timedelta(minutes=15)] * 4
        starts.add(first.minute)
    assert starts == set(range(15))
    tens = {tuple(at.minute for at in chosen("H(0-29)/10 0 * * *", f"web/{n}/", 3)) for n in range(60)}
    assert tens == {(a, a + 10, a + 20) for a in range(10)}


def test_h_in_seconds() -> None:
    assert {chosen("H * * * * *", f"web/{n}/", 1, "first")[0].second for n in range(500)} == set(range(60))


# --- refusals


@pytest.mark.parametrize(
    ("expression", "what", "expected", "hint"),
    [
        ("60 * * * *", "60 is out of the range of the minute field", "0-59", None),
        ("* 24 * * *", "24 is out of the range of the hour field", "0-23", None),
        ("* * 0 * *", "0 is out of the range of the day-of-month field", "1-31", None),
        ("* * 32 * *", "32 is out of the range of the day-of-month field", "1-31", None),
        ("* * * 13 *", "13 is out of the range of the month field", "1-12 or JAN-DEC", None),
        ("* * * * 8", "8 is out of the range of the day-of-week field", "0-7 or SUN-SAT", None),
        ("-1 * * * *", "'' is not a minute", "0-59", None),
        ("x * * * *", "'X' is not a minute", "0-59", None),
        ("1.5 * * * *", "'1.5' is not a minute", "0-59", None),
        ("٣ * * * *", "'٣' is not a minute", "0-59", None),
        ("* * * * MONDAY", "'MONDAY' is not a day-of-week", "0-7 or SUN-SAT", "MON"),
        ("* * * JUNE *", "'JUNE' is not a month", "1-12 or JAN-DEC", "JUN"),
        ("* * * * MO", "'MO' is not a day-of-week", "0-7 or SUN-SAT", "MON"),
        ("* * ? * 1", "'?' is not a day-of-month", "1-31", "*"),
        ("MON * * * *", "'MON' is not a minute", "0-59", None),
        ("1,,2 * * * *", "the minute field has an empty term", "no comma too many", None),
        ("*/0 * * * *", "'0' is not a step", "from 1 to 59", None),
        ("*/x * * * *", "'X' is not a step", "from 1 to 59", None),
        ("*/ * * * *", "'' is not a step", "from 1 to 59", None),
        ("*/90 * * * *", "a step of 90 never comes to a second value", "every = ...", None),
        ("0 0 * * FRI-MON", "the range FRI-MON runs backwards", "FRI-SAT,SUN-MON", "FRI-SAT,SUN-MON"),
        ("0 0 * * 5-1", "the range 5-1 runs backwards", "5-6,0-1", "5-6,0-1"),
        ("0 0 * * 6-0", "the range 6-0 runs backwards", "6,0", "6,0"),
        ("0 22-2 * * *", "the range 22-2 runs backwards", "22-23,0-2", "22-23,0-2"),
        ("50-10 * * * *", "the range 50-10 runs backwards", "50-59,0-10", "50-59,0-10"),
        ("0 0 25-5 * *", "the range 25-5 runs backwards", "25-31,1-5", "25-31,1-5"),
        ("0 0 1 NOV-FEB *", "the range NOV-FEB runs backwards", "NOV-DEC,JAN-FEB", "NOV-DEC,JAN-FEB"),
        ("0 0 * * L", "L alone in the day-of-week field", "6L for the last Saturday", None),
        ("0 0 * * MON#6", "there is no '6'-th weekday of a month", "from 1 to 5", None),
        ("0 0 * * #2", "'' is not a day-of-week", "0-7", None),
        ("0 0 W * *", "'' is not a day-of-month", "1-31", None),
        ("0 0 1-5W * *", "'1-5' is not a day-of-month", "1-31", None),
        ("H(5-70) * * * *", "70 is out of the range", "0-59", None),
        ("H(30-10) * * * *", "the range 30-10 runs backwards", "30-59,0-10", None),
        ("0 0 30 2 *", "can never fire: FEB has no day 30", "at least one day", None),
        ("0 0 31 2,4 *", "can never fire: none of FEB, APR has a day 31", "at least one day", None),
        (
            "0 0 31W 4,6,9,11 *",
            "can never fire: none of APR, JUN, SEP, NOV has a day 31",
            "at least one day",
            None,
        ),
        ("0 0 */25 * MON#2", "can never fire: in its months no day matches both", "at least one day", None),
        ("0 0 H(30-31) 2 *", "can never fire: FEB has no day 31", "at least one day", None),
        ("", "a cron expression of 0 fields cannot be read", "five fields", None),
        ("* * * *", "a cron expression of 4 fields cannot be read", "minute, hour, day-of-month", None),
        ("0 0 * * * * 2026", "a cron expression of 7 fields cannot be read", "five fields", None),
        ("0 30 2 * * *", "six cron fields mean seconds first to some tools", 'seconds = "last"', None),
        ("@reboot", "@reboot is not a schedule", "five fields", None),
        ("@dayly", "there is no schedule named '@dayly'", "@daily", "@daily"),
        ("@every 5m", "there is no schedule named '@every 5m'", 'every = "5m"', None),
    ],
)
def test_refusals_say_what_was_found_and_expected(expression, what, expected, hint) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(expression)
    error = caught.value
    assert what in error.what
    assert expected in (error.expected or "")
    assert error.key == "cron"
    assert error.found
    if hint is not None:
        assert error.hint == hint


def test_six_fields_are_refused_with_both_readings() -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule("0 30 2 * * *")
    assert "second 0, minute 30, hour 2" in (caught.value.expected or "")
    assert "minute 0, hour 30, day-of-month 2" in (caught.value.expected or "")


def test_five_fields_are_refused_where_seconds_are_said() -> None:
    with pytest.raises(ScheduleError, match="5 fields"):
        parse_schedule({"cron": "0 2 * * *", "seconds": "first"})


def test_what_is_refused_once_is_refused_again() -> None:
    for _ in range(2):
        with pytest.raises(ScheduleError):
            parse_schedule("99 * * * *")
