"""`rota next` and `rota explain`."""

from __future__ import annotations

import json

import pytest
from tests.cli.desk import TOML, Desk

from rota.cli import quick
from rota.define.entry import RotaFile, TaskEntry


def test_next_shows_the_next_occurrence_of_each_task(desk: Desk) -> None:
    said = desk.rota("next")
    head, *rows = [line.split("\t") for line in said.out.splitlines()]
    assert (said.code, said.err) == (0, "")
    assert head == ["NEXT", "LEFT", "TASK", "SCHEDULE"]
    assert [(row[2], row[3]) for row in rows] == [("publish", "every 1 min"), ("tidy", "30 2 * * *")]
    assert [(row[0], row[1]) for row in rows] == [
        ("Mon 2026-11-23 12:01:00 UTC", "1 min"),
        ("Tue 2026-11-24 02:30:00 CET", "13 h 30 min"),
    ]


def test_next_of_one_task_shows_ten(desk: Desk) -> None:
    rows = desk.rota("next", "tidy").out.splitlines()[1:]
    assert len(rows) == 10
    assert rows == sorted(rows, key=lambda row: row.split(" ")[1])


@pytest.mark.parametrize("name", ["publish", "newsroom/publish"])
def test_count_takes_the_first_of_all_in_order(desk: Desk, name: str) -> None:
    found = json.loads(desk.rota("next", name, "--count", "3", "--json").out)
    instants = [entry["at"] for entry in found["next"]]
    assert found["schema"] == 1
    assert len(instants) == 3
    assert instants == sorted(instants)
    assert {entry["task"] for entry in found["next"]} == {"publish"}
    assert set(found["next"][0]) == {
        "at",
        "local",
        "left_seconds",
        "service",
        "task",
        "key",
        "schedule",
        "timezone",
    }
    assert all(instant.endswith("Z") for instant in instants)


def test_days_takes_all_within_so_many_days(desk: Desk) -> None:
    found = json.loads(desk.rota("next", "tidy", "--days", "3", "--json").out)
    assert len(found["next"]) == 3


def test_changes_of_the_clocks_are_pointed_out(desk: Desk) -> None:
    said = desk.rota("next", "tidy", "--days", "370")
    assert "note: tidy: on " in said.err
    assert "does not exist in Europe/Berlin" in said.err
    assert "comes twice in Europe/Berlin" in said.err
    assert "note:" not in said.out  # what is piped on is data alone


def test_an_unknown_task_names_the_nearest(desk: Desk) -> None:
    said = desk.rota("next", "publsh")
    assert said.code == 1
    assert "no scheduled task is named 'publsh' (did you mean publish?)" in said.err


def test_next_needs_no_ledger(empty: Desk) -> None:
    empty.write()
    assert empty.rota("next").code == 0
    assert not (empty.folder / "rota.db").exists()


def test_without_a_file_next_asks_the_ledger(desk: Desk) -> None:
    before = desk.rota("next", "tidy").out
    (desk.folder / "rota.toml").unlink()
    assert desk.rota("next", "tidy").out == before


def test_without_a_file_and_a_ledger_next_says_how_to_begin(empty: Desk) -> None:
    said = empty.rota("next")
    assert said.code == 2
    assert said.err.splitlines()[0] == "there is no rota here, and no ledger"
    assert "next: rota init" in said.err


def test_a_file_that_was_named_and_is_not_there_is_an_error(desk: Desk) -> None:
    said = desk.rota("next", "--config", "web.toml")
    assert said.code == 1
    assert "web.toml" in said.err


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('rollback = "unpublish it again"', "", "rollback is missing"),
        ('schedule = "30 2 * * *"', 'shedule = "30 2 * * *"', "did you mean schedule?"),
        ('schedule = "30 2 * * *"', 'schedule = "30 2 30 2 *"', "can never fire"),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Berln"', "did you mean Europe/Berlin?"),
        ('name = "tidy"', 'name = "publish"', "two tasks named publish"),
        ("[[task]]", "[[task", "not valid TOML"),
    ],
)
def test_a_broken_file_is_told_as_check_tells_it(empty: Desk, before: str, after: str, said: str) -> None:
    empty.write(TOML.replace(before, after, 1))
    found = empty.rota("next")
    assert found.code == 1
    assert said in found.err
    assert "rota.toml:" in found.err


def test_the_quick_reader_knows_the_keys_of_the_model() -> None:
    """A key that only one of them knew would be ignored, or make every call slow."""
    assert frozenset(field.alias or name for name, field in TaskEntry.model_fields.items()) == quick._KNOWN
    assert frozenset(field.alias or name for name, field in RotaFile.model_fields.items()) == quick._TOP


def test_the_quick_reader_gives_what_the_full_one_gives(empty: Desk) -> None:
    empty.write(TOML.replace('service = "newsroom"', 'service = "newsroom"\ntimezone = "Asia/Kathmandu"'))
    loaded = empty.load(empty.settings(), import_code=False)
    assert quick.duties_on_file(str(empty.folder / "rota.toml")) == quick.duties_of_tasks(
        [*loaded.tasks.values()]
    )


def test_disabled_tasks_are_not_due(empty: Desk) -> None:
    empty.write(TOML.replace('name = "tidy"', 'name = "tidy"\nenabled = false'))
    assert "tidy" not in empty.rota("next").out


def test_explain_says_a_schedule_in_words(empty: Desk) -> None:
    said = empty.rota("explain", "0 8 * * MON-FRI", "--timezone", "Europe/Berlin", "--count", "3")
    words, *instants = said.out.splitlines()
    assert said.code == 0
    assert words == "at 08:00 on Monday to Friday, Europe/Berlin time"
    assert len(instants) == 3
    assert all("08:00:00 CE" in line for line in instants)


def test_explain_as_json(empty: Desk) -> None:
    found = json.loads(empty.rota("explain", "30 2 * * *", "--timezone", "Europe/Berlin", "--json").out)
    assert (found["schema"], found["words"]) == (1, "at 02:30 every day, Europe/Berlin time")
    assert len(found["next"]) == 5
    assert len(found["warnings"]) == 2


def test_explain_takes_intervals_and_seconds(empty: Desk) -> None:
    assert empty.rota("explain", "every 90s").out.startswith("every ")
    assert empty.rota("explain", "0 0 8 * * *", "--seconds", "first").code == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["0 0 30 2 *"], "can never fire"),
        (["0 0 8 * * *"], 'seconds = "first"'),
        (["every 5 fortnights"], "is not a length of time"),
        (["0 8 * * *", "--timezone", "Europe/Berln"], "did you mean Europe/Berlin?"),
        (["0 8 * * *", "--seconds", "frist"], "did you mean first?"),
        (["0 8 * * *", "--count", "0"], "out of range"),
        (["0 8 * * *", "--count", "x"], "is not a whole number"),
    ],
)
def test_what_cannot_be_explained_is_wrong_usage(empty: Desk, argv: list[str], said: str) -> None:
    found = empty.rota("explain", *argv)
    assert found.code == 2
    assert said in found.err
    assert 2 <= len(found.err.splitlines()) <= 3
