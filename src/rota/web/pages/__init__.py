"""The pages for people: each works by links, forms and reload, and is enhanced where scripts run."""

from __future__ import annotations

from fastapi import APIRouter

from rota.web.pages import about, incidents, nodes, overview, runs, tasks, visit

__all__ = ["page_router"]


def page_router() -> APIRouter:
    """All pages; none of them is part of the API's description."""
    router = APIRouter(include_in_schema=False)
    for part in (overview, tasks, runs, incidents, nodes, about, visit):
        router.include_router(part.routes())
    return router
