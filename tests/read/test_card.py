"""The card of a task, and what its incidents and messages need of attention."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.read.house import House, a_task, build, errored, every, succeeded
from tests.read.judged import an_incident, refused

from rota.clock import SECOND, Instant
from rota.ledger.records import Change
from rota.model.task import Expectation
from rota.model.verdict import Check, Standing
from rota.read.attention import Attention
from rota.read.card import card_lines, card_of, cards
from rota.read.overview import overview

OWNER = "Web <web@example.org>"


def test_a_card_of_a_task_that_was_never_judged(tmp_path: Path) -> None:
    asked = Expectation(max_duration=timedelta(seconds=30), fresh_within=timedelta(minutes=10))
    house = build(tmp_path, [a_task("tidy", every(60), expectation=asked)])
    card = card_of(house.ledger, house.task("tidy"))
    assert [(one.check, one.standing, one.found) for one in card.checks] == [
        (Check.RUN, Standing.UNKNOWN, "not judged yet"),
        (Check.MAX_DURATION, Standing.UNKNOWN, "not judged yet"),
        (Check.FRESH, Standing.UNKNOWN, "not judged yet"),
    ]
    assert (card.failing_since, card.last_success, card.undo) == (None, None, None)
    lines = dict(card_lines(card, house.now))
    assert lines["last success"] == "it has never succeeded"
    assert "failing" not in lines
    house.ledger.close()


def test_a_card_says_since_when_it_fails_and_how_to_undo_it(tmp_path: Path) -> None:
    house = build(tmp_path, [a_task("tidy", every(60), rollback_command=("git", "revert", "HEAD"))])
    house.clock.move(seconds=60)
    house.round(succeeded())
    house.clock.move(seconds=60)
    incident = an_incident(house, "tidy")
    house.ledger.mute(
        house.task("tidy").id,
        Change(house.now, "ann", "mute", "x", "the move"),
        Instant(house.now + 3600 * SECOND),
    )
    card = card_of(house.ledger, house.task("tidy"))
    assert (card.failing_since, [one.id for one in card.incidents]) == (incident.since_at, [incident.id])
    assert card.last_success is not None
    lines = dict(card_lines(card, house.now))
    assert lines["failing"] == "since 1 min ago"
    assert lines["undo"] == "rota undo tidy (runs: git revert HEAD)"
    assert (
        lines["checks"] == "run unmet: every run succeeds, and none is missed; it did not, since now, run 7"
    )
    assert lines["muted"] == "by ann, ends in 1 h: the move"
    house.ledger.close()


def test_what_is_met_again_still_says_when_it_was_not(house: House) -> None:
    an_incident(house)
    house.clock.move(seconds=60)
    from rota.ledger.judging import Report
    from rota.model.verdict import Verdict

    met = Verdict(Check.RUN, Standing.MET, "every run succeeds", "the latest run succeeded", house.now, 8)
    house.ledger.report([Report("newsroom", "publish-due", met)])
    [line] = [
        one for one in card_of(house.ledger, house.task("publish-due")).checks if one.check is Check.RUN
    ]
    assert (line.standing, line.unmet_found, line.unmet_run) == (Standing.MET, "it did not", 7)
    words = dict(card_lines(card_of(house.ledger, house.task("publish-due")), house.now))["checks"]
    assert "last unmet 1 min ago: it did not" in words


def test_many_cards_come_in_the_order_asked_for(house: House) -> None:
    records = house.ledger.tasks()
    assert [card.task for card in cards(house.ledger, records)] == [record.name for record in records]


def attention(house: House) -> list[Attention]:
    house.beat()
    return list(overview(house.ledger).attention)


def test_an_incident_is_shown_once_with_the_condition_that_says_the_same(house: House) -> None:
    house.clock.move(seconds=60)
    house.round(errored())
    failing = an_incident(house)
    late = an_incident(house, "rebuild-sitemap", Check.LATENESS)
    found = [(one.sort, one.subject, one.incident_id) for one in attention(house)]
    assert found == [
        ("failing", "newsroom/publish-due", failing.id),
        ("incident", "newsroom/rebuild-sitemap", late.id),
    ]


def test_a_message_that_is_refused_is_a_failure_to_be_seen(house: House) -> None:
    an_incident(house)
    assert [one.sort for one in attention(house)] == ["incident"]
    refused(house)
    [first, _] = attention(house)
    assert (first.sort, first.subject) == ("undelivered", f"messages to {OWNER}")
    assert first.words == "1 message by mail not delivered, 1 try: connection refused"
