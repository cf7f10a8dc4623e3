"""What an operator does, from a page or a call: checked against their role, then handed to `rota.change.actions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from rota.change import actions, incidents
from rota.change.undo import plan_undo
from rota.clock import Instant
from rota.errors import Conflict, UnknownName, UsageError
from rota.ledger.judging import Incident
from rota.ledger.protocol import Ledger
from rota.ledger.records import TaskRecord
from rota.model.undo import command_line
from rota.read.find import find_task
from rota.read.incidents import the_incident
from rota.read.runs import the_run
from rota.web.context import context_of, visitor_of
from rota.web.forms import confirmed, pause_until, validated

__all__ = [
    "acknowledge",
    "cancel",
    "do_to_incident",
    "do_to_run",
    "do_to_task",
    "mute",
    "pause",
    "resume",
    "retry",
    "trigger",
    "undo",
    "unmute",
]


def do_to_task(
    request: Request, record: TaskRecord, action: str, form: Mapping[str, str], args: Mapping[str, Any] | None
) -> int | None:
    """What a task's form asks for; the new run's id where it makes one."""
    reason = form.get("reason", "").strip() or None
    match action:
        case "trigger":
            return trigger(request, record, args, reason)
        case "pause":
            pause(request, record, reason, pause_until(form, context_of(request).ledger.now()))
        case "resume":
            resume(request, record, reason)
        case "undo":
            return undo(request, record, reason, *confirmed(form))
        case _:
            raise UnknownName("action", action, ("trigger", "pause", "resume", "undo"))
    return None


def do_to_incident(request: Request, incident_id: int, action: str, form: Mapping[str, str]) -> None:
    """What an incident's form asks for: of itself, or of its task."""
    ledger, reason = context_of(request).ledger, form.get("reason", "").strip()
    incident = the_incident(ledger, incident_id)
    match action:
        case "acknowledge":
            acknowledge(request, incident, reason, pause_until(form, ledger.now()))
        case "mute":
            mute(request, _task_of(ledger, incident), reason, pause_until(form, ledger.now()))
        case "unmute":
            unmute(request, _task_of(ledger, incident), reason or None)
        case _:
            raise UnknownName("action", action, ("acknowledge", "mute", "unmute"))


def _task_of(ledger: Ledger, incident: Incident) -> TaskRecord:
    return find_task(ledger, f"{incident.service}/{incident.task}")


def do_to_run(request: Request, run_id: int, action: str, reason: str | None) -> None:
    """What a run's form asks for."""
    match action:
        case "cancel":
            cancel(request, run_id, reason)
        case "retry":
            retry(request, run_id, reason)
        case _:
            raise UnknownName("action", action, ("cancel", "retry"))


def trigger(
    request: Request,
    record: TaskRecord,
    args: Mapping[str, Any] | None,
    reason: str | None,
    run_at: Instant | None = None,
) -> int:
    """Record a run of the task; its arguments are checked first."""
    actor = _allowed(request, "trigger")
    context = context_of(request)
    text = validated(context.loaded, record, args)
    run_id = actions.trigger(context.ledger, record, args=text, actor=actor, reason=reason, run_at=run_at)
    context.wake()
    return run_id


def pause(request: Request, record: TaskRecord, reason: str | None, until: Instant | None) -> None:
    """Pause the task. Raises `UsageError` without a reason: whoever finds it paused must know why."""
    actor = _allowed(request, "pause")
    if not reason:
        raise UsageError(
            "a pause needs a reason",
            expected="why the task is paused, in a few words",
            found="nothing",
            where="reason",
        )
    actions.pause(context_of(request).ledger, record, actor=actor, reason=reason, until=until)


def resume(request: Request, record: TaskRecord, reason: str | None) -> None:
    """End the task's pause."""
    actor = _allowed(request, "resume")
    context = context_of(request)
    actions.resume(context.ledger, record, actor=actor, reason=reason)
    context.wake()


def undo(
    request: Request,
    record: TaskRecord,
    reason: str | None,
    run_id: int | None = None,
    shown: Sequence[str] | None = None,
) -> int:
    """Record the run that undoes what the task did; ``shown`` is the command that was confirmed, where one was shown."""
    actor = _allowed(request, "undo")
    context = context_of(request)
    plan = plan_undo(context.ledger, record, run_id)
    if shown is not None and tuple(shown) != plan.argv:
        raise Conflict(
            "the command that undoes it has changed meanwhile, so nothing was done",
            expected=command_line(plan.argv),
            found=command_line(shown),
            next=(f"rota task {record.name}",),
        )
    undoing = actions.undo(context.ledger, record, plan, actor=actor, reason=reason or "")
    context.wake()
    return undoing


def cancel(request: Request, run_id: int, reason: str | None) -> None:
    """Withdraw a waiting run, or ask a running one to stop."""
    actor = _allowed(request, "cancel")
    context = context_of(request)
    the_run(context.ledger, run_id)
    actions.cancel(context.ledger, run_id, actor=actor, reason=reason)
    context.beat()


def retry(request: Request, run_id: int, reason: str | None) -> None:
    """Try a run that has ended once more."""
    actor = _allowed(request, "retry")
    context = context_of(request)
    the_run(context.ledger, run_id)
    actions.retry(context.ledger, run_id, actor=actor, reason=reason)
    context.wake()


def acknowledge(request: Request, incident: Incident, reason: str, until: Instant | None) -> None:
    """Say that somebody is at it."""
    actor = _allowed(request, "acknowledge")
    incidents.acknowledge(context_of(request).ledger, incident, actor=actor, reason=reason, until=until)


def mute(request: Request, record: TaskRecord, reason: str, until: Instant | None) -> None:
    """Have nobody told about the task. Raises `UsageError` without an end, so that it is not forgotten."""
    actor = _allowed(request, "mute")
    if until is None:
        raise UsageError("a mute needs its end", expected="an instant", found="none", where="until")
    incidents.mute(context_of(request).ledger, record, actor=actor, reason=reason, until=until)


def unmute(request: Request, record: TaskRecord, reason: str | None) -> None:
    """Have its owner told again."""
    actor = _allowed(request, "unmute")
    incidents.unmute(context_of(request).ledger, record, actor=actor, reason=reason)


def _allowed(request: Request, action: str) -> str:
    visitor = visitor_of(request)
    visitor.must(action)
    return visitor.actor
