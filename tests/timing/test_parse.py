"""Schedules as people write them: each spelling, and each refusal."""

# ruff: noqa: DTZ001 -- naive datetimes stand for wall times here
from __future__ import annotations

import sys
import tomllib
from datetime import UTC, date, datetime, timedelta

import pytest

from rota.errors import ScheduleError
from rota.model.schedule import At, Cron, Dates, Every, Freeze, Holidays, RRule, Schedule
from rota.timing import compile_schedule, occurrences, parse_schedule, schedule_as_json, zone_version


@pytest.mark.parametrize(
    ("toml", "rules", "common"),
    [
        ('"0 2 * * *"', (Cron("0 2 * * *"),), {}),
        ('{ cron = "0 0 2 * * *", seconds = "first" }', (Cron("0 0 2 * * *", "first"),), {}),
        ('{ every = "15m" }', (Every(timedelta(minutes=15)),), {}),
        (
            '{ every = "15m", anchor = 2026-01-01T00:05:00Z }',
            (Every(timedelta(minutes=15), datetime(2026, 1, 1, 0, 5, tzinfo=UTC)),),
            {},
        ),
        ('{ every = "1d", anchor = 2026-01-01T09:00:00 }', (Every(timedelta(days=1), datetime(2026, 1, 1, 9)),), {}),
        ("{ at = 2026-12-24T18:00:00+01:00 }", (At((datetime(2026, 12, 24, 17, tzinfo=UTC),)),), {}),
        ('{ at = ["2026-12-24T18:00", "2026-12-25T18:00Z"] }',
         (At((datetime(2026, 12, 24, 18), datetime(2026, 12, 25, 18, tzinfo=UTC))),), {}),
        ('{ rrule = "FREQ=DAILY", start = "2026-01-01T09:00" }', (RRule("FREQ=DAILY", datetime(2026, 1, 1, 9)),), {}),
        ('["0 2 * * *", { every = "1h" }]', (Cron("0 2 * * *"), Every(timedelta(hours=1))), {}),
        ('{ rules = ["0 2 * * *", { cron = "0 3 * * *" }] }', (Cron("0 2 * * *"), Cron("0 3 * * *")), {}),
        ('{ cron = "0 2 * * *", timezone = "America/New_York" }', (Cron("0 2 * * *"),), {"timezone": "America/New_York"}),
        (
            '{ cron = "0 2 * * *", start = 2026-01-01, end = 2026-12-31 }',
            (Cron("0 2 * * *"),),
            {"start": datetime(2026, 1, 1), "end": datetime(2027, 1, 1)},
        ),
        (
            '{ cron = "0 2 * * *", start = "2026-01-01", end = "2026-12-31T12:00Z", limit = 3, jitter = "30s" }',
            (Cron("0 2 * * *"),),
            {
                "start": datetime(2026, 1, 1),
                "end": datetime(2026, 12, 31, 12, tzinfo=UTC),
                "limit": 3,
                "jitter": timedelta(seconds=30),
            },
        ),
        ('{ cron = "0 2 * * *", dst = "skip" }', (Cron("0 2 * * *"),), {"dst_gap": "skip"}),
        ('{ cron = "0 2 * * *", dst = "both" }', (Cron("0 2 * * *"),), {"dst_fold": "both"}),
        ('{ cron = "0 2 * * *", dst = ["skip", "both"] }', (Cron("0 2 * * *"),), {"dst_gap": "skip", "dst_fold": "both"}),
        ('{ cron = "0 2 * * *", dst = ["run", "once"] }', (Cron("0 2 * * *"),), {}),
        (
            '{ cron = "0 2 * * *", except = [{ holidays = "DE", subdivision = "BE" }, { dates = [2026-12-24, "2026-12-31"] }, { from = "2026-12-27", to = 2027-01-02 }] }',
            (Cron("0 2 * * *"),),
            {
                "excepts": (
                    Holidays("DE", "BE"),
                    Dates((date(2026, 12, 24), date(2026, 12, 31))),
                    Freeze(datetime(2026, 12, 27), datetime(2027, 1, 3)),
                )
            },
        ),
        ('{ cron = "0 2 * * *", except = { dates = "2026-12-24" } }', (Cron("0 2 * * *"),),
         {"excepts": (Dates((date(2026, 12, 24),)),)}),
    ],
)  # fmt: skip
def test_spellings(toml: str, rules: tuple, common: dict) -> None:
    value = tomllib.loads(f"schedule = {toml}")["schedule"]
    common.setdefault("timezone", "Europe/Berlin")
    assert parse_schedule(value, timezone="Europe/Berlin") == Schedule(rules, **common)


def test_a_schedule_is_taken_as_it_is_but_checked() -> None:
    schedule = Schedule((Cron("0 2 * * *"),))
    assert parse_schedule(schedule) is schedule
    with pytest.raises(ScheduleError):
        parse_schedule(Schedule((Cron("99 * * * *"),)))


@pytest.mark.parametrize(
    ("value", "key", "what", "hint"),
    [
        (5, None, "this is not a schedule", None),
        (None, None, "this is not a schedule", None),
        (b"* * * * *", None, "this is not a schedule", None),
        ([], "rules", "a schedule has no rule", None),
        ({}, None, "a schedule has no rule", None),
        ({"rules": []}, "rules", "a schedule has no rule", None),
        ({"rules": "* * * * *"}, "rules", "a schedule has no rule", None),
        ({"jitter": "5s"}, None, "a schedule has no rule", None),
        ([5], "rules", "this is not a rule", None),
        ({"corn": "* * * * *"}, "corn", "there is no key 'corn'", "cron"),
        ({"cron": "* * * * *", "timzone": "UTC"}, "timzone", "there is no key 'timzone'", "timezone"),
        ({"cron": "* * * * *", "anchor": "2026-01-01"}, "anchor", "there is no key 'anchor'", None),
        ({"every": "5m", "seconds": "first"}, "seconds", "there is no key 'seconds'", None),
        ({"cron": "* * * * *", "every": "5m"}, "every", "stated in two ways", None),
        (["* * * * *", {"cron": "0 2 * * *", "jitter": "5s"}], "jitter", "holds for a whole schedule", None),
        (["* * * * *", {"cron": "0 2 * * *", "timezone": "UTC"}], "timezone", "holds for a whole schedule", None),
        ({"cron": 5}, "cron", "cron is not a text", None),
        ({"cron": ""}, "cron", "cron is not a text", None),
        ({"cron": "* * * * *", "seconds": "middle"}, "seconds", "where a sixth field", None),
        ({"cron": "* * * * *", "timezone": "Europe/Berln"}, "timezone", "no time zone 'Europe/Berln'", "Europe/Berlin"),
        ({"cron": "* * * * *", "timezone": "Berlin"}, "timezone", "no time zone 'Berlin'", "Europe/Berlin"),
        ({"cron": "* * * * *", "timezone": "europe/berlin"}, "timezone", "no time zone", "Europe/Berlin"),
        ({"cron": "* * * * *", "timezone": "America/New York"}, "timezone", "no time zone", "America/New_York"),
        ({"cron": "* * * * *", "timezone": "../../etc/passwd"}, "timezone", "no time zone", None),
        ({"cron": "* * * * *", "timezone": 5}, "timezone", "timezone is not a text", None),
        ({"every": "5"}, "every", "'5' is not a length of time", None),
        ({"every": 5}, "every", "needs its unit", '"5s"'),
        ({"every": True}, "every", "needs its unit", None),
        ({"every": "0s"}, "every", "the interval is out of range", None),
        ({"every": "200000d"}, "every", "the interval is out of range", None),
        ({"every": "5m", "anchor": "today"}, "anchor", "'today' is not a date", None),
        ({"every": "5m", "anchor": date(2026, 1, 1)}, "anchor", "anchor is not a moment", None),
        ({"at": []}, "at", "no instant is given", None),
        ({"at": "2026-12-24"}, "at", "at is not a moment", None),
        ({"at": "soon"}, "at", "'soon' is not a date", None),
        ({"at": 5}, "at", "at is not a moment", None),
        ({"rrule": "FREQ=DAILY"}, "rrule", "counted from its start, and there is none", None),
        ({"rrule": "FREQ=DALY", "start": "2026-01-01T00:00"}, "rrule", "needs its FREQ", "DAILY"),
        ({"rrule": "INTERVAL=2", "start": "2026-01-01T00:00"}, "rrule", "needs its FREQ", None),
        ({"rrule": "FREQ=DAILY;BYDAI=MO", "start": "2026-01-01T00:00"}, "rrule", "no part BYDAI", "BYDAY"),
        ({"rrule": "FREQ=DAILY;FREQ=DAILY", "start": "2026-01-01T00:00"}, "rrule", "FREQ is stated twice", None),
        ({"rrule": "FREQ=DAILY;BYHOUR=25", "start": "2026-01-01T00:00"}, "rrule", "rrule", None),
        ({"rrule": "FREQ=DAILY;BYDAY=XX", "start": "2026-01-01T00:00"}, "rrule", "cannot be read", None),
        ({"rrule": "FREQ=DAILY;INTERVAL=0", "start": "2026-01-01T00:00"}, "rrule", "INTERVAL=0 is out of range", None),
        ({"rrule": "FREQ=DAILY;COUNT=2;UNTIL=20270101", "start": "2026-01-01T00:00"}, "rrule", "either by COUNT", None),
        ({"rrule": "FREQ=DAILY;UNTIL=soon", "start": "2026-01-01T00:00"}, "rrule", "UNTIL=SOON is not a date", None),
        ({"rrule": "DTSTART:20260101", "start": "2026-01-01T00:00"}, "rrule", "is not a part", None),
        ({"cron": "* * * * *", "limit": 0, "start": "2026-01-01"}, "limit", "limit is out of range", None),
        ({"cron": "* * * * *", "limit": 5}, "limit", "a limit without a start", None),
        ({"cron": "* * * * *", "limit": "5", "start": "2026-01-01"}, "limit", "not a number", None),
        ({"cron": "* * * * *", "limit": True, "start": "2026-01-01"}, "limit", "not a number", None),
        ({"cron": "* * * * *", "limit": 10**6, "start": "2026-01-01"}, "limit", "limit is out of range", None),
        ({"cron": "* * * * *", "jitter": "400d"}, "jitter", "jitter is out of range", None),
        ({"cron": "* * * * *", "jitter": timedelta(-1)}, "jitter", "jitter is out of range", None),
        ({"cron": "* * * * *", "start": "2027-01-01", "end": "2026-01-01"}, "end", "ends before it starts", None),
        ({"cron": "0 0 1 1 *", "start": "2026-02-01", "end": "2026-03-01"}, "end", "can never fire", None),
        ({"at": "2026-01-01T00:00", "start": "2026-02-01"}, "at", "can never fire", None),
        ({"at": "2026-01-01T09:00", "except": {"dates": "2026-01-01"}}, "at", "can never fire", None),
        ({"cron": "* * * * *", "dst": "skipp"}, "dst", "dst says what becomes", "skip"),
        ({"cron": "* * * * *", "dst": ["skip", "run"]}, "dst", "two things of one case", None),
        ({"cron": "* * * * *", "dst": 5}, "dst", "dst says what becomes", None),
        ({"cron": "* * * * *", "except": "DE"}, "except", "this is not an exception", None),
        ({"cron": "* * * * *", "except": {"holiday": "DE"}}, "holiday", "there is no key 'holiday'", "holidays"),
        ({"cron": "* * * * *", "except": {"holidays": "de"}}, "except", "no holidays of the country 'de'", "DE"),
        ({"cron": "* * * * *", "except": {"holidays": "DE", "subdivision": "XX"}}, "except", "subdivision of DE", None),
        ({"cron": "* * * * *", "except": {"dates": []}}, "except", "no date is given", None),
        ({"cron": "* * * * *", "except": {"dates": ["2026-02-30"]}}, "except", "is not a date", None),
        ({"cron": "* * * * *", "except": {"dates": [datetime(2026, 1, 1)]}}, "except", "a date without a time", None),
        ({"cron": "* * * * *", "except": {"from": "2026-01-01"}}, "except", "a freeze window has no to", None),
        ({"cron": "* * * * *", "except": {"from": "2026-01-05", "to": "2026-01-01"}}, "except", "ends before it starts", None),
    ],
)  # fmt: skip
def test_refusals(value: object, key: str | None, what: str, hint: str | None) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(value)
    error = caught.value
    assert error.key == key
    assert what in str(error)
    assert error.expected
    assert error.found
    if hint is not None:
        assert error.hint == hint


def test_the_entry_for_programs() -> None:
    after = datetime(2026, 11, 23, 8, tzinfo=UTC)
    found = occurrences("*/15 * * * *", timezone="Europe/Berlin", after=after, count=3)
    assert found == [after + timedelta(minutes=15 * n) for n in (1, 2, 3)]
    assert all(at.tzinfo is UTC for at in found)
    assert occurrences(["0 9 * * *", "0 8 * * *"], after=after, count=2) == [
        after + timedelta(hours=1),
        after + timedelta(days=1),
    ]
    assert occurrences("* * * * *", after=after, count=0) == []
    assert occurrences(Schedule((At((after,)),)), after=after - timedelta(1)) == [after]
    assert occurrences("0 0 9 * * *", after=after, count=1, seconds="first") == [after + timedelta(hours=1)]


def test_the_entry_for_programs_takes_any_zone_and_microsecond() -> None:
    from zoneinfo import ZoneInfo

    after = datetime(2026, 11, 23, 9, 0, 0, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert occurrences("0 9 * * *", timezone="Europe/Berlin", after=after, count=1) == [
        datetime(2026, 11, 24, 8, tzinfo=UTC)
    ]
    exactly = after.replace(microsecond=0)
    assert occurrences("0 9 * * *", timezone="Europe/Berlin", after=exactly, count=1)[0].day == 24
    before = exactly - timedelta(microseconds=1)
    assert occurrences("0 9 * * *", timezone="Europe/Berlin", after=before, count=1) == [exactly]


def test_the_entry_for_programs_refuses_a_naive_after() -> None:
    with pytest.raises(ScheduleError) as caught:
        occurrences("* * * * *", after=datetime(2026, 1, 1))
    assert caught.value.key == "after"
    assert "aware" in (caught.value.expected or "")


def test_the_entry_for_programs_raises_what_a_file_would() -> None:
    with pytest.raises(ScheduleError) as program:
        occurrences("0 0 30 2 *", after=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ScheduleError) as file:
        parse_schedule("0 0 30 2 *")
    assert str(program.value) == str(file.value)


@pytest.mark.parametrize(
    ("module", "value", "extra"),
    [
        ("dateutil", {"rrule": "FREQ=DAILY;INTERVAL=7", "start": "2026-01-01T00:00"}, "rota[ical]"),
        (
            "holidays",
            {"cron": "0 1 2 3 *", "except": {"holidays": "NZ", "subdivision": "AUK"}},
            "rota[holidays]",
        ),
    ],
)
def test_a_missing_extra_is_named(monkeypatch, module: str, value: object, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(value)
    assert extra in str(caught.value)
    assert caught.value.next == (f"pip install '{extra}'",)


def test_json_is_canonical() -> None:
    one = parse_schedule({"at": "2026-12-24T18:00+01:00", "timezone": "UTC"})
    other = parse_schedule({"at": ["2026-12-24T17:00Z"]})
    assert schedule_as_json(one) == schedule_as_json(other)
    assert schedule_as_json(one) == {"rules": [{"at": ["2026-12-24T17:00:00Z"]}], "timezone": "UTC"}


def test_json_of_everything() -> None:
    value = {
        "rules": [
            {"cron": "0 2 * * * *", "seconds": "last"},
            {"every": "1h30m", "anchor": "2026-01-01T00:00:00Z"},
            {"at": ["2026-12-24T18:00:00"]},
            {"rrule": "FREQ=DAILY", "start": "2026-01-01T09:00:00"},
        ],
        "timezone": "Europe/Berlin",
        "except": [
            {"holidays": "DE", "subdivision": "BE"},
            {"dates": ["2026-12-24"]},
            {"from": "2026-12-27T00:00:00", "to": "2027-01-03T00:00:00Z"},
        ],
        "start": "2026-01-01T00:00:00",
        "end": "2028-01-01T00:00:00Z",
        "limit": 7,
        "jitter": "30s",
        "dst": ["skip", "both"],
    }
    assert schedule_as_json(parse_schedule(value)) == value


def test_the_zone_data_have_a_version() -> None:
    assert len(zone_version()) == 5
    assert zone_version().startswith("20")


def test_schedules_that_are_alike_share_what_is_compiled() -> None:
    schedule = Schedule((Cron("0 2 * * *"),), "Europe/Berlin")
    assert compile_schedule(schedule, seed="a") is compile_schedule(schedule, seed="b")
    spread = Schedule((Cron("H 2 * * *"),), "Europe/Berlin")
    assert compile_schedule(spread, seed="a") is not compile_schedule(spread, seed="b")
