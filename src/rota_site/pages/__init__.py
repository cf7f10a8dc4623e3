"""The Site page of the dashboard: routes by check, and what was seen."""

from __future__ import annotations

from pathlib import Path

from rota.errors import LedgerError
from rota.web.added import AddedPages
from rota.web.context import WebContext
from rota_site.pages.matrix import routes
from rota_site.results import is_site_task

__all__ = ["pages"]


def pages() -> AddedPages:
    """What `rota.web.added` asks for."""
    return AddedPages("Site", "/site", routes(), Path(__file__).parent / "templates", _has_checks)


def _has_checks(context: WebContext) -> bool:
    """A ledger that is away has no pages to lead to, and the page that says so is not to fail by it."""
    try:
        return _any(context)
    except LedgerError:
        return False


def _any(context: WebContext) -> bool:
    return any(is_site_task(task) for task in context.ledger.tasks())
