"""All that a rehearsal found, as one value: what the terminal, the JSON and the page show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rota.clock import Instant, from_instant
from rota.rehearse.budget import Verdict
from rota.rehearse.figures import Collision, Figures, Hour, OfTask
from rota.rehearse.prove import Proof

__all__ = ["Executed", "Report", "WhatIf", "as_json"]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A play of the worst days once more, with one thing changed."""

    name: str
    begin: Instant
    end: Instant
    figures: Figures


@dataclass(frozen=True, slots=True)
class Executed:
    """A task that was really run, once, with ``ROTA_REHEARSAL=1``."""

    task: str
    state: str
    took: int
    error: str | None
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """``base`` is the number of the revision that was copied, 0 for none; ``digests`` are of it and of what was applied."""

    service: str
    base: int
    digests: tuple[str, str]
    begin: Instant
    end: Instant
    seed: int
    nodes: int
    slots: dict[str, int]
    figures: Figures
    tasks: tuple[OfTask, ...]
    hours: tuple[Hour, ...]
    by_hour: dict[str, dict[int, int]]  # task -> hour -> what fell due
    clock_changes: tuple[str, ...]
    collisions: tuple[Collision, ...]
    what_if: tuple[WhatIf, ...]
    proofs: tuple[Proof, ...]
    budget: tuple[Verdict, ...]
    executed: tuple[Executed, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it went back to what it was, kept to its budget, and what was run succeeded."""
        return (
            all(proof.holds for proof in self.proofs)
            and all(verdict.holds for verdict in self.budget)
            and all(one.state == "succeeded" for one in self.executed)
        )


def as_json(report: Report) -> dict[str, Any]:
    """The report as a JSON object: instants as ISO 8601, lengths in seconds."""
    made: dict[str, Any] = _shown(asdict(report))
    made["holds"] = report.holds
    made["by_hour"] = {
        task: {from_instant(hour * 3_600_000_000).isoformat(): count for hour, count in sorted(hours.items())}
        for task, hours in report.by_hour.items()
    }
    for proof, one in zip(made["proofs"], report.proofs, strict=True):
        proof["holds"] = one.holds
    return made


_INSTANTS = frozenset({"begin", "end", "at", "first", "peak_at", "full_at", "latest_due"})
_LENGTHS = frozenset({"late_p50", "late_p99", "late_max", "busy", "took", "late"})


def _shown(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {_seconds(name): _shown(one, name) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    if value is not None and key in _INSTANTS:
        return from_instant(value).isoformat()
    return value / 1_000_000 if key in _LENGTHS else value


def _seconds(name: Any) -> Any:
    return f"{name}_seconds" if name in _LENGTHS else name
