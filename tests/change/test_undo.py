"""What an undo is planned to do, when it is refused, and what is recorded of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.read.house import House, a_task, build, errored, every, succeeded

from rota.change import actions
from rota.change.apply import apply
from rota.change.undo import plan_undo, undo
from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.errors import Conflict, UnknownName, UsageError
from rota.ledger.records import NewSchedule, RunFilter
from rota.model.run import Kind, RunRecord, State
from rota.model.task import Overlap
from rota.model.undo import Undo
from rota.read.overview import overview
from rota.read.runs import run_detail
from rota.read.tasks import task_detail
from rota.timing import schedule_as_json

RESTORE = ("restore", "the last one")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build(
        tmp_path,
        [
            a_task("publish", every(60), rollback_command=RESTORE, args={"id": 1}),
            a_task("side-by-side", every(60), overlap=Overlap.ALLOW, rollback_command=RESTORE),
            a_task("count", every(3600), rollback="nothing to undo: it only counts"),
        ],
    )
    yield built
    built.ledger.close()


def ran(house: House, task: str = "publish", *, args: str | None = None, fails: bool = False) -> RunRecord:
    """A run that was asked for and has ended."""
    actions.trigger(house.ledger, house.task(task), args=args, actor="ann")
    (claimed,) = house.claim()
    house.end(claimed, errored() if fails else succeeded())
    house.clock.move(seconds=5)
    return run_of(house, claimed.id)


def run_of(house: House, run_id: int) -> RunRecord:
    run = house.ledger.run(run_id)
    assert run is not None
    return run


def done(house: House, task: str = "publish", run: int | None = None) -> RunRecord:
    record = house.task(task)
    plan = plan_undo(house.ledger, record, run)
    return run_of(house, undo(house.ledger, record, plan, actor="ann", reason="wrong edition"))


def test_it_undoes_the_latest_run_that_ended_with_the_arguments_which_that_had(house: House) -> None:
    first, second = ran(house), ran(house, args='{"id":7}', fails=True)
    waits = actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    actions.cancel(house.ledger, waits, actor="ann")  # which never ran
    assert plan_undo(house.ledger, house.task("publish")) == Undo(RESTORE, second.id, {"id": 7})
    assert plan_undo(house.ledger, house.task("publish"), first.id) == Undo(RESTORE, first.id, {"id": 1})


def test_what_is_recorded(house: House) -> None:
    second = ran(house)
    run = done(house)
    assert (run.kind, run.state, run.priority, run.requested_by) == (Kind.UNDO, State.WAITING, 9, "ann")
    assert Undo.from_json(run.args or "") == Undo(RESTORE, second.id, {"id": 1})
    (line,) = house.ledger.changes(subject="newsroom/publish", limit=1)
    assert (line.action, line.actor, line.reason) == ("undo", "ann", "wrong edition")
    told = {"run": run.id, "undoes": second.id, "command": "restore 'the last one'"}
    assert json.loads(line.detail or "") == told
    assert run_detail(house.ledger, run.id).why.startswith(
        "It undoes what the task did, by its rollback command"
    )


def test_a_task_of_which_no_run_is_known_can_be_undone(house: House) -> None:
    assert plan_undo(house.ledger, house.task("publish")).run is None
    assert done(house).state is State.WAITING


def test_a_task_without_a_command_is_refused_with_its_note_and_the_way_out(house: House) -> None:
    with pytest.raises(Conflict) as caught:
        plan_undo(house.ledger, house.task("count"))
    assert "rollback_command = [" in str(caught.value.expected)
    assert "nothing to undo: it only counts" in str(caught.value.found)


def test_it_is_refused_while_a_run_is_under_way_also_if_that_began_after_it_was_planned(house: House) -> None:
    plan = plan_undo(house.ledger, house.task("publish"))
    actions.trigger(house.ledger, house.task("publish"), args=None, actor="ann")
    (claimed,) = house.claim()
    for ask in (
        lambda: plan_undo(house.ledger, house.task("publish")),
        lambda: undo(house.ledger, house.task("publish"), plan, actor="ann", reason="wrong edition"),
    ):
        with pytest.raises(Conflict) as caught:
            ask()
        assert caught.value.found == f"run {claimed.id}, running"
        assert f"rota cancel {claimed.id}" in caught.value.next
    assert house.ledger.runs(RunFilter(kinds=(Kind.UNDO,))) == []


def test_one_undo_waits_at_most(house: House) -> None:
    plan = plan_undo(house.ledger, house.task("publish"))
    run = done(house)
    with pytest.raises(Conflict, match=f"run {run.id}, waiting"):
        plan_undo(house.ledger, house.task("publish"))
    with pytest.raises(Conflict, match=f"run {run.id}, waiting"):
        undo(house.ledger, house.task("publish"), plan, actor="bob", reason="the same")
    assert len(house.ledger.runs(RunFilter(kinds=(Kind.UNDO,)))) == 1


def test_runs_that_cannot_be_undone(house: House) -> None:
    record = house.task("publish")
    other = ran(house, "count")
    with pytest.raises(Conflict, match="one of count"):
        plan_undo(house.ledger, record, other.id)
    with pytest.raises(UnknownName):
        plan_undo(house.ledger, record, 4711)
    waits = actions.trigger(house.ledger, record, args=None, actor="ann")
    with pytest.raises(Conflict, match="has not ended"):
        plan_undo(house.ledger, record, waits)
    actions.cancel(house.ledger, waits, actor="ann")
    with pytest.raises(Conflict, match="one that never did"):
        plan_undo(house.ledger, record, waits)
    undone = done(house)
    (claimed,) = house.claim()
    house.end(claimed, succeeded())
    with pytest.raises(Conflict, match="one that undid something"):
        plan_undo(house.ledger, record, undone.id)


def test_it_takes_the_lane_of_the_schedule_whose_run_it_undoes(house: House) -> None:
    first = Instant(house.now + 60 * SECOND)
    rule = json.dumps(schedule_as_json(every(60)))
    house.ledger.put_schedules([NewSchedule("newsroom", "publish", "eu", rule, first)])

    def due(*keys: str) -> dict[str | None, int]:
        """Let a minute pass; what of the task is started, by the key of its schedule."""
        house.clock.move(seconds=60)
        house.beat()
        house.fire()
        found = {one.schedule_key: one.id for one in house.claim() if one.task == "publish"}
        assert sorted(key or "" for key in found) == sorted(keys)
        for one in house.held:
            house.end(one, succeeded())
        return found

    begun = due("", "eu")
    done(house, run=begun["eu"])
    (undoing,) = house.claim()
    due("")  # what of the key is due meanwhile is skipped, as its overlap says
    house.end(undoing, succeeded())
    due("", "eu")


def test_a_reason_is_needed_and_the_task_must_be_of_the_rota(house: House) -> None:
    record = house.task("publish")
    plan = plan_undo(house.ledger, record)
    with pytest.raises(UsageError, match="needs a reason"):
        undo(house.ledger, record, plan, actor="ann", reason="  ")
    known = {name: task for name, task in house.loaded.tasks.items() if name != "publish"}
    apply(house.ledger, LoadedRota("newsroom", known, {}), author="ann", reason="without it")
    (gone,) = (task for task in house.ledger.tasks(retired=True) if task.name == "publish")
    with pytest.raises(Conflict, match="no longer in the rota"):
        undo(house.ledger, gone, plan, actor="ann", reason="wrong edition")


def test_pages_show_it_as_what_it_is_and_judge_the_task_by_its_own_runs(house: House) -> None:
    failed = ran(house, fails=True)
    undone = done(house)
    (claimed,) = house.claim()
    house.clock.move(seconds=500)
    seen = overview(house.ledger)
    assert [(one.sort, one.run_id) for one in seen.attention if one.subject == "newsroom/publish"] == [
        ("failing", failed.id)
    ]
    house.end(claimed, succeeded(), took=400)
    view = task_detail(house.ledger, house.task("publish"))
    assert view.card.rollback_command == RESTORE
    assert [(row.id, row.kind) for row in view.runs] == [(undone.id, Kind.UNDO), (failed.id, Kind.MANUAL)]
    assert (view.task.condition.word, view.task.typical) == ("failing", None)
    assert view.task.last is not None
    assert view.task.last.id == failed.id
