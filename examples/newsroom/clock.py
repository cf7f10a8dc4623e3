"""The one place that reads the time, and how instants are written down.

Instants are UTC. In the database they are texts of one fixed width (``2026-11-23T08:30:00Z``), which sort as
the instants do.
"""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["NEVER", "from_text", "now", "to_text"]


NEVER = "1970-01-01T00:00:00Z"  # when nothing has changed yet


def now() -> datetime:
    return datetime.now(UTC)


def to_text(instant: datetime) -> str:
    """An aware instant as text, to the second, rounded down.

    >>> to_text(datetime(2026, 11, 23, 8, 30, 0, 900_000, tzinfo=UTC))
    '2026-11-23T08:30:00Z'
    """
    if instant.tzinfo is None:
        raise ValueError(f"expected an aware instant, found {instant!r} without a time zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """The instant that a text names.

    >>> from_text("2026-11-23T08:30:00Z").isoformat()
    '2026-11-23T08:30:00+00:00'
    """
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
