"""What holds for every schedule: its order, that nothing lies between neighbours, the same from any instant."""

# ruff: noqa: DTZ001 -- naive datetimes stand for wall times here
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.timing.strategies import ZONES, expressions, instants

from rota.clock import MICROSECOND, SECOND, from_instant
from rota.errors import ScheduleError
from rota.model.schedule import At, Cron, Dates, Every, Freeze, Holidays, RRule, Schedule
from rota.timing import Occurrences, compile_schedule, explain, schedule_as_json, schedule_from_json, warnings

moments = instants.map(from_instant)
walls = moments.map(lambda at: at.replace(tzinfo=None))
rules = st.one_of(
    expressions.map(Cron),
    st.sampled_from(["H * * * *", "H H(1-4) * * *", "H/10 2 * * *"]).map(Cron),
    st.sampled_from(["0 30 2 * * *", "*/20 */30 * * * *"]).map(lambda text: Cron(text, "first")),
    st.builds(Every, st.timedeltas(timedelta(minutes=1), timedelta(days=40)), st.none() | moments | walls),
    st.lists(moments | walls, min_size=1, max_size=5).map(lambda many: At(tuple(many))),
    st.builds(
        RRule,
        st.sampled_from(
            [
                "FREQ=DAILY",
                "FREQ=DAILY;INTERVAL=3;COUNT=40",
                "FREQ=HOURLY;INTERVAL=5",
                "FREQ=WEEKLY;BYDAY=MO,FR;INTERVAL=2",
                "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20380101T000000Z",
            ]
        ),
        st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)),
    ),
)
excepts = st.one_of(
    st.sampled_from([Holidays("DE", "BE"), Holidays("US")]),
    st.lists(st.dates(date(2010, 1, 1), date(2040, 1, 1)), min_size=1, max_size=3).map(
        lambda d: Dates(tuple(d))
    ),
    st.tuples(walls, st.timedeltas(timedelta(hours=1), timedelta(days=60))).map(
        lambda two: Freeze(two[0], two[0] + two[1])
    ),
)
schedules = st.builds(
    Schedule,
    st.lists(rules, min_size=1, max_size=3).map(tuple),
    timezone=st.sampled_from(ZONES),
    excepts=st.lists(excepts, max_size=2).map(tuple),
    start=st.none() | moments | walls,
    end=st.none() | moments,
    jitter=st.sampled_from([timedelta(0), timedelta(seconds=30), timedelta(hours=3)]),
    dst_gap=st.sampled_from(["run", "skip"]),
    dst_fold=st.sampled_from(["once", "both"]),
)


def compiled(schedule: Schedule) -> Occurrences:
    try:
        return compile_schedule(schedule, seed="web/task/key")
    except ScheduleError:
        assume(False)
        raise


@settings(max_examples=200, deadline=None)
@given(schedule=schedules, after=instants, data=st.data())
def test_in_order_and_the_same_from_any_instant(schedule, after, data) -> None:
    ready = compiled(schedule)
    row, at = [], after
    for _ in range(12):
        following = ready.next_after(at)
        if following is None:
            break
        assert following > at
        row.append(following)
        at = following
    if not row:
        return
    asked = data.draw(st.integers(after, row[-1]))
    assert ready.next_after(asked) == next((one for one in row if one > asked), ready.next_after(row[-1]))
    assert ready.next_after(row[0] - 1) == row[0]
    assert ready.between(after, row[-1]) == row
    assert ready.span(after, row[-1]) == (row[0], row[-1], len(row))
    assert ready.count_between(row[0], row[-1]) == len(row) - 1


@settings(max_examples=100, deadline=None)
@given(schedule=schedules, after=instants)
def test_jitter_moves_each_occurrence_by_at_most_itself(schedule, after) -> None:
    base = compiled(replace(schedule, jitter=timedelta(0))).between(after, 1 << 60, 6)
    moved = compiled(schedule)
    for at, following in pairwise(base):
        inside = moved.between(at - 1, following - 1)
        assert len(inside) == 1
        assert at <= inside[0] <= at + schedule.jitter // MICROSECOND


@settings(max_examples=100, deadline=None)
@given(schedule=schedules, after=instants)
def test_joined_rules_are_the_sorted_union(schedule, after) -> None:
    plain = replace(schedule, jitter=timedelta(0), excepts=())
    joined = compiled(plain).between(after, 1 << 60, 10)
    apart: set[int] = set()
    for rule in plain.rules:
        apart.update(compiled(replace(plain, rules=(rule,))).between(after, joined[-1] if joined else after))
    assert joined == sorted(apart)


@settings(max_examples=100, deadline=None)
@given(schedule=schedules, after=instants)
def test_exceptions_only_take_away(schedule, after) -> None:
    plain = replace(schedule, jitter=timedelta(0))
    kept = compiled(plain).between(after, 1 << 60, 6)
    if kept:
        everything = compiled(replace(plain, excepts=())).between(after, kept[-1])
        assert set(kept) <= set(everything)


@settings(max_examples=150, deadline=None)
@given(schedule=schedules, limit=st.none() | st.integers(1, 50))
def test_json_gives_back_the_schedule(schedule, limit) -> None:
    schedule = replace(schedule, limit=limit)
    text = json.dumps(schedule_as_json(schedule), sort_keys=True)
    again = schedule_from_json(json.loads(text))
    assert again == schedule
    assert json.dumps(schedule_as_json(again), sort_keys=True) == text


@settings(max_examples=100, deadline=None)
@given(schedule=schedules, at=instants)
def test_every_schedule_can_be_said_in_words(schedule, at) -> None:
    compiled(schedule)
    sentence = explain(schedule)
    assert sentence
    assert "  " not in sentence
    assert "None" not in sentence
    for warning in warnings(schedule, at, at + 400 * 86_400 * SECOND):
        assert at < warning.at <= at + 400 * 86_400 * SECOND
        assert warning.text.startswith("on 20")


def test_a_limit_counts_from_the_start() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ready = compile_schedule(
        Schedule((Cron("0 0 * * *"),), excepts=(Dates((date(2026, 1, 2),)),), start=start, limit=3)
    )
    days = [from_instant(at).day for at in ready.between(0, 1 << 60)]
    assert days == [1, 3, 4]
    assert ready.next_after(ready.between(0, 1 << 60)[-1]) is None
    assert ready.span(0, 1 << 60)[2] == 3  # type: ignore[index]
