"""The rota: revisions, tasks that go and come back, and cursors that never go back behind a record."""

from __future__ import annotations

import pytest
from tests.ledger.house import House

from rota.clock import SECOND, Instant
from rota.errors import Conflict
from rota.ledger.records import NewRevision, QueueLimits
from rota.model.revision import Origin


def cursor(house: House, task: str = "tidy", key: str = "") -> Instant | None:
    return house.ledger.schedules("web", task, key=key)[0].next_at


def test_a_revision_is_numbered_and_the_same_digest_changes_nothing(house: House) -> None:
    task = house.task(every=60)
    revision = NewRevision("web", "digest", '{"a": 1}', "ann", "first", [task])
    first, again = house.ledger.apply(revision), house.ledger.apply(revision)
    assert (first.number, first.changed, again.number, again.changed) == (1, True, 1, False)
    other = house.ledger.apply(NewRevision("mail", "digest", "{}", "bob", "first", [house.task("send")]))
    assert (other.number, other.changed) == (1, True)
    (kept,) = house.ledger.revisions("web")
    assert (kept.digest, kept.definition, kept.author, kept.reason, kept.applied_at) == (
        "digest", '{"a": 1}', "ann", "first", house.now,
    )  # fmt: skip
    assert len(house.ledger.revisions()) == 2


def test_a_task_that_goes_is_retired_with_its_schedules_and_comes_back_as_itself(house: House) -> None:
    before = house.rota(house.task(every=60), house.task("other"))["tidy"]
    house.put("tidy", "reader:1", 3600)
    house.rota(house.task("other"))
    assert [task.name for task in house.ledger.tasks("web")] == ["other"]
    gone = next(task for task in house.ledger.tasks("web", retired=True) if task.name == "tidy")
    assert gone.retired_at == house.now
    assert all(
        one.retired_at is not None and one.next_at is None for one in house.ledger.schedules("web", "tidy")
    )
    house.clock.move(hours=2)
    assert house.ledger.next_due() is None
    after = house.rota(house.task(every=60), house.task("other"))["tidy"]
    assert (after.id, after.retired_at) == (before.id, None)
    assert cursor(house) == house.now + 60 * SECOND
    assert cursor(house, key="reader:1") is not None


def test_what_a_program_took_away_does_not_come_back_with_its_task(house: House) -> None:
    house.rota(house.task())
    house.put("tidy", "reader:1", 60)
    assert house.ledger.retire_schedules("web", "tidy", ["reader:1", "reader:9"]) == 1
    house.rota(house.task("other"))
    house.rota(house.task(), house.task("other"))
    assert house.ledger.schedules("web", "tidy", key="reader:1")[0].retired_at is not None
    assert house.ledger.next_due() is None


def test_an_unchanged_schedule_keeps_its_cursor_and_so_what_fell_due_meanwhile(house: House) -> None:
    house.rota(house.task(every=60))
    due = cursor(house)
    house.clock.move(seconds=90)
    house.rota(house.task(every=60, priority=7))
    assert cursor(house) == due


def test_a_changed_schedule_gets_its_new_cursor(house: House) -> None:
    house.rota(house.task(every=60))
    house.rota(house.task(every=5))
    assert cursor(house) == house.now + 5 * SECOND


def test_a_cursor_never_goes_back_behind_a_record_and_never_dies_of_it(house: House) -> None:
    house.rota(house.task(every=60, first=2))
    house.fire(ahead=3)  # recorded ahead of its instant
    recorded = house.runs()[0].scheduled_at
    house.rota(house.task(every=5, first=1))  # the new rule's first occurrence is before that
    after = cursor(house)
    assert after is not None
    assert after > recorded
    house.clock.move(seconds=30)
    assert house.fire().runs > 0


def test_a_task_that_loses_its_schedule_fires_no_more(house: House) -> None:
    house.rota(house.task(every=60))
    house.rota(house.task())
    assert house.ledger.next_due() is None
    house.rota(house.task(every=60))
    assert house.ledger.next_due() == house.now + 60 * SECOND


def test_schedules_of_programs_are_added_moved_kept_and_taken_away(house: House) -> None:
    house.rota(house.task())
    assert house.put("tidy", "reader:1", 60) == 1
    first = house.ledger.schedules("web", "tidy", key="reader:1")[0]
    house.clock.move(seconds=10)
    house.put("tidy", "reader:1", 60)  # the same rule: the cursor stays
    assert cursor(house, key="reader:1") == first.next_at
    house.put("tidy", "reader:1", 30)
    assert cursor(house, key="reader:1") == house.now + 30 * SECOND
    assert house.ledger.retire_schedules("web", "tidy", ["reader:1"]) == 1
    assert house.ledger.retire_schedules("web", "tidy", ["reader:1"]) == 0
    house.put("tidy", "reader:1", 30)
    back = house.ledger.schedules("web", "tidy", key="reader:1")[0]
    assert (back.id, back.retired_at, back.next_at) == (first.id, None, house.now + 30 * SECOND)
    assert house.put("no-such-task", "reader:1", 60) == 0


def test_schedules_are_found_by_any_of_their_names(house: House) -> None:
    house.rota(house.task(every=60), house.task("send"))
    for key in ("a", "b"):
        house.put("send", key, 60)
    assert [(one.task, one.key) for one in house.ledger.schedules()] == [
        ("tidy", ""),
        ("send", "a"),
        ("send", "b"),
    ]
    assert [one.key for one in house.ledger.schedules("web", "send")] == ["a", "b"]
    assert [one.key for one in house.ledger.schedules(key="b")] == ["b"]
    assert house.ledger.schedules("mail") == []
    assert len(house.ledger.schedules(limit=2)) == 2


def test_what_a_change_meets_is_counted_by_task(house: House) -> None:
    house.rota(house.task(), house.task("send"), house.task("idle"))
    for key in ("a", "b", "c"):
        house.put("send", key, 60)
    house.ledger.retire_schedules("web", "send", ["c"])
    for _ in range(3):
        house.enqueue()
    assert house.ledger.touched("web") == {"tidy": {"waiting": 3}, "send": {"schedules": 2}}
    house.claim(want=1)
    assert house.ledger.touched("web") == {"tidy": {"waiting": 2, "running": 1}, "send": {"schedules": 2}}
    assert house.ledger.touched("shop") == {}


def test_queue_limits_belong_to_the_rota(house: House) -> None:
    house.rota(house.task(queue="mail"), queues=[QueueLimits("mail", concurrency=1)])
    house.enqueue(queue="mail"), house.enqueue(queue="mail")
    assert len(house.claim(quota={"mail": 10})) == 1
    house.rota(house.task(queue="mail"), queues=[QueueLimits("mail", concurrency=2)])
    assert len(house.claim(quota={"mail": 10})) == 1


def test_a_queue_that_is_limited_no_longer_is_free_unless_another_service_limits_it(house: House) -> None:
    limits, theirs = [QueueLimits("mail", concurrency=1)], '{"queues": {"mail": {"concurrency": 1}}}'
    house.rota(house.task(queue="mail"), queues=limits)
    house.ledger.apply(NewRevision("shop", "one", theirs, "bob", "theirs", [], queues=limits))
    house.ledger.apply(
        NewRevision("web", "free", "{}", "ann", "no limit", [house.task(queue="mail")], lifted=["mail"])
    )
    for _ in range(3):
        house.enqueue(queue="mail")
    assert len(house.claim(quota={"mail": 10})) == 1, "the other service's limit holds"
    house.ledger.apply(NewRevision("shop", "two", "{}", "bob", "no limit", [], lifted=["mail"]))
    assert len(house.claim(quota={"mail": 10})) == 2


def test_a_revision_keeps_what_it_was_made_from(house: House) -> None:
    origin = Origin(("the store is up",), "0a1b2c", True, "1.2.3", None)
    house.ledger.apply(NewRevision("web", "one", "{}", "ann", "first", [], origin=origin))
    house.ledger.apply(NewRevision("web", "two", "{}", "ann", "back", [], origin=Origin(restores=1)))
    second, first = house.ledger.revisions("web")
    assert (first.origin, second.origin) == (origin, Origin(restores=1))
    assert [one.action for one in house.ledger.changes()] == ["rollback", "apply"]


def test_a_revision_planned_against_another_one_is_refused_whole(house: House) -> None:
    house.ledger.apply(NewRevision("web", "one", "{}", "ann", "first", [house.task("tidy")], base=0))
    with pytest.raises(Conflict, match="was changed meanwhile"):
        house.ledger.apply(NewRevision("web", "two", "{}", "bob", "at once", [], base=0))
    assert [one.author for one in house.ledger.revisions("web")] == ["ann"]
    assert [one.name for one in house.ledger.tasks("web")] == ["tidy"]
    house.ledger.apply(NewRevision("web", "two", "{}", "bob", "again", [], base=1))
    assert [one.number for one in house.ledger.revisions("web")] == [2, 1]
