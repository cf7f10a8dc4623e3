"""Rota in a program of one's own: define tasks, hand in runs, and carry them out inside the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from rota.app import build_node, open_ledger, read_settings
from rota.change.hand_in import HandIn
from rota.define.decorator import TaskRegistry
from rota.define.options import QueueOptions, TaskOptions
from rota.errors import UsageError
from rota.ledger.sql.callers import OnLoop, is_async

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rota.clock import Clock
    from rota.define.loaded import LoadedRota
    from rota.engine.node import Node
    from rota.ledger.protocol import Ledger
    from rota.ledger.records import Enqueued
    from rota.settings import Settings

__all__ = ["Rota"]

_log = logging.getLogger("rota")

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")


class Rota:
    """All tasks of one service, and the way to hand in runs of them.

    ``file`` is a rota.toml whose tasks are served beside the decorated ones; ``timezone`` and ``queues`` are the
    decorated ones' own; ``alerts`` are the keys of a file's ``[alerts]``. ``settings`` are those of `rota.settings.Settings`, by name; what is not given comes
    from the environment.

    >>> rota = Rota(service="web")
    >>> @rota.task(schedule="*/15 * * * *", owner="web@example.org", expects="the sitemap lists every article",
    ...            rollback="restore the previous sitemap")
    ... async def rebuild_sitemap() -> None: ...
    >>> sorted(rota.loaded.tasks)
    ['rebuild-sitemap']
    """

    def __init__(
        self,
        service: str,
        *,
        file: str | Path | None = None,
        timezone: str = "UTC",
        queues: Mapping[str, QueueOptions] | None = None,
        alerts: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> None:
        self.service = service
        self._file = Path(file) if file is not None else None
        self._registry = TaskRegistry(service, timezone, queues or {}, alerts or {})
        self._overrides = settings
        self._clock = clock
        self._opened: tuple[Ledger, HandIn] | None = None
        self._loaded: LoadedRota | None = None
        self.node: Node | None = None

    # -- defining

    def task(self, **options: Unpack[TaskOptions]) -> Callable[[F], F]:
        """Make a function a task. The function itself is returned unchanged.

        Raises `rota.errors.DefinitionErrors`, with the file and line of the function, where the
        options do not make a task.
        """
        self._loaded = None
        return self._registry.task(**options)

    @property
    def loaded(self) -> LoadedRota:
        """The rota as it stands: decorated tasks, joined with the file's."""
        if self._loaded is None:
            beside = None
            if self._file is not None:
                from rota.define.load import load_file

                beside = load_file(self._file)
            self._loaded = self._registry.loaded(beside=beside)
        return self._loaded

    @property
    def settings(self) -> Settings:
        """What holds in this process: what was handed in here, else the environment, else the default."""
        return read_settings(**self._overrides)

    # -- handing in

    async def enqueue(
        self,
        task: str,
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        key: str | None = None,
        args: Mapping[str, Any] | None = None,
        priority: int | None = None,
        if_exists: Literal["replace", "keep"] = "replace",
        connection: Any = None,
    ) -> Enqueued:
        """Record a run of ``task``: as soon as may be, ``at`` an instant (aware), or after a ``delay``.

        A ``key`` names at most one run that has not started: handed in again, that run is moved to the new
        time and arguments (``if_exists="replace"``) or left as it is (``"keep"``), and ``created`` is False.
        With ``connection`` the run is recorded in the caller's transaction: it is there if that commits, and
        was never there if it does not. The call returns once it is recorded.

        Raises `rota.errors.ArgumentsError` where ``args`` do not fit the function's signature, `UnknownName`
        where there is no such task, `LedgerUnreachable` where the ledger cannot be had.
        """
        return await self._in_thread(
            connection,
            lambda theirs: self.enqueue_sync(
                task, at=at, delay=delay, key=key, args=args, priority=priority, if_exists=if_exists, connection=theirs
            ),
        )  # fmt: skip

    def enqueue_sync(
        self,
        task: str,
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        key: str | None = None,
        args: Mapping[str, Any] | None = None,
        priority: int | None = None,
        if_exists: Literal["replace", "keep"] = "replace",
        connection: Any = None,
    ) -> Enqueued:
        """As `enqueue`, for plain functions."""
        done = self._hand_in().enqueue(
            task, at=at, delay=delay, key=key, args=args, priority=priority, if_exists=if_exists, connection=connection
        )  # fmt: skip
        self._wake(connection)
        return done

    async def enqueue_many(
        self,
        task: str,
        args: Iterable[Mapping[str, Any] | None],
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        priority: int | None = None,
        connection: Any = None,
    ) -> list[Enqueued]:
        """Record a run of ``task`` for each of ``args``, in one transaction: all of them or none.

        They differ in their arguments only, and have no key. What is returned is in the order of ``args``. Of very many,
        hand in some thousand at a time, so that no transaction is long. Raises as `enqueue` does.
        """
        return await self._in_thread(
            connection,
            lambda theirs: self.enqueue_many_sync(
                task, args, at=at, delay=delay, priority=priority, connection=theirs
            ),
        )

    def enqueue_many_sync(
        self,
        task: str,
        args: Iterable[Mapping[str, Any] | None],
        *,
        at: datetime | None = None,
        delay: timedelta | None = None,
        priority: int | None = None,
        connection: Any = None,
    ) -> list[Enqueued]:
        """As `enqueue_many`, for plain functions."""
        done = self._hand_in().enqueue_many(
            task, args, at=at, delay=delay, priority=priority, connection=connection
        )
        self._wake(connection)
        return done

    async def schedule(
        self,
        task: str,
        *,
        key: str,
        args: Mapping[str, Any] | None = None,
        connection: Any = None,
        **rule: Any,
    ) -> None:
        """Add a schedule of ``task`` under ``key``, or change the one that is there.

        The rule is given as in rota.toml: ``cron=``, ``every=``, ``at=`` or ``rrule=``, with ``timezone=``,
        ``start=``, ``end=`` and the rest. The task's owner, expected result, rollback and policies hold for it.
        """
        await self._in_thread(
            connection, lambda theirs: self.schedule_sync(task, key=key, args=args, connection=theirs, **rule)
        )

    def schedule_sync(
        self,
        task: str,
        *,
        key: str,
        args: Mapping[str, Any] | None = None,
        connection: Any = None,
        **rule: Any,
    ) -> None:
        """As `schedule`, for plain functions."""
        timezone = rule.pop("timezone", "UTC")
        self._hand_in().schedule(task, key, rule, timezone=timezone, args=args, connection=connection)
        self._wake(connection)

    async def unschedule(self, task: str, *, key: str, connection: Any = None) -> bool:
        """Retire the schedule under ``key``; False where there is none."""
        return await self._in_thread(
            connection, lambda theirs: self.unschedule_sync(task, key=key, connection=theirs)
        )

    def unschedule_sync(self, task: str, *, key: str, connection: Any = None) -> bool:
        """As `unschedule`, for plain functions."""
        return self._hand_in().unschedule(task, key, connection=connection)

    # -- carrying out, inside the service

    def install(self, app: FastAPI, *, prefix: str = "/rota") -> None:
        """Serve the tasks inside a FastAPI service: its lifespan starts and drains a node, and the pages and the
        API stand under ``prefix``. The service's own lifespan goes on working."""
        from rota.install import install

        install(self, app, prefix=prefix)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """A node inside this program, for as long as the block lasts; drained at its end."""
        node = await self.start()
        try:
            yield node
        finally:
            await self.stop()

    async def start(self) -> Node:
        """Start a node on the running event loop. It serves what is applied: the first start applies the tasks of this
        program, later ones only where the setting ``apply_on_start`` says so."""
        if self.node is not None:
            raise UsageError(
                "the node of this Rota is running already", expected="one start", found="a second"
            )
        from rota.change.begin import begin

        ledger, settings = self.ledger, self.settings
        always = settings.apply_on_start
        begun = await asyncio.to_thread(
            begin, ledger, self.loaded, apply_on_start=always, author=self.service
        )
        if begun.is_pending:
            _log.warning("the tasks of this program are not as they are applied; serving revision %d of %s. Apply: rota --app MODULE:NAME apply -m WHY, or in development apply_on_start=True", begun.number, self.service)  # fmt: skip
        node = build_node(settings, ledger, begun.rota, code=self.loaded, revision=begun.number, clock=self._clock)  # fmt: skip
        await node.start()
        self.node = node
        return node

    async def stop(self, drain: float | None = None) -> None:
        """Drain the node and close the ledger."""
        node, self.node = self.node, None
        if node is not None:
            await node.stop(drain)
        self.close()

    @property
    def ledger(self) -> Ledger:
        """This process's ledger, opened when it is first asked for."""
        return self._open()[0]

    def close(self) -> None:
        """Close the ledger, if it was opened."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened[0].close()

    # -- inside

    def _open(self) -> tuple[Ledger, HandIn]:
        if self._opened is None:
            ledger = open_ledger(self.settings, clock=self._clock)
            self._opened = ledger, HandIn(ledger, self.loaded)
        return self._opened

    def _hand_in(self) -> HandIn:
        return self._open()[1]

    def _wake(self, connection: Any) -> None:
        """A run of our own transaction can start now; one of the caller's is found once that has committed."""
        if self.node is not None and connection is None:
            self.node.wake_soon()

    async def _in_thread(self, connection: Any, call: Callable[[Any], R]) -> R:
        """Our own connection is used on a thread; the caller's stays where the caller has it. One of an event loop is
        asked there, statement by statement, by work on a thread; if the caller is cancelled, that comes to its end first,
        so that nothing is asked of the connection behind the caller's back."""
        if connection is None:
            return await asyncio.to_thread(call, None)
        if not is_async(connection):
            return call(connection)
        lent = OnLoop(connection, asyncio.get_running_loop())
        work = asyncio.ensure_future(asyncio.to_thread(call, lent))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            lent.end()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # whatever became of it, the caller is cancelled
            raise
