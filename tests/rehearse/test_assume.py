"""What is taken for granted where nothing is known does not make the rehearsed days worse than they are."""

from __future__ import annotations

from datetime import timedelta

from tests.rehearse.stage import BEGIN, duty

from rota.app import open_scratch
from rota.clock import SECOND, Instant
from rota.define.canonical import canonical_text, rota_as_json
from rota.define.loaded import LoadedRota
from rota.model.rehearsal import Rehearsal
from rota.model.task import Expectation
from rota.rehearse.assume import assumed_of
from rota.rehearse.copies import Copy, Cursor, TaskCopy
from rota.rehearse.rehearse import Asked, rehearse
from rota.rehearse.scratch import rota_of
from rota.rehearse.statistics import Statistics
from rota.settings import Settings
from rota.timing import schedule_as_json


def test_what_was_overdue_before_is_played_but_no_lateness_of_these_days() -> None:
    """A ledger that no node has served for three days."""
    hourly = duty("hourly", "5 * * * *")
    given = rota_as_json(LoadedRota("web", {"hourly": hourly}))["tasks"]["hourly"]
    assert hourly.schedule is not None
    rule = canonical_text(schedule_as_json(hourly.schedule))
    stood = Cursor("hourly", "", rule, Instant(BEGIN - 3 * 86_400 * SECOND))
    copy = Copy("web", BEGIN, 1, "a-digest", {}, (TaskCopy("hourly", given, Statistics()),), (stood,))
    report = rehearse(Asked(copy, rota_of(copy), Rehearsal(days=1), Settings()), open_scratch)
    assert (report.figures.overdue, report.figures.runs, report.figures.late_max) == (1, 25, 0)
    assert any(note.startswith("1 run had been due before") for note in report.notes)
    assert report.what_if[0].figures.runs > 0


def test_what_is_assumed_breaks_nothing_that_the_task_says_of_itself() -> None:
    often = duty("often", {"every": "10s"})
    strict = duty(
        "strict",
        "0 * * * *",
        expectation=Expectation(max_duration=timedelta(seconds=5)),
        timeout=timedelta(seconds=9),
    )
    assert assumed_of(duty("plain", "0 * * * *"), BEGIN).most == timedelta(minutes=1)
    assert assumed_of(often, BEGIN).most == timedelta(seconds=2)
    assert assumed_of(strict, BEGIN).most == timedelta(seconds=4.5)
    assert assumed_of(strict, BEGIN).usual == timedelta(seconds=0.75)
