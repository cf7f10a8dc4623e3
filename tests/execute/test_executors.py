"""A node's executors: one for each kind of task, idle until they are needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from tests.execute.conftest import in_process, in_thread, make_attempt, on_loop, run, until

import rota.execute
from rota.execute.executors import build_executors
from rota.execute.process import ProcessExecutor
from rota.model.task import Command, Task
from rota.settings import Settings


def test_one_for_each_name_and_nothing_starts_before_it_is_needed() -> None:
    async def main() -> None:
        executors = build_executors(Settings(workers=1))
        getter = Task.executor.fget
        assert getter is not None
        assert set(executors) == set(get_args(get_type_hints(getter)["return"]))
        for executor in executors.values():
            await executor.start()
        process = executors["process"]
        assert isinstance(process, ProcessExecutor)
        assert process.pool.workers == ()
        for attempt in (
            on_loop("nothing"),
            in_process("pid"),
            in_thread("pid"),
            make_attempt(Command(("true",))),
        ):
            assert (await executors[attempt.task.executor].execute(attempt)).ended == "succeeded"
        for executor in executors.values():
            await executor.close()
        assert process.pool.workers == ()

    run(main())


def test_warm_starts_the_workers_with_the_node() -> None:
    async def main() -> None:
        process = build_executors(Settings(workers=2), warm=True)["process"]
        assert isinstance(process, ProcessExecutor)
        await process.start()
        await until(lambda: len(process.pool.workers) == 2)
        await process.close()

    run(main())


def test_secrets_of_the_environment_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_PASSWORD", "correct-horse")

    async def main() -> None:
        executors = build_executors(Settings())
        attempt = make_attempt(Command(("printenv", "SITE_PASSWORD")))
        assert (await executors["command"].execute(attempt)).ended == "succeeded"
        assert attempt.sink.texts == ["[hidden]"]
        await executors["command"].close()

    run(main())


def test_all_is_left_as_it_was() -> None:
    """No process, thread, or file descriptor outlives the executors."""

    async def main() -> None:
        executors = build_executors(Settings(workers=2))
        for attempt in (in_process("pid"), in_thread("pid"), make_attempt(Command(("true",)))):
            await executors[attempt.task.executor].execute(attempt)
        for executor in executors.values():
            await executor.close()

    ours = children()  # servers that other tests of this process have started
    run(main())
    before = set(os.listdir("/proc/self/fd"))
    run(main())
    assert len(set(os.listdir("/proc/self/fd"))) <= len(before)
    assert children() - ours == set()


def children() -> set[str]:
    tasks = Path("/proc/self/task").glob("*/children")  # of whichever thread
    return {child for path in tasks for child in path.read_text(encoding="utf-8").split()}


def test_no_file_is_too_long() -> None:
    folder = Path(rota.execute.__file__).parent
    long = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.glob("*.py")}
    assert max(long.values()) <= 400, long
