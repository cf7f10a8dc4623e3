"""The record of a change: whole, honest about noise, and the same for the same ledger; on both ledgers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.read.house import EVIL, House, a_node, a_task, errored, every, succeeded

from rota.app import open_ledger, read_settings
from rota.change.apply import apply
from rota.change.rollback import earlier, roll_back
from rota.change.verify import start_canaries
from rota.cli.main import main
from rota.clock import ManualClock
from rota.command import AppWiring
from rota.define.loaded import LoadedRota
from rota.model.revision import Origin
from rota.read.markdown import to_html
from rota.record.measures import measures
from rota.record.page import record

START = ManualClock().at


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Two tasks, twenty runs of each, and then a change of one of them."""
    url = f"sqlite:///{tmp_path / 'rota.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    clock = ManualClock(START)
    ledger = open_ledger(read_settings(database_url=url), clock=clock)
    tasks = {name: a_task(name, every(60)) for name in ("publish", "tidy")}
    loaded = LoadedRota(tasks["tidy"].service, tasks)
    apply(ledger, loaded, author="ann", reason="first")
    ledger.register(replace(a_node(clock.now()), lease_until=a_node(clock.now()).lease_until + 10**13))
    built = House(ledger, clock, loaded)  # type: ignore[arg-type]  # any ledger
    yield built
    ledger.close()


def rounds(house: House, count: int, *, took: float = 0.5, fail: int = 0) -> None:
    for number in range(count):
        house.clock.move(seconds=60)
        house.round(errored("it is down") if number < fail else succeeded(), took=took + number / 1000)


def change(house: House, words: str = "all of it", **more: object) -> None:
    house.clock.move(seconds=1)
    tasks = {
        **house.loaded.tasks,
        "publish": replace(house.loaded.tasks["publish"], expects=words, schedule=every(30)),
    }
    origin = Origin(("the site is small", "no | pipe"), "c0ffee" * 6 + "c0ff", True, "1.2.3")
    apply(
        house.ledger,
        replace(house.loaded, tasks=tasks),
        author="ben",
        reason=f"twice as often {EVIL}",
        origin=origin,
        **more,
    )  # type: ignore[arg-type]  # options of apply


def page(house: House, number: int) -> str:
    (revision,) = house.ledger.revisions(house.loaded.service, 1, number=number)
    return record(house.ledger, revision)


def test_a_record_holds_what_the_next_developer_needs(house: House) -> None:
    rounds(house, 20)
    change(house)
    rounds(house, 20, took=2.0)
    text = page(house, 2)
    for part in (
        f"# {house.loaded.service}: revision 2", "| **By** | ben |", "revision 1: first", "c0ffee", "with changes that are not in it",
        "## Why", "twice as often", "- the site is small", "| publish | expects |", "| publish | next occurrences |", "gained",
        "It was applied without a canary.", "Mann and Whitney's, two-sided", "20 of 20", "git checkout c0ffee",
        "rota plan --out plan.json", "--assume 'the site is small'", "rota rollback 1 -m WHY --dry-run",
    ):  # fmt: skip
        assert part in text, text
    assert "| tidy |" not in text  # it did not change


def test_a_difference_is_told_from_noise(house: House) -> None:
    rounds(house, 20)
    change(house)
    begin = house.now
    rounds(house, 20, took=2.0, fail=9)
    found = {
        one.what: one
        for one in measures(house.ledger, house.loaded.service, ["publish", "tidy"], begin, None)
        if one.task == "publish"
    }
    assert found["duration"].verdict.startswith("more than noise")
    assert found["success"].verdict.startswith("more than noise")
    assert "Fisher" in found["success"].verdict
    assert found["lateness"].verdict.startswith("no more than noise does")


def test_few_runs_are_inconclusive_and_never_no_difference(house: House) -> None:
    rounds(house, 20)
    change(house)
    rounds(house, 3, took=9.0)
    assert "inconclusive: 20 and " in page(house, 2)
    assert "no more than noise" not in page(house, 2)


def test_the_same_ledger_gives_the_same_page_also_after_what_does_not_concern_it(house: House) -> None:
    rounds(house, 10)
    change(house)
    rounds(house, 10)
    change(house, "and more")
    before = page(house, 2)
    house.clock.move(days=3)
    rounds(house, 3)
    assert page(house, 2) == before


def test_what_became_of_a_change_that_was_tried(house: House) -> None:
    rounds(house, 2)
    change(house, confirm_by=house.now + 10**12)
    assert "unless it is, it is put back at" in page(house, 2)
    (run_id,) = start_canaries(house.ledger, house.loaded.service, 2, ["publish"], actor="ben").values()
    house.clock.move(seconds=2)
    site = {
        "check": "headers",
        "verdict": "finding",
        "routes": [{"route": "home", "verdict": "finding", "rules": {"C09": 1}}],
    }
    for claimed in house.claim():
        house.end(claimed, succeeded(site) if claimed.id == run_id else succeeded())
    current, target = earlier(house.ledger, house.loaded.service, 1)
    roll_back(house.ledger, current, target, author="cyd", reason="its canary failed", tool="1.2.3")
    text = page(house, 2)
    assert f"- publish, run {run_id}: succeeded" in text
    assert "Revision 3 brought revision 1 back: its canary failed" in text
    assert "| headers | home | finding | C09 1 |" in text
    assert "rota apply plan.json -m" in text
    assert "--verify" in text


def test_what_people_wrote_is_text_and_not_markup(house: House) -> None:
    rounds(house, 1)
    change(house)
    shown = to_html(page(house, 2), "a <title>")
    assert "<script>" not in shown
    assert "a &lt;title&gt;" in shown
    assert "<table>" in shown


def test_the_first_revision_has_nothing_to_go_back_to(house: House) -> None:
    text = page(house, 1)
    assert "nothing to go back to" in text
    assert "| publish | added |" in text


def test_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROTA_DATABASE_URL", f"sqlite:///{tmp_path / 'rota.db'}")
    (tmp_path / "rota.toml").write_text(
        'service = "web"\n[[task]]\nname = "tidy"\ncommand = ["true"]\nowner = "Ann <ann@example.org>"\n'
        'expects = "it is tidy"\nrollback = "nothing to undo: it only reads"\n'
    )
    assert main(AppWiring(), ["migrate"]) == 0
    assert main(AppWiring(), ["apply", "-m", "first", "--yes"]) == 0
    capsys.readouterr()
    assert main(AppWiring(), ["record", "1"]) == 0
    assert capsys.readouterr().out.startswith("# web: revision 1\n")
    assert main(AppWiring(), ["record", "1", "--html", "--out", "1.html"]) == 0
    assert (tmp_path / "1.html").read_text().startswith("<!doctype html>")
    assert main(AppWiring(), ["record", "7"]) != 0
