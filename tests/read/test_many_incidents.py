"""However many incidents are open, none hides another: on a card, in what needs attention, and in the list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.read.house import House, a_task, build, every
from tests.read.judged import an_incident

from rota.change.apply import apply
from rota.define.loaded import LoadedRota
from rota.ledger.judging import IncidentFilter, Judgement, Moved
from rota.model.incident import Status
from rota.read.card import card_of, cards
from rota.read.incidents import incident_list
from rota.read.overview import overview

MANY = 1_050


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """As many tasks as fail, the first of them the longest; what reads it changes nothing."""
    built = build(
        tmp_path_factory.mktemp("house"), [a_task(f"task-{number:04}", every(60)) for number in range(MANY)]
    )
    for number in range(MANY):
        an_incident(built, f"task-{number:04}")
        built.clock.move(seconds=1)
    yield built
    built.ledger.close()


def test_the_card_of_the_task_that_fails_longest_says_so(house: House) -> None:
    assert card_of(house.ledger, house.task("task-0000")).failing_since is not None
    some = [house.task(f"task-{number:04}") for number in range(30)]
    assert all(card.failing_since is not None for card in cards(house.ledger, some))


def test_every_task_that_fails_needs_attention(house: House) -> None:
    subjects = {item.subject for item in overview(house.ledger).attention}
    assert len([subject for subject in subjects if "/task-" in subject]) == MANY


def test_a_resolved_incident_hides_no_open_one(tmp_path: Path) -> None:
    house = build(tmp_path)
    old = an_incident(house, "publish-due")
    house.clock.move(seconds=10)
    new = an_incident(house, "rebuild-sitemap")
    record = house.task("rebuild-sitemap")
    watch = next(one for one in house.ledger.to_judge() if one.task_id == record.id)
    end = Moved(
        new.id,
        Status.CLEAR,
        new.owner,
        new.found,
        new.run_id,
        new.times,
        house.now,
        house.now,
        None,
        house.now,
        (),
    )
    house.ledger.judged(
        [Judgement(record.id, watch.version, record.revision, 0, 0, house.now, None, None, (), (), (end,))]
    )
    assert [one.id for one in house.ledger.incidents(IncidentFilter(limit=1))] == [new.id]
    assert [one.id for one in incident_list(house.ledger, closed=True, limit=1)] == [old.id]
    assert [one.id for one in incident_list(house.ledger, closed=True, limit=9)] == [old.id, new.id]
    house.ledger.close()


def test_an_undo_names_the_service_where_there_are_two(tmp_path: Path) -> None:
    house = build(tmp_path, [a_task("tidy", every(60), rollback_command=("true",))])
    assert card_of(house.ledger, house.task("tidy")).undo == "rota undo tidy"
    other = a_task("tidy", every(60), service="other")
    apply(house.ledger, LoadedRota("other", {"tidy": other}), author="ann", reason="first")
    [record] = [one for one in house.ledger.tasks() if one.service != "other"]
    assert card_of(house.ledger, record).undo == f"rota undo {record.service}/tidy"
    house.ledger.close()
