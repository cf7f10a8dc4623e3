"""The calls that look."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from rota.clock import SECOND, Instant
from rota.ledger.judging import Incident, VerdictRecord
from rota.read.filters import FILTERS, run_query
from rota.read.find import find_task
from rota.read.incidents import IncidentDetail, incident_detail, incident_list
from rota.read.nodes import NodeView, node_list
from rota.read.overview import Overview, overview
from rota.read.rules import defined
from rota.read.runs import Line, RunDetail, RunPage, log_lines, run_detail, run_list
from rota.read.tasks import TaskDetail, TaskRow, task_detail, task_list
from rota.read.upcoming import Upcoming, upcoming
from rota.read.verdicts import verdict_list
from rota.web.api.describe import answer, answers
from rota.web.context import context_of

__all__ = ["routes"]

RunId = Annotated[int, Path(ge=1, lt=2**63, description="The run's number.")]
IncidentId = Annotated[int, Path(ge=1, lt=2**63, description="The incident's number.")]
TaskName = Annotated[str, Path(description="service/task, or the bare name where one service has it.")]

_FILTER = [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in FILTERS]


def routes() -> APIRouter:
    router = APIRouter(tags=["look"])

    @router.get("/overview", summary="The state of everything", responses=answers(Overview))
    def get_overview(request: Request) -> Response:
        return answer(overview(context_of(request).ledger))

    @router.get("/tasks", summary="Tasks", responses=answers(TaskRow, many=True))
    def get_tasks(
        request: Request,
        service: str | None = None,
        q: Annotated[str, Query(description="Words to look for in name, owner and tags.")] = "",
        start: Annotated[int, Query(ge=0, lt=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 200,
    ) -> Response:
        ledger = context_of(request).ledger
        return answer(task_list(ledger, service, search=q, start=start, limit=limit))

    @router.get("/tasks/{name:path}", summary="One task", responses=answers(TaskDetail))
    def get_task(request: Request, name: TaskName) -> Response:
        ledger = context_of(request).ledger
        record = find_task(ledger, name)
        args = json.dumps(defined(record).args, ensure_ascii=False)
        return answer(task_detail(ledger, record, args=args))

    @router.get(
        "/runs",
        summary="Runs, the newest first",
        description="Filters join with AND; state, kind and reason take several values, separated by commas. "
        "Page on with `before` or `after` and the ids in `older` and `newer`.",
        responses=answers(RunPage),
        openapi_extra={"parameters": _FILTER},
    )
    def get_runs(request: Request) -> Response:
        ledger = context_of(request).ledger
        return answer(run_list(ledger, run_query(ledger, dict(request.query_params))))

    @router.get("/runs/{run_id}", summary="One run", responses=answers(RunDetail))
    def get_run(request: Request, run_id: RunId) -> Response:
        return answer(run_detail(context_of(request).ledger, run_id))

    @router.get("/runs/{run_id}/log", summary="A run's log", responses=answers(Line, many=True))
    def get_log(
        request: Request,
        run_id: RunId,
        after: Annotated[int, Query(ge=0, lt=2**63, description="Lines after this seq.")] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> Response:
        return answer(log_lines(context_of(request).ledger, run_id, after=after, limit=limit))

    @router.get("/incidents", summary="Incidents, the newest first", responses=answers(Incident, many=True))
    def get_incidents(
        request: Request,
        owner: Annotated[str | None, Query(description="Only this owner's.")] = None,
        closed: Annotated[bool, Query(description="Those that are resolved as well.")] = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> Response:
        return answer(incident_list(context_of(request).ledger, owner=owner, closed=closed, limit=limit))

    @router.get("/incidents/{incident_id}", summary="One incident", responses=answers(IncidentDetail))
    def get_incident(request: Request, incident_id: IncidentId) -> Response:
        return answer(incident_detail(context_of(request).ledger, incident_id))

    @router.get("/verdicts", summary="The latest verdicts", responses=answers(VerdictRecord, many=True))
    def get_verdicts(
        request: Request, unmet: Annotated[bool, Query(description="Only what is not met.")] = False
    ) -> Response:
        return answer(verdict_list(context_of(request).ledger, unmet=unmet))

    @router.get("/nodes", summary="Nodes", responses=answers(NodeView, many=True))
    def get_nodes(request: Request) -> Response:
        return answer(node_list(context_of(request).ledger))

    @router.get("/upcoming", summary="What is due next", responses=answers(Upcoming, many=True))
    def get_upcoming(
        request: Request,
        within: Annotated[float, Query(gt=0, le=366 * 86_400, description="Seconds from now.")] = 3600.0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        ledger = context_of(request).ledger
        return answer(upcoming(ledger, Instant(ledger.now() + int(within * SECOND)), limit))

    return router
