"""Looks at the tasks of which something is news, and writes what follows: incidents, and what is to be told.

Any node judges any service's tasks, by the definitions that the ledger holds. Two that look at the same moment reach the
same judgement, and one of them writes it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from rota.clock import MICROSECOND, SECOND, Instant
from rota.define.canonical import task_from_json
from rota.define.routing import alerts_from_json
from rota.engine.anomaly import LOOKED_AT
from rota.engine.calls import LedgerThread
from rota.engine.findings import Facts, base_of, windows
from rota.engine.judgement import judge
from rota.events import Events, IncidentsChanged
from rota.ledger.judging import IncidentFilter, Judgement, Tally, Watch
from rota.ledger.protocol import Ledger
from rota.model.alerts import Alerts
from rota.model.incident import Status
from rota.model.task import Task
from rota.model.verdict import Check

__all__ = ["Judge", "Routes", "facts_of", "look_at"]

EVERY = 1.0
"""Seconds between two looks at whether there is something to judge."""

BATCH = 200
"""Tasks of one look; while there are more the next follows at once."""

AT_ONCE = 25
"""Of these so many in one call of the ledger's thread, which has other things to do, and in one transaction."""

DAY = 86_400 * SECOND


class Routes:
    """The alerts of each service, as its current revision has them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[str, tuple[int, Alerts]] = {}

    def of(self, service: str, revision: int | None = None) -> Alerts:
        """A service's routes; those known already, where they are of that revision or a newer one."""
        known = self._known.get(service)
        if known is None or revision is None or known[0] < revision:
            known = self._read(service)
            self._known[service] = known
        return known[1]

    def _read(self, service: str) -> tuple[int, Alerts]:
        found = self._ledger.revisions(service, limit=1)
        if not found:
            return 0, Alerts()
        return found[0].number, alerts_from_json(json.loads(found[0].definition).get("alerts", {}))


class Judge:
    """The judging loop of a node."""

    def __init__(self, ledger: Ledger, thread: LedgerThread, events: Events, routes: Routes) -> None:
        self._ledger = ledger
        self._thread = thread
        self._events = events
        self._routes = routes

    async def step(self) -> float:
        watches = sorted(await self._thread(self._ledger.to_judge, BATCH), key=_by_task)
        for first in range(0, len(watches), AT_ONCE):
            some = watches[first : first + AT_ONCE]
            for watch in await self._thread(look_at, self._ledger, some, self._routes.of):
                self._events.emit(IncidentsChanged(watch.service, watch.name))
        return 0.0 if len(watches) == BATCH else EVERY


def look_at(ledger: Ledger, watches: Sequence[Watch], routes: Callable[[str, int], Alerts]) -> list[Watch]:
    """Judge tasks, and write what follows; those of which an incident was opened or moved, here and not by another node."""
    now = ledger.now()
    judgements = [_judgement(ledger, watch, routes(watch.service, watch.revision), now) for watch in watches]
    written = ledger.judged(judgements)
    return [
        watch
        for watch, one, ids in zip(watches, judgements, written, strict=True)
        if ids is not None and (ids or one.moved)
    ]


def _judgement(ledger: Ledger, watch: Watch, alerts: Alerts, now: Instant) -> Judgement:
    task = None if watch.is_retired else task_from_json(json.loads(watch.definition))
    return judge(watch, task, facts_of(ledger, watch, task, now), alerts, now)


def _by_task(watch: Watch) -> int:
    """One order of locks for all nodes."""
    return watch.task_id


def facts_of(ledger: Ledger, watch: Watch, task: Task | None, now: Instant) -> Facts:
    """What is to be read for a look, and no more than it takes."""
    if task is None:
        return Facts()
    expectation, open_ = task.expectation, {one.check for one in watch.incidents}
    is_news = watch.failed != watch.failed_seen or watch.missed != watch.missed_seen
    bad = ledger.bad_runs(watch.task_id) if is_news or Check.RUN in open_ else []
    since = [one.ended_at for one in bad]
    if expectation.fresh_within is not None:
        since.append(base_of(watch, now))
    successes = ledger.successes(watch.task_id, min(since)) if since else []
    durations = ledger.durations(watch.service, watch.name, LOOKED_AT) if expectation.usual_duration else []
    return Facts(
        bad, successes, *_tallies(ledger, watch, task, now), durations, _opened_lately(ledger, watch, now)
    )


def _tallies(
    ledger: Ledger, watch: Watch, task: Task, now: Instant
) -> tuple[list[tuple[Instant, Tally]], dict[timedelta, Tally]]:
    """By the hour for the objective's window; for the short ones only where something went badly."""
    objective, late = task.expectation.objective, task.expectation.max_lateness
    if objective is None:
        return [], {}
    latest = None if late is None else late // MICROSECOND
    hours = ledger.hours(watch.task_id, Instant(now - objective.window // MICROSECOND), latest)
    longest = max(windows(task)) // MICROSECOND
    if not any(one.bad for hour, one in hours if hour > now - longest - 3600 * SECOND):
        return hours, {}
    return hours, {
        window: ledger.tally(watch.task_id, Instant(now - window // MICROSECOND), now, latest)
        for window in windows(task)
    }


def _opened_lately(ledger: Ledger, watch: Watch, now: Instant) -> Counter[Check]:
    """How many incidents of each check a day has had: asked where one may settle."""
    if not any(one.status is Status.RECOVERING for one in watch.incidents):
        return Counter()
    lately = ledger.incidents(IncidentFilter(service=watch.service, task=watch.name, limit=100))
    return Counter(one.check for one in lately if one.opened_at > now - DAY)
