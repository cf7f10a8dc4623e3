"""What a list of runs can be asked for: an allowlist of names and values, never a piece of a query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rota.clock import Instant, to_instant
from rota.errors import RotaError, UnknownName, UsageError, nearest
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import Kind, Reason, State
from rota.read.find import find_task

__all__ = ["FILTERS", "run_query"]

FILTERS = ("task", "service", "state", "kind", "reason", "key", "since", "until", "before", "after", "limit")
"""What a list of runs can be asked for; anything else is refused."""

LIMIT = 500
"""Runs on one page, at most."""


def run_query(ledger: Ledger, asked: Mapping[str, str], limit: int = 50) -> RunFilter:
    """The filter that a query asks for; names outside `FILTERS` and values outside their lists are refused.

    ``state``, ``kind`` and ``reason`` take several values, separated by commas.
    """
    for name in asked:
        if name not in FILTERS:
            near = nearest(name, FILTERS)
            raise UsageError(
                f"runs cannot be filtered by {name!r}" + (f" (did you mean {near}?)" if near else ""),
                expected="one of " + ", ".join(FILTERS),
                found=repr(name),
            )
    said = {name: value.strip() for name, value in asked.items() if value.strip()}
    service, task = said.get("service"), None
    if "task" in said:
        service, task = _task_of(ledger, said["task"], service)
    return RunFilter(
        service=service,
        task=task,
        states=_members(State, "state", said.get("state")),
        kinds=_members(Kind, "kind", said.get("kind")),
        reasons=_members(Reason, "reason", said.get("reason")),
        key=said.get("key"),
        since=_instant("since", said.get("since")),
        until=_instant("until", said.get("until")),
        before=_number("before", said.get("before"), 2**63 - 1),
        after=_number("after", said.get("after"), 2**63 - 1),
        limit=_number("limit", said.get("limit"), LIMIT) or limit,
    )


def _task_of(ledger: Ledger, name: str, service: str | None) -> tuple[str | None, str]:
    """Service and bare name. A task that is gone from the rota still has its runs."""
    try:
        record = find_task(ledger, name, service)
    except UnknownName:
        gone = [
            record for record in ledger.tasks(service, retired=True)
            if name in (record.name, f"{record.service}/{record.name}")
        ]  # fmt: skip
        if not gone:
            raise
        record = gone[0]
    return record.service, record.name


def _members(kind: type[Any], name: str, text: str | None) -> tuple[Any, ...]:
    known = [member.value for member in kind]
    members = []
    for part in (text or "").split(","):
        value = part.strip()
        if value and value not in known:
            near = nearest(value, known)
            raise UsageError(
                f"no {name} is named {value!r}" + (f" (did you mean {near}?)" if near else ""),
                expected="one of " + ", ".join(known),
                found=repr(value),
                where=name,
            )
        if value:
            members.append(kind(value))
    return tuple(members)


def _instant(name: str, text: str | None) -> Instant | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return to_instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise _bad(name, text, "an ISO 8601 time such as 2026-11-23T12:00:00Z") from error


def _number(name: str, text: str | None, largest: int) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:20]) <= largest:
        raise _bad(name, text, f"a whole number from 1 to {largest}")
    return int(text)


def _bad(name: str, text: str, expected: str) -> RotaError:
    return UsageError(f"{name} cannot be read", expected=expected, found=repr(text), where=name)
