"""Callers' own connections, of whichever library: each is asked in its own words, and nothing else is done to it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from rota.ledger.sql.connection import Params, Row

__all__ = ["Asked", "Caller", "OnLoop", "alchemy_of", "is_async"]

T = TypeVar("T")

Asked = tuple[list[tuple[Any, ...]], int]
"""The rows of a statement's answer, and how many it changed."""


def is_async(theirs: Any) -> bool:
    """Whether a caller's connection is one of an event loop: of psycopg's or SQLAlchemy's asyncio part, or asyncpg's.

    >>> is_async(object())
    False
    """
    execute = getattr(theirs, "execute", None)
    return inspect.iscoroutinefunction(inspect.unwrap(execute)) if execute is not None else False


class OnLoop:
    """A caller's connection that belongs to an event loop, lent to work on another thread: each statement is carried out
    on the loop, while the caller waits there. After `end` nothing more is asked of it."""

    def __init__(self, theirs: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.theirs = theirs
        self._loop = loop
        self._ended = False

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out on the loop. Raises `asyncio.CancelledError` once the caller has been cancelled."""
        if self._ended:
            work.close()
            raise asyncio.CancelledError
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def end(self) -> None:
        self._ended = True


class _Ask(Protocol):
    def __call__(self, sql: str, params: Mapping[str, Any]) -> Asked: ...


class Caller:
    """A connection of the ledger's statements over one function that asks."""

    def __init__(self, ask: _Ask, many: Callable[[list[tuple[Any, ...]]], Any] = lambda rows: rows) -> None:
        self._ask = ask
        self._many = many

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self._ask(sql, _named(params))[0]

    def many(self, sql: str, params: Params = ()) -> list[Row]:
        found: list[Row] = self._many(self.rows(sql, params))
        return found

    def run(self, sql: str, params: Params = ()) -> int:
        return max(0, self._ask(sql, _named(params))[1])

    def script(self, sql: str) -> None:
        raise NotImplementedError("nothing is begun or ended on a caller's connection")


def _named(params: Params) -> Mapping[str, Any]:
    return params if isinstance(params, Mapping) else {}


def alchemy_of(theirs: Any) -> Any:
    """The SQLAlchemy connection behind a ``Connection`` or ``Session``, or their asyncio forms in an `OnLoop`; None where
    it is none. Nothing is imported: who hands one in has the library."""
    inner = theirs.theirs if isinstance(theirs, OnLoop) else theirs
    kinds = {f"{kind.__module__.split('.')[0]}.{kind.__name__}" for kind in type(inner).__mro__}
    if kinds & {"sqlalchemy.Session", "sqlalchemy.scoped_session"}:
        return inner.connection()
    if "sqlalchemy.AsyncSession" in kinds and isinstance(theirs, OnLoop):
        return theirs.wait(inner.connection())
    if kinds & {"sqlalchemy.Connection", "sqlalchemy.AsyncConnection"}:
        return inner
    return None
