"""``rota apply --verify`` with a real node: what the canary does decides; and whoever is gone by then decides nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.cli.trying import TOML, Desk

from rota.change.verify import put_back
from rota.clock import SECOND, Instant
from rota.ledger.records import RunFilter


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_canary_that_does_what_is_expected_has_it_stay(desk: Desk) -> None:
    with desk.node():
        desk.write(0)
        (desk.folder / "rota.toml").write_text(
            TOML.replace("STATUS", "0").replace("all that is due", "whatever is due")
        )
        said = desk.rota("apply", "-m", "other words", "--verify", "--within", "30s", "--yes")
    assert said.returncode == 0, said.stderr
    assert "pass: publish did what is expected" in said.stdout
    with desk.ledger() as ledger:
        assert (ledger.current("site"), ledger.unconfirmed()) == (2, [])
        [run] = ledger.runs(RunFilter(task="publish"))
        assert [line.text for line in ledger.log(run.id)][:1] == ["1"], (
            "the command is told that it is a canary"
        )
        measures = json.loads(ledger.revisions("site", 1)[0].origin.measures or "{}")
        assert measures["publish"]["runs"] == 0


def test_one_that_does_not_has_it_put_back_at_once(desk: Desk) -> None:
    with desk.node():
        desk.write(3)
        said = desk.rota("apply", "-m", "it breaks", "--verify", "--within", "30s", "--yes")
    assert said.returncode == 1
    assert "put back: site is revision 3 now, with the content of 1" in said.stdout
    with desk.ledger() as ledger:
        third, second, first = ledger.revisions("site")
        assert third.digest == first.digest != second.digest
        assert "its canary failed: publish: run 1 is failed" in third.reason


def test_nothing_found_is_not_taken_for_success(desk: Desk) -> None:
    with desk.node():
        (desk.folder / "rota.toml").write_text(
            TOML.replace("STATUS", "0").replace("the letters", "all letters")
        )
        said = desk.rota("apply", "-m", "other letters", "--verify", "--within", "30s", "--yes")
        assert said.returncode == 3
        assert "inconclusive: no task is tried" in said.stdout
        assert "next: rota confirm -m WHY or rota rollback -m WHY" in said.stdout
        refused = desk.rota("apply", "-m", "more", "--yes")
        assert refused.returncode == 0, "the same rota is no other change"
        desk.write(0)
        refused = desk.rota("apply", "-m", "more", "--yes")
        assert refused.returncode == 1
        assert "revision 2 of site is not confirmed yet" in refused.stderr
        assert desk.rota("confirm", "-m", "read by Ann").stdout == "revision 2 of site stays\n"
        assert desk.rota("confirm", "-m", "again").returncode == 1
    with desk.ledger() as ledger:
        assert ledger.unconfirmed() == []


def test_a_task_that_says_no_is_never_a_canary(desk: Desk) -> None:
    with desk.node():
        desk.write(3)
        said = desk.rota("apply", "-m", "x", "--verify", "--canary", "mail", "--yes")
    assert said.returncode == 2
    assert "mail cannot be a canary" in said.stderr
    with desk.ledger() as ledger:
        assert ledger.current("site") == 1


def test_an_operator_who_is_gone_decides_nothing_and_the_nodes_put_it_back(desk: Desk) -> None:
    """The command is killed while its canary waits; when the time is over any node puts the old revision back, once."""
    with desk.ledger() as ledger:
        from rota.change.apply import apply
        from rota.define.load import load_file

        apply(ledger, load_file(desk.folder / "rota.toml"), author="ann", reason="first")
        desk.write(3)
        argv = desk.command("apply", "-m", "bold", "--verify", "--within", "10m", "--yes")
        shell = subprocess.Popen(
            argv, cwd=desk.folder, env=desk.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not ledger.unconfirmed():
            assert shell.poll() is None
            time.sleep(0.05)
        shell.send_signal(signal.SIGKILL)
        shell.wait()
        [(service, number, until)] = ledger.unconfirmed()
        assert (service, number) == ("site", 2)
        assert put_back(ledger) == 0, "its time is not over"
        now = ledger.now
        ledger.now = lambda: Instant(until + SECOND)  # type: ignore[method-assign]  # an hour later
        assert [put_back(ledger) for _ in range(3)] == [1, 0, 0]
        ledger.now = now  # type: ignore[method-assign]
        assert ledger.revisions("site", 1)[0].reason == "revision 2 was not confirmed in time"
        assert ledger.revisions("site", 1)[0].digest == ledger.revisions("site", 1, number=1)[0].digest


def test_an_interrupt_where_nobody_answers_puts_it_back(desk: Desk) -> None:
    with desk.ledger() as ledger:
        from rota.change.apply import apply
        from rota.define.load import load_file

        apply(ledger, load_file(desk.folder / "rota.toml"), author="ann", reason="first")
        desk.write(3)
        argv = desk.command("apply", "-m", "bold", "--verify", "--within", "10m", "--yes")
        shell = subprocess.Popen(argv, cwd=desk.folder, env=desk.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)  # fmt: skip
        while not ledger.runs(RunFilter(task="publish")):
            assert shell.poll() is None
            time.sleep(0.05)
        shell.send_signal(signal.SIGINT)
        out, _ = shell.communicate(timeout=30)
        assert shell.returncode == 130
        assert b"put back: site is revision 3 now" in out
        assert ledger.unconfirmed() == []
