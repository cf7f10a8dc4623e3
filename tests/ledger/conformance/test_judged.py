"""Verdicts, judgements, incidents and messages: who is first writes, and what was said stays until it is told."""

from __future__ import annotations

from dataclasses import replace

from tests.ledger.house import House

from rota.clock import SECOND, Instant
from rota.ledger.judging import IncidentFilter, Judgement, Moved, NewNotice, Opened, Report
from rota.ledger.records import Change
from rota.model.incident import Notice, Status
from rota.model.verdict import Check, Standing, Verdict

OWNER = "Web <web@example.org>"


def said(house: House, standing: Standing, *, later: int = 0, check: Check = Check.RESULT) -> Report:
    at = Instant(house.now + later * SECOND)
    return Report("web", "tidy", Verdict(check, standing, "a number", f"{standing} at {later}", at, 7))


def judgement(house: House, version: int = 0, **more: object) -> Judgement:
    task = house.ledger.tasks()[0]
    return Judgement(task.id, version, task.revision, 0, 0, None, None, None, **more)  # type: ignore[arg-type]  # as given


def judged(house: House, one: Judgement) -> list[int] | None:
    [ids] = house.ledger.judged([one])
    return ids


def opened(house: House, **notice: object) -> Opened:
    told = NewNotice(Notice.OPENED, OWNER, "mail", house.now, **notice)  # type: ignore[arg-type]  # as given
    return Opened(Check.RUN, Status.OPEN, house.now, OWNER, "it succeeds", "it failed", 7, 1, notices=(told,))


def change(house: House) -> Change:
    return Change(house.now, "ann", "acknowledge", "web/tidy", "at it")


def test_the_latest_verdict_stands_and_an_older_one_changes_nothing(house: House) -> None:
    house.rota(house.task())
    house.ledger.report([said(house, Standing.MET)])
    house.ledger.report([said(house, Standing.UNMET, later=2)])
    house.ledger.report([said(house, Standing.MET, later=1)])
    house.ledger.report([said(house, Standing.UNMET, later=3), replace_task(said(house, Standing.MET))])
    [one] = house.ledger.verdicts()
    assert (one.standing, one.since_at, one.at) == (
        Standing.UNMET,
        house.now + 2 * SECOND,
        house.now + 3 * SECOND,
    )
    house.ledger.report([said(house, Standing.MET, later=4)])
    [one] = house.ledger.verdicts("web")
    assert (one.standing, one.found, one.unmet_found, one.unmet_run) == (
        Standing.MET,
        "met at 4",
        "unmet at 3",
        7,
    )
    assert house.ledger.verdicts("other") == []


def replace_task(report: Report) -> Report:
    return report._replace(task="no-such-task")


def test_one_judges_and_one_opens_an_incident(house: House) -> None:
    house.rota(house.task())
    [watch] = house.ledger.to_judge()
    assert (watch.name, watch.version, watch.incidents) == ("tidy", 0, ())
    [id_] = judged(house, judgement(house, opened=(opened(house),))) or []
    assert judged(house, judgement(house, opened=(opened(house),))) is None, "two looked at the same moment"
    assert judged(house, judgement(house, 1, opened=(opened(house),))) == [], "one is open already"
    assert judged(house, judgement(house, 1)) is None
    assert house.ledger.to_judge() == []
    [incident] = house.ledger.incidents(IncidentFilter(is_open=True))
    assert (incident.id, incident.owner, incident.status) == (id_, OWNER, Status.OPEN)
    assert len(house.ledger.notices(id_)) == 1


def test_a_failed_run_and_a_new_revision_are_news(house: House) -> None:
    house.rota(house.task())
    judged(house, judgement(house))
    run = house.enqueue()
    house.fail(*house.claim())
    [watch] = house.ledger.to_judge()
    assert (watch.failed, watch.failed_seen, watch.failures) == (1, 0, 1)
    [bad] = house.ledger.bad_runs(watch.task_id)
    assert (bad.id, bad.state) == (run, "failed")
    judged(house, replace(judgement(house, 1), failed_seen=1))
    assert house.ledger.to_judge() == []
    house.rota(house.task(priority=6))
    assert len(house.ledger.to_judge()) == 1


def test_a_message_is_taken_by_one_and_again_where_it_did_not_go_out(house: House) -> None:
    house.rota(house.task())
    [id_] = judged(house, judgement(house, opened=(opened(house),))) or []
    assert house.ledger.letters() == [(OWNER, "mail", "web", None)]
    letter = house.ledger.take_letter(OWNER, "mail", "web", 10 * SECOND)
    assert letter is not None and [one.incident_id for one in letter.notices] == [id_]  # noqa: PT018 - for mypy
    assert house.ledger.letters() == []
    assert house.ledger.take_letter(OWNER, "mail", "web", 10 * SECOND) is None
    house.clock.move(seconds=11)  # whoever took it is gone
    again = house.ledger.take_letter(OWNER, "mail", "web", 10 * SECOND)
    assert again is not None
    assert house.ledger.letter_sent(letter.claim) == 0, "the one that was gone says it is sent"
    assert house.ledger.letter_failed(again.claim, Instant(house.now + SECOND), "refused") == 1
    assert [(one.error, one.tries) for one in house.ledger.notices()] == [("refused", 2)]
    house.clock.move(seconds=1)
    last = house.ledger.take_letter(OWNER, "mail", "web", 10 * SECOND)
    assert last is not None
    assert house.ledger.letter_sent(last.claim) == 1
    assert house.ledger.notices() == []
    house.ledger.add_notice("web", NewNotice(Notice.TEST, OWNER, "mail", house.now))
    assert house.ledger.letters() == [(OWNER, "mail", "web", house.now)], "there was one just now"


def test_acknowledged_muted_and_resolved(house: House) -> None:
    house.rota(house.task())
    [id_] = judged(house, judgement(house, opened=(opened(house, may_lapse=True),))) or []
    assert house.ledger.acknowledge(id_, change(house), None)
    task = house.ledger.tasks()[0].id
    until = Instant(house.now + 60 * SECOND)
    house.ledger.mute(task, change(house), until)
    assert house.ledger.mutes() == {task: (until, "at it", "ann")}
    assert house.ledger.letters() == []
    [watch] = house.ledger.to_judge()
    moved = Moved(id_, Status.CLEAR, OWNER, "well again", None, 1, None, None, None, house.now)
    assert judged(house, judgement(house, watch.version, moved=(moved,))) == []
    assert not house.ledger.acknowledge(id_, change(house), None)
    house.clock.move(seconds=61)
    house.ledger.letters()
    [notice] = house.ledger.notices(id_)
    assert (notice.sent_at, notice.lapsed_at) == (None, house.now), "all was well before it was to be told"


def test_hours_are_counted_once_they_are_over(house: House) -> None:
    house.rota(house.task())
    task, since = house.ledger.tasks()[0].id, house.now
    house.enqueue()
    house.succeed(*house.claim())
    house.enqueue()
    house.fail(*house.claim())
    assert [tuple(one) for _, one in house.ledger.hours(task, since, None)] == [(1, 1)]
    house.clock.move(hours=5)
    assert [tuple(one) for _, one in house.ledger.hours(task, since, None)] == [(1, 1)]
    assert house.ledger.successes(task, since) == [since]
    assert house.ledger.successes(task, Instant(since + 1)) == []
