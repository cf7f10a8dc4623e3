"""What a fault test has found: the audit, the tasks' own notes, and the row of the table that is printed at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.read.audit import Audit, audit

__all__ = ["COLUMNS", "Row", "checked"]

COLUMNS = ("no", "fault", "seed", "seconds", "expected", "lost", "doubled", "early", "stale", "other", "attempts lost",
           "lag p50", "p99", "max", "recovery")  # fmt: skip


@dataclass
class Row:
    """One fault, tried."""

    number: int
    name: str
    began: float = field(default_factory=time.monotonic)
    values: dict[str, Any] = field(default_factory=dict)

    def fill(self, found: Audit, *, seed: int, stale: int, doubled: int, recovery: float | None) -> None:
        counted = found.breaches
        lost = counted["missing"] + counted["orphaned"]
        twice = counted["twice"] + doubled
        known = {"missing", "orphaned", "twice", "early"}
        self.values = {
            "no": self.number, "fault": self.name, "seed": seed, "seconds": round(time.monotonic() - self.began, 1),
            "expected": found.expected, "lost": lost, "doubled": twice, "early": counted["early"], "stale": stale,
            "other": sum(n for sort, n in counted.items() if sort not in known), "attempts lost": found.attempts["lost"],
            "lag p50": _ms(found.late(0.5)), "p99": _ms(found.late(0.99)), "max": _ms(found.late(1.0)),
            "recovery": "-" if recovery is None else f"{recovery:.1f} s",
        }  # fmt: skip

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.values.items())


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:,.0f} ms"


def checked(
    row: Row,
    ledger: Ledger,
    since: Instant,
    until: Instant,
    starts: Path | None,
    seed: int,
    least: int,
    recovery: float | None,
    log: Callable[[], str],
) -> Row:
    """Audit [since, until), hold it against what the tasks' bodies noted, and insist that all is zero."""
    found = audit(ledger, since, until)
    doubled, stale = _bodies(ledger, starts) if starts is not None else (0, 0)
    row.fill(found, seed=seed, stale=stale, doubled=doubled, recovery=recovery)
    print(
        f"\n{row}\n  by a run {found.by_run}, in a range {found.in_range}, states {dict(found.states)}, attempts {dict(found.attempts)}"
    )
    wrong = {
        name: row.values[name] for name in ("lost", "doubled", "early", "stale", "other") if row.values[name]
    }
    assert not wrong, f"{wrong}: {found.examples[:8]}\n{log()}"
    assert found.expected >= least, (
        f"only {found.expected} occurrences: too few to have tried anything\n{log()}"
    )
    return row


def _bodies(ledger: Ledger, starts: Path) -> tuple[int, int]:
    """(bodies that began twice under one token or without a record, outcomes that stand under another token than their
    latest attempt's). Each line of the file is one body that began: run, attempt, token."""
    seen: Counter[tuple[int, int]] = Counter()
    for line in starts.read_text().splitlines():
        run_id, _, token = (int(part) for part in line.split()[:3])
        seen[run_id, token] += 1
    doubled = sum(count - 1 for count in seen.values())
    latest = {}
    for run_id, token in seen:
        latest[run_id] = max(token, latest.get(run_id, 0))
    tokens = {run.id: run.token for run in _all(ledger)}
    doubled += sum(run_id not in tokens for run_id in latest)
    stale = sum(token > (tokens.get(run_id) or 0) for run_id, token in latest.items() if run_id in tokens)
    return doubled, stale


def _all(ledger: Ledger) -> list[Any]:
    runs = page = ledger.runs(RunFilter(limit=5000, order="oldest"))
    while page:
        page = ledger.runs(RunFilter(limit=5000, order="oldest", after=page[-1].id))
        runs = runs + page
    return runs
