"""Routes by check as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from rota.clock import Instant
from rota.web.context import context_of
from rota.web.show import page
from rota_site.results import Result, latest_results

__all__ = ["Matrix", "matrix_of", "routes"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What a check last said of a route, and when."""

    verdict: str
    findings: int
    at: Instant
    run: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Checks as columns, routes as rows; a cell is None where the check says nothing of the route."""

    checks: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


def matrix_of(results: Sequence[Result]) -> Matrix:
    """The latest results side by side."""
    checks = tuple(dict.fromkeys(result.value["check"] for result in results))
    cells: dict[str, dict[str, Cell]] = {}
    for result in results:
        for route in result.value.get("routes", ()):
            cell = Cell(route["verdict"], sum(route["rules"].values()), result.at, result.run)
            cells.setdefault(route["route"], {}).setdefault(result.value["check"], cell)
    rows = ((name, tuple(by_check.get(check) for check in checks)) for name, by_check in cells.items())
    return Matrix(checks, tuple(rows))


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/site")
    def site(request: Request) -> Response:
        results = latest_results(context_of(request).ledger)
        return page(request, "site.html", matrix=matrix_of(results), tone_of=_tone)

    return router


def _tone(verdict: str) -> str:
    return {"ok": "good", "finding": "warn", "failing": "bad"}.get(verdict, "quiet")
