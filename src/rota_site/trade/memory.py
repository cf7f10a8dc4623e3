"""What is remembered of links between runs: when one failed, on which days, and when it is to be looked at again.

Pure: a link is broken for people only after failures on three days; what fails is looked at less and less often, and
what is well once a week. A file, since a lost memory costs three days and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

__all__ = ["DAYS", "Known", "Look", "after", "is_broken", "is_due", "read", "write"]

DAYS = 3
WELL = timedelta(days=7)
FIRST, LONGEST = timedelta(hours=20), timedelta(days=14)

Look = Literal["well", "bad", "unsure"]
"""*unsure*: it answered that it does not want to be asked (401, 403, 429 and the like), which says nothing of the link."""


@dataclass(frozen=True, slots=True)
class Known:
    """One link: the days (UTC) on which it failed since it was last well, what it said last, and when it is due again."""

    days: tuple[str, ...] = ()
    said: str = ""
    next_at: str = ""


def after(known: Known | None, look: Look, said: str, now: datetime) -> Known:
    """What is known after a look.

    >>> monday = datetime(2026, 11, 23, 6, tzinfo=UTC)
    >>> once = after(None, "bad", "status 404", monday)
    >>> once.days, once.next_at
    (('2026-11-23',), '2026-11-24T02:00:00+00:00')
    >>> after(once, "well", "status 200", monday + timedelta(days=1)).days
    ()
    """
    days = known.days if known else ()
    if look == "well":
        return Known((), said, _text(now + WELL))
    if look == "unsure":
        return Known(days, said, _text(now + WELL))
    days = tuple(dict.fromkeys([*days, f"{now:%Y-%m-%d}"]))
    wait = FIRST if len(days) <= DAYS else min(LONGEST, FIRST * 2 ** (len(days) - DAYS))
    return Known(days, said, _text(now + wait))


def is_broken(known: Known) -> bool:
    """Whether it failed on enough days to be told."""
    return len(known.days) >= DAYS


def is_due(known: Known | None, now: datetime) -> bool:
    """Whether it is to be looked at now."""
    return known is None or not known.next_at or datetime.fromisoformat(known.next_at) <= now


def read(path: Path) -> dict[str, Known]:
    """The memory of a file; none where there is no file, or none that can be read."""
    try:
        raw = json.loads(path.read_text())
        return {url: Known(tuple(each["days"]), each["said"], each["next_at"]) for url, each in raw.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write(path: Path, memory: Mapping[str, Known]) -> None:
    """Replace the file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps({url: asdict(known) for url, known in memory.items()}))
    beside.replace(path)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
