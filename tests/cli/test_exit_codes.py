"""How commands end: a code for each end, and a message of at most three lines, in one place."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.cli.desk import Desk

from rota.cli import main as cli
from rota.cli.verbs import VERBS
from rota.errors import RotaError

NEED_A_LEDGER = [
    ["tasks"], ["task", "publish"], ["runs"], ["log", "1"], ["status"], ["nodes"], ["trigger", "publish"],
    ["enqueue", "publish"], ["backfill", "publish", "--from", "1h ago"], ["pause", "publish", "-m", "x"],
    ["resume", "publish"], ["cancel", "1"], ["retry", "1"], ["backup", "copy.db"],
]  # fmt: skip


def test_0_as_it_should_be(desk: Desk) -> None:
    assert desk.rota("tasks").code == 0
    assert desk.rota("--help").code == 0
    assert desk.rota("tasks", "-h").code == 0


def test_1_failed(desk: Desk) -> None:
    assert desk.rota("task", "nothing").code == 1


@pytest.mark.parametrize(
    ("argv", "first"),
    [
        (["taks"], "no command is named 'taks' (did you mean tasks?)"),
        (["runs", "--stat", "failed"], "rota runs: there is no option --stat (did you mean --state?)"),
        (["--confg", "x", "tasks"], "rota: there is no option --confg (did you mean --config?)"),
        (["task"], "rota task: missing argument 'TASK'"),
        (["pause", "publish"], "rota pause: missing option '--reason' / '-m'"),
        (["log", "one"], "rota log: invalid value for 'RUN': 'one' is not a whole number"),
        (["tasks", "a", "b"], "rota tasks: got unexpected extra argument"),
        (["runs", "--limit"], "rota runs: option '--limit' requires an argument"),
        (
            ["--color", "blue", "tasks"],
            "rota: invalid value for '--color': 'blue' is not one of auto, always, never",
        ),
    ],
)
def test_2_wrong_usage(desk: Desk, argv: list[str], first: str) -> None:
    said = desk.rota(*argv)
    assert said.code == 2
    lines = said.err.splitlines()
    assert lines[0].startswith(first)
    assert len(lines) <= 3
    assert "--help" in lines[-1]


def test_0_where_nothing_is_said(desk: Desk) -> None:
    assert desk.rota() == desk.rota("--help")
    assert desk.rota("--color", "never").code == 2  # an option, and no command


def test_2_a_setting_that_is_not_usable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from rota.app import read_settings

    monkeypatch.setattr(desk, "settings", read_settings)
    monkeypatch.setenv("ROTA_SLOTS", "none")
    said = desk.rota("tasks")
    assert said.code == 2
    assert "ROTA_SLOTS" in said.err


def test_3_not_as_it_should_be(desk: Desk) -> None:
    desk.clock.move(hours=1)
    assert desk.rota("status", "--fail-if", "late").code == 3


@pytest.mark.parametrize("argv", NEED_A_LEDGER, ids=lambda argv: argv[0])
def test_4_there_is_no_ledger(empty: Desk, argv: list[str]) -> None:
    empty.write()
    before = sorted(empty.folder.iterdir())
    said = empty.rota(*argv)
    assert said.code == 4
    assert said.err.splitlines()[0] == "there is no ledger yet"
    assert "next: rota run" in said.err
    assert sorted(empty.folder.iterdir()) == before  # looking made none


@pytest.mark.parametrize("argv", NEED_A_LEDGER, ids=lambda argv: argv[0])
def test_4_the_ledger_is_no_ledger(empty: Desk, argv: list[str]) -> None:
    (empty.folder / "rota.db").write_text("this is a letter, not a ledger " * 100)
    said = empty.rota(*argv)
    assert said.code == 4
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 3


@pytest.mark.parametrize("url", ["sqlite:///.", "sqlite://", "sqlite:////"])
def test_4_the_ledger_is_a_folder(empty: Desk, url: str) -> None:
    said = empty.rota("tasks", "--database-url", url)
    assert said.code == 4
    assert said.err.splitlines()[0] == "the ledger's address names a folder"


def test_4_somebody_else_holds_the_ledger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever only looks is not held up; whoever writes is told, and nothing was done."""
    monkeypatch.setattr("rota.ledger.sqlite.connect.BUSY_TIMEOUT", 100)  # milliseconds
    monkeypatch.setattr("rota.ledger.sqlite.connect.PATIENCE", 0.3)  # seconds
    holder = apsw.Connection(str(desk.folder / "rota.db"))
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert desk.rota("tasks").code == 0
        said = desk.rota("trigger", "publish")
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert said.code == 4
    assert "retry: safe" in said.err
    assert json.loads(desk.rota("runs", "--json").out)["runs"] == []


def test_4_the_ledger_is_newer(desk: Desk) -> None:
    connection = apsw.Connection(str(desk.folder / "rota.db"))
    connection.execute("UPDATE rota_meta SET value = 9999 WHERE key = 'schema'")
    connection.close()
    said = desk.rota("tasks")
    assert said.code == 4
    assert said.err.splitlines()[0] == "the ledger is newer than this build of Rota"
    assert "found version 9999" in said.err


def test_4_the_ledger_is_older(desk: Desk) -> None:
    desk.rota("migrate", "--to", "0", "--yes")
    said = desk.rota("tasks")
    assert said.code == 4
    assert said.err.splitlines()[0] == "the ledger is not migrated"
    assert "next: rota migrate" in said.err


def test_130_interrupted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk, "open_ledger", interrupted)
    said = desk.rota("tasks")
    assert (said.code, said.out, said.err) == (130, "", "")


def test_a_defect_is_told_without_a_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(desk, "open_ledger", broken)
    said = desk.rota("tasks")
    assert said.code == 1
    assert said.err.splitlines()[0] == "Rota itself failed: ZeroDivisionError: by nought"
    assert "ROTA_TRACEBACK=1" in said.err
    assert "Traceback" not in said.err
    monkeypatch.setenv("ROTA_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        desk.rota("tasks")


def test_a_fault_of_the_system_says_what_and_where(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "/etc/rota.toml")

    monkeypatch.setattr(desk, "load", denied)
    said = desk.rota("check")
    assert said.code == 1
    assert said.err.splitlines()[0] == "the system refused: permission denied"
    assert "/etc/rota.toml" in said.err


def test_a_reader_who_had_enough_is_no_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    discarded: list[bool] = []
    monkeypatch.setattr(cli, "_discard_output", lambda: discarded.append(True))
    monkeypatch.setattr(desk, "open_ledger", gone)
    said = desk.rota("tasks")
    assert (said.code, said.err, discarded) == (0, "", [True])


def test_an_error_tells_its_three_lines(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    error = RotaError("a\x1b[2J", expected="b", found="c", next=("d",))

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(desk, "open_ledger", refuse)
    assert (
        desk.rota("tasks").err
        == "a\\x1b[2J\nexpected b; found c\nretry: safe, nothing was changed; next: d\n"
    )


@pytest.mark.parametrize("verb", [verb for group in VERBS.values() for verb in group])
def test_every_command_has_help(desk: Desk, verb: str) -> None:
    said = desk.rota(verb, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: rota {verb} ")
    line = {name: line for group in VERBS.values() for name, (_, line) in group.items()}[verb]
    assert " ".join(said.out.split()).count(line.split(".")[0]) == 1, (
        "the short help is the beginning of the long one"
    )


def test_shared_options_are_taken_wherever_they_stand(desk: Desk) -> None:
    elsewhere = f"sqlite:///{desk.folder / 'elsewhere.db'}"
    for argv in (
        ["--database-url", elsewhere, "tasks"],
        ["tasks", "--database-url", elsewhere],
        ["tasks", f"--database-url={elsewhere}"],
    ):
        assert desk.rota(*argv).code == 4
    assert desk.rota("tasks", "--database-url").code == 2
    assert desk.rota("tasks", "--", "--database-url").code == 0  # words to look for


def test_a_folder_that_may_not_be_written_to(empty: Desk) -> None:
    if os.geteuid() == 0:  # root may write anywhere but here
        locked = Path("/sys/kernel" if sys.platform == "linux" else "/System")
    else:
        locked = empty.folder / "locked"
        locked.mkdir(mode=0o500)
    said = empty.rota("init", str(locked))
    assert said.code == 1
    assert "ermi" in said.err  # permission denied, or operation not permitted
    assert "Traceback" not in said.err


def test_a_folder_that_is_a_file(empty: Desk) -> None:
    Path("taken").write_text("")
    said = empty.rota("init", "taken")
    assert said.code == 1
    assert "Traceback" not in said.err


ODD = [
    "",
    " ",
    "-",
    "--",
    "-1",
    "0",
    "9" * 30,
    "NaN",
    "é\u202e",
    "a\nb",
    "*",
    "{}",
    "[1]",
    "in 1e9d",
    "../..",
    "x" * 5000,
]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_odd_values_are_never_a_defect(desk: Desk, odd: str) -> None:
    """Whatever is typed, the answer is an answer: an exit code that is documented, and no traceback."""
    lines = [
        [odd], ["next", odd], ["next", "--count", odd], ["next", "--days", odd], ["explain", odd],
        ["explain", "* * * * *", "--timezone", odd], ["tasks", odd], ["task", odd], ["runs", "--task", odd],
        ["runs", "--state", odd], ["runs", "--since", odd], ["runs", "--before", odd], ["runs", "--key", odd],
        ["log", odd], ["log", "1", "--tail", odd], ["trigger", odd], ["trigger", "publish", "--arg", odd],
        ["trigger", "send", "--args", odd], ["trigger", "publish", "--at", odd], ["enqueue", "publish", "--key", odd],
        ["pause", "publish", "-m", "x", "--for", odd], ["pause", "publish", "-m", odd], ["resume", odd],
        ["cancel", odd], ["retry", odd], ["backfill", "publish", "--from", odd, "--yes"], ["status", "--fail-if", odd],
        ["migrate", "--to", odd], ["--color", odd, "tasks"], ["--config", odd, "next"],
    ]  # fmt: skip
    for argv in lines:
        said = desk.rota(*argv)
        assert said.code in (0, 1, 2, 4), argv
        assert "Rota itself failed" not in said.err, (argv, said.err)
        assert said.code == 0 or said.err, argv
