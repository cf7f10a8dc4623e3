"""``[alerts]``: who is told, by which channels, and when not. The model, and what its keys must be together."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from rota.clock import to_instant
from rota.define.refusal import refused, shown
from rota.define.table import Table
from rota.define.texts import Duty, Name
from rota.define.times import Duration, PositiveDuration, TimeLimit, TimeZone
from rota.errors import DefinitionError, nearest
from rota.model.alerts import Alerts, Escalation, Maintenance, OwnerRoute, QuietHours, address_of

__all__ = ["AlertsEntry", "alerts_of", "check_alerts"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_QUIET = re.compile(r"(?:((?:mon|tue|wed|thu|fri|sat|sun)(?:[ ,]+(?:mon|tue|wed|thu|fri|sat|sun))*)\s+)?(\d\d):(\d\d)-(\d\d):(\d\d)")  # fmt: skip
_QUIET_SCHEMA = {"type": "string", "pattern": f"^{_QUIET.pattern}$", "examples": ["22:00-07:00"]}


def _secret(value: str) -> str:
    if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
        return value
    raise refused(
        "the address of a channel is a secret, and does not stand in the file",
        expected='env:NAME, the environment variable of the nodes that holds it, such as "env:ROTA_ALERT_MAIL"',
        found=f"a text of {len(value)} characters",
    )


def _quiet(value: object) -> QuietHours:
    if isinstance(value, QuietHours):
        return value
    match = _QUIET.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    times = [int(one) for one in match.groups()[1:]] if match else [99]
    begin, end = (times[0] * 60 + times[1], times[2] * 60 + times[3]) if match else (0, 0)
    if match is None or max(begin, end) > 24 * 60 or max(times[1], times[3]) > 59 or begin == end:
        raise refused(
            f"{shown(value)} are no quiet hours",
            expected='two times of the day, and weekdays before them if not every day: "22:00-07:00", "sat sun 00:00-24:00"',
            found=shown(value),
        )
    days = re.findall("[a-z]+", match[1] or "")
    return QuietHours(begin, end, frozenset(map(DAYS.index, days)) if days else frozenset(range(7)))


def _moment(value: object) -> object:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise refused(
            f"{shown(value)} is no instant",
            expected="date, time and offset, such as 2026-12-01T22:00:00+01:00",
            found=shown(value),
        )
    return value


Secret = Annotated[
    str,
    AfterValidator(_secret),
    WithJsonSchema({"type": "string", "pattern": "^env:[A-Za-z_][A-Za-z0-9_]*$"}),
]
Quiet = Annotated[QuietHours, PlainValidator(_quiet), WithJsonSchema(_QUIET_SCHEMA)]
Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Names = Annotated[tuple[Name, ...], Field(strict=False)]


class ChannelEntry(Table):
    """A way by which owners are told: an address as Apprise has them, of mail, chat, paging or a webhook."""

    url: Secret = Field(
        description="env:NAME, the variable of the nodes that holds the Apprise URL; the URL itself is a secret, and is refused.",
        examples=["env:ROTA_ALERT_MAIL"],
    )


class EscalateEntry(Table):
    """Who is told as well, if nobody acknowledges."""

    after: PositiveDuration = Field(description="How long an incident is open and not acknowledged.")
    to: Duty = Field(description="The second owner.")


class OwnerEntry(Table):
    """How one owner is told; what is not stated is as for all."""

    channels: Names | None = Field(None, description="By which channels; none stated: those of [alerts].")
    quiet: Annotated[tuple[Quiet, ...], Field(strict=False)] = Field(
        (), description="When nobody is told; what happened then is told at its end, in one message."
    )
    timezone: TimeZone | None = Field(None, description="The time zone of quiet; none: the file's.")
    escalate: EscalateEntry | None = Field(None, description="Who is told as well, if nobody acknowledges.")


class MaintenanceEntry(Table):
    """A time in which nobody is told; what is well again at its end is not told at all."""

    begin: Moment = Field(description="When it begins.")
    end: Moment = Field(description="When it ends.")
    reason: str = Field(min_length=1, description="Why.")
    tasks: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        ("*",), description="Names of tasks, or patterns of the shell's kind."
    )

    @model_validator(mode="after")
    def _ends_later(self) -> MaintenanceEntry:
        if self.end <= self.begin:
            raise refused(
                "a maintenance ends before it begins",
                expected="an end after the begin",
                found=f"{self.begin.isoformat()} to {self.end.isoformat()}",
            )
        return self


class AlertsEntry(Table):
    """Who is told when a task does not do what is expected, and how."""

    channels: Names = Field((), description="The channels of owners that state none of their own.")
    remind: TimeLimit = Field(
        "4h",
        validate_default=True,
        description='How often it is told again while it lasts; "none" for never.',
    )
    settle: Duration = Field(
        "5m", validate_default=True, description="How long all has to be well until an incident is resolved."
    )
    every: Duration = Field(
        "1m",
        validate_default=True,
        description="An owner has one message by a channel in this time, at most.",
    )
    link: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = Field(
        None,
        description="Where the pages are, for the links in messages.",
        examples=["https://rota.example.org"],
    )
    channel: dict[Name, ChannelEntry] = Field(default_factory=dict, description="The channels, by name.")
    owner: dict[str, OwnerEntry] = Field(
        default_factory=dict, description="Routes, by an owner as tasks name it, or its address, or its name."
    )
    maintenance: Annotated[tuple[MaintenanceEntry, ...], Field(strict=False)] = Field(
        (), description="Times in which nobody is told."
    )


def alerts_of(entry: AlertsEntry, timezone: str) -> Alerts:
    """The routes that the table declares. ``timezone`` is that of quiet hours that name none."""
    return Alerts(
        channels={name: one.url.removeprefix("env:") for name, one in entry.channel.items()},
        default=tuple(entry.channels),
        remind=entry.remind,
        settle=entry.settle,
        every=entry.every,
        link=None if entry.link is None else entry.link.rstrip("/"),
        owners=tuple(_route(owner, one, timezone) for owner, one in sorted(entry.owner.items())),
        maintenance=tuple(
            Maintenance(to_instant(one.begin), to_instant(one.end), one.reason, tuple(one.tasks))
            for one in entry.maintenance
        ),
    )


def _route(owner: str, entry: OwnerEntry, timezone: str) -> OwnerRoute:
    escalate = entry.escalate
    return OwnerRoute(
        owner,
        None if entry.channels is None else tuple(entry.channels),
        tuple(entry.quiet),
        entry.timezone or timezone,
        None if escalate is None else Escalation(escalate.after, escalate.to),
    )


def check_alerts(
    raw: Mapping[str, Any], owners: set[str]
) -> Iterator[tuple[tuple[str | int, ...], DefinitionError]]:
    """What no single key can see, of the table as written: channels that nobody declared, and owners that are nearly a
    task's. One that is nothing like them may be that of a task which a program defines. Each with the path to it, below
    ``alerts``."""
    declared = _table(raw.get("channel")).keys()
    known = {name for owner in owners for name in (owner, *address_of(owner))}
    seconds = [_table(_table(one).get("escalate")).get("to") for one in _table(raw.get("owner")).values()]
    for name in _undeclared(raw.get("channels"), declared):
        yield ("channels",), _no_channel(name, declared)
    for owner, route in _table(raw.get("owner")).items():
        for name in _undeclared(_table(route).get("channels"), declared):
            yield ("owner", owner, "channels"), _no_channel(name, declared)
        near = nearest(owner, sorted(known))
        is_second = any(owner in (one, *address_of(str(one))) for one in seconds)
        if owner not in known and near is not None and not is_second:
            yield ("owner", owner), DefinitionError(
                f"no task has the owner {owner!r}",
                expected="an owner as a task names it, or its address, or its name",
                found=repr(owner), hint=near,
            )  # fmt: skip


def _undeclared(names: object, declared: Any) -> list[str]:
    given = names if isinstance(names, list | tuple) else ()
    return [name for name in given if isinstance(name, str) and name not in declared]


def _no_channel(name: str, declared: Any) -> DefinitionError:
    return DefinitionError(
        f"there is no channel {name!r}",
        expected=f"a [alerts.channel.{name}]" + (f", or one of {', '.join(sorted(declared))}" if declared else ""),
        found=repr(name), hint=nearest(name, sorted(declared)),
    )  # fmt: skip


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
