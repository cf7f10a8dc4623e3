"""A schedule made ready to be asked: rules joined, exceptions taken away, bounds and jitter applied.

1. Each rule answers for itself; the earliest answer is the next occurrence.
2. What an exception holds is passed over, by jumping to the exception's end.
3. Bounds are a first and a last instant; ``limit`` is turned into one.
4. Jitter is added last. It stays below the distance to the following occurrence, so that the order is kept.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from rota.clock import MICROSECOND, SECOND, Instant
from rota.model.schedule import At, Cron, Every, RRule, Rule, Schedule
from rota.timing.bounds import Bounds, bounds_of
from rota.timing.calendars import Exceptions, instant_of
from rota.timing.checks import check_schedule, refuse_empty
from rota.timing.cron import cron_times
from rota.timing.rrules import recurrence
from rota.timing.rules import Instants, Interval, OnSeconds, RuleTimes
from rota.timing.walk import LAST_SECOND, WallRule
from rota.timing.zones import Zone, zone

__all__ = ["Occurrences", "compile_schedule"]

_FIRST = -62_000_000_000 * SECOND  # in the year 5: the calendar's first days cannot be converted
_LAST = LAST_SECOND * SECOND
_PATIENCE = 60 * 366 * 86_400 * SECOND
"""After 60 years of nothing but exceptions a schedule is taken to have ended; at most 21,960 steps, one a day."""


class Occurrences:
    """The occurrences of one schedule, in order. Immutable; safe to share between threads."""

    __slots__ = ("_bounds", "_exceptions", "_jitter", "_rules", "_seed")

    def __init__(
        self,
        rules: tuple[RuleTimes, ...],
        bounds: Bounds | None,
        exceptions: Exceptions | None,
        jitter: int,
        seed: str,
    ) -> None:
        self._rules, self._bounds, self._exceptions = rules, bounds, exceptions
        self._jitter, self._seed = jitter, seed

    def next_after(self, instant: Instant) -> Instant | None:
        """The first occurrence strictly later than an instant; None when there is none left."""
        if self._jitter:
            return self._next_jittered(instant)
        return self._next(instant)  # type: ignore[return-value]  # a cast costs a call, and this is the hot path

    def between(self, after: Instant, until: Instant, limit: int | None = None) -> list[Instant]:
        """The occurrences with ``after < x <= until``, at most ``limit`` of them, the earliest."""
        found: list[Instant] = []
        at = self.next_after(after)
        while at is not None and at <= until and (limit is None or len(found) < limit):
            found.append(at)
            at = self.next_after(at)
        return found

    def span(self, after: Instant, until: Instant) -> tuple[Instant, Instant, int] | None:
        """The first and the last occurrence with ``after < x <= until``, and their number; None if there is none.

        A single rule without exceptions or jitter is counted by days (a year of seconds in a millisecond). Any
        other costs one `next_after` for each occurrence: about 0.1 s for two weeks of minutes.
        """
        first = self.next_after(after)
        if first is None or first > until:
            return None
        low, high = after, until
        if self._bounds is not None:
            low, high = (
                Instant(max(low, self._bounds.before)),
                Instant(min(high, self._bounds.last(self._unbounded))),
            )
        plain = len(self._rules) == 1 and self._exceptions is None and not self._jitter
        count = self._rules[0].count(max(low, _FIRST), min(high, _LAST)) if plain else None
        if count is None:
            instants = self.between(after, until)
            return first, instants[-1], len(instants)
        return first, self._last_between(first, until), count

    def count_between(self, after: Instant, until: Instant) -> int:
        """How many occurrences there are with ``after < x <= until``; it costs what `span` costs."""
        span = self.span(after, until)
        return 0 if span is None else span[2]

    def _last_between(self, first: Instant, until: Instant) -> Instant:
        """The last occurrence not later than ``until``, when ``first`` is one: looked for in growing steps back."""
        step = 64 * SECOND
        while (start := until - step) > first:
            at = self.next_after(Instant(start))
            if at is not None and at <= until:
                break
            step *= 8
        else:
            at = first
        while (after := self.next_after(at)) is not None and after <= until:
            at = after
        return at

    def _next(self, instant: int) -> int | None:
        """The next occurrence before jitter."""
        bounds = self._bounds
        if bounds is None:
            return self._unbounded(instant)
        found = self._unbounded(max(instant, bounds.before))
        return None if found is None or found > bounds.last(self._unbounded) else found

    def _unbounded(self, instant: int) -> int | None:
        """The next occurrence, exceptions taken away."""
        exceptions = self._exceptions
        found = self._joined(instant)
        if exceptions is None:
            return found
        last = None if found is None else found + _PATIENCE
        while found is not None and (end := exceptions.until(found)) is not None:
            found = self._joined(end - 1)
            if last is not None and found is not None and found > last:
                return None
        return found

    def _joined(self, instant: int) -> int | None:
        """The next occurrence of any of the rules."""
        if not _FIRST <= instant < _LAST:
            if instant >= _LAST:
                return None
            instant = _FIRST
        rules = self._rules
        if len(rules) == 1:
            return rules[0].next_after(instant)
        return min((at for rule in rules if (at := rule.next_after(instant)) is not None), default=None)

    def _next_jittered(self, instant: int) -> Instant | None:
        at = self._latest_before(instant)
        while at is not None:
            following = self._next(at)
            moved = at + self._moved_by(at, following)
            if moved > instant:
                return Instant(moved)
            at = following
        return None

    def _latest_before(self, instant: int) -> int | None:
        """An occurrence before jitter from which on all are to be looked at: the latest not after ``instant``, or an
        earlier or the next one. Jitter moves none past its follower, so those before the latest are done with."""
        step = SECOND
        while True:
            step = min(step * 8, self._jitter + 1)
            at = self._next(instant - step)
            if step > self._jitter or (at is not None and at <= instant):
                return at

    def _moved_by(self, at: int, following: int | None) -> int:
        """Jitter of one occurrence, in whole milliseconds: a hash of the schedule's name and the instant."""
        most = self._jitter if following is None else min(self._jitter, following - at - 1)
        digest = blake2b(f"{self._seed}@{at}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % (most // 1000 + 1) * 1000


def compile_schedule(schedule: Schedule, *, seed: str = "") -> Occurrences:
    """Make a schedule ready to be asked; raises `ScheduleError` if it is not valid or can never fire.

    ``seed`` is ``service/task/key``: it settles ``H`` and jitter, so that equal schedules do not all fire at once.

    >>> from rota.clock import from_instant, to_instant
    >>> from datetime import UTC, datetime
    >>> daily = compile_schedule(Schedule((Cron("30 2 * * *"),), timezone="Europe/Berlin"))
    >>> print(from_instant(daily.next_after(to_instant(datetime(2027, 3, 28, tzinfo=UTC)))))
    2027-03-28 01:00:00+00:00
    """
    return _compile(schedule, seed if _uses_seed(schedule) else "")


def _uses_seed(schedule: Schedule) -> bool:
    return bool(schedule.jitter) or any(
        isinstance(rule, Cron) and ("H" in rule.expression or "h" in rule.expression)
        for rule in schedule.rules
    )


@lru_cache(maxsize=4096)
def _compile(schedule: Schedule, seed: str) -> Occurrences:
    check_schedule(schedule)
    place = zone(schedule.timezone)
    rules = tuple(_compile_rule(rule, schedule, place, seed) for rule in schedule.rules)
    exceptions = Exceptions(schedule.excepts, place) if schedule.excepts else None
    made = Occurrences(rules, bounds_of(schedule, place), exceptions, schedule.jitter // MICROSECOND, seed)
    refuse_empty(schedule, made.next_after)
    return made


def _compile_rule(rule: Rule, schedule: Schedule, place: Zone, seed: str) -> RuleTimes:
    match rule:
        case Cron():
            times = cron_times(rule.expression, rule.seconds, seed)
            return OnSeconds(
                WallRule(
                    times,
                    place,
                    fixed=times.fixed,
                    gap_runs=schedule.dst_gap == "run",
                    fold_twice=schedule.dst_fold == "both",
                )
            )
        case Every():
            anchor = 0 if rule.anchor is None else instant_of(rule.anchor, place)
            return Interval(rule.interval // MICROSECOND, anchor)
        case At():
            return Instants(instant_of(one, place) for one in rule.instants)
        case RRule():
            return recurrence(rule, schedule, place)
