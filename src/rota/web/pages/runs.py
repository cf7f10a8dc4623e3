"""Runs: the list with its filters, one run, and what an operator can do with it."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from rota.errors import RotaError
from rota.model.run import FINAL, Kind, State
from rota.read.filters import run_query
from rota.read.runs import log_tail, run_detail, run_list, run_text, the_run
from rota.web.context import context_of
from rota.web.do import do_to_run
from rota.web.forms import Form, read_form
from rota.web.show import href, page

__all__ = ["routes"]

LINES = 500
"""Lines of a log that the page shows, from its end; the whole of it is a link away."""

_DONE = {
    "trigger": "The run is recorded; a node starts it as soon as it has a free slot.",
    "undo": "The undo is recorded; a node starts it as soon as it has a free slot.",
    "cancel": "The run is asked to stop.",
    "retry": "The run will be tried once more.",
}


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/runs")
    def runs(request: Request) -> Response:
        ledger = context_of(request).ledger
        asked = _asked(request)
        view = run_list(ledger, run_query(ledger, asked))
        kept = {name: value for name, value in asked.items() if name not in ("before", "after")}
        return page(
            request,
            "runs.html",
            view=view,
            asked=asked,
            states=[state.value for state in State],
            kinds=[kind.value for kind in Kind],
            older=urlencode({**kept, "before": view.older}) if view.older else None,
            newer=urlencode({**kept, "after": view.newer}) if view.newer else None,
            filtered=bool(kept),
        )

    @router.get("/runs/{run_id}")
    def run(request: Request, run_id: int, done: str = "") -> Response:
        return _run_page(request, run_id, notice=_DONE.get(done))

    @router.get("/runs/{run_id}/log")
    def log(request: Request, run_id: int) -> Response:
        ledger = context_of(request).ledger
        the_run(ledger, run_id)
        return PlainTextResponse(run_text(ledger, run_id))

    @router.post("/runs/{run_id}")
    def act(request: Request, run_id: int, form: Form = Depends(read_form)) -> Response:
        action = form.get("action", "")
        try:
            do_to_run(request, run_id, action, form.get("reason") or None)
        except RotaError as error:
            return _run_page(request, run_id, error=error)
        return RedirectResponse(href(request, f"/runs/{run_id}?{urlencode({'done': action})}"), 303)

    return router


def _asked(request: Request) -> dict[str, str]:
    """The query as a filter: a field that is there several times (boxes that are ticked) joins with commas."""
    asked: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if value.strip():
            asked[name] = f"{asked[name]},{value}" if name in asked else value
    return asked


def _run_page(
    request: Request, run_id: int, *, notice: str | None = None, error: RotaError | None = None
) -> Response:
    ledger = context_of(request).ledger
    view = run_detail(ledger, run_id)
    lines, earlier = log_tail(ledger, run_id, LINES)
    return page(
        request,
        "run.html",
        status=200 if error is None else error.status,
        view=view,
        run=view.run,
        ended=view.run.state in FINAL,
        lines=lines,
        earlier=earlier,
        notice=notice,
        error=error,
    )
