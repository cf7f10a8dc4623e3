"""A loaded rota becomes a revision: rules, first occurrences and limits as the ledger wants them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rota.change.apply import apply, new_revision, schedule_seed
from rota.clock import Instant, to_instant
from rota.define.canonical import canonical_text, digest, rota_as_json, task_as_json, task_from_json
from rota.define.loaded import LoadedRota
from rota.ledger.records import Applied, NewRevision, QueueLimits
from rota.model.revision import Origin
from rota.model.schedule import At, Cron, Schedule
from rota.model.task import CatchUp, Command, Overlap, Queue, Task
from rota.timing import compile_schedule, schedule_from_json

NOW = to_instant(datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC))

TASK = Task(
    service="web",
    name="publish",
    target=Command(("true",)),
    owner="web@example.org",
    expects="it is public",
    rollback="unpublish it",
    schedule=Schedule((Cron("*/5 * * * *"),)),
    overlap=Overlap.QUEUE,
    catch_up=CatchUp.ALL,
    catch_up_limit=7,
    deadline=timedelta(hours=1, microseconds=1),
    queue="mail",
    priority=8,
    enabled=False,
    concurrency=2,
    pause_on_failure=3,
)


def rota(*tasks: Task) -> LoadedRota:
    return LoadedRota(
        "web", {task.name: task for task in tasks}, {"mail": Queue("mail", weight=2, rate=1.5, concurrency=4)}
    )


def revision(*tasks: Task) -> NewRevision:
    definition = canonical_text(rota_as_json(rota(*tasks)))
    return new_revision(
        definition, {}, now=NOW, author="anna", reason="publish sooner", origin=Origin(), base=0
    )


def test_the_revision_is_the_rota_with_author_and_reason() -> None:
    made = revision(TASK)
    assert (made.service, made.author, made.reason) == ("web", "anna", "publish sooner")
    assert made.digest == digest(rota(TASK))
    assert json.loads(made.definition) == rota_as_json(rota(TASK))
    assert list(made.queues) == [QueueLimits("mail", weight=2, rate=1.5, concurrency=4)]


def test_a_task_is_handed_over_with_its_policies() -> None:
    (task,) = revision(TASK).tasks
    assert json.loads(task.definition) == task_as_json(TASK)
    assert task_from_json(json.loads(task.definition)) == TASK
    assert task.next_at == to_instant(datetime(2026, 11, 23, 12, 5, tzinfo=UTC))
    assert (task.overlap, task.catch_up, task.catch_up_limit) == ("queue", "all", 7)
    assert (task.queue, task.priority, task.enabled) == ("mail", 8, False)
    assert (task.concurrency, task.deadline, task.pause_on_failure) == (2, 3_600_000_001, 3)


def test_a_task_without_a_schedule_has_no_rule() -> None:
    (task,) = revision(replace(TASK, schedule=None, deadline=None)).tasks
    assert (task.rule, task.next_at, task.deadline) == (None, None, None)


def test_a_schedule_that_is_over_has_no_first_occurrence() -> None:
    past = Schedule((At((datetime(2020, 1, 1, tzinfo=UTC),)),))
    (task,) = revision(replace(TASK, schedule=past)).tasks
    assert task.rule is not None
    assert task.next_at is None


def test_the_first_occurrence_is_the_one_that_the_planner_will_compute() -> None:
    """Both spread ``H`` by the same seed, or a task would fire once out of turn after each change."""
    spread = Schedule((Cron("H H * * *"),), jitter=timedelta(minutes=3))
    tasks = [replace(TASK, name=f"task-{number}", schedule=spread) for number in range(5)]
    made = revision(*tasks)
    for task in made.tasks:
        again = compile_schedule(schedule_from_json(json.loads(task.rule)), seed=f"web/{task.name}/")
        assert task.next_at == again.next_after(NOW)
    assert len({task.next_at for task in made.tasks}) > 1
    assert schedule_seed("web", "digest", "reader:7") == "web/digest/reader:7"


def test_tasks_and_queues_come_in_a_fixed_order() -> None:
    one, two = replace(TASK, name="a"), replace(TASK, name="b")
    assert revision(one, two) == revision(two, one)


class ScriptedLedger:
    """Notes what it is asked to apply."""

    def __init__(self) -> None:
        self.applied: list[NewRevision] = []

    def now(self) -> Instant:
        return NOW

    def apply(self, revision: NewRevision) -> Applied:
        self.applied.append(revision)
        return Applied(number=len(self.applied), changed=True)


def test_apply_goes_by_the_ledgers_clock() -> None:
    ledger = ScriptedLedger()
    ledger.revisions = lambda service, limit: []
    assert apply(ledger, rota(TASK), author="anna", reason="publish sooner") == Applied(1, True)
    assert ledger.applied == [replace(revision(TASK), check_due=True)]
