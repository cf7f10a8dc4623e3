"""The nodes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from rota.read.nodes import node_list
from rota.web.context import context_of
from rota.web.show import page

__all__ = ["routes"]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/nodes")
    def nodes(request: Request) -> Response:
        context = context_of(request)
        return page(request, "nodes.html", nodes=node_list(context.ledger), pulse=dict(context.pulse()))

    return router
