"""The calls that change something: each leaves an audit line with who did it, and why."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from rota.clock import Instant, to_instant
from rota.errors import UsageError
from rota.ledger.records import TaskRecord
from rota.read.find import find_task
from rota.read.incidents import IncidentDetail, incident_detail, the_incident
from rota.read.runs import RunDetail, run_detail
from rota.read.tasks import TaskDetail, task_detail
from rota.web import do
from rota.web.api.describe import answer, answers
from rota.web.api.reads import IncidentId, RunId
from rota.web.context import context_of, visitor_of
from rota.web.show import href

__all__ = ["routes"]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(None, max_length=1000, description="Why; kept in the audit.")


class TriggerAsked(_Asked):
    """A run to be made."""

    args: dict[str, Any] | None = Field(None, description="Arguments by name; none: the task's own.")
    run_at: datetime | None = Field(None, description="When, with an offset from UTC; none: now.")


class PauseAsked(_Asked):
    """A pause."""

    reason: str = Field(max_length=1000, min_length=1, description="Why: whoever finds it paused must know.")
    until: datetime | None = Field(
        None, description="When it ends, with an offset from UTC; none: when somebody resumes it."
    )


class ResumeAsked(_Asked):
    """The end of a pause."""


class UndoAsked(_Asked):
    """An undo."""

    reason: str = Field(max_length=1000, min_length=1, description="Why; kept in the audit.")
    run: int | None = Field(None, description="The run to undo; none: the latest that ended.")
    command: list[str] | None = Field(
        None, description="The command that was confirmed: refused where the task's is another by now."
    )


class RunAsked(_Asked):
    """What is done to a run."""


class AcknowledgeAsked(_Asked):
    """That somebody is at an incident."""

    reason: str = Field(max_length=1000, min_length=1, description="Why: colleagues will read it.")
    until: datetime | None = Field(
        None, description="When it ends, with an offset from UTC; none: when the incident is resolved."
    )


class MuteAsked(_Asked):
    """That nobody is to be told about a task for a time."""

    reason: str = Field(max_length=1000, min_length=1, description="Why: colleagues will read it.")
    until: datetime = Field(description="When it ends, with an offset from UTC.")


class UnmuteAsked(_Asked):
    """The end of a mute."""


def own_page(request: Request) -> None:
    """A browser's session must bring its CSRF token; a bearer token needs none."""
    context_of(request).security.check_csrf(visitor_of(request), request.headers.get("x-csrf-token", ""))


def routes() -> APIRouter:
    router = APIRouter(tags=["act"], dependencies=[Depends(own_page)])

    @router.post(
        "/tasks/{name:path}/trigger",
        summary="Run a task now, or at a time",
        status_code=201,
        responses=answers(RunDetail, status=201, what="The run that was recorded."),
    )
    def trigger(
        request: Request, record: Named, asked: Annotated[TriggerAsked | None, Body()] = None
    ) -> Response:
        asked = asked or TriggerAsked.model_validate({})
        run_at = _instant(asked.run_at, "run_at")
        return _recorded(request, do.trigger(request, record, asked.args, asked.reason, run_at))

    @router.post("/tasks/{name:path}/pause", summary="Pause a task", responses=answers(TaskDetail))
    def pause(request: Request, record: Named, asked: PauseAsked) -> Response:
        do.pause(request, record, asked.reason, _instant(asked.until, "until"))
        return _task(request, record)

    @router.post("/tasks/{name:path}/resume", summary="Resume a task", responses=answers(TaskDetail))
    def resume(
        request: Request, record: Named, asked: Annotated[ResumeAsked | None, Body()] = None
    ) -> Response:
        do.resume(request, record, asked.reason if asked else None)
        return _task(request, record)

    @router.post("/tasks/{name:path}/mute", summary="Mute a task", responses=answers(TaskDetail))
    def mute(request: Request, record: Named, asked: MuteAsked) -> Response:
        do.mute(request, record, asked.reason, _instant(asked.until, "until"))
        return _task(request, record)

    @router.post("/tasks/{name:path}/unmute", summary="Unmute a task", responses=answers(TaskDetail))
    def unmute(
        request: Request, record: Named, asked: Annotated[UnmuteAsked | None, Body()] = None
    ) -> Response:
        do.unmute(request, record, asked.reason if asked else None)
        return _task(request, record)

    @router.post(
        "/incidents/{incident_id}/acknowledge",
        summary="Acknowledge an incident",
        responses=answers(IncidentDetail),
    )
    def acknowledge(request: Request, incident_id: IncidentId, asked: AcknowledgeAsked) -> Response:
        ledger = context_of(request).ledger
        do.acknowledge(
            request, the_incident(ledger, incident_id), asked.reason, _instant(asked.until, "until")
        )
        return answer(incident_detail(ledger, incident_id))

    @router.post(
        "/tasks/{name:path}/undo",
        summary="Undo what a task did, by its rollback command",
        status_code=201,
        responses=answers(RunDetail, status=201, what="The run that was recorded."),
    )
    def undo(request: Request, record: Named, asked: UndoAsked) -> Response:
        return _recorded(request, do.undo(request, record, asked.reason, asked.run, asked.command))

    @router.post("/runs/{run_id}/cancel", summary="Cancel a run", responses=answers(RunDetail))
    def cancel(request: Request, run_id: RunId, asked: Annotated[RunAsked | None, Body()] = None) -> Response:
        do.cancel(request, run_id, asked.reason if asked else None)
        return answer(run_detail(context_of(request).ledger, run_id))

    @router.post("/runs/{run_id}/retry", summary="Try a run once more", responses=answers(RunDetail))
    def retry(request: Request, run_id: RunId, asked: Annotated[RunAsked | None, Body()] = None) -> Response:
        do.retry(request, run_id, asked.reason if asked else None)
        return answer(run_detail(context_of(request).ledger, run_id))

    return router


def named(
    request: Request, name: Annotated[str, Path(description="service/task, or the bare name.")]
) -> TaskRecord:
    """The task that the address names."""
    return find_task(context_of(request).ledger, name)


Named = Annotated[TaskRecord, Depends(named)]


def _recorded(request: Request, run_id: int) -> JSONResponse:
    where = href(request, f"/api/v1/runs/{run_id}")
    return answer(run_detail(context_of(request).ledger, run_id), 201, {"Location": where})


def _task(request: Request, record: TaskRecord) -> JSONResponse:
    ledger = context_of(request).ledger
    fresh = find_task(ledger, f"{record.service}/{record.name}")
    return answer(task_detail(ledger, fresh, args=_own_args(fresh)))


def _own_args(record: TaskRecord) -> str:
    return json.dumps(json.loads(record.definition).get("args", {}), ensure_ascii=False)


def _instant(moment: datetime | None, where: str) -> Instant | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise UsageError(
            f"{where} has no offset from UTC",
            expected="a time such as 2026-11-23T12:00:00Z",
            found=moment.isoformat(),
            where=where,
        )
    return to_instant(moment)
