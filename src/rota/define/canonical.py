"""A rota as canonical JSON, the form in which revisions are kept and compared.

Both spellings of a rota give the same text, and so the same digest. What says nothing (None, an empty
list or table) is left out, so that a key added to a later version does not make every rota look changed;
everything else is written out, so that a default changed in a later version does not change a revision.
Where a task was written (``source``) is not part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rota.define.routing import alerts_as_json, alerts_from_json
from rota.model.schedule import Schedule
from rota.model.task import (
    CatchUp,
    Command,
    Expectation,
    Function,
    Isolation,
    Objective,
    Overlap,
    Queue,
    Request,
    Retries,
    Target,
    Task,
)
from rota.timing import schedule_as_json, schedule_from_json
from rota.timing.durations import format_duration, parse_duration

if TYPE_CHECKING:
    from rota.define.loaded import LoadedRota

__all__ = [
    "canonical_text",
    "digest",
    "digest_of",
    "queue_as_json",
    "queue_from_json",
    "retries_from_json",
    "rota_as_json",
    "rota_from_json",
    "rule_as_text",
    "task_as_json",
    "task_from_json",
]


def canonical_text(value: object) -> str:
    """JSON with sorted keys and no spare blanks: equal values give equal texts.

    >>> canonical_text({"b": 1, "a": ["é"]})
    '{"a":["é"],"b":1}'
    """
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""Made once: a rota of ten thousand tasks is as many texts."""


def digest(rota: LoadedRota) -> str:
    """The SHA-256, in hexadecimal, of the whole rota's canonical JSON."""
    return digest_of(canonical_text(rota_as_json(rota)))


def digest_of(text: str) -> str:
    """The SHA-256 of a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()


def rota_as_json(rota: LoadedRota) -> dict[str, Any]:
    """The whole rota: service, tasks and queues by name, and the routes of its alerts where it has any."""
    alerts = alerts_as_json(rota.alerts)
    return {
        "service": rota.service,
        "queues": {name: queue_as_json(rota.queues[name]) for name in sorted(rota.queues)},
        "tasks": {name: task_as_json(rota.tasks[name]) for name in sorted(rota.tasks)},
        **({"alerts": alerts} if alerts else {}),
    }


def rota_from_json(value: Mapping[str, Any]) -> LoadedRota:
    """The rota that a revision holds: whole but for its code, which is imported when it is asked for."""
    from rota.define.loaded import LoadedRota

    return LoadedRota(
        value["service"],
        {name: task_from_json(task) for name, task in value["tasks"].items()},
        {name: queue_from_json(name, queue) for name, queue in value.get("queues", {}).items()},
        alerts=alerts_from_json(value.get("alerts", {})),
    )


def rule_as_text(schedule: Schedule) -> str:
    """A schedule's rule as canonical JSON text, the form in which the ledger keeps it."""
    return canonical_text(schedule_as_json(schedule))


def queue_as_json(queue: Queue) -> dict[str, Any]:
    """A queue without its name."""
    return _said({"weight": queue.weight, "rate": queue.rate, "concurrency": queue.concurrency})


def queue_from_json(name: str, value: Mapping[str, Any]) -> Queue:
    """The inverse of `queue_as_json`."""
    return Queue(name, value["weight"], value.get("rate"), value.get("concurrency"))


def task_as_json(task: Task) -> dict[str, Any]:
    """A task as a JSON object in a fixed order of keys; `task_from_json` gives the same task back."""
    return _said(
        {
            "service": task.service,
            "name": task.name,
            **_target_as_json(task.target),
            "schedule": None if task.schedule is None else schedule_as_json(task.schedule),
            "owner": task.owner,
            "expects": task.expects,
            "rollback": task.rollback,
            "rollback_command": list(task.rollback_command),
            "undo": task.undo,
            "blast_radius": task.blast_radius,
            "description": task.description,
            "tags": list(task.tags),
            "args": task.args,
            "timeout": _text(task.timeout),
            "grace": _text(task.grace),
            "overlap": task.overlap.value,
            "catch_up": task.catch_up.value,
            "catch_up_limit": task.catch_up_limit,
            "deadline": _text(task.deadline),
            "retry": _retry_as_json(task.retry),
            "concurrency": task.concurrency,
            "queue": task.queue,
            "priority": task.priority,
            "pause_on_failure": task.pause_on_failure,
            "enabled": task.enabled,
            "canary": task.canary,
            "expectation": _expectation_as_json(task.expectation),
        }
    )


def task_from_json(value: Mapping[str, Any], *, source: str = "") -> Task:
    """The task of a canonical JSON object, as a revision holds it."""
    schedule = value.get("schedule")
    return Task(
        service=value["service"],
        name=value["name"],
        target=_target_from_json(value),
        owner=value["owner"],
        expects=value["expects"],
        rollback=value["rollback"],
        rollback_command=tuple(value.get("rollback_command", ())),
        undo=value.get("undo"),
        blast_radius=value.get("blast_radius"),
        schedule=None if schedule is None else schedule_from_json(schedule),
        description=value.get("description", ""),
        tags=tuple(value.get("tags", ())),
        args=value.get("args", {}),
        timeout=_length(value.get("timeout")),
        grace=parse_duration(value["grace"]),
        overlap=Overlap(value["overlap"]),
        catch_up=CatchUp(value["catch_up"]),
        catch_up_limit=value["catch_up_limit"],
        deadline=_length(value.get("deadline")),
        retry=retries_from_json(value),
        concurrency=value.get("concurrency"),
        queue=value["queue"],
        priority=value["priority"],
        pause_on_failure=value.get("pause_on_failure"),
        enabled=value["enabled"],
        canary=value.get("canary"),
        expectation=_expectation_from_json(value.get("expectation", {})),
        source=source,
    )


def _target_as_json(target: Target) -> dict[str, Any]:
    match target:
        case Function():
            return {"run": target.path, "isolation": target.isolation.value}
        case Command():
            return {
                "command": {
                    "argv": list(target.argv),
                    "shell": target.shell,
                    "success": list(target.success),
                    **_said({"cwd": target.cwd, "env": dict(target.env)}),
                }
            }
        case Request():
            return {
                "request": {
                    "url": target.url,
                    "method": target.method,
                    # a JSON body of {} or [] says something: only None is none
                    **({} if target.json is None else {"json": target.json}),
                    **_said({"headers": dict(target.headers), "expect_status": list(target.expect_status)}),
                }
            }


def _target_from_json(value: Mapping[str, Any]) -> Target:
    if "run" in value:
        return Function(value["run"], Isolation(value["isolation"]))
    if "command" in value:
        one = value["command"]
        return Command(
            tuple(one["argv"]), one["shell"], one.get("cwd"), one.get("env", {}), tuple(one["success"])
        )
    one = value["request"]
    return Request(
        one["url"],
        one["method"],
        one.get("headers", {}),
        one.get("json"),
        tuple(one.get("expect_status", ())),
    )


def _retry_as_json(retry: Retries) -> dict[str, Any]:
    return {
        "attempts": retry.attempts,
        "backoff": _text(retry.backoff),
        "factor": float(retry.factor),
        "max": _text(retry.max),
        "jitter": float(retry.jitter),
    }


def retries_from_json(task: Mapping[str, Any]) -> Retries:
    """The retry policy alone of a task's canonical JSON object."""
    value = task["retry"]
    return Retries(
        value["attempts"],
        parse_duration(value["backoff"]),
        value["factor"],
        parse_duration(value["max"]),
        value["jitter"],
    )


def _expectation_as_json(expectation: Expectation) -> dict[str, Any]:
    made = {
        "max_duration": _text(expectation.max_duration),
        "result": expectation.result,  # {} is a schema that any result fits: not the same as none
        "verify": _verify_as_json(expectation.verify),
        "fresh_within": _text(expectation.fresh_within),
        "output": expectation.output,
        "max_lateness": _text(expectation.max_lateness),
        "objective": _objective_as_json(expectation.objective),
        "usual_duration": expectation.usual_duration or None,
    }
    return {key: value for key, value in made.items() if value is not None}


def _verify_as_json(verify: Target | None) -> str | dict[str, Any] | None:
    """A function by its name alone, as it always was; where it runs follows from what it is."""
    if verify is None or isinstance(verify, Function):
        return None if verify is None else verify.path
    return _target_as_json(verify)


def _verify_from_json(value: str | Mapping[str, Any] | None) -> Target | None:
    if value is None or isinstance(value, str):
        return None if value is None else Function(value)
    return _target_from_json(value)


def _objective_as_json(objective: Objective | None) -> dict[str, Any] | None:
    return (
        None if objective is None else {"target": float(objective.target), "window": _text(objective.window)}
    )


def _objective_from_json(value: Mapping[str, Any] | None) -> Objective | None:
    return None if value is None else Objective(value["target"], parse_duration(value["window"]))


def _expectation_from_json(value: Mapping[str, Any]) -> Expectation:
    return Expectation(
        max_duration=_length(value.get("max_duration")),
        result=value.get("result"),
        verify=_verify_from_json(value.get("verify")),
        output=value.get("output"),
        fresh_within=_length(value.get("fresh_within")),
        max_lateness=_length(value.get("max_lateness")),
        objective=_objective_from_json(value.get("objective")),
        usual_duration=value.get("usual_duration", False),
    )


def _said(value: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing: None, empty texts, lists and tables."""
    return {key: item for key, item in value.items() if item is not None and item not in ("", [], {})}


def _text(length: timedelta | None) -> str | None:
    return None if length is None else format_duration(length)


def _length(text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)
