"""Incidents: the list, one incident, and what an operator says of it."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from rota.errors import RotaError
from rota.read.incidents import incident_detail, incident_list, notice_words
from rota.web.context import context_of
from rota.web.do import do_to_incident
from rota.web.forms import PAUSES, Form, read_form
from rota.web.show import href, page

__all__ = ["routes"]

LIMIT = 200

_DONE = {
    "acknowledge": "The incident is acknowledged.",
    "mute": "The task is muted.",
    "unmute": "The task is muted no longer.",
}


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/incidents")
    def incidents(request: Request) -> Response:
        closed = bool(request.query_params.get("all"))
        found = incident_list(context_of(request).ledger, closed=closed, limit=LIMIT)
        return page(request, "incidents.html", incidents=found, closed=closed)

    @router.get("/incidents/{incident_id}")
    def incident(request: Request, incident_id: int, done: str = "") -> Response:
        return _incident_page(request, incident_id, notice=_DONE.get(done))

    @router.post("/incidents/{incident_id}")
    def act(request: Request, incident_id: int, form: Form = Depends(read_form)) -> Response:
        action = form.get("action", "")
        try:
            do_to_incident(request, incident_id, action, form)
        except RotaError as error:
            return _incident_page(request, incident_id, error=error)
        where = f"/incidents/{incident_id}?{urlencode({'done': action})}"
        return RedirectResponse(href(request, where), 303)

    return router


def _incident_page(
    request: Request, incident_id: int, *, notice: str | None = None, error: RotaError | None = None
) -> Response:
    view = incident_detail(context_of(request).ledger, incident_id)
    return page(
        request,
        "incident.html",
        status=200 if error is None else error.status,
        view=view,
        one=view.incident,
        pauses=tuple(PAUSES),
        notice_words=notice_words,
        notice=notice,
        error=error,
    )
