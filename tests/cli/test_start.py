"""Starting runs: trigger, enqueue and backfill."""

from __future__ import annotations

import json
import sys

import pytest
from tests.cli.desk import Desk
from tests.read.house import Ending, errored, succeeded

from rota.cli import follow
from rota.ledger.records import RunFilter
from rota.model.run import Kind, RunRecord, State


def runs(desk: Desk, *kinds: Kind) -> list[RunRecord]:
    with desk.house() as house:
        return house.ledger.runs(RunFilter(kinds=kinds, order="oldest", limit=500))


def test_trigger_records_a_run(desk: Desk) -> None:
    said = desk.rota("trigger", "publish", "--reason", "try it")
    assert (said.code, said.out) == (0, "run 1 of publish is recorded, due now\n")
    (run,) = runs(desk)
    assert (run.kind, run.state, run.requested_by) == (Kind.MANUAL, State.WAITING, "ann")
    with desk.house() as house:
        (line, *_) = house.ledger.changes(subject="newsroom/publish")
    assert (line.actor, line.action, line.reason) == ("ann", "trigger", "try it")


def test_the_actor_is_the_user_where_nobody_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROTA_ACTOR")
    monkeypatch.setenv("LOGNAME", "bob")
    desk.rota("trigger", "publish")
    assert runs(desk)[0].requested_by == "bob"


def test_trigger_as_json(desk: Desk) -> None:
    found = json.loads(desk.rota("trigger", "publish", "--json").out)
    assert (found["schema"], found["created"]) == (1, True)
    assert (found["run"]["id"], found["run"]["state"]) == (1, "waiting")


def test_trigger_at_a_time(desk: Desk) -> None:
    assert (
        desk.rota("trigger", "publish", "--at", "in 10m").out
        == "run 1 of publish is recorded, due in 10 min\n"
    )
    assert (
        desk.rota("trigger", "publish", "--at", "2026-11-23T14:00", "--timezone", "Europe/Berlin").code == 0
    )
    assert desk.rota("trigger", "publish", "--at", "2026-11-23T14:00").code == 2
    assert [run.run_at - desk.clock.now() for run in runs(desk)] == [600_000_000, 3_600_000_000]


@pytest.mark.parametrize(
    ("argv", "args"),
    [
        (["--arg", "to=ann"], {"to": "ann"}),
        (["--arg", "to=ann", "-a", "copies=3"], {"copies": 3, "to": "ann"}),
        (["--args", '{"to": "ann", "copies": 3}'], {"copies": 3, "to": "ann"}),
        (["--args", '{"copies": 3}', "--arg", "to=a=b"], {"copies": 3, "to": "a=b"}),
    ],
)
def test_arguments_are_read(desk: Desk, argv: list[str], args: dict[str, object]) -> None:
    said = desk.rota("trigger", "send", *argv)
    assert said.code == 0, said.err
    assert json.loads(runs(desk)[0].args or "null") == args


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--arg", "to"], 2, "--arg name=value"),
        (["--arg", "=1"], 2, "--arg name=value"),
        (["--arg", "to=a", "--arg", "to=b"], 2, "given twice"),
        (["--args", "{"], 2, "this is not JSON"),
        (["--args", "[1]"], 2, "are no object"),
        (["--arg", "to=ann", "--arg", "copies=many"], 1, "copies"),
        (["--arg", "for=ann"], 1, "for"),
        ([], 1, "to"),
    ],
)
def test_arguments_that_do_not_fit_start_nothing(desk: Desk, argv: list[str], code: int, said: str) -> None:
    found = desk.rota("trigger", "send", *argv)
    assert found.code == code
    assert said in found.err
    assert runs(desk) == []


def test_arguments_are_taken_as_they_are_where_the_code_is_elsewhere(desk: Desk) -> None:
    elsewhere = desk.folder / "elsewhere.toml"
    assert desk.rota("trigger", "send", "--arg", "any=1", "--config", str(elsewhere)).code == 0
    assert runs(desk)[0].args == '{"any":1}'


def end_with(desk: Desk, monkeypatch: pytest.MonkeyPatch, ending: Ending) -> None:
    """The run is carried out while the command waits."""

    def work(seconds: float) -> None:
        with desk.house() as house:
            house.round(ending)

    monkeypatch.setattr(follow, "sleep", work)


def test_waiting_prints_the_result_and_exits_with_0(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(desk, monkeypatch, succeeded({"published": 3}))
    said = desk.rota("trigger", "publish", "--wait")
    assert (said.code, said.out) == (0, '{"published": 3}\n')
    assert said.err == "run 1 of publish succeeded after 500 ms: on time\n"


def test_waiting_for_a_run_that_fails_exits_with_1(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(desk, monkeypatch, errored("no room"))
    said = desk.rota("trigger", "publish", "--wait")
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines() == [
        "ValueError: no room",
        "run 1 of publish failed after 500 ms: its code ended with an error",
        "see: rota log 1",
    ]


def test_waiting_as_json(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(desk, monkeypatch, errored("no room"))
    said = desk.rota("trigger", "publish", "--wait", "--json")
    found = json.loads(said.out)
    assert (said.code, found["run"]["state"], found["error"]["message"]) == (1, "failed", "no room")


def test_waiting_for_a_run_that_is_cancelled_exits_with_1(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "sleep", lambda seconds: _cancel(desk))
    said = desk.rota("trigger", "publish", "--wait")
    assert said.code == 1
    assert "run 1 of publish cancelled: somebody cancelled it" in said.err


def _cancel(desk: Desk) -> None:
    from rota.change.actions import cancel

    with desk.house() as house:
        cancel(house.ledger, 1, actor="bob")


def test_interrupting_the_wait_leaves_the_run_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow, "sleep", interrupted)
    said = desk.rota("trigger", "publish", "--wait")
    assert said.code == 130
    assert "run 1 goes on" in said.err
    assert runs(desk)[0].state is State.WAITING


def test_waiting_where_no_node_is_running_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.clock.move(minutes=5)  # the node's lease has run out
    slept: list[float] = []

    def later(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 30:
            raise KeyboardInterrupt

    monkeypatch.setattr(follow, "sleep", later)
    said = desk.rota("trigger", "publish", "--wait")
    assert said.err.count("no node is running") == 1


def test_enqueue_with_a_key_moves_what_waits(desk: Desk) -> None:
    assert desk.rota("enqueue", "send", "--arg", "to=ann", "--key", "k", "--at", "in 1h").out.endswith(
        "is recorded, due in 1 h\n"
    )
    assert desk.rota("enqueue", "send", "--arg", "to=bob", "--key", "k", "--at", "in 2h").out.endswith(
        "there already, due in 2 h\n"
    )
    assert desk.rota("enqueue", "send", "--arg", "to=eve", "--key", "k", "--if-exists", "keep").out.endswith(
        "due in 2 h\n"
    )
    (run,) = runs(desk)
    assert (run.kind, run.args) == (Kind.DELAYED, '{"to":"bob"}')


def test_backfill_lists_what_it_would_start(desk: Desk) -> None:
    desk.clock.move(minutes=3)
    said = desk.rota("backfill", "publish", "--from", "3m ago", "--dry-run")
    assert said.out.splitlines() == ["2026-11-23T12:01:00Z", "2026-11-23T12:02:00Z", "2026-11-23T12:03:00Z"]
    assert (said.code, said.err) == (0, "3 runs of publish to backfill\n")
    assert runs(desk) == []


def test_backfill_asks_and_does_nothing_without_a_yes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.clock.move(minutes=3)
    said = desk.rota("backfill", "publish", "--from", "3m ago")  # nobody is there to be asked
    assert said.code == 2
    assert "add --yes" in said.err
    answers = iter(["\n", "n\n", "", "y\n"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: next(answers), raising=False)
    for _ in range(3):
        said = desk.rota("backfill", "publish", "--from", "3m ago")
        assert said.code == 130
        assert "Start 3 runs of publish, for 2026-11-23T12:01:00Z to 2026-11-23T12:03:00Z? [y/N]" in said.err
        assert runs(desk) == []
    assert desk.rota("backfill", "publish", "--from", "3m ago").code == 0
    assert len(runs(desk, Kind.BACKFILLED)) == 3


def test_backfill_with_yes_starts_them(desk: Desk) -> None:
    desk.clock.move(minutes=3)
    said = desk.rota("backfill", "publish", "--from", "3m ago", "--to", "1m ago", "--yes", "--json")
    assert json.loads(said.out) == {
        "schema": 1,
        "task": "publish",
        "started": True,
        "instants": ["2026-11-23T12:01:00Z", "2026-11-23T12:02:00Z"],
    }
    assert len(runs(desk, Kind.BACKFILLED)) == 2
    again = desk.rota("backfill", "publish", "--from", "3m ago", "--to", "1m ago", "--yes")
    assert (again.code, again.err) == (0, "0 runs of publish to backfill\n")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["publish"], "missing option '--from'"),
        (["publish", "--from", "in 1h"], "ends before it begins"),
        (["publish", "--from", "1h ago", "--to", "in 1h"], "into the future"),
        (["send", "--from", "1h ago"], "no schedule of its own"),
        (["publish", "--from", "30d ago", "--to", "now"], "at most 1,000"),
    ],
)
def test_backfills_that_make_no_sense_are_wrong_usage(desk: Desk, argv: list[str], said: str) -> None:
    found = desk.rota("backfill", *argv)
    assert found.code == 2
    assert said in found.err
    assert runs(desk) == []
