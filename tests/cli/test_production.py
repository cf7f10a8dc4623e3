"""What an apply asks for first: in production a rehearsal of the very change, and of effects that cannot be undone a dry run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.trying import TOML, Desk

from rota.change.rehearsals import Rehearsed, check_rehearsed, record_rehearsal
from rota.clock import SECOND
from rota.errors import Refused
from rota.ledger.protocol import Ledger

DAYS = 86_400 * SECOND
UNDO = 'undo = "none: mail already sent"\n'


class Production(Desk):
    """A desk at which it matters."""

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "ROTA_PRODUCTION": "true"}


@pytest.fixture
def desk(tmp_path: Path) -> Production:
    made = Production(tmp_path)
    assert made.rota("migrate").returncode == 0
    assert made.rota("apply", "-m", "first", "--yes").returncode == 0  # nothing to rehearse with yet
    made.toml = made.toml.replace("the letters are out", "the letters are out by nine")
    made.write(0)
    return made


def rehearsed(desk: Desk, *more: str) -> subprocess.CompletedProcess[str]:
    return desk.rota("rehearse", "--days", "1", "--no-what-if", *more)


def test_an_apply_without_a_rehearsal_is_refused_and_says_what_to_do(desk: Production) -> None:
    said = desk.rota("apply", "-m", "by nine", "--yes")
    assert said.returncode == 1
    assert "the change was not rehearsed" in said.stderr
    assert "next: rota rehearse or rota apply --without-rehearsal WHY" in said.stderr
    with desk.ledger() as ledger:
        assert ledger.current("site") == 1


def test_after_a_rehearsal_of_this_very_change_it_is_applied(desk: Production) -> None:
    assert rehearsed(desk).returncode == 0
    desk.toml = desk.toml.replace("by nine", "by ten")
    desk.write(0)
    assert desk.rota("apply", "-m", "another change", "--yes").returncode == 1
    desk.toml = desk.toml.replace("by ten", "by nine")
    desk.write(0)
    assert desk.rota("apply", "-m", "by nine", "--yes").returncode == 0
    back = desk.rota("rollback", "-m", "no", "--yes")  # is never asked for one
    assert back.returncode == 0, back.stderr


def test_why_there_is_none_is_kept_with_the_revision(desk: Production) -> None:
    assert desk.rota("apply", "-m", "by nine", "--yes", "--without-rehearsal", " ").returncode == 2
    assert (
        desk.rota("apply", "-m", "by nine", "--yes", "--without-rehearsal", "the site is down").returncode
        == 0
    )
    assert "not rehearsed: the site is down" in desk.rota("revision", "2").stdout


def test_a_rehearsal_that_broke_its_budget_does_not_count(desk: Production) -> None:
    assert rehearsed(desk, "--execute", "publish").returncode == 0
    desk.write(3)
    assert rehearsed(desk, "--execute", "publish").returncode == 3
    said = desk.rota("apply", "-m", "by nine", "--yes")
    assert said.returncode == 1
    assert "the rehearsal of the change did not hold" in said.stderr


def test_elsewhere_nobody_is_asked(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.rota("migrate")
    for status in (0, 1):
        desk.write(status)
        assert desk.rota("apply", "-m", "again", "--yes").returncode == 0


def test_production_and_apply_on_start_exclude_each_other(tmp_path: Path) -> None:
    desk = Production(tmp_path)
    said = subprocess.run(
        desk.command("status"), cwd=tmp_path, env={**desk.env, "ROTA_APPLY_ON_START": "1"}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert said.returncode == 2
    assert "exclude each other" in said.stderr


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    desk = Desk(tmp_path)
    desk.rota("migrate")
    with desk.ledger() as opened:
        yield opened


def test_a_rehearsal_is_of_one_change_and_holds_for_seven_days(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_rehearsal(ledger, "site", Rehearsed(3, "d1", True, 30, 1), actor="ann")
    check_rehearsed(ledger, "site", 3, "d1")
    check_rehearsed(ledger, "site", 0, "whatever")  # a first revision
    for base, digest in ((2, "d1"), (3, "d2")):
        with pytest.raises(Refused):
            check_rehearsed(ledger, "site", base, digest)
    now = ledger.now()
    for days, is_late in ((6.9, False), (7.1, True)):
        monkeypatch.setattr(ledger, "now", lambda at=now + int(days * DAYS): at)
        if is_late:
            with pytest.raises(Refused):
                check_rehearsed(ledger, "site", 3, "d1")
        else:
            check_rehearsed(ledger, "site", 3, "d1")


# -- effects that cannot be undone, in production or not


@pytest.fixture
def mailing(tmp_path: Path) -> Desk:
    toml = TOML.replace(
        'rollback = "none: mail is sent"\n', 'rollback = "pause it; what is sent is sent"\n' + UNDO
    )
    desk = Desk(tmp_path, toml=toml)
    desk.rota("migrate")
    assert desk.rota("apply", "-m", "first", "--yes").returncode == 0
    desk.toml = toml.replace("the letters are out", "the letters are out by nine")
    desk.write(0)
    return desk


def test_a_plan_asks_for_the_blast_radius_and_a_dry_run_and_apply_waits_for_both(mailing: Desk) -> None:
    told = mailing.rota("plan").stdout
    assert "its effects cannot be undone (mail already sent)" in told
    assert "no blast_radius" in told
    assert "no dry run of this change: rota rehearse --execute mail" in told
    assert "no blast_radius" in mailing.rota("apply", "-m", "by nine", "--yes").stderr
    mailing.toml = mailing.toml.replace(UNDO, UNDO + 'blast_radius = "at most 3,000 letters"\n')
    mailing.write(0)
    said = mailing.rota("apply", "-m", "by nine", "--yes")
    assert said.returncode == 1
    assert "no dry run of this change" in said.stderr
    assert rehearsed(mailing, "--execute", "publish").returncode == 0  # of another task
    assert mailing.rota("apply", "-m", "by nine", "--yes").returncode == 1
    assert rehearsed(mailing, "--execute", "mail").returncode == 0
    told = mailing.rota("plan").stdout
    assert "one run affects at most 3,000 letters" in told
    assert "no dry run" not in told
    assert mailing.rota("apply", "-m", "by nine", "--yes").returncode == 0


def test_a_change_of_other_tasks_is_not_held_up(mailing: Desk) -> None:
    mailing.toml = mailing.toml.replace("the letters are out by nine", "the letters are out").replace(
        "is public", "was published"
    )
    mailing.write(0)
    assert mailing.rota("apply", "-m", "words", "--yes").returncode == 0


def test_the_card_and_the_runbook_say_that_it_cannot_be_undone(mailing: Desk) -> None:
    assert (
        mailing.rota("apply", "-m", "by nine", "--yes", "--without-rehearsal", "words only").returncode == 0
    )
    assert "cannot be undone" in mailing.rota("task", "mail").stdout
    assert "mail already sent" in mailing.rota("runbook", "mail").stdout
    assert "cannot be undone" not in mailing.rota("task", "publish").stdout


@pytest.mark.parametrize(
    "line", ['undo = "mail is sent"', UNDO + 'rollback_command = ["true"]', 'undo = "none:"']
)
def test_what_is_said_of_undoing_is_checked(line: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path, toml=TOML.replace("canary = false", line))
    said = desk.rota("check")
    assert said.returncode in (1, 2, 3)
    assert "undo" in said.stderr + said.stdout
    assert os.linesep in said.stderr + said.stdout
