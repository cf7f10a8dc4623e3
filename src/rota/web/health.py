"""Health: `/livez` says whether the loops of this process advance, `/readyz` whether the ledger can be used."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from rota.errors import LedgerVersion, Retriable
from rota.web.context import WebContext, context_of
from rota.web.problems import Problem, problem

__all__ = ["health_router", "stalled"]

ROUNDS = 3
"""A loop that has not advanced for so many of its longest pauses does not live."""

LONGEST = 5.0
"""Seconds: what the loops that tidy up pause for; three of these are also more than a loop backs off for."""


def health_router() -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="Do the loops of this process advance?")
    async def livez(request: Request) -> Response:
        context = context_of(request)
        slow = stalled(context)
        if slow:
            return problem(
                Problem(
                    503,
                    "a loop does not advance: " + ", ".join(sorted(slow)),
                    expected=f"a step within {_limit(context):g} s",
                    found=", ".join(f"{name} {seconds:.1f} s ago" for name, seconds in sorted(slow.items())),
                    retry=Retriable(True, "nothing was asked of it"),
                )
            )
        return JSONResponse({"live": True, "loops": sorted(context.pulse())})

    @router.get("/readyz", summary="Can the ledger be used?")
    def readyz(request: Request) -> Response:
        context = context_of(request)
        found, wanted = context.ledger.version()
        if found != wanted:
            raise LedgerVersion(
                "the ledger has another version than this build serves",
                expected=f"version {wanted}",
                found=f"version {found}",
                next=("rota migrate",),
            )
        if context.stopping():
            raise Problem(503, "the server is stopping", retry=Retriable(True, "from another node"))
        return JSONResponse({"ready": True, "version": found})

    return router


def stalled(context: WebContext) -> dict[str, float]:
    """The loops that have not advanced for three rounds, with the seconds since they did.

    The heart is not asked: it is silent while the ledger is away, and a restart would not bring that back.
    """
    limit = _limit(context)
    return {name: seconds for name, seconds in context.pulse().items() if seconds > limit and name != "heart"}


def _limit(context: WebContext) -> float:
    settings = context.settings
    return ROUNDS * max(settings.poll, settings.lease / 3, LONGEST)
