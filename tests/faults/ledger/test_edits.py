"""A rota that is changed by hand and by programs while it fires."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.faults.ledger.props import beside
from tests.faults.ledger.stage import Stage, StagedNode

from rota.change.actions import pause, resume, trigger
from rota.clock import SECOND, Instant
from rota.errors import Conflict
from rota.ledger.protocol import Ledger
from rota.ledger.records import NewSchedule
from rota.model.run import Kind, State
from rota.timing import Occurrences, compile_schedule, schedule_from_json

KEYS = 6
PLACES = 5
"""Rules of one key differ in the part of a second that they fire at, so that each record shows whose it is."""


def rule_of(place: int) -> str:
    anchor = f"2026-01-01T00:00:00.{place}00000Z"
    return json.dumps({"rules": [{"every": "1s", "anchor": anchor}], "timezone": "UTC"})


def compiled(rule: str) -> Occurrences:
    return compile_schedule(schedule_from_json(json.loads(rule)))


@dataclass
class Editor:
    """Somebody who edits, deletes, pauses, resumes and triggers as fast as the ledger takes it."""

    stage: Stage
    ledger: Ledger
    chance: random.Random
    edits: list[tuple[str, int, str | None]] = field(
        default_factory=list
    )  # key, newest run at the time, the rule since
    counts: dict[str, int] = field(default_factory=dict)

    def edit(self) -> None:
        act = self.chance.choice(
            [self.change, self.change, self.change, self.delete, self.pause, self.resume, self.trigger]
        )
        act()
        self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1

    def change(self) -> None:
        key, rule = f"k{self.chance.randrange(KEYS)}", rule_of(self.chance.randrange(PLACES))
        first = compiled(rule).next_after(self.ledger.now())
        self.ledger.put_schedules([NewSchedule("web", "keyed", key, rule, first)])
        self.edits.append((key, self._newest(key), rule))

    def delete(self) -> None:
        key = f"k{self.chance.randrange(KEYS)}"
        self.ledger.retire_schedules("web", "keyed", [key])
        self.edits.append((key, self._newest(key), None))

    def pause(self) -> None:
        self._try(lambda: pause(self.ledger, self._task("own"), actor="ann", reason="to try it"))

    def resume(self) -> None:
        self._try(lambda: resume(self.ledger, self._task("own"), actor="ann"))

    def trigger(self) -> None:
        trigger(self.ledger, self._task("own"), args=None, actor="ann")

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Conflict:
            self.counts["refused"] = self.counts.get("refused", 0) + 1

    def _task(self, name: str) -> Any:
        return next(task for task in self.ledger.tasks("web") if task.name == name)

    def _newest(self, key: str) -> int:
        """The newest record of a key now that the edit is committed: every later one is the new rule's."""
        from rota.ledger.records import RunFilter

        runs = self.ledger.runs(RunFilter(service="web", task="keyed", schedule_key=key, limit=1))
        return runs[0].id if runs else 0


@pytest.mark.parametrize("rounds", [25, pytest.param(200, marks=pytest.mark.long)])
def test_30_edit_race(stage: Stage, rounds: int, seed: int) -> None:
    stage.rota({
        "keyed": {"overlap": "allow", "catch_up": "all"},
        "own": {"schedule": {"every": "1s"}, "overlap": "allow", "catch_up": "all"},
    })  # fmt: skip
    editor = Editor(stage, stage.house.open(), random.Random(seed))
    nodes = [stage.node(own=True), stage.node(own=True)]
    over = threading.Event()

    turned = threading.Condition()
    begun, ended = (
        [0],
        [0],
    )  # the number of turns that began, and of the latest begun that is known to have ended

    def serve(node: StagedNode) -> None:
        while not over.is_set():
            with turned:
                begun[0] += 1
                number = begun[0]
            node.turn()
            with turned:
                ended[0] = max(ended[0], number)
                turned.notify_all()

    def one_turns() -> None:
        """Wait for a turn that began after this: time passes no quicker than a node fires what has fallen due."""
        with turned:
            after = begun[0]
            assert turned.wait_for(lambda: ended[0] > after or over.is_set(), timeout=30)

    serving = [beside(lambda node=node: serve(node)) for node in nodes]
    try:
        for _ in range(rounds):
            for _ in range(8):
                editor.edit()
                stage.clock.move(milliseconds=120)
                one_turns()
    finally:
        over.set()
    for one in serving:
        one.result(30)
    for key in range(KEYS):
        editor.ledger.retire_schedules("web", "keyed", [f"k{key}"])
    if editor._task("own").paused_at is not None:
        editor.resume()
    stage.pass_time(3, *nodes)
    checked = held_to_the_newest_rule(stage, editor)
    assert checked > rounds // 2
    stage.settle(*nodes, within=120.0 + 4 * rounds)  # what was caught up for goes one by one, a second each
    runs = [run for run in stage.runs() if run.kind is Kind.SCHEDULED]
    assert len({(run.schedule_id, run.scheduled_at) for run in runs}) == len(runs)
    assert {run.state for run in runs} <= {State.SUCCEEDED, State.SKIPPED}
    stage.audit(seed=seed, edits=len(editor.edits), records=checked, **editor.counts)


def held_to_the_newest_rule(stage: Stage, editor: Editor) -> int:
    """No record of an old rule, or of a deleted schedule, came after the edit was committed; returns how many there are."""
    checked = 0
    for key in (f"k{number}" for number in range(KEYS)):
        edits = [(newest, rule) for named, newest, rule in editor.edits if named == key]
        runs = [
            run for run in stage.runs(task="keyed") if run.schedule_key == key and run.kind is Kind.SCHEDULED
        ]
        ends = [newest for newest, _ in edits[1:]] + [2**62]
        for (since, rule), until in zip(edits, ends, strict=True):
            for run in runs:
                if since < run.id <= until:
                    checked += 1
                    assert rule is not None, f"run {run.id} of {key}, which was deleted"
                    assert compiled(rule).next_after(Instant(run.scheduled_at - 1)) == run.scheduled_at
    return checked


def test_30_a_deleted_schedule_fires_no_more_and_comes_back_whole(stage: Stage) -> None:
    stage.rota({"keyed": {"catch_up": "latest"}})
    node, rule = stage.node(ahead=0.5), rule_of(0)
    stage.ledger.put_schedules([NewSchedule("web", "keyed", "k", rule, Instant(stage.now + SECOND))])
    stage.pass_time(5, node)
    assert stage.ledger.retire_schedules("web", "keyed", ["k"]) == 1
    count = len(stage.runs())
    stage.pass_time(60, node)
    assert len(stage.runs()) == count
    stage.ledger.put_schedules([NewSchedule("web", "keyed", "k", rule, compiled(rule).next_after(stage.now))])
    stage.pass_time(5, node)
    later = stage.runs()[count:]
    assert len(later) == 5
    assert {run.covers_count for run in later} == {1}  # the time when it was deleted is nobody's to catch up
