"""Times as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from rota.clock import MICROSECOND, SECOND, Instant, from_instant, to_instant
from rota.errors import RotaError, UsageError, nearest

__all__ = ["as_members", "end_of", "in_zone", "moment", "span", "zone"]

_EXAMPLES = "2026-11-23T12:00Z, 2026-11-23T12:00+01:00, now, in 10m or 10m ago"
_LAST = 253_370_764_800 * SECOND  # the year 9999, beyond which no calendar here goes


def moment(text: str, now: Instant, *, where: str, timezone: str | None = None) -> Instant:
    """An instant: ISO 8601, ``now``, ``in 10m`` or ``10m ago``. Without an offset it is read in ``timezone``.

    >>> moment("in 10m", Instant(0), where="--at")
    600000000
    >>> moment("2026-11-23T12:00", Instant(0), where="--at", timezone="Europe/Berlin")
    1795431600000000

    Raises `UsageError`: it cannot be read, no zone is known, or its clock never shows that time or shows it twice.
    """
    found = _read(text.strip(), now, where, timezone)
    if not 0 <= found < _LAST:
        raise UsageError(
            f"{where}: the time is out of range",
            expected="a time from 1970 to 9998",
            found=repr(text),
            where=where,
        )
    return found


def _read(said: str, now: Instant, where: str, timezone: str | None) -> Instant:
    if said.casefold() == "now":
        return now
    if ahead := re.fullmatch(r"in\s+(.+)", said, re.IGNORECASE):
        return Instant(now + span(ahead[1], where=where) // MICROSECOND)
    if back := re.fullmatch(r"(.+?)\s+ago", said, re.IGNORECASE):
        return Instant(now - span(back[1], where=where) // MICROSECOND)
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise UsageError(
            f"{where}: the time cannot be read", expected=_EXAMPLES, found=repr(said), where=where
        ) from None
    return to_instant(_with_zone(found, said, where, timezone) if found.tzinfo is None else found)


def span(text: str, *, where: str) -> timedelta:
    """A length of time, such as ``2h`` or ``1d 12h``. Raises `UsageError`."""
    from rota.timing.durations import parse_duration

    try:
        found = parse_duration(text)
    except (RotaError, ValueError):
        raise UsageError(
            f"{where}: the length of time cannot be read",
            expected="a number and a unit, such as 45s, 10m, 2h, 1d or 1h30m",
            found=repr(text),
            where=where,
        ) from None
    if found <= timedelta(0):
        raise UsageError(
            f"{where}: the length of time is nothing",
            expected="more than zero",
            found=repr(text),
            where=where,
        )
    return found


def end_of(
    what: str, length: str | None, until: str | None, now: Instant, timezone: str | None
) -> Instant | None:
    """The end that ``--for`` or ``--until`` gives something; None where neither does. Raises `UsageError` for both."""
    if length is not None and until is not None:
        raise UsageError(f"{what} has two ends", expected="--for or --until", found="both")
    if length is not None:
        return Instant(now + span(length, where="--for") // MICROSECOND)
    return None if until is None else moment(until, now, where="--until", timezone=timezone)


def zone(name: str, *, where: str = "--timezone") -> ZoneInfo:
    """A time zone by its name. Raises `UsageError` with the nearest."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        from zoneinfo import available_timezones

        near = nearest(name, available_timezones())
        raise UsageError(
            f"there is no time zone {name!r}" + (f" (did you mean {near}?)" if near else ""),
            expected="a name of the IANA time zones, such as Europe/Berlin",
            found=repr(name),
            where=where,
        ) from None


def in_zone(instant: int, name: str) -> str:
    """An instant on a zone's clock, as people read it.

    >>> in_zone(1795435200000000, "Europe/Berlin")
    'Mon 2026-11-23 13:00:00 CET'
    """
    there = from_instant(instant).astimezone(zone(name))
    fraction = f"{there:.%f}".rstrip("0") if there.microsecond else ""
    return f"{there:%a %Y-%m-%d %H:%M:%S}{fraction} {there:%Z}"


def as_members(instant: int, name: str) -> dict[str, str]:
    """An instant in JSON: in UTC, and on the clock of a zone."""
    there = from_instant(instant).astimezone(zone(name))
    return {"at": from_instant(instant).isoformat().replace("+00:00", "Z"), "local": there.isoformat()}


def _with_zone(found: datetime, text: str, where: str, name: str | None) -> datetime:
    if name is None:
        raise UsageError(
            f"{where}: it is not clear which clock is meant",
            expected=f"{text}Z, {text}+01:00, or --timezone Europe/Berlin beside it",
            found=f"{text} without a time zone",
            where=where,
        )
    there = zone(name)
    first, second = found.replace(tzinfo=there, fold=0), found.replace(tzinfo=there, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    readings = " or ".join(
        _with_offset(one)
        for one in sorted((first, second), key=lambda one: one.utcoffset() or timedelta(0), reverse=True)
    )
    gap = first.astimezone(UTC).astimezone(there).replace(tzinfo=None) != found
    raise UsageError(
        f"{where}: the clocks of {name} {'never show' if gap else 'show twice'} {text}",
        expected=readings if not gap else "a time before or after the change of the clocks",
        found=repr(text),
        where=where,
    )


def _with_offset(moment: datetime) -> str:
    return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta(0))).isoformat()
