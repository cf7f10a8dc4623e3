"""Incidents on the command line: listed, shown whole, acknowledged and muted, and what cannot be done is said."""

from __future__ import annotations

import json

import pytest
from tests.cli.desk import Desk
from tests.read.judged import an_incident, refused

from rota.model.verdict import Check

OWNER = "Ann <ann@example.org>"


@pytest.fixture
def troubled(desk: Desk) -> Desk:
    """Two open incidents, of which one could not be told."""
    with desk.house() as house:
        an_incident(house, "publish", owner=OWNER)
        refused(house)
        an_incident(house, "tidy", Check.FRESH, owner=OWNER)
    return desk


def test_nothing_is_open(desk: Desk) -> None:
    said = desk.rota("incidents")
    assert (said.code, said.err) == (0, "no incident is open\n")


def test_the_open_ones_are_listed(troubled: Desk) -> None:
    rows = [line.split("\t") for line in troubled.rota("incidents").out.splitlines()[1:]]
    assert [row[:4] for row in rows] == [
        ["2", "newsroom/tidy", "fresh", "open"],
        ["1", "newsroom/publish", "run", "open"],
    ]
    assert len(troubled.rota("incidents", "tidy").out.splitlines()) == 2
    assert len(troubled.rota("incidents", "--owner", "Bob").out.splitlines()) == 0
    found = json.loads(troubled.rota("incidents", "--json").out)["incidents"]
    assert [(one["check"], one["times"], one["owner"]) for one in found] == [
        ("fresh", 3, OWNER),
        ("run", 3, OWNER),
    ]


def test_one_is_shown_with_who_was_told_and_the_card_of_its_task(troubled: Desk) -> None:
    said = troubled.rota("incident", "1")
    assert said.code == 0
    for part in (
        "incident 1: newsroom/publish", "it does what it should", "it did not", "refused, 1 try: connection refused",
        "unpublish it again", "next: rota acknowledge 1 --reason WHY",
    ):  # fmt: skip
        assert part in said.out, said.out
    found = json.loads(troubled.rota("incident", "2", "--json").out)["incident"]
    assert (found["incident"]["check"], found["card"]["task"]) == ("fresh", "tidy")


def test_who_is_at_it_is_written_down(troubled: Desk) -> None:
    said = troubled.rota("acknowledge", "1", "-m", "the disk is full", "--for", "2h")
    assert said.out == "incident 1 is acknowledged until 2026-11-23T14:00:00Z\n"
    assert "by ann, until in 2 h: the disk is full" in troubled.rota("incident", "1").out
    assert (
        troubled.rota("acknowledge", "2", "-m", "x").out
        == "incident 2 is acknowledged until it is resolved\n"
    )
    assert "acknowledge by ann" in troubled.rota("task", "publish").out


def test_a_task_is_muted_and_heard_again(troubled: Desk) -> None:
    assert (
        troubled.rota("mute", "tidy", "-m", "the move", "--for", "1h").out
        == "tidy is muted until 2026-11-23T13:00:00Z\n"
    )
    assert "by ann, ends in 1 h: the move" in troubled.rota("task", "tidy").out
    assert troubled.rota("unmute", "tidy").out == "tidy is muted no longer\n"
    assert "the move" not in json.loads(troubled.rota("task", "tidy", "--json").out)["task"]["card"].values()


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["incident", "7"], 1, "no incident is named '7'"),
        (["acknowledge", "7", "-m", "x"], 1, "no incident is named '7'"),
        (["acknowledge", "1", "-m", " "], 2, "needs a reason"),
        (["acknowledge", "1"], 2, "--reason"),
        (["acknowledge", "1", "-m", "x", "--for", "1h", "--until", "in 2h"], 2, "two ends"),
        (["acknowledge", "1", "-m", "x", "--until", "1h ago"], 2, "over already"),
        (["mute", "tidy", "-m", "x"], 2, "a mute needs its end"),
        (["mute", "tdy", "-m", "x", "--for", "1h"], 1, "did you mean tidy?"),
        (["unmute", "tidy"], 1, "tidy is not muted"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(troubled: Desk, argv: list[str], code: int, said: str) -> None:
    found = troubled.rota(*argv)
    assert (found.code, said in found.err) == (code, True), found.err


def test_status_names_them(troubled: Desk) -> None:
    said = troubled.rota("status", "--fail-if", "incident")
    assert said.code == 3
    assert "messages to Ann <ann@example.org>" in said.out
    assert "connection refused" in said.out
