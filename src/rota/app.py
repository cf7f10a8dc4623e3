"""The composition root: the only file that names adapters. It wires, and owns no rule."""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rota.errors import UsageError

if TYPE_CHECKING:
    from rota.alert.deliverer import Deliverer
    from rota.clock import Clock
    from rota.define.loaded import LoadedRota
    from rota.engine.calls import LedgerThread
    from rota.engine.judge import Routes
    from rota.engine.loop import Step
    from rota.engine.node import Node
    from rota.events import Events
    from rota.ledger.protocol import Ledger
    from rota.settings import Settings

__all__ = [
    "build_deliverer",
    "build_node",
    "deliver",
    "load_rota",
    "open_ledger",
    "open_scratch",
    "read_settings",
]


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process: what is handed in here, else the environment, else the default.

    Raises `UsageError` where one is unknown or out of range.
    """
    from pydantic import ValidationError

    from rota.settings import OTHER_VARIABLES, Settings

    _refuse_misspelt(Settings.model_fields, OTHER_VARIABLES)
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"the setting {name} is not usable",
            expected=first["msg"],
            found=repr(first.get("input")),
            where=f"--{name.replace('_', '-')} or the environment variable ROTA_{name.upper()}",
        ) from None
    if settings.production and settings.apply_on_start:
        raise UsageError(
            "the settings production and apply_on_start exclude each other",
            expected="in production, rota apply after a rehearsal; in development, apply_on_start",
            found="both",
            where="ROTA_PRODUCTION and ROTA_APPLY_ON_START",
        )
    return settings


def _refuse_misspelt(names: Iterable[str], others: AbstractSet[str]) -> None:
    """A variable that is nearly a setting's is a setting that would not be obeyed. Others are somebody else's: a
    task's own environment carries ``ROTA_`` names as well."""
    known = {f"ROTA_{name.upper()}" for name in names}
    for variable in sorted(os.environ.keys() - known - others):
        near = get_close_matches(variable, known, 1, 0.85) if variable.startswith("ROTA_") else []
        if near:
            raise UsageError(
                "an environment variable is not a setting",
                expected=f"one of the settings; the nearest is {near[0]}",
                found=variable,
                where="the environment of this process",
            )


def open_ledger(settings: Settings, *, clock: Clock | None = None, migrate: bool = True) -> Ledger:
    """Open the ledger that the settings name; an older one is brought up to date where ``migrate`` says so."""
    scheme, separator, _ = settings.database_url.partition("://")
    if separator and scheme == "sqlite":
        ledger = _file(settings, clock)
    elif separator and scheme in ("postgresql", "postgres"):
        ledger = _server(settings, clock)
    else:
        raise UsageError(
            "this build serves SQLite and PostgreSQL ledgers",
            expected="sqlite:///FILE or postgresql://USER@HOST/DATABASE",
            found=f"{scheme}://…" if separator else repr(settings.database_url),
            where="the environment variable ROTA_DATABASE_URL",
        )
    if migrate:
        found, serves = ledger.version()
        if found < serves:
            ledger.migrate()
    return ledger


def open_scratch(clock: Clock) -> Ledger:
    """A new ledger to try things on, gone when it is closed."""
    from rota.ledger.sqlite.scratch import ScratchLedger

    ledger = ScratchLedger(clock=clock)
    ledger.migrate()
    return ledger


def _file(settings: Settings, clock: Clock | None) -> Ledger:
    from rota.clock import SystemClock
    from rota.ledger.sqlite.ledger import SqliteLedger

    return SqliteLedger(
        unquote(urlsplit(settings.database_url).path[1:]),
        clock=clock or SystemClock(),
        driver="sqlite3" if settings.sqlite_driver == "sqlite3" else "apsw",
        synchronous="normal" if settings.synchronous == "normal" else "full",
    )


def _server(settings: Settings, clock: Clock | None) -> Ledger:
    try:
        from rota.ledger.postgres.ledger import PostgresLedger
    except ImportError as error:
        raise UsageError(
            "PostgreSQL's driver is not installed", expected="psycopg 3.3 or later", found=str(error),
            where="ROTA_DATABASE_URL", next=["pip install 'rota[postgres]'"],
        ) from None  # fmt: skip
    return PostgresLedger(settings.database_url, clock=clock)


def load_rota(settings: Settings, *, import_code: bool = True) -> LoadedRota:
    """The rota of the file that the settings name, joined with the tasks of the program that they name."""
    from pathlib import Path

    from rota.define.code import put_on_path
    from rota.define.load import load_file

    path = Path(settings.config)
    if settings.app is None:
        return load_file(path, import_code=import_code)
    put_on_path(Path.cwd())
    return _program(settings.app)


def _program(reference: str) -> LoadedRota:
    """The rota of a program's Rota object, by ``module:name``."""
    from rota.define.code import import_module

    module, _, name = reference.partition(":")
    found: Any = import_module(module)
    for part in name.split(".") if name else ():
        found = getattr(found, part, None)
    loaded = getattr(found, "loaded", None)
    if loaded is None:
        raise UsageError(
            f"{reference} is not a Rota object",
            expected="module:name of a rota.Rota",
            found=type(found).__name__,
            where="the setting app",
        )
    return loaded  # type: ignore[no-any-return]  # whatever program it is, `Rota.loaded` is a LoadedRota


def build_node(
    settings: Settings,
    ledger: Ledger,
    loaded: LoadedRota,
    *,
    code: LoadedRota | None = None,
    revision: int = 0,
    clock: Clock | None = None,
    events: Events | None = None,
) -> Node:
    """A node that serves ``loaded``, which is revision ``revision``, from ``ledger``, and later revisions with the functions
    of ``code``; it begins when it is started."""
    from rota import __version__
    from rota.change.pauses import end_pauses
    from rota.change.verify import put_back
    from rota.engine.follower import Follower
    from rota.engine.judge import Judge, Routes
    from rota.engine.node import Node
    from rota.execute.arguments import prepare
    from rota.execute.executors import build_executors

    def beside(thread: LedgerThread, events: Events) -> dict[str, Step]:
        routes = Routes(ledger)
        judge = Judge(ledger, thread, events, routes)
        deliverer = build_deliverer(ledger, thread, routes, loaded.service)
        adopt = lambda rota, number: node.adopt(rota, number)  # noqa: E731, PLW0108 - the node is made after this
        follower = Follower(ledger, thread, code or loaded, revision, adopt)
        return {"judge": judge.step, "deliverer": deliverer.step, "follower": follower.step}

    known = {path: prepare(function) for path, function in loaded.functions.items()}
    executors = build_executors(settings, environment=os.environ, clock=clock, known=known)
    node = Node(
        ledger,
        loaded,
        executors,
        settings=settings,
        clock=clock or ledger.clock,
        events=events,
        version=__version__,
        revision=revision,
        end_pauses=lambda ledger: end_pauses(ledger) + put_back(ledger),
        beside=beside,
    )
    return node


def build_deliverer(ledger: Ledger, thread: LedgerThread, routes: Routes, service: str) -> Deliverer:
    """What sends the messages of a service, with the addresses of this process's environment."""
    from rota.alert.channel import AppriseSender
    from rota.alert.deliverer import Deliverer
    from rota.execute.redact import Redactor

    sender, redact = AppriseSender(os.environ), Redactor(environment=os.environ)
    return Deliverer(ledger, thread, sender, routes, service=service, redact=redact)


def deliver(ledger: Ledger, service: str) -> None:
    """Send what is due in the outbox of a service, once."""
    import asyncio

    from rota.engine.calls import LedgerThread
    from rota.engine.judge import Routes

    thread = LedgerThread()
    try:
        asyncio.run(build_deliverer(ledger, thread, Routes(ledger), service).step())
    finally:
        thread.close()
