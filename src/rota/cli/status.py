"""How things are: the whole, and the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.cli.output import Output
    from rota.clock import Instant
    from rota.ledger.protocol import Ledger
    from rota.read.overview import Overview

__all__ = ["nodes_", "status_"]

NOT_AS_IT_SHOULD_BE = 3

_SORTS = (
    "attention",
    "failing",
    "late",
    "stuck",
    "stale",
    "missed",
    "paused",
    "expired",
    "incident",
    "undelivered",
    "node-lost",
    "no-node",
)


def status_(
    context: typer.Context,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="Exit with 3 if something is late, failing, stuck, stale, missed, paused, expired, incident, undelivered, node-lost or no-node; attention: any of these. May be repeated.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what needs attention, what runs and what is due."""
    from rota.read.overview import overview
    from rota.read.shape import as_json
    from rota.read.upcoming import upcoming

    session = session_of(context)
    wanted = _wanted(fail_if or ())
    with session.ledger() as ledger:
        found = overview(ledger)
        due = upcoming(ledger, found.hour_until, 5)
        late = "late" in wanted and _is_late(ledger)
    out = session.output(json)
    if json:
        out.document({"status": as_json(found), "next": as_json(due)})
    else:
        _print(out, found)
        _print_due(out, [(entry.at, entry.task) for entry in due], found.now)
    if late or any("attention" in wanted or item.sort in wanted for item in found.attention):
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def nodes_(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the nodes: the live ones, and those that went in the last day."""
    from rota.cli.output import Cell
    from rota.read.nodes import node_list
    from rota.read.shape import as_json
    from rota.read.words import length, offset, relative

    session = session_of(context)
    with session.ledger() as ledger:
        found = node_list(ledger)
        now = ledger.now()
    out = session.output(json)
    if json:
        out.document({"nodes": as_json(found)})
        return
    styles = {"live": "green", "silent": "red", "lost": "red"}
    rows = [
        (
            node.id[:8],
            Cell(node.state, styles.get(node.state, "dim")),
            f"{node.busy}/{node.slots}",
            "-" if node.lag is None else length(node.lag),
            offset(node.clock_offset),
            relative(node.started_at, now),
            relative(node.beat_at, now),
            node.version,
            node.label,
        )
        for node in found
    ]
    heads = ("NODE", "STATE", "BUSY", "LAG", "CLOCK", "STARTED", "SEEN", "VERSION", "LABEL")
    out.table(
        heads,
        rows,
        empty="no node has run in the last day; next: rota run",
        spare=("VERSION", "STARTED", "CLOCK", "LAG"),
    )


def _is_late(ledger: Ledger) -> bool:
    """Whether anything due has no record. Attention alone does not say: of a task it names only the gravest."""
    from rota.cli.tasks import all_tasks

    return any(row.strip and row.strip[-1].sort == "unrecorded" for row in all_tasks(ledger))


def _wanted(asked: Sequence[str]) -> set[str]:
    from rota.errors import UsageError, nearest

    names = {name.strip() for text in asked for name in text.split(",")}
    for name in sorted(names - set(_SORTS)):
        near = nearest(name, _SORTS)
        raise UsageError(
            f"nothing can be {name!r}" + (f" (did you mean {near}?)" if near else ""),
            expected="one of " + ", ".join(_SORTS),
            found=repr(name),
            where="--fail-if",
        )
    return names


def _print(out: Output, found: Overview) -> None:
    from rota.cli.marks import SPARE, condition_cell, run_rows
    from rota.read.words import count

    live = sum(node.state == "live" for node in found.nodes)
    day = ", ".join(f"{number:,} {state}" for state, number in sorted(found.day.items())) or "no runs"
    out.pairs(
        [
            ("tasks", str(found.tasks)),
            ("nodes", f"{live} live"),
            ("last 24 hours", day),
            (
                "attention",
                count(len(found.attention), "thing") if found.attention else "nothing needs attention",
            ),
        ]
    )
    if found.attention:
        rows = [
            (condition_cell(item.sort), item.subject, item.owner or "-", item.words)
            for item in found.attention
        ]
        out.line()
        out.table(("WHAT", "WHERE", "OWNER", "WHY"), rows, spare=("OWNER",))
    if found.running:
        heads, running = run_rows([item.run for item in found.running])
        out.line()
        out.table(heads, running, spare=SPARE)


def _print_due(out: Output, due: list[tuple[Instant, str]], now: Instant) -> None:
    from rota.cli.marks import utc
    from rota.read.words import relative

    if due:
        out.line()
        rows = [(utc(at), relative(at, now), task) for at, task in due]
        out.table(("NEXT", "LEFT", "TASK"), rows)
