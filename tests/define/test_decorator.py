"""`@rota.task` is the same model with the same checks as the file."""

from __future__ import annotations

import inspect
import sys
import types
from datetime import timedelta
from typing import Required, get_origin, get_type_hints

import pytest

from rota.define.canonical import digest
from rota.define.decorator import TaskRegistry
from rota.define.entry import QueueEntry, TaskEntry
from rota.define.options import QueueOptions, TaskOptions
from rota.errors import DefinitionErrors, UsageError
from rota.model.schedule import Cron, Schedule
from rota.model.task import Function, Isolation, Overlap, Queue, Retries

DUTY = {
    "owner": "web@example.org",
    "expects": "sitemap.xml lists every public article",
    "rollback": "restore the previous sitemap",
}


@pytest.fixture
def registry() -> TaskRegistry:
    return TaskRegistry("web", timezone="Europe/Berlin")


def problems(registry: TaskRegistry, function, **options):
    with pytest.raises(DefinitionErrors) as caught:
        registry.task(**options)(function)
    return list(caught.value.problems)


async def rebuild_sitemap(part: int = 0) -> dict:
    return {"part": part}


def prune(days: int) -> None: ...


def line_of(function) -> int:
    return inspect.getsourcelines(function)[1]


def test_the_function_comes_back_unchanged_and_its_name_gets_dashes(registry) -> None:
    assert registry.task(schedule="*/15 * * * *", **DUTY)(rebuild_sitemap) is rebuild_sitemap
    task = registry.loaded().tasks["rebuild-sitemap"]
    assert task.target == Function(f"{__name__}:rebuild_sitemap", Isolation.LOOP)
    assert task.schedule == Schedule((Cron("*/15 * * * *"),), timezone="Europe/Berlin")
    assert task.source == f"{__file__}:{line_of(rebuild_sitemap)}"
    assert registry.loaded().function("rebuild-sitemap") is rebuild_sitemap


def test_lengths_of_time_may_be_timedeltas(registry) -> None:
    registry.task(
        name="prune-sessions",
        timeout=timedelta(minutes=3),
        deadline="2h",
        overlap="queue",
        retry={"attempts": 3, "backoff": timedelta(seconds=1)},
        args={"days": 3},
        tags=["sessions"],
        **DUTY,
    )(prune)
    task = registry.loaded().tasks["prune-sessions"]
    assert task.timeout == timedelta(minutes=3)
    assert task.deadline == timedelta(hours=2)
    assert task.retry == Retries(3, timedelta(seconds=1))
    assert task.overlap is Overlap.QUEUE
    assert task.target == Function(f"{__name__}:prune", Isolation.PROCESS)
    assert task.tags == ("sessions",)


def test_no_timeout_at_all(registry) -> None:
    registry.task(timeout=None, **DUTY)(rebuild_sitemap)
    assert registry.loaded().tasks["rebuild-sitemap"].timeout is None


def test_all_problems_of_a_task_stand_at_its_function(registry) -> None:
    found = problems(
        registry,
        prune,
        shedule="* * * * *",
        schedule="* * * * *",
        owner="TODO",
        expects="sessions are pruned",
        isolation="loop",
        timezone="Europe/Berln",
        retry={"atempts": 3},
    )
    assert [(problem.key, problem.hint) for problem in found] == [
        ("timezone", "Europe/Berlin"),
        ("owner", None),
        ("rollback", None),
        ("retry.atempts", "attempts"),
        ("shedule", "schedule"),
        ("isolation", None),
        ("args", None),  # it is scheduled, and `days` has no value
    ]
    assert {(one.file, one.line, one.task) for one in found} == {(__file__, line_of(prune), "prune")}
    assert not registry.loaded().tasks


def test_a_name_can_be_used_once(registry) -> None:
    registry.task(name="a", **DUTY)(rebuild_sitemap)
    (problem,) = problems(registry, prune, name="a", **DUTY)
    assert problem.key == "name"
    assert f"{__file__}:{line_of(rebuild_sitemap)}" in problem.found


def test_one_function_may_be_several_tasks(registry) -> None:
    for number in (1, 2):
        registry.task(name=f"part-{number}", args={"part": number}, **DUTY)(rebuild_sitemap)
    assert [task.args for task in registry.loaded().tasks.values()] == [{"part": 1}, {"part": 2}]


def test_a_function_inside_another_runs_where_it_stands(registry) -> None:
    async def inner() -> None: ...

    def plain() -> None: ...

    registry.task(**DUTY)(inner)
    registry.task(name="in-thread", isolation="thread", **DUTY)(plain)
    assert registry.loaded().function("inner") is inner
    assert registry.loaded().function("in-thread") is plain
    (problem,) = problems(registry, plain, **DUTY)
    assert problem.key == "isolation"
    assert "cannot import it" in problem.what


@pytest.mark.parametrize(
    ("file", "module"),
    [("/srv/app.py", "app"), ("/srv/my-app.py", "__main__"), ("<stdin>", "__main__"), (None, "__main__")],
)
def test_a_functions_name_in_a_script_is_one_that_another_process_can_import(
    file, module, registry, monkeypatch
) -> None:
    script = types.ModuleType("__main__")
    script.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", script)

    async def loops() -> None: ...

    def plain() -> None: ...

    for function in (loops, plain):
        function.__module__, function.__qualname__ = "__main__", function.__name__
    registry.task(**DUTY)(loops)
    assert registry.loaded().tasks["loops"].target.path == f"{module}:loops"
    if module == "__main__":
        assert [problem.key for problem in problems(registry, plain, **DUTY)] == ["isolation"]
    else:
        registry.task(**DUTY)(plain)


def test_two_functions_of_one_name_are_not_mistaken_for_each_other(registry) -> None:
    def make(number: int):
        async def made() -> int:
            return number

        return made

    registry.task(name="one", **DUTY)(make(1))
    (problem,) = problems(registry, make(2), name="two", **DUTY)
    assert problem.key == "run"


def test_what_is_no_function_is_wrong_usage(registry) -> None:
    with pytest.raises(UsageError, match="decorates a function"):
        registry.task(**DUTY)(type("Thing", (), {}))


def test_run_command_and_request_are_the_files_own(registry) -> None:
    (problem,) = problems(registry, rebuild_sitemap, command=["true"], **DUTY)
    assert problem.key == "command"


def test_queues_of_the_program() -> None:
    registry = TaskRegistry("web", queues={"mail": {"rate": "10/s"}})
    registry.task(queue="mail", **DUTY)(rebuild_sitemap)
    assert registry.loaded().queues == {"mail": Queue("mail", rate=10.0)}
    with pytest.raises(DefinitionErrors) as caught:
        TaskRegistry("web", queues={"mail": {"weigth": 3}}).loaded()
    assert caught.value.problems[0].hint == "weight"


def test_a_queue_that_nobody_declares_is_told_with_the_nearest() -> None:
    registry = TaskRegistry("web", queues={"mail": {}})
    registry.task(queue="mial", **DUTY)(rebuild_sitemap)
    with pytest.raises(DefinitionErrors) as caught:
        registry.loaded()
    (problem,) = caught.value.problems
    assert (problem.hint, problem.key, problem.line) == ("mail", "queue", line_of(rebuild_sitemap))


def test_the_typed_options_are_the_models_keys() -> None:
    """Editors complete what the model knows, no more and no less."""
    assert set(get_type_hints(TaskOptions)) == set(TaskEntry.model_fields) - {"run", "command", "request"}
    hints = get_type_hints(TaskOptions, include_extras=True)
    assert {key for key, hint in hints.items() if get_origin(hint) is Required} == {
        "owner",
        "expects",
        "rollback",
    }
    assert set(get_type_hints(QueueOptions)) == set(QueueEntry.model_fields)


# ---- both spellings --------------------------------------------------------------------------------

FILE = """
service = "web"
timezone = "Europe/Berlin"

[queue.mail]
rate = "60/m"

[[task]]
name = "send-digest"
run = "bothsite:send_digest"
schedule = "0 8 * * 1"
owner = "web@example.org"
expects = "every reader who wants it has a digest"
rollback = "mails cannot be unsent: send a correction"
rollback_command = ["python", "-m", "bothsite", "correct"]
args = { limit = 10 }
timeout = "90s"
retry = { attempts = 3, backoff = "10s", factor = 2, max = "5m" }
queue = "mail"
tags = ["mail"]
[task.expectation]
max_duration = "60s"
result = { type = "object", required = ["sent"] }
verify = "bothsite:check"
"""

PROGRAM = """
from datetime import timedelta
from rota.define.decorator import TaskRegistry

rota = TaskRegistry("web", timezone="Europe/Berlin", queues={"mail": {"rate": "1/s"}})

@rota.task(
    tags=("mail",), queue="mail", timeout=timedelta(minutes=1.5), args={"limit": 10}, schedule="0 8 * * 1",
    owner="web@example.org", expects="every reader who wants it has a digest",
    rollback="mails cannot be unsent: send a correction", rollback_command=["python", "-m", "bothsite", "correct"],
    retry={"attempts": 3, "factor": 2.0},
    expectation={"max_duration": "1m", "result": {"type": "object", "required": ["sent"]}, "verify": "bothsite:check"},
)
async def send_digest(limit: int) -> dict: ...

def check(): ...
"""


def test_both_spellings_give_the_same_digest(folder) -> None:
    folder.write("bothsite.py", PROGRAM)
    from_file = folder.load(FILE, import_code=True)
    import bothsite

    from_program = bothsite.rota.loaded()
    assert digest(from_file) == digest(from_program)
    changed = folder.load(FILE.replace("0 8 * * 1", "0 9 * * 1"), import_code=True)
    assert digest(changed) != digest(from_file)


def test_file_and_program_are_joined(folder, registry, duty) -> None:
    file = folder.load(
        f'service = "web"\n[queue.mail]\n[[task]]\nname = "a"\ncommand = ["true"]\n{duty}', import_code=False
    )
    registry.task(queue="mail", **DUTY)(rebuild_sitemap)
    both = registry.loaded(beside=file)
    assert list(both.tasks) == ["a", "rebuild-sitemap"]
    assert both.function("rebuild-sitemap") is rebuild_sitemap


def test_a_name_in_both_is_told_with_both_places(folder, registry, duty) -> None:
    file = folder.load(
        f'service = "web"\n[[task]]\nname = "a"\ncommand = ["true"]\n{duty}', import_code=False
    )
    registry.task(name="a", **DUTY)(rebuild_sitemap)
    with pytest.raises(DefinitionErrors) as caught:
        registry.loaded(beside=file)
    (problem,) = caught.value.problems
    assert f"{folder.path / 'rota.toml'}:2" in problem.what
    assert f"{__file__}:{line_of(rebuild_sitemap)}" in problem.what


def test_rotas_of_two_services_are_not_joined(folder) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        TaskRegistry("mail").loaded(beside=folder.load('service = "web"'))
    assert caught.value.problems[0].key == "service"
