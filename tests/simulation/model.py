"""A model of the ledger: what each call promises, in plain Python, without SQL. Both must make the same history of a seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rota.clock import MICROSECOND, Instant
from rota.ledger import protocol as p
from rota.ledger.sql.claim import GLANCE
from rota.model.lifecycle import HandedBack, Missed, Move, Skipped, Tally, Withdrawn, step
from rota.model.revision import Revision
from rota.model.run import AttemptRecord, Kind, MissedRange, NewRun, Reason, RunRecord, State
from rota.model.task import Overlap, Retries
from tests.simulation.world import World

__all__ = ["ModelLedger"]

_RUN = dict.fromkeys(RunRecord.__dataclass_fields__)


@dataclass
class ModelLedger:
    """Keeps everything in dictionaries. A call is done wholly, or not at all."""

    world: World
    revisions_: list[Revision] = field(default_factory=list)
    tasks_: dict[str, p.NewTask] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    cursors: dict[int, p.ScheduleRecord] = field(default_factory=dict)
    runs_: dict[int, RunRecord] = field(default_factory=dict)
    lanes: dict[int, int | None] = field(default_factory=dict)
    nodes_: dict[str, p.NodeRecord] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)
    told: dict[tuple[int, int], AttemptRecord] = field(default_factory=dict)
    ranges_: list[MissedRange] = field(default_factory=list)
    token: int = 0

    def now(self) -> Instant:
        return self.world.now()

    # -- the rota

    def apply(self, new: p.NewRevision) -> p.Applied:
        now = self.world.now()
        number = len(self.revisions_) + 1
        made = Revision(
            new.service, number, new.digest, new.definition, new.author, new.reason, now, new.origin
        )
        self.revisions_.append(made)
        for task in new.tasks:
            self.ids.setdefault(task.name, len(self.ids) + 1)
            self.tasks_[task.name] = task
        for task in new.tasks:
            there = next((one for one in self.cursors.values() if one.task == task.name), None)
            if task.rule is None and there is not None:
                self.cursors[there.id] = replace(there, retired_at=now)
            elif task.rule is not None:
                id_ = len(self.cursors) + 1
                self.cursors[id_] = p.ScheduleRecord(
                    id_,
                    self.ids[task.name],
                    new.service,
                    task.name,
                    "",
                    task.rule,
                    None,
                    task.next_at,
                    None,
                    now,
                    None,
                    now,
                )
        return p.Applied(number, True)

    def services(self) -> list[str]:
        return ["web"] if self.revisions_ else []

    def unconfirmed(self) -> list[tuple[str, int, Instant]]:
        return []

    def current(self, service: str) -> int:
        return len(self.revisions_)

    def revisions(
        self, service: str | None = None, limit: int = 50, *, number: int | None = None
    ) -> list[Revision]:
        return self.revisions_[::-1]

    def tasks(self, service: str | None = None, *, retired: bool = False) -> list[p.TaskRecord]:
        return [
            p.TaskRecord(id_, "web", name, self.tasks_[name].definition, 1, "default", None, None, None, None, None, 0)
            for name, id_ in sorted(self.ids.items())
        ]  # fmt: skip

    def schedules(self, *_: Any, **__: Any) -> list[p.ScheduleRecord]:
        return [replace(one, next_at=None) if one.retired_at else one for one in self.cursors.values()]

    # -- fire

    def next_due(self) -> Instant | None:
        due = [
            one.next_at for one in self.cursors.values() if one.next_at is not None and one.retired_at is None
        ]
        return min(due, default=None)

    def fire(
        self,
        until: Instant,
        limit: int,
        plan: Callable[[Sequence[p.DueSchedule], Instant], Iterable[p.FirePlan]],
    ) -> p.Fired:
        live = [one for one in self.cursors.values() if one.retired_at is None and one.next_at is not None]
        found = sorted((one for one in live if one.next_at <= until), key=lambda one: (one.next_at, one.id))
        due = [self._due(one) for one in found[:limit]]
        plans = list(plan(due, self.world.now())) if due else []
        made = sum(self._record(run) is not None for one in plans for run in one.runs)
        for one in plans:
            self.ranges_ += [*one.ranges, *one.covered]
            self.cursors[one.schedule_id] = replace(
                self.cursors[one.schedule_id], next_at=one.next_at, fired_at=one.fired_at
            )
        return p.Fired(len(due), made, self.next_due())

    def _due(self, one: p.ScheduleRecord) -> p.DueSchedule:
        task = self.tasks_[one.task]
        return p.DueSchedule(
            one.id, one.task_id, one.service, one.task, one.key, one.rule, one.args, one.next_at or Instant(0), task.overlap,
            task.catch_up, task.catch_up_limit, task.deadline, task.queue, task.priority, task.enabled, False,
        )  # fmt: skip

    def _record(self, run: NewRun) -> RunRecord | None:
        if run.kind is Kind.SCHEDULED and any(
            (one.schedule_id, one.scheduled_at) == (run.schedule_id, run.scheduled_at)
            for one in self.runs_.values()
        ):
            return None
        id_, now = len(self.runs_) + 1, self.world.now()
        given = {name: value for name, value in asdict(run).items() if name in _RUN}
        name = next(name for name, task in self.ids.items() if task == run.task_id)
        facts = {**_RUN, **given, "id": id_, "service": "web", "task": name, "created_at": now, "attempt": 0, "spent": 0,
                 "crashes": 0, "schedule_key": None if run.schedule_id is None else "",
                 "finished_at": None if run.state is State.WAITING else now}  # fmt: skip
        self.runs_[id_] = RunRecord(**facts)
        self.lanes[id_] = run.lane
        return self.runs_[id_]

    def _set(self, run: RunRecord, **changed: Any) -> RunRecord:
        self.runs_[run.id] = replace(run, **changed)
        return self.runs_[run.id]

    # -- claim

    def _waiting(self) -> list[RunRecord]:
        waiting = [run for run in self.runs_.values() if run.state is State.WAITING]
        return sorted(
            waiting, key=lambda run: (-run.priority, run.run_at, run.task_id, self.lanes[run.id] or 0, run.id)
        )

    def next_waiting(self) -> Instant | None:
        return min((run.run_at for run in self._waiting()), default=None)

    def claim(self, claim: p.Claim) -> list[p.Claimed]:
        node, now = self.nodes_.get(claim.node), self.world.now()
        if not claim.likely and (self.next_waiting() is None or self.next_waiting() > claim.until):  # type: ignore[operator]  # not None here
            return []
        if node is None or node.state != "live":
            return []
        taken: list[p.Claimed] = []
        wanted = claim.quota.get("default", 0)
        # The priorities one by one; of each, one look after the other, at so many and at what the one before has made.
        for priority in sorted({run.priority for run in self._waiting()}, reverse=True):
            while wanted > len(taken):
                ripe = [
                    run for run in self._waiting() if run.run_at <= claim.until and run.priority == priority
                ]
                found = [(run, what) for run in ripe if (what := self._fate(run, now)) is not None]
                most = max(wanted - len(taken), GLANCE)
                again = self._carry_out(found[:most], claim.node, now, taken, wanted)
                if not again and len(found) < most:
                    break
        return taken

    def _fate(self, run: RunRecord, now: Instant) -> str | None:
        """What a look finds to be done with a run: take it, end it, ask the one before it to stop; None: let it wait."""
        lane = self.lanes[run.id]
        inside = [one for one in self.runs_.values() if lane is not None and self.lanes[one.id] == lane]
        busy = [one for one in inside if one.state is State.RUNNING]
        if run.expires_at is not None and run.attempt == 0 and run.expires_at <= now:
            return "missed"
        if not busy:
            return "take"
        if run.kind is not Kind.SCHEDULED or run.attempt or run.reason is not Reason.DUE or run.run_at > now:
            return None
        others = [one for one in inside if one.state is State.WAITING and one.kind is Kind.SCHEDULED]
        match self.tasks_[run.task].overlap:
            case Overlap.SKIP:
                return "skip"
            case Overlap.QUEUE:
                return "skip" if any(one.scheduled_at < run.scheduled_at for one in others) else None
            case Overlap.CANCEL:
                if any(one.scheduled_at > run.scheduled_at and one.run_at <= now for one in others):
                    return "skip"
                return "supersede" if busy[0].cancel_reason is None else None
        return None

    def _carry_out(
        self,
        looked: list[tuple[RunRecord, str]],
        node: str,
        now: Instant,
        taken: list[p.Claimed],
        wanted: int,
    ) -> bool:
        """Says whether another look may find more."""
        again, lanes = False, set()
        for run, what in looked:
            if len(taken) >= wanted:
                break
            lane = self.lanes[run.id]
            if what == "missed":
                self._unstarted(run, step(run.state, Missed(), Tally(run.spent, run.crashes), Retries()))
            elif lane is not None and lane in lanes:
                again = True
            elif what == "skip":
                self._unstarted(
                    run, step(run.state, Skipped(Reason.OVERLAP), Tally(run.spent, run.crashes), Retries())
                )
            elif what == "supersede":
                for one in self.runs_.values():
                    if self.lanes[one.id] == lane and one.state is State.RUNNING:
                        self._set(one, cancel_reason="superseded")
            else:
                taken.append(self._take(run, node, now))
                lanes |= {lane} - {None}
        return again

    def _take(self, run: RunRecord, node: str, now: Instant) -> p.Claimed:
        self.token += 1
        self._set(
            run, state=State.RUNNING, reason=None, attempt=run.attempt + 1, token=self.token, node=node,
            started_at=Instant(max(run.run_at, now)),
        )  # fmt: skip
        return self._claimed(self.runs_[run.id])

    def _claimed(self, run: RunRecord) -> p.Claimed:
        return p.Claimed(
            run.id, run.service, run.task, run.schedule_key, run.kind, run.scheduled_at, run.run_at, run.attempt, run.token or 0,
            run.spent, run.crashes, run.key, run.args, run.covers_from, run.covers_count,
        )  # fmt: skip

    def _unstarted(self, run: RunRecord, move: Move | None) -> None:
        assert move is not None
        self._set(run, state=move.state, reason=move.reason, finished_at=self.world.now())

    def holdings(self, node: str) -> list[p.Claimed]:
        held = [run for run in self.runs_.values() if run.state is State.RUNNING and run.node == node]
        return [self._claimed(run) for run in sorted(held, key=lambda run: run.token or 0)]

    # -- heartbeat, finish, rescue

    def register(self, node: p.NodeRecord) -> None:
        if node.id not in self.nodes_:
            now, lease = self.world.now(), node.lease_until - node.started_at
            self.nodes_[node.id] = replace(
                node, started_at=now, beat_at=now, lease_until=Instant(now + lease)
            )
            self.leases[node.id] = lease

    def heartbeat(self, beat: p.Beat) -> p.BeatReply:
        node, now = self.nodes_.get(beat.node), self.world.now()
        if node is None or node.state != "live":
            return p.BeatReply(False, now)
        self.nodes_[node.id] = replace(
            node, beat_at=now, beats=node.beats + 1, lease_until=Instant(now + beat.lease)
        )
        asked = [run for run in self.runs_.values() if run.state is State.RUNNING and run.node == node.id]
        stops = [(run.id, run.token or 0, run.cancel_reason) for run in asked if run.cancel_reason]
        return p.BeatReply(True, now, stops)

    def finish(self, node: str, finishes: Sequence[p.Finish]) -> list[int]:
        refused = []
        for one in finishes:
            run = self.runs_.get(one.id)
            if run is not None and run.state is State.RUNNING and (run.token, run.node) == (one.token, node):
                self._settle(run, one)
            elif not self._is_recorded(run, one):
                refused.append(one.id)
        return refused

    def _settle(self, run: RunRecord, one: p.Finish) -> None:
        move = one.move
        if run.cancel_reason is not None and move.state is State.WAITING:
            again = step(
                State.RUNNING, HandedBack(), move.tally, Retries(), asked_to_stop=Reason(run.cancel_reason)
            )
            assert again is not None
            move = again
        waits = move.state is State.WAITING
        run_at = Instant(one.finished_at + move.delay // MICROSECOND)
        if one.started_at is None:
            run_at = max(run_at, run.run_at)
        self._set(
            run, state=move.state, reason=move.reason, run_at=run_at if waits else run.run_at, spent=move.tally.spent,
            crashes=move.tally.crashes, started_at=one.started_at, finished_at=None if waits else one.finished_at, node=None,
            error=one.error, note=one.note, cancel_reason=None if waits else run.cancel_reason,
        )  # fmt: skip
        if one.ended != "succeeded" or run.attempt > 1:
            self.told[run.id, one.token] = AttemptRecord(
                run.id, run.attempt, one.token, run.node or "", one.ended, one.started_at, one.finished_at, one.error, one.note
            )  # fmt: skip

    def _is_recorded(self, run: RunRecord | None, one: p.Finish) -> bool:
        told = self.told.get((one.id, one.token))
        if told is not None:
            return (told.state, told.finished_at) == (one.ended, one.finished_at)
        return run is not None and (run.token, run.state, run.finished_at) == (
            one.token, one.move.state, one.finished_at,
        )  # fmt: skip

    def rescue(self, nodes: Sequence[str], decide: Callable[[p.Orphan], Move]) -> int:
        now, moved = self.world.now(), 0
        for node in self.nodes_.values():
            if node.state == "live" and node.lease_until > now + self.leases[node.id] + 1_000_000:
                self.nodes_[node.id] = replace(node, lease_until=Instant(now + self.leases[node.id]))
        for id_ in nodes:
            node = self.nodes_[id_]
            if node.state == "live" and node.lease_until < now:
                self.nodes_[id_] = replace(node, state="lost")
                moved += self._take_over(id_, decide, now)
        return moved

    def _take_over(self, node: str, decide: Callable[[p.Orphan], Move], now: Instant) -> int:
        held = [run for run in self.runs_.values() if run.state is State.RUNNING and run.node == node]
        error = json.dumps(
            {"type": "Lost", "message": f"node {node[:8]} lost its lease while it held this run"}
        )
        for run in held:
            definition = self.tasks_[run.task].definition
            orphan = p.Orphan(
                run.id,
                run.token or 0,
                run.attempt,
                run.spent,
                run.crashes,
                run.cancel_reason,
                definition,
                run.kind,
            )
            began = run.started_at if run.started_at is not None and run.started_at <= now else None
            self._settle(
                run, p.Finish(run.id, run.token or 0, decide(orphan), "lost", began, now, None, error)
            )
        return len(held)

    def leave(self, node: str) -> None:
        there, now = self.nodes_.get(node), self.world.now()
        if there is not None and there.state == "live":
            holds = any(run.state is State.RUNNING and run.node == node for run in self.runs_.values())
            until = min(there.lease_until, now) if holds else there.lease_until
            self.nodes_[node] = replace(
                there, beat_at=now, state="live" if holds else "left", lease_until=until
            )

    def nodes(self, *, live: bool = True) -> list[p.NodeRecord]:
        found = [node for node in self.nodes_.values() if node.state == "live" or not live]
        return sorted(found, key=lambda node: -node.started_at)

    def sweep(self, limit: int = 500) -> int:
        now = self.world.now()
        late = [
            run
            for run in self._waiting()
            if run.attempt == 0 and run.expires_at is not None and run.expires_at <= now
        ]
        for run in late:
            self._unstarted(run, step(run.state, Missed(), Tally(run.spent, run.crashes), Retries()))
        return len(late)

    def prune(self, before: Instant, limit: int = 1000) -> int:
        return 0  # nothing of a seed is old enough

    # -- what people ask, and what has been

    def enqueue(self, runs: Sequence[NewRun], **_: Any) -> list[p.Enqueued]:
        (run,) = runs
        there = [
            one for one in self._waiting() if run.key is not None and (one.key, one.task_id, one.attempt) == (run.key, run.task_id, 0)
        ]  # fmt: skip
        if there:
            moved = {"run_at": run.run_at, "scheduled_at": run.scheduled_at, "args": run.args}
            self._set(there[0], **moved)
            return [p.Enqueued(there[0].id, False)]
        made = self._record(run)
        assert made is not None
        return [p.Enqueued(made.id, True)]

    def cancel(self, run_id: int, change: p.Change, reason: Reason = Reason.OPERATOR) -> State | None:
        run = self.runs_[run_id]
        if run.state is State.WAITING:
            self._unstarted(run, step(run.state, Withdrawn(reason), Tally(run.spent, run.crashes), Retries()))
        elif run.state is State.RUNNING and run.cancel_reason is None:
            self._set(run, cancel_reason=reason.value)
        return run.state

    def run(self, run_id: int) -> RunRecord | None:
        return self.runs_.get(run_id)

    def runs(self, where: p.RunFilter) -> list[RunRecord]:
        found = [
            run for run in self.runs_.values()
            if (not where.states or run.state in where.states) and (where.after is None or run.id > where.after)
            and (where.since is None or run.scheduled_at >= where.since)
        ]  # fmt: skip
        found.sort(key=lambda run: run.id if where.order == "oldest" else -run.id)
        return [self._shown(run) for run in found[: where.limit]]

    def _shown(self, run: RunRecord) -> RunRecord:
        """What is held for its instant has not started."""
        held = run.state is State.RUNNING and (run.started_at or 0) > self.world.now()
        return replace(run, started_at=None) if held else run

    def attempts_between(self, first: int, last: int) -> list[AttemptRecord]:
        return [told for (run_id, _), told in sorted(self.told.items()) if first <= run_id <= last]

    def ranges(self, schedule_id: int, since: Instant, limit: int = 1000) -> list[MissedRange]:
        return [one for one in self.ranges_ if one.schedule_id == schedule_id and one.until_at > since]

    def crash_after(self, statements: int) -> None:
        """A call of the model has no inside."""

    def crash_no_more(self) -> None:
        """See `crash_after`."""

    def close(self) -> None:
        """Nothing is open."""
