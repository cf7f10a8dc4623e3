"""The Site page: routes by check as a matrix, a page for each route, and the log of purges with their proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.web.context import context_of
from rota.web.show import page
from rota_site.pages.plot import histories, plot, summary
from rota_site.results import Result, is_site_task, latest_results, results_of

__all__ = ["Matrix", "matrix_of", "routes"]

PURGES = 20
HISTORY = 300
"""Runs of the check of response time that a plot is drawn from."""


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


@dataclass(frozen=True, slots=True)
class Told:
    """What a check last said of one route, whole."""

    check: str
    result: Result
    route: Mapping[str, Any]


def matrix_of(results: Sequence[Result]) -> Matrix:
    """The latest results side by side; purges are no check, and have a log of their own."""
    checked = [result for result in results if result.value["check"] != "purge"]
    checks = tuple(dict.fromkeys(result.value["check"] for result in checked))
    cells: dict[str, dict[str, Cell]] = {}
    for result in checked:
        for route in result.value.get("routes", ()):
            cell = Cell(route["verdict"], sum(route["rules"].values()), result.at, result.run)
            cells.setdefault(route["route"], {}).setdefault(result.value["check"], cell)
    rows = ((name, tuple(by_check.get(check) for check in checks)) for name, by_check in cells.items())
    return Matrix(checks, tuple(rows))


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/site")
    def site(request: Request) -> Response:
        ledger = context_of(request).ledger
        results = latest_results(ledger)
        return page(
            request, "site.html", matrix=matrix_of(results), purges=_of_check(ledger, "purge", PURGES), mark_of=_mark_of,
            route_path=lambda name: f"/site/routes/{quote(name, safe='')}",
        )  # fmt: skip

    @router.get("/site/routes/{name}")
    def route(request: Request, name: str) -> Response:
        ledger = context_of(request).ledger
        told = [
            Told(result.value["check"], result, each)
            for result in latest_results(ledger)
            if result.value["check"] != "purge"
            for each in result.value.get("routes", ())
            if each["route"] == name
        ]
        if not told:
            raise HTTPException(404, f"no check has said anything of a route {name}")
        found = histories(name, _of_check(ledger, "response", HISTORY))
        marked = _revisions(ledger, {each.result.service for each in told})
        plots = [(each, summary(each), plot(each, marked)) for each in found]
        return page(request, "site_route.html", name=name, told=told, plots=plots, mark_of=_mark_of)

    return router


def _of_check(ledger: Ledger, check: str, limit: int) -> list[Result]:
    """The latest results of the tasks that carry out one check, newest first."""
    word = {"purge": "purge", "response": "measure_response"}[check]
    tasks = [
        task for task in ledger.tasks() if is_site_task(task) and f"rota_site.tasks:{word}" in task.definition
    ]
    found = [result for task in tasks for result in results_of(ledger, task, limit)]
    return sorted(found, key=lambda result: -result.at)[:limit]


def _revisions(ledger: Ledger, services: set[str]) -> list[tuple[int, Instant]]:
    return [
        (one.number, one.applied_at) for service in sorted(services) for one in ledger.revisions(service, 100)
    ]


def _mark_of(verdict: str) -> tuple[str, str]:
    """The sign that a verdict is shown by, and its word."""
    signs = {"ok": "met", "finding": "incident", "failing": "failing"}
    return signs.get(verdict, "unknown"), "cannot tell" if verdict == "inconclusive" else verdict
