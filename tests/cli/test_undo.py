"""`rota undo`: what it shows, asks, records and answers."""

from __future__ import annotations

import json
import sys

import pytest
from tests.cli.desk import TOML, Desk
from tests.read.house import Ending, errored, succeeded

from rota.cli import follow
from rota.ledger.records import RunFilter
from rota.model.run import Kind, RunRecord, State

COMMAND = 'rollback_command = ["unpublish", "--of", "the last run"]'
ASK = ("undo", "publish", "-m", "wrong edition")


@pytest.fixture
def used(desk: Desk) -> Desk:
    """A task with a command, of which a run has ended."""
    desk.write(TOML.replace('rollback = "unpublish it again"', f'rollback = "unpublish it again"\n{COMMAND}'))
    desk.rota("trigger", "publish")
    with desk.house() as house:
        (claimed,) = house.claim()
        house.end(claimed, succeeded())
    desk.clock.move(seconds=5)
    return desk


def undos(desk: Desk) -> list[RunRecord]:
    with desk.house() as house:
        return house.ledger.runs(RunFilter(kinds=(Kind.UNDO,), order="oldest"))


def test_it_shows_note_and_command_and_records_a_run(used: Desk) -> None:
    said = used.rota(*ASK, "--yes", "--no-wait")
    assert (said.code, said.out) == (0, "run 2 of publish is recorded, due now\n")
    assert "undoes    run 1 of publish, succeeded 4 s ago (on time)" in said.err
    assert "rollback  unpublish it again" in said.err
    assert "command   unpublish --of 'the last run'" in said.err
    (run,) = undos(used)
    assert (run.state, run.requested_by, run.note) == (State.WAITING, "ann", "wrong edition")
    shown = used.rota("task", "publish").out
    assert "undo\trota undo publish (runs: unpublish --of 'the last run')" in shown
    assert "undo by ann, now: wrong edition" in shown
    assert "undo; waiting" in used.rota("runs", "--task", "publish").out


def test_it_asks_and_does_nothing_without_a_yes(used: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said = used.rota(*ASK)
    assert (said.code, "add --yes" in said.err) == (2, True)
    answers = iter(["n\n", "y\n"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: next(answers), raising=False)
    said = used.rota(*ASK)
    assert (said.code, "Run this command now? [y/N]" in said.err) == (130, True)
    assert undos(used) == []
    assert used.rota(*ASK, "--no-wait").code == 0
    assert len(undos(used)) == 1


@pytest.mark.parametrize(("ending", "code"), [(succeeded({"restored": 3}), 0), (errored("no backup"), 1)])
def test_it_follows_the_run_to_its_end(
    used: Desk, ending: Ending, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(seconds: float) -> None:
        with used.house() as house:
            for one in house.claim():
                house.log(one.id, "three articles taken down")
                house.end(one, ending)

    monkeypatch.setattr(follow, "sleep", meanwhile)
    said = used.rota(*ASK, "--yes")
    assert said.code == code
    assert said.out.endswith("INFO    three articles taken down\n")
    assert f"run 2 of publish {'succeeded' if code == 0 else 'failed'}" in said.err
    assert "no node is running" not in said.err
    found = used.rota(*ASK, "--yes", "--json")
    document = json.loads(found.out)
    assert (found.code, document["run"]["kind"]) == (code, "undo")
    assert document["result"] == ({"restored": 3} if code == 0 else None)


def test_where_no_node_is_running_it_says_so_and_the_run_stays(
    used: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    used.clock.move(minutes=5)  # the node's lease has run out

    def enough(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow, "sleep", enough)
    said = used.rota(*ASK, "--yes")
    assert said.code == 130
    assert "no node is running that serves newsroom" in said.err
    assert "run 2 goes on" in said.err
    assert len(undos(used)) == 1


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["tidy", "-m", "x"], 1, "tidy has no command that undoes what it did"),
        (["tidy", "-m", "x"], 1, "the note alone: nothing to undo"),
        (["publsh", "-m", "x"], 1, "publish"),
        (["publish"], 2, "missing option '--reason'"),
        (["publish", "-m", " "], 2, "an undo needs a reason"),
        (["publish", "-m", "x", "--run", "77"], 1, "run"),
    ],
)
def test_refusals(used: Desk, argv: list[str], code: int, said: str) -> None:
    found = used.rota("undo", *argv, "--yes")
    assert found.code == code
    assert said in found.err
    assert undos(used) == []
