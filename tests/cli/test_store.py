"""The ledger itself: migrate, backup, doctor and version."""

from __future__ import annotations

import json
import sqlite3
import sys

import pytest
from tests.cli.desk import Desk


def test_migrate_makes_a_ledger(empty: Desk) -> None:
    said = empty.rota("migrate")
    assert said.code == 0
    assert said.out.startswith("made the ledger, schema version ")
    assert empty.rota("migrate").out.endswith(", as it was\n")


def test_migrate_status_is_3_until_it_is_at_the_newest(desk: Desk) -> None:
    said = desk.rota("migrate", "--status", "--json")
    found = json.loads(said.out)
    assert (said.code, found["version"]) == (0, found["serves"])
    assert desk.rota("migrate", "--to", "0", "--yes").code == 0
    said = desk.rota("migrate", "--status")
    assert said.code == 3
    assert said.out.startswith("schema version 0; this build serves ")


def test_migrate_status_makes_no_ledger(empty: Desk) -> None:
    assert empty.rota("migrate", "--status").code == 4
    assert [*empty.folder.iterdir()] == []


def test_going_down_asks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.rota("migrate", "--to", "0").code == 2  # nobody is there to be asked
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: "no\n", raising=False)
    assert desk.rota("migrate", "--to", "0").code == 130
    assert desk.rota("migrate", "--status").code == 0


def test_a_version_that_is_not_there_is_refused(desk: Desk) -> None:
    assert desk.rota("migrate", "--to", "9999").code == 2
    assert desk.rota("migrate", "--to", "-1").code == 2


def test_backup_is_a_ledger_of_its_own(desk: Desk) -> None:
    desk.rota("trigger", "publish")
    said = desk.rota("backup", "copy.db")
    size = (desk.folder / "copy.db").stat().st_size
    assert (said.code, said.out) == (0, f"copy.db: {size:,} bytes\n")
    found = desk.rota("runs", "--json", "--database-url", f"sqlite:///{desk.folder / 'copy.db'}")
    assert [run["task"] for run in json.loads(found.out)["runs"]] == ["publish"]


def test_backup_overwrites_nothing(desk: Desk) -> None:
    (desk.folder / "copy.db").write_text("mine")
    assert desk.rota("backup", "copy.db").code != 0
    assert (desk.folder / "copy.db").read_text() == "mine"


def test_backup_into_a_folder_that_is_not_there_is_an_error(desk: Desk) -> None:
    said = desk.rota("backup", "nowhere/copy.db")
    assert said.code in (1, 4)
    assert "Traceback" not in said.err


def test_doctor_finds_a_good_ledger_good(desk: Desk) -> None:
    (desk.folder / "rota.db").chmod(0o600)
    said = desk.rota("doctor", "--json")
    findings = {one["check"]: one["verdict"] for one in json.loads(said.out)["findings"]}
    assert said.code == 0
    assert findings == {
        "rota": "good", "lease": "good", "pages": "good", "ledger": "good", "schema": "good", "sqlite": "good",
        "ledger's file": "good", "disk": "good", "nodes": "good",
    }  # fmt: skip
    assert desk.rota("doctor").out.startswith("VERDICT\tCHECK\tFOUND\ngood\trota\t")


def test_doctor_says_what_is_open_to_all(desk: Desk) -> None:
    (desk.folder / "rota.db").chmod(0o644)
    findings = {one["check"]: one for one in json.loads(desk.rota("doctor", "--json").out)["findings"]}
    assert findings["ledger's file"]["verdict"] == "note"
    assert findings["ledger's file"]["advice"].startswith("chmod o= ")


def test_doctor_without_a_ledger_is_3(empty: Desk) -> None:
    empty.write()
    said = empty.rota("doctor")
    assert said.code == 3
    assert "bad\tledger\tthere is no ledger yet" in said.out


def test_doctor_sees_a_broken_rota(desk: Desk) -> None:
    (desk.folder / "rota.toml").write_text("[[task")
    said = desk.rota("doctor")
    assert said.code == 3
    assert "bad\trota\tthe rota does not load" in said.out


def test_doctor_sees_a_lease_that_is_too_short(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTA_LEASE", "10")
    said = desk.rota("doctor")
    assert said.code == 3
    assert "bad\tlease" in said.out


def test_versions_are_printed(desk: Desk) -> None:
    found = json.loads(desk.rota("version", "--json").out)
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["sqlite_of_python"] == sqlite3.sqlite_version
    assert desk.rota("version").out.startswith(f"rota\t{found['rota']}\n")
    assert desk.rota("--version").out == f"rota {found['rota']}\n"
