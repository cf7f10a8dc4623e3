"""rota rehearse and rota export: the scratch ledger is played with, the real one only read."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.desk import TOML, Desk

from rota.change.rehearsals import rehearsal_of
from rota.define.canonical import digest
from rota.ledger.work import Claimed
from rota.model.lifecycle import Event, Succeeded

SECRETIVE = """
[[task]]
name = "fetch"
request = { url = "https://api.example.org/feed", headers = { Authorization = "env:FEED_AUTH" } }
args = { account = "account-4711" }
owner = "Ann <ann@example.org>"
expects = "the feed is here"
rollback = "none needed: it is read only"
"""

FULL = """
[rehearsal]
days = 0.25

[rehearsal.task.publish]
duration = "90s"

[rehearsal.budget]
no_skips = true
"""


def succeeded(claimed: Claimed) -> tuple[Event, str, str | None, str | None]:
    return Succeeded(), "succeeded", None, None


def test_a_change_is_played_and_put_back(desk: Desk) -> None:
    with desk.house():
        pass
    desk.write(TOML.replace('every = "60s"', 'every = "30s"'))
    said = desk.rota("rehearse", "--days", "0.25", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["base"] == 1
    assert found["digests"][0] != found["digests"][1]
    assert found["figures"]["due"] == 6 * 60 * 2
    assert [(one["schedules"], one["holds"]) for one in found["proofs"]] == [(2, True), (2, True)]
    assert [one["name"] for one in found["what_if"]] == [
        "as planned", "half the slots", "twice the durations", "a two-hour outage",
    ]  # fmt: skip


def test_the_ledger_is_only_read(desk: Desk) -> None:
    with desk.house() as house:
        before = (house.ledger.revisions(), house.ledger.schedules(), house.ledger.changes())
    desk.write(TOML.replace('every = "60s"', 'every = "30s"'))
    assert desk.rota("rehearse", "--days", "0.1", "--no-what-if").code == 0
    with_change = desk.folder / "rota.toml"
    with_change.write_text(TOML)
    with desk.house() as house:
        assert (house.ledger.revisions(), house.ledger.schedules(), house.ledger.changes()[1:]) == before
        [line] = house.ledger.changes(subject="newsroom rehearsal")
        assert (line.actor, line.action) == ("ann", "rehearse")


def test_a_broken_budget_exits_with_3_and_says_where(desk: Desk) -> None:
    desk.write(TOML + FULL)
    said = desk.rota("rehearse", "--no-what-if")
    assert said.code == 3
    assert "no_skips: allowed none, found 180: broken" in said.out
    assert "publish: the occurrence of 20" in said.out


def test_a_budget_by_flag(desk: Desk) -> None:
    flags = ("rehearse", "--days", "0.1", "--no-what-if", "--budget")
    assert desk.rota(*flags, "max_slots=2").code == 0
    assert desk.rota(*flags, "max_lateness=0s").code == 0
    wrong = desk.rota(*flags, "max_latness=1m")
    assert wrong.code == 2
    assert "max_lateness" in wrong.err
    assert desk.rota(*flags, "max_slots=many").code == 2


def test_durations_and_failures_come_from_history(desk: Desk) -> None:
    with desk.house() as house:
        for _ in range(10):
            desk.clock.move(minutes=1)
            house.fire()
            for claimed in house.claim():
                house.end(claimed, succeeded, took=20)
            desk.clock.move(minutes=1)  # what it took is over before the next
            house.beat()
    found = json.loads(desk.rota("rehearse", "--days", "0.1", "--no-what-if", "--json").out)
    [publish] = [one for one in found["tasks"] if one["task"] == "publish"]
    assert publish["busy_seconds"] == 20 * publish["states"]["succeeded"]
    assert not publish["estimated"]


def test_an_export_has_no_secrets_and_is_rehearsed_from(desk: Desk) -> None:
    desk.write(TOML + SECRETIVE)
    with desk.house():
        pass
    assert desk.rota("export", "web.json").code == 0
    text = Path("web.json").read_text()
    assert "account-4711" not in text
    assert "FEED_AUTH" not in text
    assert "account-4711" in desk.rota("export", "--arguments").out
    assert desk.rota("export", "web.json").code == 2  # it is there already
    Path("rota.db").unlink()
    desk.write(TOML)
    said = desk.rota("rehearse", "--from", "web.json", "--days", "0.1", "--no-what-if", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["base"] == 2


def test_what_is_no_export_is_refused(desk: Desk) -> None:
    Path("web.json").write_text("{}")
    assert desk.rota("rehearse", "--from", "web.json").code == 2
    assert desk.rota("rehearse", "--from", "nowhere.json").code == 2


EXECUTED = """
[[task]]
name = "greet"
command = ["sh", "-c", "echo rehearsal=$ROTA_REHEARSAL"]
schedule = "0 0 1 1 *"
expects = "a greeting"
rollback = "nothing to undo"

[[task]]
name = "break"
command = ["sh", "-c", "echo it breaks; exit 4"]
expects = "all is broken"
rollback = "nothing to undo"
retry = { attempts = 5 }
"""


def test_chosen_tasks_really_run(desk: Desk) -> None:
    desk.write(TOML + EXECUTED)
    flags = ("rehearse", "--days", "0.05", "--no-what-if", "--json", "--execute")
    said = desk.rota(*flags, "greet")
    assert said.code == 0, said.err
    [ran] = json.loads(said.out)["executed"]
    assert (ran["task"], ran["state"], ran["log"]) == ("greet", "succeeded", ["rehearsal=1"])
    said = desk.rota(*flags, "greet", "--execute", "break")
    assert said.code == 3
    ran = json.loads(said.out)["executed"][1]
    assert (ran["state"], ran["log"]) == ("failed", ["it breaks"])
    assert "4" in ran["error"]
    assert desk.rota(*flags, "nobody").code == 1
    with desk.house() as house:
        assert house.ledger.counts(house.now) == {}


def test_an_apply_can_ask_for_a_rehearsal_of_its_change(desk: Desk) -> None:
    change = TOML.replace('every = "60s"', 'every = "30s"')
    desk.write(change + FULL)  # which is no part of the change
    flags = ("rehearse", "--days", "0.05", "--no-what-if")
    assert desk.rota(*flags, "--no-record").code == 3
    wanted = digest(desk.load(desk.settings(), import_code=False))
    ledger = desk.open_ledger(desk.settings(), migrate=False)
    assert rehearsal_of(ledger, "newsroom", 1, wanted) is None
    assert desk.rota(*flags).code == 3
    found = rehearsal_of(ledger, "newsroom", 1, wanted)
    assert found is not None
    assert not found.holds
    desk.write(change)
    assert desk.rota(*flags).code == 0
    found = rehearsal_of(ledger, "newsroom", 1, wanted)
    assert found is not None
    assert found.holds
    assert rehearsal_of(ledger, "newsroom", 2, wanted) is None
    assert rehearsal_of(ledger, "newsroom", 1, "another") is None
    desk.clock.move(days=8)
    assert rehearsal_of(ledger, "newsroom", 1, wanted) is None
    ledger.close()


def test_what_is_rehearsed_is_what_is_planned(desk: Desk) -> None:
    """How a function is run is not in the file: an async one runs on the node's event loop."""
    (desk.folder / "desk_duties.py").write_text("async def send(to: str) -> None: ...\n")
    assert desk.rota("rehearse", "--days", "0.01", "--no-what-if").code == 0
    assert desk.rota("plan", "--out", "plan.json").code == 0
    planned = json.loads((desk.folder / "plan.json").read_text())
    ledger = desk.open_ledger(desk.settings(), migrate=False)
    assert rehearsal_of(ledger, "newsroom", planned["base"], planned["digest"]) is not None
    ledger.close()


def test_code_that_is_not_here_does_not_keep_it_from_being_rehearsed(desk: Desk) -> None:
    (desk.folder / "desk_duties.py").write_text("import no_such_library\n")
    said = desk.rota("rehearse", "--days", "0.01", "--no-what-if", "--no-record")
    assert said.code == 0
    assert "the rota is rehearsed without its code, which an apply needs" in said.err


def test_without_a_ledger_all_is_new(empty: Desk) -> None:
    empty.write()
    said = empty.rota("rehearse", "--days", "0.1")
    assert said.code == 0, said.err
    assert "no revision to " in said.out
