"""The API: /api/v1, the same as the pages, for programs."""

from __future__ import annotations

from fastapi import APIRouter

from rota.web.api import actions, reads

__all__ = ["api_router"]


def api_router() -> APIRouter:
    """All calls of version 1."""
    router = APIRouter(prefix="/api/v1")
    router.include_router(actions.routes())  # first: their addresses end in the action's name
    router.include_router(reads.routes())
    return router
