"""Looking: tasks, task, runs, log, status and nodes."""

from __future__ import annotations

import json

import pytest
from tests.cli.desk import Desk
from tests.read.house import errored, succeeded

from rota.cli import follow
from rota.ledger.judging import Report
from rota.model.verdict import Check, Standing, Verdict


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


@pytest.fixture
def used(desk: Desk) -> Desk:
    """Two runs of publish: the first succeeded, the second failed and wrote a log."""
    with desk.house() as house:
        for ending in (
            succeeded({"published": 3}),
            errored("no room", traceback="Traceback\n  line 1\nOSError: no room"),
        ):
            desk.clock.move(minutes=1)
            (run,) = house.round(ending)
            house.log(run.id, "begin", "end\x1b[2J")
        house.log(run.id, "it hurts", source="ERROR")
        desk.clock.move(seconds=3)
        house.beat()
    return desk


def test_tasks_lists_every_task_with_its_owner(used: Desk) -> None:
    head, *rows = lines(used.rota("tasks").out)
    assert head == ["TASK", "CONDITION", "NEXT", "LAST", "SCHEDULE", "OWNER"]
    assert [row[0] for row in rows] == ["publish", "send", "tidy"]
    assert rows[0][1:] == [
        "failing",
        "in 57 s",
        "failed 2 s ago",
        "every 1 min UTC",
        "Ann <ann@example.org>",
    ]
    assert rows[1][2:4] == ["-", "-"]


def test_tasks_are_found_by_their_words(used: Desk) -> None:
    assert [row[0] for row in lines(used.rota("tasks", "content").out)[1:]] == ["publish"]
    said = used.rota("tasks", "nothing-like-it")
    assert (said.code, said.out, said.err) == (0, "", "no task matches\n")


def test_tasks_as_json(used: Desk) -> None:
    found = json.loads(used.rota("tasks", "--json").out)
    assert found["schema"] == 1
    assert [task["name"] for task in found["tasks"]] == ["publish", "send", "tidy"]
    assert found["tasks"][0]["next_at"] == "2026-11-23T12:03:00Z"
    assert found["tasks"][0]["condition"]["word"] == "failing"


def test_task_shows_who_answers_for_it_and_what_to_do(used: Desk) -> None:
    said = used.rota("task", "publish")
    facts = dict(line[:2] for line in lines(said.out) if len(line) == 2)
    assert facts["owner"] == "Ann <ann@example.org>"
    assert facts["expects"] == "all that is due is public"
    assert facts["rollback"] == "unpublish it again"
    assert facts["schedule"] == "every minute (every 1 min, UTC)"
    assert [line[1] for line in lines(said.out) if line[0] in ("1", "2")] == ["failed", "succeeded"]


def test_task_as_json(used: Desk) -> None:
    found = json.loads(used.rota("task", "publish", "--json").out)
    assert (found["schema"], found["task"]["card"]["rollback"]) == (1, "unpublish it again")


@pytest.mark.parametrize("verb", ["task", "trigger", "enqueue", "resume"])
def test_an_unknown_task_names_the_nearest(used: Desk, verb: str) -> None:
    said = used.rota(verb, "pubish")
    assert said.code == 1
    assert said.err.splitlines()[0] == "no task is named 'pubish' (did you mean publish?)"
    assert "next: rota tasks" in said.err


def test_runs_are_listed_newest_first(used: Desk) -> None:
    head, *rows = lines(used.rota("runs").out)
    assert head == ["RUN", "TASK", "STATE", "DUE", "TOOK", "TRY", "WHAT"]
    assert [row[:3] for row in rows] == [["2", "publish", "failed"], ["1", "publish", "succeeded"]]
    assert rows[1][3:] == ["2026-11-23 12:01:00Z", "500 ms", "1", "on time"]


@pytest.mark.parametrize(
    ("argv", "ids"),
    [
        (["--task", "publish"], [2, 1]),
        (["-t", "tidy"], []),
        (["--state", "failed"], [2]),
        (["-s", "failed,succeeded"], [2, 1]),
        (["-s", "failed", "-s", "succeeded"], [2, 1]),
        (["--kind", "manual"], []),
        (["--reason", "error"], [2]),
        (["--since", "30s ago"], [2]),
        (["--until", "2026-11-23T12:01:30Z"], [1]),
        (["--until", "2026-11-23T13:01:30", "--timezone", "Europe/Berlin"], [1]),
        (["--before", "2"], [1]),
        (["-n", "1"], [2]),
        (["--service", "elsewhere"], []),
    ],
)
def test_runs_are_filtered(used: Desk, argv: list[str], ids: list[int]) -> None:
    found = json.loads(used.rota("runs", *argv, "--json").out)
    assert [run["id"] for run in found["runs"]] == ids


def test_more_runs_are_paged(used: Desk) -> None:
    found = json.loads(used.rota("runs", "-n", "1", "--json").out)
    assert found["older"] == 2
    assert json.loads(used.rota("runs", "--json").out)["older"] is None


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--state", "fialed"], "did you mean failed?"),
        (["--kind", "manuel"], "did you mean manual?"),
        (["--reason", "eror"], "did you mean error?"),
        (["--since", "then"], "the time cannot be read"),
        (["--since", "2026-11-23T12:00"], "which clock is meant"),
        (["--limit", "0"], "out of range"),
        (["--stat", "failed"], "did you mean --state?"),
    ],
)
def test_filters_that_make_no_sense_are_wrong_usage(used: Desk, argv: list[str], said: str) -> None:
    found = used.rota("runs", *argv)
    assert found.code == 2
    assert said in found.err


def test_log_prints_what_a_run_wrote(used: Desk) -> None:
    said = used.rota("log", "1")
    assert said.out.splitlines() == [
        "2026-11-23 12:01:00.000Z  INFO    begin",
        "2026-11-23 12:01:00.000Z  INFO    end\\x1b[2J",  # what a task wrote does not steer the terminal
    ]
    assert said.err == ""


def test_log_of_a_failed_run_ends_with_its_error(used: Desk) -> None:
    said = used.rota("log", "2")
    assert len(said.out.splitlines()) == 3
    assert said.err.splitlines() == ["Traceback", "  line 1", "OSError: no room"]


def test_log_begins_with_the_last_lines(used: Desk) -> None:
    (line,) = used.rota("log", "2", "--tail", "1").out.splitlines()
    assert line.endswith("ERROR   it hurts")


def test_log_as_json(used: Desk) -> None:
    found = json.loads(used.rota("log", "2", "-n", "2", "--json").out)
    assert (found["run"], found["state"], found["left_out"]) == (2, "failed", 1)
    assert [line["text"] for line in found["lines"]][-1] == "it hurts"


def test_log_of_an_unknown_run(used: Desk) -> None:
    assert used.rota("log", "99").code == 1
    assert used.rota("log", "x").code == 2


def test_following_shows_what_comes_until_the_end(used: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with used.house() as house:
        used.clock.move(minutes=1)
        house.fire()
        (claimed,) = house.claim()
        house.log(claimed.id, "one")
        steps = iter((lambda: house.log(claimed.id, "two"), lambda: house.end(claimed, succeeded())))
        monkeypatch.setattr(follow, "sleep", lambda seconds: next(steps)())
        said = used.rota("log", str(claimed.id), "--follow")
    assert [line.split()[-1] for line in said.out.splitlines()] == ["one", "two"]
    assert (said.code, said.err) == (0, f"run {claimed.id} of publish succeeded after 500 ms: on time\n")


def test_following_as_json_prints_an_object_a_line(used: Desk) -> None:
    said = used.rota("log", "2", "--follow", "--json")
    assert [json.loads(line)["text"] for line in said.out.splitlines()][-1] == "it hurts"


def test_the_ledger_is_asked_less_and_less_often(used: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with used.house() as house:
        used.clock.move(minutes=1)
        house.fire()
        (claimed,) = house.claim()
        slept: list[float] = []

        def pass_time(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 20:
                house.end(claimed, succeeded())

        monkeypatch.setattr(follow, "sleep", pass_time)
        used.rota("log", str(claimed.id), "--follow")
    assert slept == sorted(slept)
    assert slept[0] <= 0.2
    assert slept[-1] == 2.0


def test_interrupting_a_follow_is_130(used: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    with used.house() as house:
        used.clock.move(minutes=1)
        house.fire()
        (claimed,) = house.claim()
        monkeypatch.setattr(follow, "sleep", interrupted)
        said = used.rota("log", str(claimed.id), "--follow")
    assert (said.code, said.err) == (130, "")


def test_status_begins_with_what_needs_attention(used: Desk) -> None:
    said = used.rota("status")
    facts = dict(line[:2] for line in lines(said.out) if len(line) == 2)
    assert (facts["tasks"], facts["nodes"]) == ("3", "1 live")
    assert facts["last 24 hours"] == "1 failed, 1 succeeded"
    assert ["failing", "newsroom/publish", "Ann <ann@example.org>", "1 failed run in a row"] in lines(
        said.out
    )
    assert ["2026-11-23 12:03:00Z", "in 57 s", "publish"] in lines(said.out)


@pytest.mark.parametrize(
    ("fail_if", "code"),
    [
        ([], 0),
        (["late"], 0),
        (["failing"], 3),
        (["late", "failing"], 3),
        (["late,failing"], 3),
        (["attention"], 3),
    ],
)
def test_status_fails_if_it_is_told_to(used: Desk, fail_if: list[str], code: int) -> None:
    argv = [part for word in fail_if for part in ("--fail-if", word)]
    assert used.rota("status", *argv).code == code
    assert used.rota("status", "--json", *argv).code == code


def test_status_is_late_where_nobody_does_it(used: Desk) -> None:
    """Also where the task is failing as well, which is what its row then says."""
    assert used.rota("status", "--fail-if", "late").code == 0
    used.clock.move(minutes=5)
    assert used.rota("status", "--fail-if", "late").code == 3


def test_status_refuses_what_cannot_be(used: Desk) -> None:
    said = used.rota("status", "--fail-if", "lat")
    assert said.code == 2
    assert "did you mean late?" in said.err


def test_status_as_json(used: Desk) -> None:
    found = json.loads(used.rota("status", "--json").out)
    assert (found["schema"], found["status"]["tasks"]) == (1, 3)
    assert found["next"][0]["task"] == "publish"


def test_nodes_are_listed(used: Desk) -> None:
    head, row = lines(used.rota("nodes").out)
    assert head == ["NODE", "STATE", "BUSY", "LAG", "CLOCK", "STARTED", "SEEN", "VERSION", "LABEL"]
    assert row[1:3] == ["live", "0/100"]
    assert row[-1] == "web-1:4021"
    found = json.loads(used.rota("nodes", "--json").out)
    assert [node["state"] for node in found["nodes"]] == ["live"]


def test_verdicts_are_listed(used: Desk) -> None:
    assert "nothing is judged yet" in used.rota("verdicts").err
    assert "nothing is unmet" in used.rota("verdicts", "--unmet").err
    with used.house() as house:
        one, two = house.ledger.tasks()[:2]
        said = [(one, Check.RESULT, Standing.UNMET), (two, Check.MAX_DURATION, Standing.MET)]
        house.ledger.report([
            Report(task.service, task.name, Verdict(check, standing, "a number", "a text", house.ledger.now(), 7))
            for task, check, standing in said
        ])  # fmt: skip
    out = used.rota("verdicts").out
    assert one.name in out
    assert two.name in out
    [found] = json.loads(used.rota("verdicts", "--unmet", "--json").out)["verdicts"]
    assert (found["task"], found["check"], found["standing"]) == (one.name, "result", "unmet")
    assert (found["expected"], found["found"], found["run_id"]) == ("a number", "a text", 7)
    [of_two] = json.loads(used.rota("verdicts", two.name, "--json").out)["verdicts"]
    assert of_two["standing"] == "met"
    assert used.rota("verdicts", "no-such-task").code == 1


def test_runbooks_are_printed_or_written(used: Desk) -> None:
    assert used.rota("runbook", "publish").out.startswith("# newsroom/publish\n")
    said = used.rota("runbook", "--out", "pages")
    assert said.out.splitlines()[0] == "wrote pages/newsroom-publish.md"
    assert (used.folder / "pages" / "newsroom-tidy.md").read_text().startswith("# newsroom/tidy\n")
