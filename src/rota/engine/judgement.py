"""What follows of one look at a task: incidents opened and moved, who is told, and when to look again. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rota.clock import MICROSECOND, Instant
from rota.engine.findings import Facts, Finding, findings
from rota.engine.lookout import next_look
from rota.engine.telling import Telling, settle_time
from rota.execute.expected import expected
from rota.ledger.judging import Incident, Judgement, Moved, NewNotice, Opened, Watch
from rota.model.alerts import Alerts
from rota.model.incident import Notice, Seen, Status, flip
from rota.model.task import Task
from rota.model.verdict import Check, Standing, Verdict

__all__ = ["judge"]


def judge(watch: Watch, task: Task | None, facts: Facts, alerts: Alerts, now: Instant) -> Judgement:
    """The judgement of one look. ``task`` is None where it was retired: whatever was open of it has ended."""
    watch = _counting(watch, task, now)
    telling = Telling(watch, alerts, now)
    found, words = _found(watch, task, facts, alerts, now)
    moved = [_moved(one, _of(one, found, words), task, facts, telling) for one in watch.incidents]
    open_checks = {one.check for one in watch.incidents}
    opened = [
        _opened(one, words[one.check], task.owner, telling)
        for one in found.values()
        if task is not None and one.check not in open_checks and (one.times or one.standing is Standing.UNMET)
    ]
    still = [one for one in moved if one.resolved_at is None]
    return Judgement(
        watch.task_id,
        watch.version,
        watch.revision,
        watch.failed,
        watch.missed,
        None if task is None else next_look(task, facts, opened, still, telling),
        watch.fresh_from,
        max((*facts.successes, watch.succeeded_at or Instant(0))) or None,
        tuple(_verdicts(found, words, now)),
        tuple(opened),
        tuple(one for one, was in zip(moved, watch.incidents, strict=True) if _differs(one, was)),
    )


def _counting(watch: Watch, task: Task | None, now: Instant) -> Watch:
    """From where the time without a success counts: anew while the task is held, and where another time is asked for."""
    if task is None or task.expectation.fresh_within is None:
        return watch
    words = expected(task.expectation)[Check.FRESH]
    told = next((one.expected for one in watch.verdicts if one.check is Check.FRESH), words)
    if watch.fresh_from is None or watch.is_held or told != words:
        return replace(watch, fresh_from=now)
    return watch


def _found(
    watch: Watch, task: Task | None, facts: Facts, alerts: Alerts, now: Instant
) -> tuple[dict[Check, Finding], Mapping[Check, str]]:
    """What each check found, and in words what each that is asked for expects."""
    if task is None:
        return {}, {}
    settle = alerts.settle // MICROSECOND
    return {one.check: one for one in findings(watch, task, facts, settle, now)}, expected(task.expectation)


def _of(incident: Incident, found: Mapping[Check, Finding], words: Mapping[Check, str]) -> Finding | None:
    """What was found of an incident's check; None where it is not asked for any more."""
    if incident.check not in words:
        return None
    nothing = Finding(incident.check, Standing.UNKNOWN, incident.found, incident.since_at)
    return found.get(incident.check, nothing)


def _verdicts(found: Mapping[Check, Finding], words: Mapping[Check, str], now: Instant) -> Iterator[Verdict]:
    """Those that the judge makes. That a run succeeded, and how late one started, is said by its node."""
    for one in found.values():
        if one.check is Check.LATENESS or (one.check is Check.RUN and one.standing is Standing.UNKNOWN):
            continue
        yield Verdict(one.check, one.standing, words[one.check], one.found, now, one.run_id)


def _opened(found: Finding, words: str, owner: str, telling: Telling) -> Opened:
    """A new incident; one that is met again by now begins with recovering."""
    status, notices = Status.CLEAR, list[NewNotice]()
    for seen in (Seen.UNMET, Seen.MET) if found.standing is Standing.MET else (Seen.UNMET,):
        turned = flip(status, seen)
        assert turned is not None, "what is not met opens, and what is open can recover"
        status = turned.status
        notices += telling.to(owner, turned.tells) if turned.tells else []
    return Opened(
        found.check, status, found.since, owner, words, found.found, found.run_id, max(1, found.times),
        found.met_at if status is Status.RECOVERING else None, tuple(notices),
    )  # fmt: skip


def _moved(was: Incident, found: Finding | None, task: Task | None, facts: Facts, telling: Telling) -> Moved:
    """An incident after a look: which may be as it was."""
    now, owner = telling.now, was.owner if task is None else task.owner
    status, met_at, tells = _turned(was, found, facts, telling)
    notices: list[NewNotice] = []
    if owner != was.owner:
        notices += telling.to(was.owner, Notice.HANDED_OVER) + telling.to(owner, Notice.HANDED_OVER)
    notices += [notice for kind in tells for notice in telling.to(owner, kind)]
    if status is Status.OPEN and not notices:
        notices += telling.reminder(owner, was.told_at)
    second = telling.second(was, owner, status)
    told = [one.due_at for one in notices if one.owner == owner]
    news = found if found is not None and (found.times or found.standing is Standing.UNMET) else None
    return Moved(
        was.id,
        status,
        owner,
        was.found if news is None else news.found,
        was.run_id if news is None or news.run_id is None else news.run_id,
        was.times + _more(was, found, status),
        met_at,
        max((was.told_at or now, *told)) if told else was.told_at,
        now if second and status is Status.OPEN else was.escalated_at,
        now if status is Status.CLEAR else None,
        (*notices, *second),
    )


def _turned(
    was: Incident, found: Finding | None, facts: Facts, telling: Telling
) -> tuple[Status, Instant | None, list[Notice]]:
    """Where the flips lead, since when the check is met, and what they tell."""
    status, met_at, tells = was.status, was.met_at, list[Notice]()
    for seen in _seen(was, found, telling.now):
        if seen is Seen.SETTLED and not _is_settled(status, met_at, was.check, facts, telling):
            continue
        turned = flip(status, seen)
        if turned is None:
            continue
        status = turned.status
        if status is Status.RECOVERING:
            met_at = (found.met_at if found is not None else None) or telling.now
        elif status is not Status.CLEAR:
            met_at = None
        tells += [turned.tells] if turned.tells else []
    return status, met_at, tells


def _seen(was: Incident, found: Finding | None, now: Instant) -> Iterator[Seen]:
    """What was seen of an incident's check, in the order in which it came about."""
    if found is None:
        yield Seen.ENDED
        return
    if was.acknowledged_until is not None and was.acknowledged_until <= now:
        yield Seen.LAPSED
    if found.times or found.standing is Standing.UNMET:
        yield Seen.UNMET
    if found.standing is Standing.MET:
        yield Seen.MET
        yield Seen.SETTLED


def _is_settled(status: Status, met_at: Instant | None, check: Check, facts: Facts, telling: Telling) -> bool:
    if status is not Status.RECOVERING or met_at is None:
        return False
    return telling.now - met_at >= settle_time(check, facts.opened, telling.alerts)


def _more(was: Incident, found: Finding | None, status: Status) -> int:
    """How often it was not met since. What is looked at by the clock counts when it comes back, not at each look."""
    if found is None:
        return 0
    if was.check in (Check.RUN, Check.LATENESS):
        return found.times
    return int(was.status is Status.RECOVERING and (status is Status.OPEN or found.times > 0))


def _differs(moved: Moved, was: Incident) -> bool:
    return bool(moved.notices) or (
        (moved.status, moved.owner, moved.found, moved.run_id, moved.times, moved.met_at)
        != (was.status, was.owner, was.found, was.run_id, was.times, was.met_at)
    )
