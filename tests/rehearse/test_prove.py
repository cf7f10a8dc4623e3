"""What is not as it was is found and named; a real rollback leaves nothing to find."""

from __future__ import annotations

from dataclasses import replace

from tests.rehearse.stage import BEGIN, Stage, after, duty

from rota.app import open_scratch
from rota.clock import Instant
from rota.define.canonical import rota_as_json
from rota.define.loaded import LoadedRota
from rota.ledger.records import Change
from rota.model.rehearsal import Rehearsal
from rota.rehearse.copies import Copy, Cursor, TaskCopy
from rota.rehearse.prove import as_they_go_on, compared, standing
from rota.rehearse.rehearse import Asked, rehearse
from rota.rehearse.report import Report
from rota.rehearse.scratch import Scratch
from rota.rehearse.statistics import Statistics
from rota.settings import Settings
from rota.timing import schedule_as_json

HOURLY, NIGHTLY, REPORT = (
    duty("hourly", "5 * * * *"),
    duty("nightly", "0 2 * * *"),
    duty("report", "0 6 * * 1"),
)


def a_copy() -> Copy:
    """A rota of three tasks; one has a run-time schedule, one is paused until noon, one for ever."""
    from rota.define.canonical import canonical_text

    tasks = {one.name: one for one in (HOURLY, NIGHTLY, REPORT)}
    given = rota_as_json(LoadedRota("web", tasks))
    copies = [TaskCopy(name, given["tasks"][name], Statistics()) for name in sorted(tasks)]
    copies[1] = replace(copies[1], paused=True, paused_until=after(hours=12), paused_reason="repairs")
    copies[2] = replace(copies[2], paused=True, paused_reason="the printer is gone")
    rules = {
        name: canonical_text(schedule_as_json(task.schedule)) for name, task in tasks.items() if task.schedule
    }
    firsts = {
        "hourly": after(minutes=4, seconds=30),
        "nightly": after(hours=1, minutes=59, seconds=30),
        "report": after(hours=5, minutes=59, seconds=30),
    }
    cursors = [Cursor(name, "", rules[name], firsts[name]) for name in sorted(tasks)]
    keyed = Cursor(
        "hourly",
        "reader:7",
        rules["hourly"].replace("5 * * * *", "35 * * * *"),
        after(minutes=34, seconds=30),
    )
    return Copy("web", BEGIN, 7, "a-digest", {}, tuple(copies), (*cursors, keyed))


def a_rehearsal(stage: Stage, *tasks: object, days: float = 2) -> Report:
    loaded = LoadedRota("web", {one.name: one for one in tasks})  # type: ignore[attr-defined]  # tasks, all of them
    asked = Asked(a_copy(), loaded, Rehearsal(days=days), Settings(), what_if=False)
    return rehearse(asked, open_scratch)


def test_every_kind_of_change_is_put_back(stage: Stage) -> None:
    """A task goes that has a run-time schedule, another that is paused; one changes; one comes."""
    changed = replace(REPORT, schedule=duty("report", "*/10 * * * *").schedule)
    report = a_rehearsal(stage, changed, duty("new", "0 * * * *"))
    assert [proof.differences for proof in report.proofs] == [(), ()]
    assert [(proof.schedules, proof.pauses) for proof in report.proofs] == [(4, 2), (4, 1)]
    assert report.holds


def test_a_pause_that_ends_meanwhile_and_one_that_does_not(stage: Stage) -> None:
    report = a_rehearsal(stage, HOURLY, NIGHTLY, REPORT, days=2)
    states = {one.task: one.states for one in report.tasks}
    assert states["nightly"] == {"succeeded": 2, "skipped": 1}  # one makes up for the night that was left out
    assert states["report"] == {"skipped": 1}
    assert states["hourly"] == {"succeeded": 2 * 48}
    assert report.holds


def moved(scratch: Scratch, **by: float) -> None:
    scratch.clock.move(**by)


def test_what_differs_is_named(stage: Stage) -> None:
    scratch = stage.scratch(a_copy())
    before = standing(scratch.ledger, "web")
    assert compared("nothing was done", before, standing(scratch.ledger, "web")).holds
    scratch.apply(
        LoadedRota("web", {one.name: one for one in (HOURLY, replace(NIGHTLY, schedule=REPORT.schedule))})
    )
    [task] = [one for one in scratch.ledger.tasks("web") if one.name == "hourly"]
    scratch.ledger.pause(task.id, Change(Instant(BEGIN), "ann", "pause", "web/hourly", "a mistake"))
    proof = compared("nothing was put back", before, standing(scratch.ledger, "web"))
    assert not proof.holds
    told = "\n".join(proof.differences)
    for piece in (
        "the rule of nightly: expected", "the rule of report: expected", "the cursor of nightly: expected 2026-11-02T02:00:00",
        "the pause of hourly: expected none, found until none, a mistake",
    ):  # fmt: skip
        assert piece in told
    assert "hourly (reader:7)" not in told


def test_a_cursor_that_stayed_behind_is_found(stage: Stage) -> None:
    scratch = stage.scratch(a_copy())
    before = standing(scratch.ledger, "web")
    moved(scratch, days=1)  # and nobody fires
    late = compared(
        "left alone", as_they_go_on(before, "web", scratch.clock.now()), standing(scratch.ledger, "web")
    )
    assert any(one.startswith("the cursor of hourly") for one in late.differences)
