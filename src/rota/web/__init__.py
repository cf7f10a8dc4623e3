"""Pages and API over the ledger: `create_app` makes them from a `WebContext`."""

from rota.web.app import create_app
from rota.web.context import WebContext

__all__ = ["WebContext", "create_app"]
