"""Changing state: pause, resume, cancel and retry."""

from __future__ import annotations

import pytest
from tests.cli.desk import Desk
from tests.read.house import errored

from rota.model.run import State


def test_pause_for_a_time(desk: Desk) -> None:
    said = desk.rota("pause", "publish", "--reason", "the cache is down", "--for", "2h")
    assert (said.code, said.out) == (0, "publish is paused until 2026-11-23T14:00:00Z\n")
    with desk.house() as house:
        task = house.task("publish")
    assert (task.paused_by, task.paused_reason) == ("ann", "the cache is down")
    assert "paused" in desk.rota("tasks").out


def test_pause_until_a_time(desk: Desk) -> None:
    argv = ("pause", "publish", "-m", "x", "--until", "2026-11-23T15:00", "--timezone", "Europe/Berlin")
    assert desk.rota(*argv).out == "publish is paused until 2026-11-23T14:00:00Z\n"


def test_pause_until_it_is_resumed(desk: Desk) -> None:
    assert desk.rota("pause", "publish", "-m", "x").out == "publish is paused until rota resume publish\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "missing option '--reason'"),
        (["-m", " "], "needs a reason"),
        (["-m", "x", "--for", "1h", "--until", "in 2h"], "two ends"),
        (["-m", "x", "--until", "1h ago"], "over already"),
        (["-m", "x", "--until", "2026-11-23T15:00"], "which clock is meant"),
        (["-m", "x", "--for", "a while"], "the length of time cannot be read"),
        (["-m", "x", "--untill", "in 1h"], "did you mean --until?"),
    ],
)
def test_pauses_that_make_no_sense_are_wrong_usage(desk: Desk, argv: list[str], said: str) -> None:
    found = desk.rota("pause", "publish", *argv)
    assert found.code == 2
    assert said in found.err
    with desk.house() as house:
        assert house.task("publish").paused_at is None


@pytest.mark.parametrize(
    ("argv", "made"),
    [
        ([], "; 1 run for what was skipped"),
        (["--catch-up", "latest"], "; 1 run for what was skipped"),
        (["--catch-up", "all"], "; 3 runs for what was skipped"),
        (["--catch-up", "none"], ""),
    ],
)
def test_resume_says_what_makes_up_for_the_pause(desk: Desk, argv: list[str], made: str) -> None:
    desk.rota("pause", "publish", "-m", "x")
    with desk.house() as house:
        desk.clock.move(minutes=3)
        house.fire()
    said = desk.rota("resume", "publish", *argv)
    assert (said.code, said.out) == (0, f"publish is resumed{made}\n")


def test_resume_of_what_is_not_paused_is_refused(desk: Desk) -> None:
    said = desk.rota("resume", "publish")
    assert said.code == 1
    assert said.err.splitlines()[0] == "publish is not paused"


def test_cancel_withdraws_a_waiting_run(desk: Desk) -> None:
    desk.rota("trigger", "publish")
    said = desk.rota("cancel", "1", "--reason", "too soon")
    assert (said.code, said.out) == (0, "run 1 is withdrawn before it started\n")
    assert desk.rota("cancel", "1").code == 1


def test_cancel_asks_a_running_run_to_stop(desk: Desk) -> None:
    desk.rota("trigger", "publish")
    with desk.house() as house:
        house.claim()
    said = desk.rota("cancel", "1")
    assert (said.code, said.out) == (0, "run 1 is asked to stop; see: rota log 1 --follow\n")


def test_retry_tries_a_failed_run_again(desk: Desk) -> None:
    desk.rota("trigger", "publish")
    assert desk.rota("retry", "1").code == 1  # it has not ended
    with desk.house() as house:
        house.round(errored())
    said = desk.rota("retry", "1")
    assert (said.code, said.out) == (0, "run 1 will be tried again; see: rota log 1 --follow\n")
    with desk.house() as house:
        run = house.ledger.run(1)
    assert run is not None
    assert run.state is State.WAITING


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_an_unknown_run_is_said(desk: Desk, verb: str) -> None:
    said = desk.rota(verb, "99")
    assert said.code == 1
    assert "99" in said.err.splitlines()[0]
    assert "next: rota runs" in said.err
    assert desk.rota(verb, "ninety").code == 2
