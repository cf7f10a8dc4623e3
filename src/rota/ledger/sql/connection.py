"""What the SQL ledgers need of a driver and of a store of connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["Connection", "Params", "Row", "Store"]

Params = Mapping[str, Any] | Sequence[Any]
Row = Sequence[Any]
T = TypeVar("T")


class Connection(Protocol):
    """A connection in the hands of one piece of work."""

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]: ...

    def many(self, sql: str, params: Params = ()) -> Sequence[Row]:
        """The rows of a statement that may answer with many: each dialect has a quicker way than one by one."""
        ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Run a statement; returns how many rows it changed."""
        ...

    def script(self, sql: str) -> None: ...


class Store(Protocol):
    """Hands connections to work, and maps the driver's faults. Work may be called again where a store says so."""

    def write(
        self, work: Callable[[Connection], T], *, alone: bool = False, within: float | None = None
    ) -> T:
        """Work in one transaction; ``alone``: no other such work of any node goes on at the same time. ``within``:
        seconds that an answer is worth waiting for, where a store can tell."""
        ...

    def read(self, work: Callable[[Connection], T]) -> T:
        """Work of single statements: each sees the latest commit, and waits for no writer."""
        ...

    def view(self, work: Callable[[Connection], T]) -> T:
        """Work over one consistent view."""
        ...

    def join(self, theirs: Any, work: Callable[[Connection], T]) -> T:
        """Work on the caller's own connection, as a part of the caller's transaction."""
        ...

    def close(self) -> None: ...
