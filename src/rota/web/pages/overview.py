"""The first page: what needs attention, what runs, what is due, what ran."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from rota.read.overview import overview
from rota.web.context import context_of
from rota.web.show import page

__all__ = ["routes"]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def first(request: Request) -> Response:
        view = overview(context_of(request).ledger)
        return page(request, "overview.html", view=view, now=view.now)

    return router
