"""The audit finds every broken promise, each planted here by hand in the file, and none where none was broken."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.house import House

from rota import Rota
from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.engine.plan import plan_schedule
from rota.ledger.records import NewSchedule
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.ledger.work import FirePlan
from rota.model.lifecycle import Errored
from rota.model.task import Retries
from rota.read.audit import Audit, audit
from rota.testing import ManualClock
from rota.timing import compile_schedule, schedule_from_json

DUTY = {"owner": "ann@example.org", "expects": "what the test says", "rollback": "nothing to put back"}


class Site:
    """A ledger with a rota of the real form, fired by the real planner."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "rota.db"
        clock = ManualClock()
        self.ledger = SqliteLedger(self.path, clock=clock)
        self.ledger.migrate()
        self.house = House(self.ledger, clock, lambda: self.ledger)
        self.begun = self.ledger.now()
        self.house.node()

    def rota(self, **schedules: str) -> None:
        """Apply a rota of tasks with these schedules."""
        rota = Rota("web", database_url=f"sqlite:///{self.path}")
        for name, every in schedules.items():
            rota.task(name=name, schedule={"every": every}, **DUTY)(_nothing)
        apply(self.ledger, rota.loaded, author="ann", reason="test")
        self.house.ids.update({task.name: task.id for task in self.ledger.tasks()})

    def serve(self, seconds: int) -> None:
        """Fire, claim and finish, second by second."""
        for _ in range(seconds):
            self.house.clock.move(seconds=1)
            self.house.beat()
            self.ledger.fire(self.ledger.now(), 1000, self._plan)
            self.house.succeed(*self.house.claim())

    def audit(self, since: Instant | None = None) -> Audit:
        begin = self.begun if since is None else since
        return audit(self.ledger, begin, Instant(self.ledger.now() - SECOND // 2))

    def sql(self, text: str) -> None:
        """What a defect, or somebody's hand, would do to the file."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(text)
        connection.close()

    def _plan(self, due, now) -> Iterator[FirePlan]:  # type: ignore[no-untyped-def]  # as the protocol has it
        for schedule in due:
            seed = f"{schedule.service}/{schedule.task}/{schedule.key}"
            rule = compile_schedule(schedule_from_json(json.loads(schedule.rule)), seed=seed)
            yield plan_schedule(schedule, rule, now, now)


def _nothing() -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.rota(tidy="1s", feed="5s")
    yield made
    made.ledger.close()


def breaches(found: Audit) -> dict[str, int]:
    return dict(found.breaches)


def test_where_nothing_was_broken_all_is_accounted_for(site: Site) -> None:
    site.serve(20)
    found = site.audit()
    assert (found.holds, found.schedules, found.expected, found.by_run) == (True, 2, 22, 22)
    assert found.attempts == {"succeeded": 24}
    assert found.late(1.0) == 0


def test_what_was_caught_up_for_stands_in_a_range_and_counts(site: Site) -> None:
    site.serve(3)
    site.house.clock.move(seconds=30)
    site.house.node("n1b")
    site.serve(2)
    found = site.audit()
    assert found.holds
    assert found.in_range > 25
    assert found.expected == found.by_run + found.in_range


def test_an_occurrence_without_a_record_is_missing(site: Site) -> None:
    site.serve(10)
    site.sql("DELETE FROM rota_run WHERE id = 2")
    found = site.audit()
    assert breaches(found) == {"missing": 1}
    assert found.examples[0].subject == "web/tidy"


def test_a_schedule_that_stands_still_is_missing_what_falls_due(site: Site) -> None:
    site.serve(5)
    site.house.clock.move(seconds=60)  # nobody fires
    assert site.audit().breaches["missing"] == 59 + 11


def test_an_occurrence_with_two_records_is_found(site: Site) -> None:
    site.serve(5)
    site.sql("DROP INDEX rota_run_occurrence")
    columns = (
        "task_id, kind, scheduled_at, run_at, state, schedule_id, queue, priority, created_at, finished_at"
    )
    site.sql(f"INSERT INTO rota_run ({columns}) SELECT {columns} FROM rota_run WHERE id = 2")
    assert breaches(site.audit()) == {"twice": 1}


def test_a_record_that_no_rule_asked_for_is_found(site: Site) -> None:
    site.serve(8)
    site.sql("UPDATE rota_run SET scheduled_at = scheduled_at + 300000 WHERE id = 3")
    assert breaches(site.audit()) == {"missing": 1, "unexpected": 1, "early": 1}


def test_a_start_before_its_instant_is_found(site: Site) -> None:
    site.serve(5)
    site.sql("UPDATE rota_run SET started_at = scheduled_at - 1 WHERE id = 2")
    assert breaches(site.audit()) == {"early": 1}


def test_an_attempt_that_nobody_counted_is_found(site: Site) -> None:
    site.serve(5)
    site.sql("INSERT INTO rota_attempt (run_id, attempt, token, node, state) VALUES (2, 1, 1, 'x', 'lost')")
    assert breaches(site.audit()) == {"restarted": 1}


def test_two_attempts_in_one_lane_at_once_are_found(site: Site) -> None:
    site.serve(5)
    site.sql("UPDATE rota_run SET finished_at = finished_at + 1500000 WHERE id = 2")
    assert breaches(site.audit()) == {"overlapping": 1}


def test_a_run_that_nobody_holds_is_found(site: Site) -> None:
    site.serve(5)
    site.house.clock.move(seconds=1)
    site.house.beat()
    site.ledger.fire(site.ledger.now(), 10, site._plan)
    assert site.house.claim()
    assert site.audit().holds
    site.sql("DELETE FROM rota_node")
    assert site.audit().breaches["orphaned"] >= 1


def test_retries_and_lost_leases_are_numbered_attempts(site: Site) -> None:
    site.serve(2)
    site.house.clock.move(seconds=1)
    site.ledger.fire(site.ledger.now(), 10, site._plan)
    claimed = site.house.claim_one()
    site.house.finish("n1", site.house.outcome(claimed, Errored(), retries=Retries(attempts=3)))
    site.house.clock.move(seconds=1)
    site.ledger.fire(site.ledger.now(), 10, site._plan)
    assert site.house.claim()
    site.house.lose("n1")
    site.house.node("n2")
    for _ in range(3):
        site.ledger.fire(site.ledger.now(), 10, site._plan)
        site.house.succeed(*site.house.claim("n2"), node="n2")
    found = site.audit()
    assert found.holds, found.examples
    assert found.attempts["error"] == found.attempts["lost"] == found.nodes_lost == 1


def test_history_is_held_against_the_rule_that_held_then(site: Site) -> None:
    site.serve(10)
    site.rota(tidy="4s", feed="5s")
    site.serve(60)
    found = site.audit()
    assert found.holds, found.examples
    assert found.expected < 10 + 20 + 15


def test_a_range_is_held_against_the_rule_that_held_then(site: Site) -> None:
    site.serve(10)
    site.house.clock.move(seconds=100)  # nobody was there: one run covers the others, which stand in a range
    site.serve(1)
    site.rota(tidy="7s", feed="5s")
    site.serve(60)
    found = site.audit()
    assert found.holds, found.examples
    assert found.in_range > 100


def test_a_run_time_schedule_is_held_to_its_rule_since_it_has_it(site: Site) -> None:
    site.rota(tidy="1s", feed="5s", publish="1h")
    site.serve(4)
    for every in (2, 3):
        rule = json.dumps({"every": f"{every}s"})
        first = compile_schedule(schedule_from_json(json.loads(rule)), seed="web/publish/a").next_after(
            site.ledger.now()
        )
        site.ledger.put_schedules([NewSchedule("web", "publish", "a", rule, first)])
        site.serve(30)
    assert site.audit().holds, site.audit().examples
    site.sql(
        "DELETE FROM rota_run WHERE id = (SELECT max(id) FROM rota_run WHERE schedule_id = (SELECT id FROM rota_schedule WHERE key = 'a'))"
    )
    assert site.audit().examples[0].subject == "web/publish/a"


def test_a_task_that_was_taken_away_is_asked_for_nothing_more(site: Site) -> None:
    site.serve(5)
    site.rota(feed="5s")
    site.serve(60)
    assert site.audit().holds, site.audit().examples


def test_a_schedule_that_is_deleted_as_it_falls_due_is_not_missed(site: Site) -> None:
    """The deletion came first; what fell due well before it is asked for all the same."""
    site.rota(tidy="1s", feed="5s", publish="1h")
    rule = json.dumps({"every": "10s"})
    first = compile_schedule(schedule_from_json(json.loads(rule)), seed="web/publish/a").next_after(
        site.ledger.now()
    )
    site.ledger.put_schedules([NewSchedule("web", "publish", "a", rule, first)])
    site.serve(19)
    site.house.clock.move(seconds=1)
    site.ledger.retire_schedules("web", "publish", ["a"])
    site.serve(5)
    assert site.audit().holds, site.audit().examples
    site.sql("DELETE FROM rota_run WHERE schedule_id = (SELECT id FROM rota_schedule WHERE key = 'a')")
    assert breaches(site.audit()) == {"missing": 1}


def test_a_run_that_was_tried_once_more_keeps_its_first_story(site: Site) -> None:
    site.serve(3)
    assert site.ledger.reopen(1, site.house.change("retry"))
    site.serve(2)
    found = site.audit()
    assert found.holds, found.examples
    assert found.attempts["succeeded"] == found.states["succeeded"] + 1
