"""What stands around a stage: places to halt at, work beside other work, addresses, and what is said at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.faults.report import Row

from rota.app import open_ledger, read_settings
from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.read.audit import Audit, audit

__all__ = ["Halt", "Place", "beside", "told"]

T = TypeVar("T")

LAGS = {"p50": 0.5, "p99": 0.99, "max": 1.0}


class Halt:
    """A place where somebody stands still until he is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go = threading.Event()

    def here(self) -> None:
        self.reached.set()
        assert self.go.wait(20)

    def let_go(self) -> None:
        self.go.set()


def beside(work: Callable[[], T]) -> Future[T]:
    """Do it on a thread of its own."""
    pool = ThreadPoolExecutor(1)
    done = pool.submit(work)
    pool.shutdown(wait=False)
    return done


@dataclass(frozen=True)
class Place:
    """The address of a ledger for real processes, in real time."""

    kind: str
    url: str
    row: Row | None = None

    def open(self) -> Ledger:
        return open_ledger(read_settings(database_url=self.url))

    def audit(self, ledger: Ledger, since: Instant, until: Instant, **said: Any) -> Audit:
        return told(self.kind, audit(ledger, since, until), said, self.row)


def told(kind: str, found: Audit, said: Mapping[str, Any], row: Row | None) -> Audit:
    """Say what an audit found, and hold it to nothing broken."""
    words = ", ".join(f"{name} {value}" for name, value in said.items())
    lag = ", ".join(f"{name} {found.late(share) / SECOND:.3f} s" for name, share in LAGS.items())
    print(
        f"\n{kind}: {words}: expected {found.expected}, by run {found.by_run}, in ranges {found.in_range}, breaches "
        f"{dict(found.breaches)}, states {dict(found.states)}, attempts {dict(found.attempts)}, lag {lag}"
    )
    if row is not None:  # a line of the table that is printed at the end
        row.fill(found, seed=said.get("seed", 0), stale=0, doubled=0, recovery=said.get("recovery"))
        row.values["fault"] = ", ".join([row.name, kind, *([said["zone"]] if "zone" in said else ())])
    assert found.holds, found.examples
    return found
