"""A change that fails its verification is put back by itself while runs are under way, on both ledgers: they end as they
began, and nothing is lost or doubled."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.trying import TOML, Desk

from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.define.load import load_file
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import State
from rota.read.audit import audit

WORK = """
[[task]]
name = "import"
command = ["sh", "-c", "echo began; sleep 1.5; echo ended WORDS"]
schedule = { every = "500ms" }
overlap = "queue"
catch_up = "all"
owner = "Ann <ann@example.org>"
expects = "all is imported"
rollback = "nothing to put back"
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    url = None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    return Desk(tmp_path, url, TOML + WORK.replace("WORDS", "old"))


def bold(desk: Desk) -> None:
    """The change: the canary fails, and what runs would run something else."""
    desk.toml = TOML + WORK.replace("WORDS", "new")
    desk.write(3)


def wait_for(found: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # a command and a node of their own; there is nothing to be told by but the ledger


def imports(ledger: Ledger, *states: State) -> list[int]:
    return [run.id for run in ledger.runs(RunFilter(task="import", states=states, limit=1000))]


def must_be_put_back(ledger: Ledger, desk: Desk, flying: list[int]) -> None:
    last, tried, first = ledger.revisions("site")
    assert last.digest == first.digest != tried.digest
    assert ledger.unconfirmed() == []
    wait_for(lambda: set(flying) <= set(imports(ledger, State.SUCCEEDED)))
    for run_id in flying:
        assert [line.text for line in ledger.log(run_id)] == ["began", "ended old"], "it ends as it began"
        assert ledger.run(run_id).attempt == 1  # type: ignore[union-attr]  # it was there a moment ago


def must_hold(ledger: Ledger, since: Instant) -> None:
    found = audit(ledger, since, Instant(ledger.now() - SECOND))
    assert found.holds, found.examples
    assert found.expected >= 4
    assert not found.attempts["lost"]


def test_a_canary_that_fails_while_others_run(desk: Desk) -> None:
    with desk.ledger() as ledger, desk.node():
        since = ledger.now()
        wait_for(lambda: imports(ledger, State.RUNNING))
        bold(desk)
        flying = imports(ledger, State.RUNNING)
        said = desk.rota("apply", "-m", "bold", "--verify", "--within", "30s", "--yes")
        assert said.returncode == 1, said.stderr
        assert "put back: site is revision 3 now, with the content of 1" in said.stdout
        assert "its canary failed: publish: run" in ledger.revisions("site", 1)[0].reason
        must_be_put_back(ledger, desk, flying)
        must_hold(ledger, since)


def test_nobody_confirms_it_and_the_nodes_put_it_back_while_others_run(desk: Desk) -> None:
    with desk.ledger() as ledger, desk.node():
        since = ledger.now()
        wait_for(lambda: imports(ledger, State.RUNNING))
        bold(desk)
        flying = imports(ledger, State.RUNNING)
        by = Instant(
            ledger.now() + SECOND
        )  # whoever applied it is gone, and nobody is there when this is over
        apply(ledger, load_file(desk.folder / "rota.toml"), author="ann", reason="bold", confirm_by=by)
        wait_for(lambda: ledger.current("site") == 3)
        assert ledger.now() >= by
        assert ledger.revisions("site", 1)[0].reason == "revision 2 was not confirmed in time"
        must_be_put_back(ledger, desk, flying)
        must_hold(ledger, since)
