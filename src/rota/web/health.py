"""Health: `/livez` says whether the loops of this process advance, `/readyz` whether the ledger can be used."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from rota.engine.pulse import longest_pause, stalled
from rota.errors import LedgerVersion, Retriable
from rota.web.context import context_of
from rota.web.problems import Problem, problem

__all__ = ["health_router"]


def health_router() -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="Do the loops of this process advance?")
    async def livez(request: Request) -> Response:
        context = context_of(request)
        slow = stalled(context.pulse(), context.settings)
        if slow:
            return problem(
                Problem(
                    503,
                    "a loop does not advance: " + ", ".join(sorted(slow)),
                    expected=f"a step within {longest_pause(context.settings):g} s",
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
