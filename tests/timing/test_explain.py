"""Every rule as an English sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rota.clock import to_instant
from rota.timing import explain, parse_schedule, warnings

BERLIN = ", Europe/Berlin time"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("5/15 * * * *", "every 15 minutes from minute 5 of every hour"),
        ("*/7 * * * *", f"every 7 minutes from minute 0 to 56 of every hour{BERLIN}"),
        ("0 * * * *", f"every hour, on the hour{BERLIN}"),
        ("@hourly", f"every hour, on the hour{BERLIN}"),
        ("5 * * * *", f"at minute 5 of every hour{BERLIN}"),
        ("5,17 * * * *", f"at minutes 5 and 17 of every hour{BERLIN}"),
        ("20-40 * * * *", f"every minute from minute 20 to 40 of every hour{BERLIN}"),
        ("30 2 * * *", f"at 02:30 every day{BERLIN}"),
        ("0 9 * * MON-FRI", f"at 09:00 on Monday to Friday{BERLIN}"),
        ("0 9,17 * * *", f"at 09:00 and 17:00 every day{BERLIN}"),
        ("0 9-17 * * *", f"every hour from 09:00 to 17:00{BERLIN}"),
        ("0 */2 * * *", f"every 2 hours from 00:00 to 22:00{BERLIN}"),
        ("*/15 9-17 * * MON-FRI", f"every 15 minutes from 09:00 to 17:45 on Monday to Friday{BERLIN}"),
        ("*/5 9,14-16 * * *", f"every 5 minutes from 09:00 to 09:55 and from 14:00 to 16:55{BERLIN}"),
        ("1,7,13 5,7,9 * * *", f"at minutes 1, 7 and 13 of the hours 5, 7 and 9{BERLIN}"),
        ("0-10,30 8-10 * * *", f"at minutes 0 to 10 and 30 of the hours 8 to 10{BERLIN}"),
        ("0 0 1 1 *", f"at 00:00 on the 1st of January{BERLIN}"),
        ("0 0 1,15 * *", f"at 00:00 on the 1st and 15th of the month{BERLIN}"),
        ("0 0 1-7 * *", f"at 00:00 on the 1st to 7th of the month{BERLIN}"),
        ("0 0 L * *", f"at 00:00 on the last day of the month{BERLIN}"),
        ("0 0 LW * *", f"at 00:00 on the last working day (Monday to Friday) of the month{BERLIN}"),
        ("0 0 15W * *", f"at 00:00 on the working day nearest to the 15th of the month{BERLIN}"),
        ("0 0 1,L * *", f"at 00:00 on the 1st and the last day of the month{BERLIN}"),
        ("0 0 * * 5L", f"at 00:00 on the last Friday of the month{BERLIN}"),
        ("0 0 * 3 MON#2", f"at 00:00 on the 2nd Monday of March{BERLIN}"),
        ("0 0 13 * 5", f"at 00:00 on the 13th of the month or on Friday{BERLIN}"),
        ("0 0 1-7 * */7", f"at 00:00 on Sunday if it is also the 1st to 7th of the month{BERLIN}"),
        ("0 0 29 2 1", f"at 00:00 on the 29th of February or on Monday in February{BERLIN}"),
        ("0 0 1 */3 *", f"at 00:00 on the 1st of January, April, July and October{BERLIN}"),
        ("0 0 * 6-8 *", f"at 00:00 on every day in June to August{BERLIN}"),
        ("0 0 * * SAT-SUN", f"at 00:00 on Saturday and Sunday{BERLIN}"),
        ("0 0 * * 0,3", f"at 00:00 on Wednesday and Sunday{BERLIN}"),
        ("@weekly", f"at 00:00 on Sunday{BERLIN}"),
        ("H * * * *", f"at a minute of its own of every hour{BERLIN}"),
        ("H H * * *", f"at a time of its own every day{BERLIN}"),
        ("H 2 * * *", f"at a minute of its own in hour 2 every day{BERLIN}"),
        ("H(0-29) 3 * * *", f"at a minute of its own from 0 to 29 in hour 3 every day{BERLIN}"),
        ("H/15 * * * *", f"every 15 minutes from a minute of its own{BERLIN}"),
        ("0 0 H * *", f"at 00:00 on a day of its own of the month{BERLIN}"),
        ({"cron": "* * * * * *", "seconds": "first"}, "every second"),
        ({"cron": "*/10 * * * * *", "seconds": "first"}, "every 10 seconds"),
        ({"cron": "30 * * * * *", "seconds": "first"}, "every minute, at second 30"),
        ({"cron": "15 30 2 * * *", "seconds": "first"}, f"at 02:30:15 every day{BERLIN}"),
        ({"cron": "30 2 * * * 5,7", "seconds": "last"}, f"at seconds 5 and 7 of the minute, at 02:30 every day{BERLIN}"),
        (["0 9 * * *", {"every": "15m"}], f"at 09:00 every day; and every 15 minutes{BERLIN}"),
        ({"every": "15m"}, "every 15 minutes"),
        ({"every": "1h"}, "every hour"),
        ({"every": "1h30m"}, "every 1h30m"),
        ({"every": "1d", "anchor": "2026-01-01T09:00"}, f"every day, counted from 2026-01-01 09:00{BERLIN}"),
        ({"at": "2026-12-24T18:00Z"}, "once, at 2026-12-24 18:00 UTC"),
        ({"at": ["2026-12-25T18:00", "2026-12-24T18:00"]}, f"at 2026-12-24 18:00 and 2026-12-25 18:00{BERLIN}"),
        (
            {"rrule": "FREQ=MONTHLY;BYDAY=2MO,-1FR;COUNT=3", "start": "2026-01-01T09:00"},
            f"every month, on the 2nd Monday and the last Friday, counted from 2026-01-01 09:00, 3 times in all{BERLIN}",
        ),
        (
            {"rrule": "FREQ=WEEKLY;INTERVAL=2;UNTIL=20270101T000000Z", "start": "2026-01-01T09:00Z"},
            f"every 2 weeks, counted from 2026-01-01 09:00 UTC, until 2027-01-01 00:00:00 UTC{BERLIN}",
        ),
        (
            {"cron": "0 9 * * MON-FRI", "except": {"holidays": "DE"}},
            f"at 09:00 on Monday to Friday{BERLIN}, except public holidays of Germany",
        ),
        (
            {"every": "5m", "except": [{"holidays": "US", "subdivision": "CA"}, {"dates": ["2026-12-24", "2026-12-31"]}]},
            f"every 5 minutes{BERLIN}, except public holidays of the United States (CA) and 2026-12-24 and 2026-12-31",
        ),
        (
            {"cron": "30 2 * * *", "except": {"from": "2026-12-20", "to": "2027-01-03T12:00"}, "dst": ["skip", "both"]},
            f"at 02:30 every day{BERLIN}, except the time from 2026-12-20 00:00 to 2027-01-03 12:00, "
            "left out when the clock skips it, twice when the clock shows it twice",
        ),
        (
            {"cron": "30 2 * * *", "start": "2026-01-01", "end": "2026-12-31", "limit": 5, "jitter": "30s"},
            f"at 02:30 every day{BERLIN}, beginning 2026-01-01 00:00, ending before 2027-01-01 00:00, 5 times in all, "
            "each up to 30 seconds later, spread evenly",
        ),
    ],
)  # fmt: skip
def test_sentences(expression: object, sentence: str) -> None:
    assert explain(parse_schedule(expression, timezone="Europe/Berlin")) == sentence


def test_the_zone_is_said_where_it_matters() -> None:
    assert explain(parse_schedule("0 9 * * *")) == "at 09:00 every day, UTC"
    assert explain(parse_schedule("*/15 * * * *")) == "every 15 minutes"


# --- warnings of changes of the clock


def warned(value: object, zone: str, year: int = 2027) -> list[str]:
    begin, end = (
        to_instant(datetime(year, 1, 1, tzinfo=UTC)),
        to_instant(datetime(year + 1, 1, 1, tzinfo=UTC)),
    )
    return [str(one) for one in warnings(parse_schedule(value, timezone=zone), begin, end)]


@pytest.mark.parametrize(
    ("value", "zone", "said"),
    [
        (
            "30 2 * * *",
            "Europe/Berlin",
            [
                "on 2027-03-28 02:30 does not exist in Europe/Berlin: runs at 03:00",
                "on 2027-10-31 02:30 comes twice in Europe/Berlin: runs once, on the first pass",
            ],
        ),
        (
            {"cron": "30 2 * * *", "dst": ["skip", "both"]},
            "Europe/Berlin",
            [
                "on 2027-03-28 02:30 does not exist in Europe/Berlin: does not run",
                "on 2027-10-31 02:30 comes twice in Europe/Berlin: runs on both passes",
            ],
        ),
        (
            "0,30 2 * * *",
            "Europe/Berlin",
            [
                "on 2027-03-28 02:00 and 02:30 do not exist in Europe/Berlin: runs at 03:00",
                "on 2027-10-31 02:00 and 02:30 come twice in Europe/Berlin: runs once, on the first pass",
            ],
        ),
        (
            "*/15 * * * *",
            "Europe/Berlin",
            [
                "on 2027-03-28 02:00 to 02:45 (4 times) do not exist in Europe/Berlin: does not run",
                "on 2027-10-31 02:00 to 02:45 (4 times) come twice in Europe/Berlin: runs on both passes",
            ],
        ),
        (
            {"cron": "* * * * * *", "seconds": "first"},
            "Europe/Berlin",
            [
                "on 2027-03-28 02:00 to 02:59:59 (3600 times) do not exist in Europe/Berlin: does not run",
                "on 2027-10-31 02:00 to 02:59:59 (3600 times) come twice in Europe/Berlin: runs on both passes",
            ],
        ),
        ({"rrule": "FREQ=DAILY", "start": "2026-01-01T02:15", "end": "2027-06-01"}, "Europe/Berlin",
         ["on 2027-03-28 02:15 does not exist in Europe/Berlin: runs at 03:00"]),
        ("0 0 * * *", "Africa/Cairo", ["on 2027-04-30 00:00 does not exist in Africa/Cairo: runs at 01:00"]),
        ("30 23 * * *", "Africa/Cairo", ["on 2027-10-28 23:30 comes twice in Africa/Cairo: runs once, on the first pass"]),
        ("30 23 * * *", "America/Nuuk", [
            "on 2027-03-27 23:30 does not exist in America/Nuuk: runs at 2027-03-28 00:00",
            "on 2027-10-30 23:30 comes twice in America/Nuuk: runs once, on the first pass",
        ]),
        ("0 9 * * *", "Europe/Berlin", []),
        ("30 2 * * MON", "Europe/Berlin", []),
        ("30 2 * * *", "UTC", []),
        ({"every": "15m"}, "Europe/Berlin", []),
        ({"cron": "30 2 * * *", "except": {"dates": ["2027-03-28", "2027-10-31"]}}, "Europe/Berlin", []),
        ({"cron": "30 2 * * *", "start": "2027-04-01", "end": "2027-10-01"}, "Europe/Berlin", []),
        ({"at": "2027-03-28T02:30"}, "Europe/Berlin", ["on 2027-03-28 02:30 does not exist in Europe/Berlin: runs at 03:00"]),
        ({"at": "2027-03-28T02:30+01:00"}, "Europe/Berlin", []),
    ],
)  # fmt: skip
def test_warnings(value: object, zone: str, said: list[str]) -> None:
    assert warned(value, zone) == said


def test_a_day_left_out_is_warned_of() -> None:
    assert warned("0 2 30 12 *", "Pacific/Apia", 2011) == [
        "on 2011-12-30 02:00 does not exist in Pacific/Apia: does not run"
    ]


def test_warnings_are_of_the_span_asked_for() -> None:
    schedule = parse_schedule("30 2 * * *", timezone="Europe/Berlin")
    gap = to_instant(datetime(2027, 3, 28, 1, tzinfo=UTC))
    assert len(warnings(schedule, gap - 1, gap)) == 1
    assert warnings(schedule, gap, gap + 1) == []
    assert warnings(schedule, gap - 2, gap - 1) == []
    assert warnings(schedule, gap - 1, gap)[0].kind == "gap"
    assert warnings(schedule, gap - 1, gap)[0].at == gap
