"""What this is, and what it runs on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Request, Response

from rota.web.context import context_of
from rota.web.show import page

__all__ = ["routes"]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/about")
    def about(request: Request) -> Response:
        context = context_of(request)
        facts = {name: str(value) for name, value in context.ledger.facts().items()}
        return page(
            request,
            "about.html",
            facts=facts,
            rota_version=_version(),
            revisions=context.ledger.revisions(limit=10),
            changes=context.ledger.changes(limit=30),
        )

    return router


def _version() -> str:
    try:
        return version("rota")
    except PackageNotFoundError:
        return "from source"
