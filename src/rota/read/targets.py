"""What a schedule was to do in a span of time, by the rules that held then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rota.clock import SECOND, Instant
from rota.define.canonical import canonical_text
from rota.ledger.records import ScheduleRecord
from rota.model.revision import Revision
from rota.timing import Occurrences, compile_schedule, schedule_from_json

__all__ = ["EDIT", "Compile", "Period", "compiler", "periods", "rules_by_task"]

EDIT = 10 * SECOND
"""How long around a change of a rule the other rule may still show: a node fires up to ten seconds ahead."""

Compile = Callable[[str, str], Occurrences]
Rules = Mapping[tuple[str, str], Sequence[tuple[Instant, str | None]]]


@dataclass(frozen=True, slots=True)
class Period:
    """A span in which one rule held: (``since``, ``until``]."""

    since: Instant
    until: Instant
    occurrences: Occurrences

    def targets(self, since: Instant, until: Instant) -> list[Instant]:
        """The occurrences of this period that lie in (since, until]."""
        return self.occurrences.between(max(since, self.since), min(until, self.until))

    def explains(self, instant: Instant) -> bool:
        """Whether a record at an instant may come from this rule: also shortly before it held, since first
        occurrences are computed before a revision is written, and shortly after, since a node fires ahead."""
        if not self.since - EDIT <= instant <= self.until + EDIT:
            return False
        return self.occurrences.next_after(Instant(instant - 1)) == instant


def compiler() -> Compile:
    """Compiles rules; each once."""
    known: dict[tuple[str, str], Occurrences] = {}

    def compiled(rule: str, seed: str) -> Occurrences:
        if (rule, seed) not in known:
            known[rule, seed] = compile_schedule(schedule_from_json(json.loads(rule)), seed=seed)
        return known[rule, seed]

    return compiled


def rules_by_task(revisions: Sequence[Revision]) -> Rules:
    """(service, task) -> its own rule as revision after revision had it; None where it had none."""
    found: dict[tuple[str, str], list[tuple[Instant, str | None]]] = {}
    for revision in sorted(revisions, key=lambda one: (one.service, one.number)):
        rules = _own_rules(json.loads(revision.definition))
        names = {task for service, task in found if service == revision.service} | rules.keys()
        for name in names:
            history = found.setdefault((revision.service, name), [])
            rule = rules.get(name)
            if not history or history[-1][1] != rule:
                history.append((revision.applied_at, rule))
    return found


def _own_rules(definition: Mapping[str, Any]) -> dict[str, str | None]:
    tasks: Mapping[str, Mapping[str, Any]] = definition.get("tasks", {})
    return {
        name: canonical_text(task["schedule"]) if task.get("schedule") is not None else None
        for name, task in tasks.items()
    }


def periods(
    schedule: ScheduleRecord, rules: Rules, since: Instant, until: Instant, compiled: Compile
) -> list[Period]:
    """The periods of one schedule within (since, until]. A run-time schedule's rule is known since it holds."""
    seed = f"{schedule.service}/{schedule.task}/{schedule.key}"
    return [
        Period(max(since, begin), min(until, end), compiled(rule, seed))
        for begin, end, rule in _spans(schedule, rules, until)
        if rule is not None and begin < until and end > since
    ]


def _spans(
    schedule: ScheduleRecord, rules: Rules, until: Instant
) -> Iterator[tuple[Instant, Instant, str | None]]:
    history = rules.get((schedule.service, schedule.task), ()) if schedule.key == "" else ()
    if history:
        ends = [*(at for at, _ in history[1:]), until]
        for (begin, rule), end in zip(history, ends, strict=True):
            yield begin, end, rule
        return
    end = schedule.retired_at if schedule.retired_at is not None else until
    yield schedule.ruled_at, min(end, until), schedule.rule
