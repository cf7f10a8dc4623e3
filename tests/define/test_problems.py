"""All problems of a file are told at once, each with its line, task, key and nearest name."""

from __future__ import annotations

import pytest

# Each row: a file, and its problems as (line, task, key, hint). `DUTY` stands for owner, expects and rollback.
BAD = {
    "misspelt keys at every depth": (
        """\
        srvice = "web"
        service = "web"
        [queue.mail]
        wieght = 2
        [[task]]
        name = "a"
        shedule = "* * * * *"
        command = { argv = ["true"], shel = true }
        DUTY
        retry = { atempts = 2 }
        [task.expectation]
        max_durration = "1s"
        [task.expectation.output]
        match = "x"
        """,
        [
            (1, None, "srvice", "service"),
            (4, None, "queue.mail.wieght", "weight"),
            (7, "a", "shedule", "schedule"),
            (8, "a", "command.shel", "shell"),
            (12, "a", "retry.atempts", "attempts"),
            (14, "a", "expectation.max_durration", "max_duration"),
            (16, "a", "expectation.output.match", "matches"),
        ],
    ),
    "required keys and placeholders": (
        """\
        [[task]]
        name = "a"
        command = ["true"]
        owner = "TODO"
        expects = "tbd."

        [[task]]
        name = "b"
        command = ["true"]
        owner = " ? "
        expects = "None yet"
        rollback = "-"
        """,
        [
            (1, None, "service", None),
            (1, "a", "rollback", None),
            (4, "a", "owner", None),
            (5, "a", "expects", None),
            (10, "b", "owner", None),
            (11, "b", "expects", None),
            (12, "b", "rollback", None),
        ],
    ),
    "names, zones and queues": (
        """\
        service = "My Web"
        timezone = "Europe/Berln"
        [queue.mails]
        [[task]]
        name = "publishDue_articles"
        timezone = "Amercia/New_York"
        command = ["true"]
        queue = "mail"
        DUTY
        """,
        [
            (1, None, "service", "my-web"),
            (2, None, "timezone", "Europe/Berlin"),
            (5, "publishDue_articles", "name", "publish-due-articles"),
            (6, "publishDue_articles", "timezone", "America/New_York"),
            (8, "publishDue_articles", "queue", "mails"),
        ],
    ),
    "values of the wrong kind": (
        """\
        service = "web"
        [queue.mail]
        rate = 10
        weight = 0
        [[task]]
        name = "a"
        command = "pg_dump web"
        DUTY
        tags = "x"
        timeout = 45
        grace = "5 seconds"
        overlap = "Skip"
        catch_up = "lates"
        retry = { attempts = 0, factor = 0.5, max = 3, backoff = "-5s" }
        concurrency = true
        priority = 12
        enabled = "yes"
        [task.expectation]
        max_duration = "0s"
        output = { matches = "(" }
        """,
        [
            (3, None, "queue.mail.rate", '"10/s"'),
            (4, None, "queue.mail.weight", None),
            (7, "a", "command", None),
            (11, "a", "tags", None),
            (12, "a", "timeout", '"45s"'),
            (13, "a", "grace", '"5s"'),
            (14, "a", "overlap", "skip"),
            (15, "a", "catch_up", "latest"),
            (16, "a", "retry.attempts", None),
            (16, "a", "retry.backoff", None),
            (16, "a", "retry.factor", None),
            (16, "a", "retry.max", '"3s"'),
            (17, "a", "concurrency", None),
            (18, "a", "priority", None),
            (19, "a", "enabled", None),
            (21, "a", "expectation.max_duration", None),
            (22, "a", "expectation.output.matches", None),
        ],
    ),
    "exactly one thing to run": (
        """\
        service = "web"
        [[task]]
        name = "a"
        DUTY
        [[task]]
        name = "b"
        run = "site:go"
        command = ["true"]
        DUTY
        [[task]]
        name = "c"
        command = ["true"]
        isolation = "thread"
        DUTY
        """,
        [
            (2, "a", "run", None),
            (10, "b", "command", None),
            (17, "c", "isolation", None),
        ],
    ),
    "schedules": (
        """\
        service = "web"
        [[task]]
        name = "a"
        command = ["true"]
        schedule = { evry = "5m" }
        DUTY
        [[task]]
        name = "b"
        command = ["true"]
        DUTY
        [task.schedule]
        cron = "0 9 * * *"
        jiter = "5s"
        [[task]]
        name = "c"
        command = ["true"]
        schedule = "0 0 30 2 *"
        DUTY
        [[task]]
        name = "d"
        command = ["true"]
        schedule = "* * * * * *"
        DUTY
        [[task]]
        name = "e"
        command = ["true"]
        schedule = 5
        DUTY
        """,
        [
            (5, "a", "schedule.evry", "every"),
            (17, "b", "schedule.jiter", "jitter"),
            (21, "c", "schedule", None),
            (28, "d", "schedule", None),
            (35, "e", "schedule", None),
        ],
    ),
    "a name used twice": (
        """\
        service = "web"
        [[task]]
        name = "a"
        command = ["true"]
        DUTY
        [[task]]
        name = "a"
        command = ["false"]
        DUTY
        """,
        [(9, "a", "name", None)],
    ),
    "functions that cannot be names of any": (
        """\
        service = "web"
        [[task]]
        name = "a"
        run = "site.publishing.publish_due"
        DUTY
        [[task]]
        name = "b"
        run = "site/publishing.py"
        DUTY
        [task.expectation]
        verify = "site.checks:fresh()"
        """,
        [
            (4, "a", "run", "site.publishing:publish_due"),
            (10, "b", "run", None),
            (15, "b", "expectation.verify", "site.checks:fresh"),
        ],
    ),
    "commands and requests": (
        """\
        service = "web"
        [[task]]
        name = "a"
        command = { argv = ["a", "b"], shell = true, env = { TOKEN = "env:" }, success = [300] }
        DUTY
        [[task]]
        name = "b"
        DUTY
        [task.request]
        url = "example.org/hook"
        method = "post"
        expect_status = [20]
        headers = { "X Y" = "1", A = "a\\nb" }
        [[task]]
        name = "c"
        command = []
        DUTY
        """,
        [
            (4, "a", "command.env.TOKEN", None),
            (4, "a", "command.success[0]", None),
            (14, "b", "request.url", "https://example.org/hook"),
            (15, "b", "request.method", "POST"),
            (16, "b", "request.expect_status[0]", None),
            (17, "b", "request.headers.X Y", None),
            (17, "b", "request.headers.A", None),
            (20, "c", "command.argv", None),
        ],
    ),
    "the schema of a result": (
        """\
        service = "web"
        [[task]]
        name = "a"
        command = ["true"]
        DUTY
        expectation = { result = { typ = "object" } }
        [[task]]
        name = "b"
        command = ["true"]
        DUTY
        [task.expectation.result]
        type = "object"
        properties = { count = { type = "interger" } }
        """,
        [
            (8, "a", "expectation.result.typ", "type"),
            (17, "b", "expectation.result.properties.count.type", "integer"),
        ],
    ),
    "a fault of the defaults is told once, where it stands": (
        """\
        service = "web"
        [defaults]
        owner = "tbd"
        timeout = "soon"
        queue = "mail"
        [[task]]
        name = "a"
        command = ["true"]
        expects = "it is done"
        rollback = "undo it"
        [[task]]
        name = "b"
        command = ["true"]
        expects = "it is done"
        rollback = "undo it"
        """,
        [
            (3, None, "defaults.owner", None),
            (4, None, "defaults.timeout", None),
            (5, None, "defaults.queue", None),
        ],
    ),
    "a table where a list is meant": (
        """\
        service = "web"
        [task]
        name = "a"
        """,
        [(2, None, "task", None)],
    ),
    "retries whose first wait is longer than the longest": (
        """\
        service = "web"
        [[task]]
        name = "a"
        command = ["true"]
        DUTY
        retry = { attempts = 2, backoff = "10m" }
        """,
        [(8, "a", "retry", None)],
    ),
    "a task without a usable name is known by its number": (
        """\
        service = "web"
        [[task]]
        name = 3
        command = ["true"]
        DUTY
        """,
        [(3, "number 1", "name", None)],
    ),
}


def text_of(row: str, duty: str) -> str:
    lines = [line.removeprefix("        ") for line in row.splitlines()]
    return "\n".join(duty.strip() if line == "DUTY" else line for line in lines)


@pytest.mark.parametrize("row", BAD)
def test_the_exact_problems_of_a_bad_file(row: str, folder, duty, places) -> None:
    text, expected = BAD[row]
    problems = folder.problems(text_of(text, duty))
    assert places(problems) == expected
    for problem in problems:
        assert problem.file == str(folder.path / "rota.toml")
        assert problem.expected
        assert problem.found
        assert problem.retry.safe is True


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('service = "web"\nname = unquoted\n', 2),
        ('service = "web\n[[task]]\n', 1),
        ('service = "web"\n[[task]]\nname = "a"\nname = "b"\n', 4),
        ('service = "web"\ntags = ["a",\n', 2),
        ('service = "web"\n[[task]\nname = "a"', 2),
        ('service = "web"\n[task]\n[[task]]\n', 3),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(text: str, line: int, folder) -> None:
    (problem,) = folder.problems(text)
    assert problem.line == line
    assert "not valid TOML" in problem.what
    assert problem.expected
    assert problem.found


def test_a_bad_schedule_is_told_at_its_key(folder, duty, places) -> None:
    text = f'service = "web"\n[[task]]\nname = "a"\ncommand = ["true"]\nschedule = "99 * * * *"\n{duty}'
    (problem,) = folder.problems(text)
    assert (problem.line, problem.task, problem.key) == (5, "a", "schedule")
    assert problem.expected
    assert problem.found


def test_a_key_of_the_task_below_another_table_is_told_where_it_belongs(folder, duty) -> None:
    text = f'service = "web"\n[[task]]\nname = "a"\ncommand = ["true"]\n{duty}[task.expectation]\ntimeout = "5s"\n'
    (problem,) = folder.problems(text)
    assert problem.line == 10
    assert "write it above [task.expectation]" in str(problem)


def test_a_secret_written_out_is_not_repeated(folder, duty) -> None:
    text = f'service = "web"\n[[task]]\nname = "a"\ncommand = {{ argv = ["x"], env = {{ T = ["hunter2"], U = "env:hun ter2" }} }}\n{duty}'
    problems = folder.problems(text)
    assert [problem.key for problem in problems] == ["command.env.T", "command.env.U"]
    assert "hunter2" not in str(problems)
    assert "hun ter2" not in "".join(str(problem) for problem in problems)


def test_the_cli_prints_each_problem_with_its_place(folder, duty) -> None:
    (problem,) = folder.problems(
        f'service = "web"\n[[task]]\nname = "a"\nrunn = "b:c"\ncommand = ["x"]\n{duty}'
    )
    first, second, third = problem.lines()
    assert first == "there is no key 'runn' here (did you mean run?)"
    assert "found 'runn'" in second
    assert second.endswith(f"at {folder.path / 'rota.toml'}:4, task a, key runn")
    assert third == "retry: safe, once it is corrected; nothing was changed"


@pytest.mark.parametrize(
    "text",
    ["TODO", "todo: ask Anna", "TBD", "n/a", "N/A.", "-", "--", "?", "???", "...", "none yet", "None", "fixme", "<owner>", "", "  ", "xxx"],
)  # fmt: skip
@pytest.mark.parametrize("key", ["owner", "expects", "rollback"])
def test_placeholders_are_refused(text: str, key: str, folder, places) -> None:
    duties = {"owner": "web@example.org", "expects": "it is done", "rollback": "undo it"} | {key: text}
    lines = "\n".join(f'{name} = "{value}"' for name, value in duties.items())
    problems = folder.problems(f'service = "web"\n[[task]]\nname = "a"\ncommand = ["x"]\n{lines}')
    assert [problem.key for problem in problems] == [key]
    assert "placeholder" in problems[0].what


@pytest.mark.parametrize(
    "text",
    ["none needed: it only reads", "nothing to undo, the next run mends it", "todos are listed at /todos", "Tod O'Brien <tod@example.org>", "no rollback: mails cannot be unsent"],
)  # fmt: skip
def test_sentences_that_only_begin_like_a_placeholder_are_accepted(text: str, folder) -> None:
    duties = f'owner = "web@example.org"\nexpects = "it is done"\nrollback = "{text}"'
    rota = folder.load(f'service = "web"\n[[task]]\nname = "a"\ncommand = ["x"]\n{duties}')
    assert rota.tasks["a"].rollback == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"restore --previous"', "a command is a list of texts"),
        ('["TODO"]', "a command has a placeholder in it"),
        ('["restore", "todo: which one"]', "a command has a placeholder in it"),
        ('["rota", "trigger", "unpublish", "--arg", "id=<ID>"]', "a command has a placeholder in it"),
        ('[""]', "a command has a placeholder in it"),
    ],
)
def test_a_rollback_command_can_be_run_as_it_stands_or_is_refused(
    value: str, said: str, folder, duty
) -> None:
    (problem,) = folder.problems(
        f'service = "web"\n[[task]]\nname = "a"\ncommand = ["x"]\nrollback_command = {value}\n{duty}'
    )
    assert (problem.key, problem.line) == ("rollback_command", 5)
    assert problem.what.endswith(said)


def test_an_argument_that_only_looks_like_a_placeholder_is_accepted(folder, duty) -> None:
    command = ["at", "later", "none", "-", "/var/todos", "a < b > c"]
    rota = folder.load(
        f'service = "web"\n[[task]]\nname = "a"\ncommand = ["x"]\nrollback_command = {command}\n{duty}'
    )
    assert rota.tasks["a"].rollback_command == tuple(command)
