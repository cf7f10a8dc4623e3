"""The nodes: the processes that serve the rota."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.work import NodeRecord
from rota.read.shape import Micros

__all__ = ["NodeView", "node_list"]

SHOWN = 24 * 3600 * SECOND
"""How long a node that is gone is listed."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as people see it. ``silent``: its lease has run out, but nobody has declared it lost yet."""

    id: str
    label: str
    services: str
    queues: str
    version: str
    state: Literal["live", "silent", "left", "lost"]
    started_at: Instant
    beat_at: Instant
    beat_ago: Micros
    slots: int
    busy: int
    lag: Micros | None  # of its latest first starts, p99
    clock_offset: int | None  # microseconds that its own wall clock is ahead of the ledger's


def node_list(ledger: Ledger) -> list[NodeView]:
    """The live nodes, and those that went in the last day; the live ones first."""
    now = ledger.now()
    views = [_view(node, now) for node in ledger.nodes(live=False) if _shown(node, now)]
    order = {"live": 0, "silent": 1, "lost": 2, "left": 3}
    return sorted(views, key=lambda view: (order[view.state], view.label, view.started_at))


def _shown(node: NodeRecord, now: int) -> bool:
    return node.state == "live" or now - node.beat_at < SHOWN


def _view(node: NodeRecord, now: Instant) -> NodeView:
    silent = node.state == "live" and node.lease_until < now
    return NodeView(
        id=node.id,
        label=node.label,
        services=node.services,
        queues=node.queues,
        version=node.version,
        state="silent" if silent else node.state,
        started_at=node.started_at,
        beat_at=node.beat_at,
        beat_ago=Micros(max(0, now - node.beat_at)),
        slots=node.slots,
        busy=node.busy,
        lag=None if node.lag is None else Micros(node.lag),
        clock_offset=node.clock_offset,
    )
