"""Tasks: the list, one task, and what an operator can do with it."""

from __future__ import annotations

import json
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from rota.errors import RotaError
from rota.ledger.records import TaskRecord
from rota.read.condition import NEEDS_ATTENTION
from rota.read.find import find_task
from rota.read.rules import defined
from rota.read.tasks import task_detail, task_list
from rota.web.context import context_of
from rota.web.do import do_to_task
from rota.web.forms import PAUSES, Form, args_of_form, fields_of, read_form
from rota.web.show import href, page, task_path

__all__ = ["routes"]

PAGE = 100
"""Tasks on one page of the list."""

_DONE = {"pause": "The task is paused.", "resume": "The task is resumed."}


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/tasks")
    def tasks(request: Request, q: str = "", show: str = "", start: int = 0) -> Response:
        ledger = context_of(request).ledger
        start = max(0, start)
        found = task_list(ledger, search=q, start=start, limit=PAGE + 1)
        rows = [row for row in found[:PAGE] if show != "attention" or row.condition.word in NEEDS_ATTENTION]
        more = start + PAGE if len(found) > PAGE else None
        return page(
            request,
            "tasks.html",
            rows=rows,
            q=q,
            quoted=quote(q),
            show=show,
            start=start,
            more=more,
            page_size=PAGE,
            any_task=bool(found) or bool(ledger.tasks()),
        )

    @router.get("/tasks/{name:path}")
    def task(request: Request, name: str, done: str = "") -> Response:
        record = find_task(context_of(request).ledger, name)
        return _task_page(request, record, {}, notice=_DONE.get(done))

    @router.post("/tasks/{name:path}")
    def act(request: Request, name: str, form: Form = Depends(read_form)) -> Response:
        context = context_of(request)
        record = find_task(context.ledger, name)
        action = form.get("action", "")
        try:
            fields = fields_of(context.loaded, record, {}, {}) if action == "trigger" else None
            args = args_of_form(form, fields) if action == "trigger" else None
            run_id = do_to_task(request, record, action, form, args)
        except RotaError as error:
            return _task_page(request, record, form, error=error)
        if run_id is not None:
            return RedirectResponse(href(request, f"/runs/{run_id}?done={quote(action)}"), 303)
        return RedirectResponse(
            href(request, f"{task_path(record.service, record.name)}?done={quote(action)}"), 303
        )

    return router


def _task_page(
    request: Request,
    record: TaskRecord,
    form: Form,
    *,
    notice: str | None = None,
    error: RotaError | None = None,
) -> Response:
    context = context_of(request)
    task = defined(record)
    loaded = context.loaded
    known = loaded.tasks.get(record.name) if loaded is not None and loaded.service == record.service else None
    view = task_detail(
        context.ledger,
        record,
        source=known.source if known is not None else "",
        args=json.dumps(task.args, ensure_ascii=False),
    )
    return page(
        request,
        "task.html",
        status=200 if error is None else error.status,
        view=view,
        row=view.task,
        fields=fields_of(loaded, record, task.args, form),
        form=form,
        pauses=PAUSES,
        notice=notice,
        error=error,
    )
