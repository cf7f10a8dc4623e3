"""Errors as answers: RFC 9457 problem details for programs, a plain page for people. Never a traceback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rota.errors import Refused, Retriable, RotaError
from rota.web.show import page

__all__ = [
    "PROBLEM",
    "Problem",
    "TooLarge",
    "Unauthorized",
    "fault",
    "install_handlers",
    "problem",
    "refusal",
]

PROBLEM = "application/problem+json"


class Problem(RotaError):
    """An error of HTTP itself: no such page, a method that is not taken, a fault of ours."""

    kind = "http"

    def __init__(self, status: int, what: str, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.status = status


class Unauthorized(Refused):
    """No token, or a wrong one."""

    kind = "unauthorized"
    status = 401

    def __init__(self, what: str = "the pages and the API need the token") -> None:
        super().__init__(
            what,
            expected="the address that `rota run` prints, or the header Authorization: Bearer TOKEN",
            found="no token that is this ledger's",
            retry=Retriable(True, "with the token; nothing was changed"),
            next=("rota status",),
        )


class TooLarge(RotaError):
    """A body that is larger than is taken."""

    kind = "too-large"
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(
            "the request is too large",
            expected=f"a body of at most {limit} bytes",
            found="more",
            retry=Retriable(False, "at that size"),
        )


def problem(error: RotaError, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error as problem details, with Retry-After where a time is known."""
    found = dict(headers or {})
    if error.retry.after is not None:
        found["Retry-After"] = str(max(1, math.ceil(error.retry.after)))
    elif error.status == 503:
        found["Retry-After"] = "1"
    if error.status == 401:
        found["WWW-Authenticate"] = 'Bearer realm="rota"'
    return JSONResponse(error.as_problem(), error.status, found, PROBLEM)


def refusal(request: Request, error: RotaError, headers: dict[str, str] | None = None) -> Response:
    """The error as the one who asked can read it."""
    answer = problem(error, headers)
    if _wants_page(request):
        template = "sign-in.html" if error.status == 401 else "error.html"
        shown = page(request, template, status=error.status, error=error)
        for name in ("retry-after", "allow", "www-authenticate"):
            if name in answer.headers:
                shown.headers[name] = answer.headers[name]
        return shown
    return answer


def _wants_page(request: Request) -> bool:
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    if path.startswith(("/api/", "/static/", "/livez", "/readyz", "/events")):
        return False
    return "text/html" in request.headers.get("accept", "text/html")


def install_handlers(app: FastAPI) -> None:
    """Have every error of the app answered here."""

    @app.exception_handler(RotaError)
    async def known(request: Request, error: RotaError) -> Response:
        return refusal(request, error)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, RotaError):  # raised by us while FastAPI read the body
            return refusal(request, error.__cause__)
        return refusal(request, _of_http(request, error), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return refusal(request, _of_validation(error.errors()))


def _of_http(request: Request, error: HTTPException) -> Problem:
    path = request.url.path
    if error.status_code == 404:
        return Problem(
            404,
            f"there is nothing at {path}",
            found=path,
            retry=Retriable(False, "under that address"),
            next=("GET /api/v1/openapi.json",),
        )
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow") or (error.headers or {}).get("allow")
        return Problem(
            405,
            f"{request.method} is not taken at {path}",
            expected=allowed,
            found=request.method,
            retry=Retriable(False, "with that method"),
        )
    return Problem(error.status_code, str(error.detail), retry=Retriable("after-check", "see the status"))


def _of_validation(errors: Sequence[Any]) -> Problem:
    first = errors[0] if errors else {}
    place = ".".join(str(part) for part in first.get("loc", ()))
    return Problem(
        422,
        "the request is not as it should be: " + "; ".join(_said(error) for error in errors[:5]),
        expected=str(first.get("msg", "")) or None,
        found=repr(first.get("input"))[:200] if "input" in first else None,
        where=place or None,
        retry=Retriable(True, "once it is corrected; nothing was changed"),
    )


def _said(error: Any) -> str:
    return f"{'.'.join(str(part) for part in error.get('loc', ()))}: {error.get('msg', '')}"


def fault(error: Exception) -> Problem:
    """What is told of a fault of ours: that it is one, and no more."""
    return Problem(
        500,
        "a fault in Rota; its log has the details",
        found=type(error).__name__,
        retry=Retriable("after-check", "look first whether what was asked has happened"),
        next=("rota doctor",),
    )
