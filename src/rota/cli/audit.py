"""`rota audit`: does history hold what was promised?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.cli.output import Cell, Output
    from rota.read.audit import Audit

__all__ = ["audit_"]

BROKEN = 3

BREACHES = ("missing", "twice", "unexpected", "miscounted", "early", "restarted", "overlapping", "orphaned")
"""The promises that can be broken, in the order in which they are told."""


def audit_(
    context: typer.Context,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From when on: ISO 8601, or for instance '2h ago'.")
    ] = "24h ago",
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Up to when; if not said, up to what must have its record by now: a lease and ten seconds ago.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare history with the schedules: every occurrence accounted for, once.

    Works out from the schedules and their revisions what had to happen, and asks the ledger for a record of each.
    Exits with 3 if a promise was broken. It only reads, and can be asked of a ledger in use.
    """
    from rota.cli.times import moment
    from rota.clock import SECOND, Instant
    from rota.read.audit import audit

    session = session_of(context)
    settings = session.settings()
    with session.ledger() as ledger:
        now = ledger.now()
        kept = Instant(now - int(settings.retention * SECOND))
        begin = max(moment(since, now, where="--since"), kept)
        settled = Instant(now - int((settings.lease + 10) * SECOND))
        end = settled if until is None else min(moment(until, now, where="--until"), now)
        found = audit(ledger, begin, end)
    out = session.output(json)
    if json:
        out.document({"audit": as_members(found)})
    else:
        _print(out, found)
    if not found.holds:
        raise typer.Exit(BROKEN)


def as_members(found: Audit) -> dict[str, Any]:
    """The audit as JSON: counts, lateness in seconds, and the first breaches one by one."""
    from rota.clock import SECOND
    from rota.read.shape import iso

    return {
        "holds": found.holds,
        "since": iso(found.since),
        "until": iso(found.until),
        "schedules": found.schedules,
        "expected": found.expected,
        "accounted": {"by_run": found.by_run, "in_range": found.in_range},
        "breaches": {sort: found.breaches[sort] for sort in BREACHES},
        "runs": dict(found.states),
        "attempts": dict(found.attempts),
        "leases_lost": found.nodes_lost,
        "lateness_seconds": {
            "p50": found.late(0.5) / SECOND, "p99": found.late(0.99) / SECOND, "max": found.late(1.0) / SECOND,
        },
        "examples": [
            {"breach": one.sort, "subject": one.subject, "at": iso(one.at), "run": one.run_id} for one in found.examples
        ],
    }  # fmt: skip


def _print(out: Output, found: Audit) -> None:
    from rota.cli.output import Cell
    from rota.read.shape import iso
    from rota.read.words import count, length

    def told(sort: str) -> str | Cell:
        number = found.breaches[sort]
        return Cell(f"{number:,}", "bold red") if number else "0"

    out.pairs(
        [
            ("audited", f"{iso(found.since)} to {iso(found.until)}, {count(found.schedules, 'schedule')}"),
            ("expected", f"{found.expected:,}"),
            ("by a run", f"{found.by_run:,}"),
            ("in a range", f"{found.in_range:,}"),
            *((sort, told(sort)) for sort in BREACHES),
            ("lateness", f"p50 {length(found.late(0.5))}, p99 {length(found.late(0.99))}, max {length(found.late(1.0))}"),
            ("runs", _counts(found.states)),
            ("attempts", _counts(found.attempts)),
            ("leases lost", f"{found.nodes_lost:,}"),
        ]
    )  # fmt: skip
    for one in found.examples:
        where = f", run {one.run_id}" if one.run_id is not None else ""
        out.line(f"{one.sort}: {one.subject} at {iso(one.at)}{where}", "red")
    if not found.holds:
        out.line("a promise was broken; next: rota log RUN, rota task TASK")


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counted.items())) or "none"
