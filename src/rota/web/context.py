"""What the pages and the API are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from fastapi import Request

from rota.clock import Clock
from rota.define.loaded import LoadedRota
from rota.events import Events
from rota.ledger.protocol import Ledger
from rota.security import Security, Visitor, open_security
from rota.settings import Settings

__all__ = ["WebContext", "build_context", "context_of", "visitor_of"]


@dataclass(frozen=True, slots=True)
class WebContext:
    """Everything that the web layer is handed; it reaches for nothing else.

    ``pulse`` tells for each loop of this process how many seconds ago it last advanced; an empty one means
    that no node runs in it. ``stopping`` turns True when the server is asked to stop: streams end then.
    ``wake`` has the node look for new runs now, and ``beat`` for runs that it is asked to stop; any thread calls them.
    ``zone`` is the time zone that times are shown in until a visitor picks another.
    """

    ledger: Ledger
    loaded: LoadedRota | None
    settings: Settings
    security: Security
    events: Events
    clock: Clock
    pulse: Callable[[], Mapping[str, float]] = lambda: {}
    stopping: Callable[[], bool] = lambda: False
    wake: Callable[[], None] = lambda: None
    beat: Callable[[], None] = lambda: None
    zone: str = "UTC"


def build_context(
    ledger: Ledger,
    loaded: LoadedRota | None,
    settings: Settings,
    *,
    events: Events,
    clock: Clock,
    pulse: Callable[[], Mapping[str, float]],
    stopping: Callable[[], bool],
    wake: Callable[[], None],
    beat: Callable[[], None],
) -> WebContext:
    """The context over a ledger; its security is opened, and the token made where there is none yet."""
    return WebContext(
        ledger=ledger,
        loaded=loaded,
        settings=settings,
        security=open_security(_folder(settings.database_url), hosts=(settings.host,)),
        events=events,
        clock=clock,
        pulse=pulse,
        stopping=stopping,
        wake=wake,
        beat=beat,
    )


def _folder(database_url: str) -> Path | None:
    """Where the ledger's file is, if it is a file.

    >>> _folder("sqlite:///var/rota.db"), _folder("sqlite:////srv/rota.db")
    (PosixPath('var'), PosixPath('/srv'))
    """
    scheme, _, file = database_url.partition(":///")
    return Path(file).parent if scheme == "sqlite" and file not in ("", ":memory:") else None


def context_of(request: Request) -> WebContext:
    """The context of the app that a request came to."""
    return cast(WebContext, request.app.state.context)


def visitor_of(request: Request) -> Visitor:
    """Who the guard let in."""
    return cast(Visitor, request.scope["rota.visitor"])
