"""The runbook: one page a task, for whoever has to do with it at night. Markdown, and the same for the same ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rota.execute.outcomes import in_words
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, ScheduleRecord, TaskRecord
from rota.model.run import RunRecord, State
from rota.model.task import Task
from rota.read.card import Card, cards
from rota.read.find import full_name
from rota.read.markdown import at, bullets, share, table
from rota.read.policies import policies, raw_schedule, target_words
from rota.read.rules import defined, first_due
from rota.read.words import count
from rota.timing import explain
from rota.timing.lengths import length

__all__ = ["runbook"]

RECENT = 200
"""Runs that the measures are of."""

FAILURES = 5
NEXT = 5


def runbook(ledger: Ledger, records: Sequence[TaskRecord]) -> str:
    """The pages of some tasks, one after the other. Nothing in it depends on when it is asked for: instants are absolute, and
    the next occurrences are those after what has been recorded."""
    pages = zip(records, cards(ledger, records), strict=True)
    return "\n".join(_page(ledger, record, card) for record, card in pages)


def _page(ledger: Ledger, record: TaskRecord, card: Card) -> str:
    task = defined(record)
    runs = ledger.runs(RunFilter(service=record.service, task=record.name, limit=RECENT))
    own = next(iter(ledger.schedules(record.service, record.name, key="", limit=1)), None)
    sections = [
        f"# {full_name(record)}",
        task.description,
        _duty(task, card),
        "## Checks\n\n" + _checks(card),
        "## Schedule\n\n" + _schedule(task, own),
        "## Policies\n\n" + bullets(f"`{one.name}` {one.value}: {one.meaning}" for one in policies(task)),
        "## Measures\n\n" + bullets(_measures(ledger, record, runs)),
        "## Latest failures\n\n" + _failures(runs),
        "## Commands\n\n" + _commands(task, card),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _duty(task: Task, card: Card) -> str:
    rows = [
        ("Owner", task.owner),
        ("Runs", target_words(task)),
        ("Expected result", task.expects),
        ("Rollback", task.rollback),
        ("Rollback command", f"`{' '.join(card.rollback_command)}`" if card.rollback_command else ""),
        ("Cannot be undone", card.irreversible),
        ("Tags", ", ".join(task.tags)),
    ]
    return table(("", ""), [(f"**{label}**", text) for label, text in rows if text])


def _checks(card: Card) -> str:
    rows = [
        (one.check.value, one.expected, one.standing.value, one.found, at(one.unmet_at))
        for one in card.checks
    ]
    return table(("check", "expected", "verdict", "found", "last unmet"), rows)


def _schedule(task: Task, own: ScheduleRecord | None) -> str:
    if task.schedule is None:
        return "Only when it is asked for."
    said = explain(task.schedule)
    lines = [f"{said[:1].upper()}{said[1:]}.", f"`{raw_schedule(task.schedule)}` in {task.schedule.timezone}"]
    if own is not None and own.next_at is not None:
        due = first_due(own, own.next_at - 1, NEXT)
        lines.append("Next after what has been recorded:\n\n" + bullets(at(one) for one in due))
    return "\n\n".join(lines)


def _measures(ledger: Ledger, record: TaskRecord, runs: Sequence[RunRecord]) -> Iterator[str]:
    if not runs:
        yield "it has not run yet"
        return
    states = Counter(run.state.value for run in runs)
    ended = states["succeeded"] + states["failed"]
    said = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    yield f"of the latest {count(len(runs), 'run')}: {said}"
    if ended:
        yield f"{100 * states['succeeded'] / ended:.1f} % of those that ended succeeded"
    took = sorted(ledger.durations(record.service, record.name, RECENT))
    if took:
        yield f"a success takes {length(share(took, 50))} (median), 95 % take at most {length(share(took, 95))}"
    late = sorted(
        run.started_at - run.run_at for run in runs if run.started_at is not None and run.attempt == 1
    )
    if late:
        yield f"a first attempt starts {length(max(0, share(late, 50)))} late (median), 95 % at most {length(max(0, share(late, 95)))}"


def _failures(runs: Sequence[RunRecord]) -> str:
    failed = [run for run in runs if run.state is State.FAILED][:FAILURES]
    if not failed:
        return f"None among the latest {RECENT} runs."
    return table(
        ("run", "ended", "reason", "what was said"),
        [(str(run.id), at(run.finished_at), run.reason.value if run.reason else "", _said(run)) for run in failed],
    )  # fmt: skip


def _said(run: RunRecord) -> str:
    return in_words(run.error) if run.error else ""


def _commands(task: Task, card: Card) -> str:
    name = task.name
    lines = [
        ("what is wrong now", f"rota task {name}; rota incidents {name}"),
        ("run it once, and wait", f"rota trigger {name} --wait --reason WHY"),
        ("pause it, and let it go on", f"rota pause {name} --reason WHY --for 1h; rota resume {name}"),
        ("undo what it did", f"{card.undo} --reason WHY" if card.undo else ""),
        ("run again what failed", f"rota runs --task {name} --state failed; rota retry RUN"),
        ("run past occurrences", f"rota backfill {name} --from TIME --to TIME --dry-run" if task.schedule else ""),
        ("nobody is told meanwhile", f"rota mute {name} --reason WHY --for 1h"),
    ]  # fmt: skip
    return table(("to", "type"), [(to, f"`{command}`") for to, command in lines if command])
