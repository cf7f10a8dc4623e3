"""``rota deploy-check``: each question answered well and not well, and nothing changed by asking."""

from __future__ import annotations

import json

from tests.cli.desk import TOML, Desk

from rota.clock import SECOND, Instant
from rota.errors import LedgerVersion
from rota.ledger.records import NewSchedule
from rota.ledger.sqlite.ledger import SqliteLedger

ARGUMENTS = {"good": '{"to":"Ann"}', "bad": '{"address":"Bob"}'}


def answers(desk: Desk) -> dict[str, bool | None]:
    found = json.loads(desk.rota("deploy-check", "--json").out)["answers"]
    return {one["asked"]: one["is_well"] for one in found}


def test_a_build_that_can_serve(desk: Desk) -> None:
    said = desk.rota("deploy-check")
    assert said.code == 0
    assert "there is code for all 3 of revision 1" in said.out
    assert answers(desk) == dict.fromkeys(
        ("schema", "tasks", "arguments", "schedules", "revision", "zone data"), True
    )


def test_another_rota_is_worth_knowing_and_no_fault(desk: Desk) -> None:
    desk.write(TOML.replace('every = "60s"', 'every = "90s"'))
    said = desk.rota("deploy-check")
    assert (said.code, "revision 1 is current, and differs; rota plan" in said.out) == (0, True)


def test_code_that_is_gone_is_one(desk: Desk) -> None:
    desk.write(TOML.replace("desk_duties:send", "desk_duties:send_all"))
    (desk.folder / "desk_duties.py").write_text(
        "def send_all(to: str, copies: int = 1) -> dict[str, int]:\n    return {}\n"
    )
    said = desk.rota("deploy-check")
    assert said.code == 3
    assert "send: " in said.out
    assert "keep its code until no revision names it" in said.out


def test_code_that_cannot_be_imported_is_one(desk: Desk) -> None:
    (desk.folder / "desk_duties.py").write_text("import no_such_library\n")
    said = desk.rota("deploy-check")
    assert (said.code, "no_such_library" in said.out, "rota check" in said.out) == (3, True, True)
    assert answers(desk) == {"schema": True, "tasks": False}


def test_code_that_goes_with_its_task_is_none_where_the_rota_is_applied_first(desk: Desk) -> None:
    desk.write(TOML[: TOML.index('[[task]]\nname = "send"')])
    (desk.folder / "desk_duties.py").write_text("def other() -> None: ...\n")
    assert desk.rota("deploy-check").code == 3
    said = desk.rota("deploy-check", "--then-apply")
    assert (said.code, "there is code for all 2 of the rota at hand" in said.out) == (0, True)


def test_arguments_that_no_longer_fit_are_one(desk: Desk) -> None:
    assert desk.rota("enqueue", "send", "--arg", "to=Bob").code == 0
    assert answers(desk)["arguments"] is True
    (desk.folder / "desk_duties.py").write_text("def send(address: str) -> dict[str, int]:\n    return {}\n")
    import sys

    sys.modules.pop("desk_duties")
    said = desk.rota("deploy-check")
    assert said.code == 3
    assert "run 1 of send" in said.out
    assert "the arguments of 0 schedules of programs fit" in said.out


def test_arguments_of_a_programs_schedule_that_no_longer_fit_are_one(desk: Desk) -> None:
    ledger = SqliteLedger(str(desk.folder / "rota.db"), clock=desk.clock)
    rule = '{"cron":"0 8 * * 1"}'
    later = Instant(desk.clock.now() + 3600 * SECOND)
    new = [
        NewSchedule("newsroom", "send", f"reader:{to}", rule, later, args) for to, args in ARGUMENTS.items()
    ]
    ledger.put_schedules(new)
    ledger.close()
    said = desk.rota("deploy-check")
    assert said.code == 3
    assert "schedule reader:bad of send: " in said.out
    assert "reader:good" not in said.out


def test_a_ledger_of_another_version_is_one(desk: Desk) -> None:
    ledger = SqliteLedger(str(desk.folder / "rota.db"), clock=desk.clock)
    found, _ = ledger.version()
    ledger.migrate(found - 1)
    ledger.close()
    said = desk.rota("deploy-check")
    assert (said.code, f"version {found - 1}, this build serves {found}; rota migrate" in said.out) == (
        3,
        True,
    )
    assert LedgerVersion.__name__ not in said.err
    ledger = SqliteLedger(str(desk.folder / "rota.db"), clock=desk.clock)
    assert ledger.version()[0] == found - 1, "asking changed nothing"
    ledger.close()
