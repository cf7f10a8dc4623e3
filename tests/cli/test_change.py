"""plan, apply, rollback, revisions, revision and diff, as they are typed."""

from __future__ import annotations

import json

import pytest
from tests.cli.desk import TOML, Desk

SLOWER = TOML.replace('every = "60s"', 'every = "90s"')


def test_a_plan_names_what_would_change(desk: Desk) -> None:
    assert desk.rota("plan", "--exit-code").out == "newsroom: nothing to apply, the rota is revision 1\n"
    desk.write(SLOWER.replace('name = "tidy"', 'name = "tidy-up"'))
    said = desk.rota("plan", "--exit-code")
    assert said.code == 3
    for part in (
        "newsroom: from revision 1 to revision 2", "~ publish", '{"every": "1m30s"}', "> tidy-up (was tidy)",
        "occurrences lost, the first", "does not exist in Europe/Berlin", "1 changed, 1 renamed", "next: rota apply -m WHY",
    ):  # fmt: skip
        assert part in said.out, said.out
    found = json.loads(desk.rota("plan", "--json").out)["plan"]
    assert (found["base"], {one["change"]["sort"] for one in found["effects"]}) == (1, {"changed", "renamed"})


def test_apply_asks_and_says_how_to_go_back(desk: Desk) -> None:
    desk.write(SLOWER)
    refused = desk.rota("apply", "-m", "less often")
    assert refused.code == 2
    assert "--yes" in refused.err
    said = desk.rota("apply", "-m", "less often", "--assume", "the cache holds", "--yes")
    assert said.code == 0
    assert said.out.endswith("newsroom is revision 2 now; back: rota rollback -m WHY\n")
    shown = json.loads(desk.rota("revision", "2", "--json").out)["revision"]
    assert (shown["reason"], shown["author"], shown["origin"]["assumptions"]) == (
        "less often",
        "ann",
        ["the cache holds"],
    )
    assert (
        desk.rota("apply", "-m", "again", "--yes").out
        == "newsroom: nothing to apply, the rota is revision 2\n"
    )


def test_a_reviewed_plan_is_applied_or_refused(desk: Desk) -> None:
    desk.write(SLOWER)
    assert "next: rota apply plan.json -m WHY" in desk.rota("plan", "--out", "plan.json").out
    desk.write(TOML)
    assert desk.rota("apply", "plan.json", "-m", "reviewed", "--yes").code == 0
    desk.write(TOML.replace('every = "60s"', 'every = "30s"'))
    assert desk.rota("apply", "-m", "quicker", "--yes").code == 0
    late = desk.rota("apply", "plan.json", "-m", "late", "--yes")
    assert late.code == 1
    assert "the rota of newsroom was changed meanwhile" in late.err
    assert "expected revision 1, against which this was planned; found revision 3" in late.err


def test_back_and_back_again_without_the_files(desk: Desk) -> None:
    desk.write(SLOWER)
    desk.rota("apply", "-m", "less often", "--yes")
    (desk.folder / "rota.toml").unlink()
    dry = desk.rota("rollback", "-m", "too slow", "--dry-run")
    assert (dry.code, '{"every": "1m30s"}' in dry.out) == (0, True)
    assert len(desk.rota("revisions").out.splitlines()) == 3
    said = desk.rota("rollback", "-m", "too slow", "--yes")
    assert said.out.startswith("back to revision 1: first (a test)\n")
    assert said.out.endswith("newsroom is revision 3 now; back: rota rollback -m WHY\n")
    assert desk.rota("rollback", "-m", "no, it was right", "--yes").code == 0
    rows = [line.split("\t") for line in desk.rota("revisions").out.splitlines()[1:]]
    assert [(row[1], row[-1]) for row in rows] == [
        ("4", "back to 2: no, it was right"), ("3", "back to 1: too slow"), ("2", "less often"), ("1", "first"),
    ]  # fmt: skip


def test_revisions_differ_or_not(desk: Desk) -> None:
    desk.write(SLOWER)
    assert desk.rota("diff", "1").code == 0
    said = desk.rota("diff", "1", "file")
    assert (said.code, '{"every": "1m30s"}' in said.out) == (3, True)
    desk.rota("apply", "-m", "less often", "--yes")
    found = json.loads(desk.rota("diff", "1", "2", "--json").out)
    assert [(one["name"], one["sort"]) for one in found["diff"]["tasks"]] == [("publish", "changed")]
    assert [one["change"]["name"] for one in found["effects"]] == ["publish"]
    assert found["effects"][0]["lost"] > found["effects"][0]["gained"] >= 0, (
        "every 90 s in place of every minute"
    )
    whole = json.loads(desk.rota("revision", "2", "--json").out)
    assert (whole["diff"], whole["revision"]["number"]) == (found["diff"], 2)
    assert "1 changed" in desk.rota("revision", "2").out


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["apply"], 2, "--reason"),
        (["apply", "-m", " "], 2, "needs a reason"),
        (["apply", "nothing.json", "-m", "x"], 2, "the plan cannot be read"),
        (["apply", "rota.toml", "-m", "x"], 2, "the plan cannot be applied"),
        (["rollback", "-m", "x"], 1, "nothing to roll newsroom back to"),
        (["rollback", "7", "-m", "x"], 1, "no revision is named '7'"),
        (["revision", "7"], 1, "no revision is named '7'"),
        (["diff", "one", "2"], 2, "this is no revision"),
        (["revision", "1", "--service", "nwsroom"], 1, "did you mean newsroom?"),
    ],
)
def test_what_cannot_be_done(desk: Desk, argv: list[str], code: int, said: str) -> None:
    found = desk.rota(*argv)
    assert (found.code, said in found.err) == (code, True), found.err
