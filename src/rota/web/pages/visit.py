"""A visit: signing in with the token, signing out, and the time zone that is shown."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from rota.web.context import context_of
from rota.web.forms import Form, read_form
from rota.web.guard import start_session
from rota.web.problems import Unauthorized
from rota.web.show import ZONE_COOKIE, href

__all__ = ["routes"]


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        context = context_of(request)
        fields = dict(parse_qsl((await request.body()).decode(errors="replace"), max_num_fields=10))
        if not context.security.admits(fields.get("token", "").strip()):
            raise Unauthorized("that is not this ledger's token")
        return start_session(request, context.security, context.clock.now(), href(request, "/"))

    @router.post("/sign-out")
    async def sign_out(request: Request, form: Form = Depends(read_form)) -> Response:
        answer = RedirectResponse(href(request, "/"), 303)
        answer.delete_cookie(context_of(request).security.cookie, path=request.scope.get("root_path") or "/")
        return answer

    @router.post("/zone")
    async def zone(request: Request, form: Form = Depends(read_form)) -> Response:
        answer = RedirectResponse("/" + form.get("back", "").lstrip("/\\"), 303)
        answer.set_cookie(
            ZONE_COOKIE,
            form.get("zone", "UTC"),
            max_age=365 * 24 * 3600,
            path=request.scope.get("root_path") or "/",
            httponly=True,
            samesite="strict",
        )
        return answer

    return router
