"""The site as one ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from newsroom import security
from newsroom.duties import NOBODY, HandedToRota, hand_over_all
from newsroom.headers import ReplyHeaders
from newsroom.page import NeedsEditor, NeedsReader, Site, html
from newsroom.pages import account, editorial, files, machine, public
from newsroom.settings import Settings
from newsroom.store import Store

if TYPE_CHECKING:
    from rota import Rota

__all__ = ["create_app"]


def create_app(
    settings: Settings | None = None, store: Store | None = None, rota: Rota | None = None
) -> FastAPI:
    """The site over a store; by default over the one that the environment names.

    With a ``rota`` a node of it runs inside the site, and its pages stand under ``/rota``.
    """
    settings = settings or Settings.from_environment()
    store = store or Store(settings.database)
    duties = HandedToRota(rota) if rota else NOBODY

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(hand_over_all, store, duties)
        yield

    app = FastAPI(
        title="Ferret Notes",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.site = Site(store, settings, security.secret(settings.var), duties)
    for routes in (public, files, account, editorial, machine):
        app.include_router(routes.routes)
    app.add_middleware(ReplyHeaders, faults=settings.faults)
    app.add_exception_handler(HTTPException, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(NeedsReader, _needs_reader)
    app.add_exception_handler(NeedsEditor, _needs_editor)
    if rota:
        rota.install(app, prefix="/rota")
    return app


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if request.url.path.startswith("/api/"):
        return JSONResponse({"title": error.detail, "status": error.status_code}, error.status_code, headers)
    return html(
        "error.html", status=error.status_code, headers=headers, code=error.status_code, detail=error.detail
    )


async def _invalid(request: Request, error: Exception) -> Response:
    """A number that is none in an address is an address that does not exist."""
    if request.method in ("GET", "HEAD"):
        return await _failed(request, HTTPException(404, "There is nothing at this address."))
    return await _failed(
        request, HTTPException(422, "The form was not filled in as expected; nothing was changed.")
    )


async def _needs_reader(request: Request, error: Exception) -> Response:
    return RedirectResponse(f"/login?next={request.url.path if request.method == 'GET' else '/me'}", 303)


async def _needs_editor(request: Request, error: Exception) -> Response:
    return await _failed(request, HTTPException(403, "This page is for editors."))
