"""A copy of a service's configuration and of what its history says: all that a rehearsal needs of a ledger, and no more.

Secrets are never in it. What a task is told to do, its arguments and the run-time schedules' are left out unless they are
asked for; values of environments, headers and bodies are left out always.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from rota.clock import Instant
from rota.errors import UnknownName, UsageError
from rota.execute.redact import HIDDEN, Redactor
from rota.ledger.protocol import Ledger
from rota.ledger.records import ScheduleRecord, TaskRecord
from rota.rehearse.statistics import SHARES, Statistics, of_history

__all__ = [
    "FORMAT",
    "Copy",
    "Cursor",
    "TaskCopy",
    "copy_as_json",
    "copy_from_json",
    "of_service",
    "take_copy",
]

FORMAT = 1
"""The version of the file that `rota export` writes."""

MOST_SCHEDULES = 100_000
"""Schedules that are copied at most; of a service with more, the rehearsal is one of these."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A schedule of a task and where it stands. ``key`` is empty for the task's own."""

    task: str
    key: str
    rule: str
    next_at: Instant | None
    args: str | None = None


@dataclass(frozen=True, slots=True)
class TaskCopy:
    """A task as it was applied, whether it is paused, and what its history says."""

    name: str
    definition: Mapping[str, Any]
    statistics: Statistics
    paused: bool = False
    paused_until: Instant | None = None
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A service at one instant. ``number`` is 0 and ``digest`` empty where it has no revision yet."""

    service: str
    at: Instant
    number: int = 0
    digest: str = ""
    queues: Mapping[str, Any] | None = None
    tasks: tuple[TaskCopy, ...] = ()
    cursors: tuple[Cursor, ...] = ()
    nodes: int = 0  # that served it


def take_copy(ledger: Ledger, service: str | None, *, arguments: bool = False) -> Copy:
    """The copy of a service; None is the only one there is. Raises `UnknownName`, `UsageError`, `LedgerError`."""
    chosen = service or _only_service(ledger)
    found = ledger.revisions(chosen, 1)
    if not found:
        return Copy(chosen, ledger.now())
    definition = json.loads(found[0].definition)
    cursors = ledger.schedules(chosen, limit=MOST_SCHEDULES)
    return Copy(
        service=chosen,
        at=ledger.now(),
        number=found[0].number,
        digest=found[0].digest,
        queues=definition.get("queues", {}),
        tasks=tuple(_task(ledger, record, arguments) for record in _by_name(ledger.tasks(chosen))),
        cursors=tuple(_cursor(one, arguments) for one in cursors),
        nodes=sum(chosen in node.services.split(",") for node in ledger.nodes()),
    )


def _only_service(ledger: Ledger) -> str:
    services = sorted({task.service for task in ledger.tasks()})
    if len(services) != 1:
        raise UsageError(
            "which service is meant is not said",
            expected="--service NAME" if services else "a ledger to which a rota was applied",
            found=", ".join(services) or "no service",
        )
    return services[0]


def _by_name(tasks: Sequence[TaskRecord]) -> list[TaskRecord]:
    return sorted(tasks, key=lambda one: one.name)


def _task(ledger: Ledger, record: TaskRecord, arguments: bool) -> TaskCopy:
    definition = json.loads(record.definition)
    return TaskCopy(
        record.name,
        bared(definition, arguments=arguments),
        of_history(ledger, record.service, record.name),
        record.paused_at is not None,
        record.paused_until,
        record.paused_reason,
    )


def _cursor(one: ScheduleRecord, arguments: bool) -> Cursor:
    return Cursor(one.task, one.key, one.rule, one.next_at, one.args if arguments else None)


def bared(definition: Mapping[str, Any], *, arguments: bool) -> dict[str, Any]:
    """A task's definition without what may be secret, and without its arguments unless they are asked for."""
    made = dict(definition)
    if not arguments:
        made.pop("args", None)
    made.pop("rollback_command", None)
    for name in ("command", "request"):
        if name in made:
            made[name] = _bared_target(name, made[name], arguments)
    expectation = made.get("expectation")
    if isinstance(expectation, Mapping):
        made["expectation"] = {key: value for key, value in expectation.items() if key != "verify"}
    return made


def _bared_target(kind: str, target: Mapping[str, Any], arguments: bool) -> dict[str, Any]:
    made = {key: value for key, value in target.items() if key not in ("env", "headers", "json")}
    if kind == "request":
        url = urlsplit(str(target["url"]))
        made["url"] = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
    else:
        redact = Redactor()
        argv = [str(one) for one in target["argv"]]
        made["argv"] = (
            [redact(one) for one in argv] if arguments else [argv[0].split()[0], *[HIDDEN] * (len(argv) - 1)]
        )
    return made


# -- as a file


def copy_as_json(copy: Copy) -> dict[str, Any]:
    """The copy as `rota export` writes it."""
    return {
        "rota_export": FORMAT,
        "shares": list(SHARES),
        **asdict(copy),
    }


def copy_from_json(value: Any, where: str) -> Copy:
    """The inverse of `copy_as_json`. Raises `UsageError` for what is no such file."""
    if (
        not isinstance(value, dict)
        or value.get("rota_export") != FORMAT
        or value.get("shares") != list(SHARES)
    ):
        raise _no_export(where, f"rota_export = {FORMAT} at its top")
    try:
        return Copy(
            **{
                **{one.name: value[one.name] for one in fields(Copy)},
                "tasks": tuple(_task_from_json(one) for one in value["tasks"]),
                "cursors": tuple(Cursor(**one) for one in value["cursors"]),
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_export(where, f"the members of an export ({error})") from error


def _task_from_json(value: Mapping[str, Any]) -> TaskCopy:
    statistics: dict[str, Any] = {
        key: tuple(one) if isinstance(one, list) else one for key, one in value["statistics"].items()
    }
    return TaskCopy(**{**value, "statistics": Statistics(**statistics)})


def _no_export(where: str, expected: str) -> UsageError:
    return UsageError(
        "this is no export of a ledger",
        expected=expected,
        found="another file",
        where=where,
        next=("rota export",),
    )


def of_service(copy: Copy, service: str | None) -> Copy:
    """The copy, if it is of the service that is meant. Raises `UnknownName`."""
    if service not in (None, copy.service):
        raise UnknownName(
            "service", str(service), (copy.service,), next=(f"rota export --service {service}",)
        )
    return copy
