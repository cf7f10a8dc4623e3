"""Dates and times as they stand in a file: TOML's own, or ISO 8601 texts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from rota.errors import ScheduleError

__all__ = ["read_date", "read_moment", "read_moments", "shown", "written"]

_MOMENT = "a date and time such as 2026-12-24T18:00:00 (local), or with Z or +01:00 after it"
_DAY = _MOMENT + ", or a date such as 2026-12-24"


def read_moment(value: object, key: str, *, day: Literal["begins", "ends"] | None = None) -> datetime:
    """A date and time: aware ones as UTC, naive ones as they are. ``day`` admits a date, as its begin or its end."""
    if isinstance(value, str):
        value = _from_text(value, key, _MOMENT if day is None else _DAY)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo is not None else value
    if isinstance(value, date) and day is not None:
        return datetime.combine(value, time()) + timedelta(days=day == "ends")
    raise _refusal(f"{key} is not a moment", key, _MOMENT if day is None else _DAY, value)


def read_moments(value: object, key: str) -> tuple[datetime, ...]:
    """One moment or a list of them."""
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(read_moment(one, key) for one in several)


def read_date(value: object, key: str) -> date:
    """A whole day."""
    if isinstance(value, str):
        value = _from_text(value, key, "a date such as 2026-12-24")
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise _refusal(f"{key} needs a date without a time", key, "a date such as 2026-12-24", value)


def written(moment: datetime) -> str:
    """A moment as canonical text: aware ones in UTC with Z, naive ones without."""
    if moment.tzinfo is None:
        return moment.isoformat()
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _from_text(text: str, key: str, expected: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ScheduleError(f"{text!r} is not a date", key=key, expected=expected, found=repr(text)) from None


def shown(value: object) -> str:
    """What was found, cut to a length that can be read."""
    text = value if isinstance(value, str) and value == "none" else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _refusal(what: str, key: str, expected: str, found: object) -> ScheduleError:
    return ScheduleError(what, key=key, expected=expected, found=shown(found))
