"""The audit: does history hold what was promised? Derived from the schedules, asked of the records.

The idea is that of Jepsen's analysis of Chronos (2015): work out from the schedules, and from the revisions that
changed them, every instant that had to be accounted for, then ask whether the records satisfy that. It reads only,
through the ledger's protocol, and so it can be asked of a live ledger, and is asked at the end of every fault test.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rota.clock import SECOND, Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, ScheduleRecord
from rota.model.run import Kind, RunRecord, State
from rota.model.task import Overlap
from rota.read.histories import Histories
from rota.read.rules import defined
from rota.read.targets import EDIT, Compile, Period, Rules, compiler, periods, rules_by_task

__all__ = ["Audit", "Breach", "audit"]

PAGE = 5000
MANY = 10_000_000
EXAMPLES = 20
"""Breaches that are named one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken promise: which, of what, and when."""

    sort: str  # missing | twice | unexpected | early | restarted | overlapping | orphaned
    subject: str
    at: Instant
    run_id: int | None = None


@dataclass(slots=True)
class Audit:
    """What was found. Whatever ``breaches`` counts must be nothing; lateness is in microseconds."""

    since: Instant
    until: Instant
    schedules: int = 0
    expected: int = 0
    by_run: int = 0
    in_range: int = 0
    breaches: Counter[str] = field(default_factory=Counter)
    examples: list[Breach] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    nodes_lost: int = 0
    lateness: list[int] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.breaches.total()

    def breach(self, sort: str, subject: str, at: Instant, run_id: int | None = None) -> None:
        self.breaches[sort] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(Breach(sort, subject, at, run_id))

    def late(self, share: float) -> int:
        """The lateness that a share of the starts did not exceed; 1.0 is the greatest."""
        ordered = sorted(self.lateness) or [0]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def audit(ledger: Ledger, since: Instant, until: Instant) -> Audit:
    """Compare the records of [since, until) with what the schedules asked for.

    ``until`` must lie a little in the past: what falls due right now may not have its record yet. History that was
    pruned cannot be asked about; ``since`` must not lie before it.

    Raises `LedgerError`.
    """
    found = Audit(since, until)
    records = _replay(ledger, found)
    rules, compiled = rules_by_task(ledger.revisions(limit=MANY)), compiler()
    for schedule in _schedules(ledger):
        _check_schedule(ledger, schedule, rules, compiled, records.get(schedule.id, {}), found)
    found.nodes_lost = sum(
        node.state == "lost" and node.beat_at >= since for node in ledger.nodes(live=False)
    )
    return found


# -- runs


def _replay(ledger: Ledger, found: Audit) -> dict[int, dict[Instant, int]]:
    """Go through the runs once. Returns the recorded instants of each schedule, and how often each stands there."""
    records: dict[int, dict[Instant, int]] = defaultdict(dict)
    histories = Histories(found.breach, _exclusive(ledger))
    doubtful: list[RunRecord] = []
    for page in _pages(ledger, found.since):
        told = defaultdict(list)
        for attempt in ledger.attempts_between(page[0].id, page[-1].id):
            told[attempt.run_id].append(attempt)
        for run in page:
            found.states[run.state.value] += 1
            if run.state is State.RUNNING:
                doubtful.append(run)
            if run.kind is Kind.SCHEDULED and run.schedule_id is not None:
                instants = records[run.schedule_id]
                instants[run.scheduled_at] = instants.get(run.scheduled_at, 0) + 1
            first = histories.check(run, told.get(run.id, ()), found.attempts)
            if first is not None and run.kind is Kind.SCHEDULED:
                found.lateness.append(first - run.scheduled_at)
    histories.check_lanes()
    _check_holders(ledger, doubtful, found)
    return records


def _pages(ledger: Ledger, since: Instant) -> Iterator[list[RunRecord]]:
    page = ledger.runs(RunFilter(since=since, order="oldest", limit=PAGE))
    while page:
        yield page
        page = ledger.runs(RunFilter(since=since, order="oldest", limit=PAGE, after=page[-1].id))


def _exclusive(ledger: Ledger) -> frozenset[int]:
    """Tasks of which a schedule's runs never overlap."""
    return frozenset(
        record.id
        for record in ledger.tasks(retired=True)
        if '"overlap"' in record.definition and defined(record).overlap is not Overlap.ALLOW
    )


def _check_holders(ledger: Ledger, running: list[RunRecord], found: Audit) -> None:
    """A run that runs is held by a live node. Looked at again before it is told: meanwhile it may have ended."""
    live = {node.id for node in ledger.nodes()}
    for run in running:
        if run.node in live:
            continue
        again = ledger.run(run.id)
        if again is not None and again.state is State.RUNNING and again.token == run.token:
            found.breach("orphaned", f"{run.service}/{run.task}", run.run_at, run.id)


# -- schedules


def _schedules(ledger: Ledger) -> list[ScheduleRecord]:
    return ledger.schedules(limit=MANY)


def _check_schedule(
    ledger: Ledger,
    schedule: ScheduleRecord,
    rules: Rules,
    compiled: Compile,
    records: dict[Instant, int],
    found: Audit,
) -> None:
    """Every target has one record, and every record is a target."""
    since, until = found.since, found.until
    spans = periods(schedule, rules, Instant(since - EDIT), Instant(until + EDIT), compiled)
    targets = {at for span in spans for at in span.targets(Instant(since - 1), Instant(until - 1))}
    name = f"{schedule.service}/{schedule.task}" + (f"/{schedule.key}" if schedule.key else "")
    found.schedules += 1
    found.expected += len(targets)
    found.by_run += sum(at in records for at in targets)
    ranged = _in_ranges(ledger, schedule, spans, compiled, Instant(since - SECOND), found, name)
    found.in_range += sum(at in ranged for at in targets)
    for at in sorted(targets):
        if at not in records and at not in ranged and not _between_rules(at, spans, Instant(until + EDIT)):
            found.breach("missing", name, at)
    # Of a run-time schedule the rule before this one is not known any more; it may still show a little after.
    unknown = EDIT if schedule.key else -EDIT
    for at, times in records.items():
        if times + ranged.get(at, 0) > 1:
            found.breach("twice", name, at)
        known = any(span.since + unknown <= at for span in spans)
        if (
            known
            and at not in targets
            and since <= at < until
            and not any(span.explains(at) for span in spans)
        ):
            found.breach("unexpected", name, at)


def _between_rules(at: Instant, spans: Sequence[Period], end: Instant) -> bool:
    """Whether a target lies just before the end of a rule: the edit that ended it, or took the schedule away, came first.
    A rule that holds still goes on to ``end``."""
    return any(span.until < end and span.until - EDIT // 5 <= at <= span.until for span in spans)


def _in_ranges(
    ledger: Ledger,
    schedule: ScheduleRecord,
    spans: Sequence[Period],
    compiled: Compile,
    since: Instant,
    found: Audit,
    name: str,
) -> dict[Instant, int]:
    """The instants that stand in ranges, by the rules that held then, and how often. A range must hold as many as it
    says, as far as its rule is the one of today."""
    instants: dict[Instant, int] = {}
    ranges = ledger.ranges(schedule.id, since, limit=MANY)
    if not ranges:
        return instants
    occurrences = compiled(schedule.rule, f"{schedule.service}/{schedule.task}/{schedule.key}")
    for missed in ranges:
        begin, end = Instant(missed.from_at - 1), Instant(missed.until_at - 1)
        if missed.from_at >= schedule.ruled_at and len(occurrences.between(begin, end)) != missed.count:
            found.breach("miscounted", name, missed.from_at)
        for at in {at for span in spans for at in span.targets(begin, end)}:
            instants[at] = instants.get(at, 0) + 1
    return instants
