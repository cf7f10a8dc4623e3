"""When an owner is told, and by which channels: pure decisions over a service's routes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from rota.clock import Instant, from_instant, to_instant
from rota.ledger.judging import NewNotice
from rota.model.alerts import Alerts, QuietHours
from rota.model.incident import Notice

__all__ = ["notices_to", "quiet_until"]

ROUNDS = 50
"""How often one reason to wait may follow upon another; more is a table that leaves no time at all."""


def notices_to(
    alerts: Alerts, owner: str, kind: Notice, task: str, now: Instant, muted_until: Instant | None
) -> list[NewNotice]:
    """The messages that tell an owner of something: one by each channel, when it may go out."""
    channels = alerts.channels_of(owner)
    if not channels:
        return []
    may_lapse = _silenced_until(alerts, task, now, muted_until) is not None
    due = _due(alerts, owner, task, now, muted_until)
    return [NewNotice(kind, owner, channel, due, may_lapse) for channel in channels]


def _due(alerts: Alerts, owner: str, task: str, now: Instant, muted_until: Instant | None) -> Instant:
    route, due = alerts.route(owner), now
    for _ in range(ROUNDS):
        later = max(
            _silenced_until(alerts, task, due, muted_until) or due,
            quiet_until(route.quiet, route.timezone, due) or due,
        )
        if later == due:
            break
        due = later
    return due


def _silenced_until(alerts: Alerts, task: str, at: Instant, muted_until: Instant | None) -> Instant | None:
    """The end of the mute or of the maintenance that holds at an instant."""
    ends = [
        one.end
        for one in alerts.maintenance
        if one.begin <= at < one.end and any(fnmatchcase(task, pattern) for pattern in one.tasks)
    ]
    if muted_until is not None and at < muted_until:
        ends.append(muted_until)
    return max(ends, default=None)


def quiet_until(quiet: Sequence[QuietHours], timezone: str, at: Instant) -> Instant | None:
    """The end of the quiet hours that hold at an instant, by the wall clock of a zone; None where none do.

    A night that is an hour shorter or longer ends when the wall clock says so.
    """
    zone = ZoneInfo(timezone)
    local = from_instant(at).astimezone(zone)
    ends = [end for one in quiet for end in _ends(one, local, zone) if end > at]
    return max(ends, default=None)


def _ends(one: QuietHours, local: datetime, zone: ZoneInfo) -> list[Instant]:
    """The ends of those of its hours that hold at a local time: begun today, or yesterday and gone on."""
    found = []
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if day.weekday() not in one.days:
            continue
        midnight = datetime.combine(day, time(), zone)
        begin = midnight + timedelta(minutes=one.begin)
        end = midnight + timedelta(minutes=one.end, days=int(one.end <= one.begin))
        if begin.astimezone(UTC) <= local.astimezone(UTC) < end.astimezone(UTC):
            found.append(to_instant(end.astimezone(UTC)))
    return found
