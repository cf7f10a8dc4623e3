"""Who is told of an incident at one look, and what its time is up for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rota.clock import MICROSECOND, SECOND, Instant
from rota.engine.routes import notices_to
from rota.ledger.judging import Incident, NewNotice, Watch
from rota.model.alerts import Alerts
from rota.model.incident import Notice, Status
from rota.model.verdict import Check

__all__ = ["Telling", "is_due", "settle_time"]

WIDEST = 6 * 3600 * SECOND
"""What came back again and again within a day is settled after so long, at most."""


class Telling:
    """What is told of a task at one look."""

    def __init__(self, watch: Watch, alerts: Alerts, now: Instant) -> None:
        self.watch, self.alerts, self.now = watch, alerts, now

    def to(self, owner: str, kind: Notice) -> list[NewNotice]:
        """The messages to an owner, each due when it may go out."""
        return notices_to(self.alerts, owner, kind, self.watch.name, self.now, self.watch.muted_until)

    def at_once(self, owner: str, kind: Notice) -> list[NewNotice]:
        """Only if it may go out now: what repeats need not be saved up for the morning."""
        found = self.to(owner, kind)
        return [] if any(one.due_at > self.now for one in found) else found

    def reminder(self, owner: str, told_at: Instant | None) -> list[NewNotice]:
        return self.at_once(owner, Notice.REMINDED) if is_due(told_at, self.alerts.remind, self.now) else []

    def second(self, was: Incident, owner: str, status: Status) -> list[NewNotice]:
        """To the second owner: that the first did not acknowledge it; and its end, once it was told."""
        escalate = self.alerts.route(owner).escalate
        if escalate is None or escalate.to == owner:
            return []
        if status is Status.CLEAR and was.escalated_at is not None:
            return self.to(escalate.to, Notice.RESOLVED)
        if status is not Status.OPEN or was.escalated_at is not None:
            return []
        due = is_due(was.opened_at, escalate.after, self.now)
        return self.at_once(escalate.to, Notice.ESCALATED) if due else []


def settle_time(check: Check, opened: Mapping[Check, int], alerts: Alerts) -> int:
    """How long a check has to be met until its incident is resolved, in microseconds. ``opened`` is how many incidents
    of each a day has had: one that came back has to be met for four times as long, each time, so that a task which fails
    by turns, every hour, is one incident soon."""
    again = max(0, opened.get(check, 1) - 1)
    settle = alerts.settle // MICROSECOND
    return settle if settle >= WIDEST else min(settle * 4 ** min(again, 20), WIDEST)


def is_due(since: Instant | None, after: timedelta | None, now: Instant) -> bool:
    """Whether so much time has passed; never, where one of the two is not said."""
    return after is not None and since is not None and now - since >= after // MICROSECOND
