"""What needs attention comes first; nothing that went wrong is left out, nothing that is well is listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.read.house import START, House, a_node, a_task, build, errored, every, succeeded

from rota.change import actions
from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.model.schedule import At, Cron, Schedule
from rota.model.task import Expectation
from rota.read.nodes import node_list
from rota.read.overview import overview
from rota.read.tasks import task_detail, task_list
from rota.read.upcoming import upcoming
from rota.testing import ManualClock


def sorts(house: House) -> dict[str, str]:
    return {item.subject: item.sort for item in overview(house.ledger).attention}


def test_a_house_where_all_is_well_needs_no_attention(house: House) -> None:
    house.clock.move(seconds=60)
    house.round(succeeded())
    house.beat()
    view = overview(house.ledger)
    assert view.attention == ()
    assert view.day == {"succeeded": 1}
    assert {lane.task: len(lane.instants) for lane in view.lanes} == {
        "publish-due": 60,
        "find-links": 30,
        "rebuild-sitemap": 4,
    }
    assert view.lanes[-1].task == "rebuild-sitemap"


def test_failing_paused_late_and_lost_are_listed_the_gravest_first(house: House) -> None:
    house.clock.move(seconds=60)
    house.round(errored())
    house.clock.move(seconds=70)
    house.fire()
    actions.pause(house.ledger, house.task("rebuild-sitemap"), actor="ann", reason="moving", until=None)
    found = sorts(house)
    assert found["newsroom/publish-due"] == "failing"
    assert found["newsroom/rebuild-sitemap"] == "paused"
    assert found["web-1:4021"] == "node-lost"
    assert found["nodes"] == "no-node"
    order = [item.sort for item in overview(house.ledger).attention]
    assert order.index("failing") < order.index("paused")


def test_a_due_instant_without_a_record_is_late(house: House) -> None:
    house.clock.move(seconds=90)
    house.beat()
    assert sorts(house)["newsroom/publish-due"] == "late"


def test_a_run_beyond_its_expected_duration_is_stuck(house: House) -> None:
    house.clock.move(seconds=120)
    house.fire()
    house.claim()
    house.clock.move(seconds=31)
    house.beat()
    assert sorts(house)["newsroom/find-links"] == "stuck"


def test_a_task_without_a_success_in_time_is_stale_and_one_that_ended_is_expired(tmp_path: Path) -> None:
    tasks = [
        a_task("fresh", every(3600), expectation=Expectation(fresh_within=timedelta(minutes=10))),
        a_task("once", Schedule((At((START + timedelta(minutes=1),)),))),
    ]
    house = build(tmp_path, tasks)
    house.clock.move(seconds=3600)
    house.round(succeeded())
    house.beat()
    assert sorts(house) == {"newsroom/once": "expired"}
    house.clock.move(seconds=700)
    house.beat()
    assert sorts(house)["newsroom/fresh"] == "stale"
    house.ledger.close()


def test_an_empty_ledger_has_an_overview(tmp_path: Path) -> None:
    house = build(tmp_path, [])
    view = overview(house.ledger)
    assert (view.tasks, view.attention, view.lanes, view.recent) == (0, (), (), ())
    assert task_list(house.ledger) == []
    assert upcoming(house.ledger, Instant(house.now + 3600 * SECOND)) == []
    house.ledger.close()


def test_upcoming_merges_all_schedules_and_waiting_runs_in_order(house: House) -> None:
    at = Instant(house.now + 90 * SECOND)
    run_id = actions.trigger(house.ledger, house.task("republish"), args=None, actor="ann", run_at=at)
    found = upcoming(house.ledger, Instant(house.now + 130 * SECOND), 10)
    due = [((entry.at - house.now) // SECOND, entry.task) for entry in found]
    assert due[:2] == [(60, "publish-due"), (90, "republish")]
    assert sorted(due[2:]) == [(120, "find-links"), (120, "publish-due")]
    assert [entry.run_id for entry in found if entry.task == "republish"] == [run_id]
    actions.pause(house.ledger, house.task("publish-due"), actor="ann", reason="moving", until=None)
    assert {entry.task for entry in upcoming(house.ledger, at, 10)} == {"republish"}


def test_a_task_shows_all_that_a_person_wants_to_know(house: House) -> None:
    house.clock.move(seconds=900)
    house.round(succeeded())
    actions.pause(house.ledger, house.task("rebuild-sitemap"), actor="ann", reason="moving", until=None)
    view = task_detail(house.ledger, house.task("rebuild-sitemap"))
    assert view.card.expects == "rebuild-sitemap has done what it should"
    assert view.card.rollback == "nothing to undo"
    assert view.task.rule == "*/15 * * * *"
    assert view.task.timezone == "Europe/Berlin"
    assert view.task.schedule
    assert len(view.next) == 10
    assert view.next[0].at > house.now
    assert view.task.condition.word == "paused"
    assert "moving" in view.task.condition.words
    assert [change.action for change in view.changes] == ["pause"]
    assert {policy.name for policy in view.policies} >= {"overlap", "catch_up", "timeout", "retry", "queue"}


def test_the_next_instants_of_a_task_warn_of_a_change_of_the_clocks(tmp_path: Path) -> None:
    task = a_task("nightly", Schedule((Cron("30 2 * * *"),), timezone="Europe/Berlin"))
    house = build(tmp_path, [task], ManualClock(datetime(2026, 3, 27, 12, tzinfo=UTC)))
    view = task_detail(house.ledger, house.task("nightly"))
    noted = [occurrence.note for occurrence in view.next if occurrence.note]
    assert noted, "29 March 2026 has no 02:30 in Berlin"
    house.ledger.close()


def test_tasks_are_found_by_name_owner_and_tag(house: House) -> None:
    assert [row.name for row in task_list(house.ledger, search="SITEMAP")] == ["rebuild-sitemap"]
    assert [row.name for row in task_list(house.ledger, search="editorial")] == ["publish-due"]
    assert [row.name for row in task_list(house.ledger, search="content")] == ["republish"]
    assert task_list(house.ledger, search="nothing like that") == []


def test_a_removed_task_is_no_longer_listed(house: House) -> None:
    apply(house.ledger, LoadedRota("newsroom", {"republish": a_task("republish")}), author="a", reason="less")
    assert [row.name for row in task_list(house.ledger)] == ["republish"]


def test_nodes_are_live_silent_lost_or_left(house: House) -> None:
    assert [node.state for node in node_list(house.ledger)] == ["live"]
    house.clock.move(seconds=16)
    assert [node.state for node in node_list(house.ledger)] == ["silent"]
    house.ledger.register(a_node(house.now, "second", "web-2:1"))
    house.ledger.leave("second")
    assert [node.state for node in node_list(house.ledger)] == ["silent", "left"]
