"""The web app: pages, API and health behind one guard. It is made here, and served by others."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from rota.security import keep_token_out_of_access_log
from rota.web.added import added_pages
from rota.web.api import api_router
from rota.web.context import WebContext
from rota.web.guard import Guard
from rota.web.health import health_router
from rota.web.live import Watch, live_router
from rota.web.pages import page_router
from rota.web.problems import install_handlers
from rota.web.show import STATIC, templates

__all__ = ["create_app"]


def create_app(context: WebContext) -> FastAPI:
    """Pages, API and health over one ledger.

    It has no lifespan of its own, so it may be served alone or mounted under a prefix of another app
    (``app.mount("/rota", create_app(context))``): all its links keep to the prefix.
    """
    app = FastAPI(
        title="Rota",
        summary="Scheduled tasks: what is due, what ran, and what became of it.",
        version="1",
        docs_url=None,  # both would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
    )
    added = added_pages()
    app.state.context = context
    app.state.added = added
    app.state.templates = templates(*(each.templates for each in added))
    app.state.watch = Watch(context)
    app.include_router(health_router())
    app.include_router(api_router())
    app.include_router(live_router())
    app.include_router(page_router())
    for each in added:
        app.include_router(each.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    install_handlers(app)
    app.add_middleware(Guard, context=context)
    keep_token_out_of_access_log()
    return app
