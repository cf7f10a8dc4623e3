"""The page needs nothing besides itself, and says all that the report does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.rehearse.stage import BEGIN, Stage, duty, takes

from rota.app import open_scratch
from rota.define.loaded import LoadedRota
from rota.model.rehearsal import Budget, Rehearsal
from rota.rehearse.copies import Copy
from rota.rehearse.page import page
from rota.rehearse.rehearse import Asked, rehearse
from rota.rehearse.report import Report
from rota.settings import Settings


@pytest.fixture
def report(stage: Stage) -> Report:
    """Two days in which much goes wrong."""
    tasks = [duty(f"t{n}", "0 */2 * * *") for n in range(6)] + [duty("slow", "*/10 * * * *")]
    stated = Rehearsal(
        days=2,
        price=0.5,
        assumed=takes(30),
        tasks={"slow": takes(900)},
        budget=Budget(no_skips=True, max_slots=50),
    )
    loaded = LoadedRota("web", {one.name: one for one in tasks})
    return rehearse(Asked(Copy("web", BEGIN), loaded, stated, Settings(slots=3)), open_scratch)


def test_it_needs_nothing_besides_itself(report: Report) -> None:
    text = page(report)
    assert not re.findall(r"(?:src|href)=|url\(|@import|https?://|<script", text)
    assert text.count("<svg") == 3 + len(report.tasks)


def test_it_says_what_was_found(report: Report) -> None:
    text = page(report)
    assert "It does not hold" in text
    for piece in (
        "put back at once", "no_skips", "slow: the occurrence of 2026-11-02", "a two-hour outage", "7 tasks", "(assumed)",
        "all async slots in use",
    ):  # fmt: skip
        assert piece in text
    assert "max_slots" in text


def test_nothing_in_it_is_taken_for_markup(report: Report) -> None:
    evil = replace(report, service="<b>web</b>", notes=("<script>alert(1)</script>",), clock_changes=("<i>",))
    text = page(evil)
    assert "<script" not in text
    assert "<b>web" not in text
    assert "&lt;i&gt;" in text


def test_the_worst_moment_is_asked_about(report: Report) -> None:
    planned, half, slower, outage = report.what_if
    assert report.begin <= planned.begin < planned.end <= report.end
    assert half.figures.late_max > planned.figures.late_max
    assert slower.figures.overlaps > planned.figures.overlaps
    assert outage.figures.runs < planned.figures.runs
    assert sum(one.cost or 0 for one in report.tasks) == pytest.approx(report.figures.busy / 3.6e9 * 0.5)
