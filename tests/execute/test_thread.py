"""A thread is told to stop, waited for, and left behind; its neighbours go on."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path

import pytest
from tests.execute.conftest import cancelled, in_thread, run, until

from rota.execute.limits import Limits
from rota.execute.output import Capture
from rota.execute.redact import Redactor
from rota.execute.thread import ThreadExecutor


def make(size: int = 2) -> ThreadExecutor:
    return ThreadExecutor(size, Limits(log=4096, result=1000), Redactor())


def test_result_log_and_progress(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(20)
    capture = Capture()
    capture.start()
    try:
        attempt = in_thread("tells")
        outcome = run(make().execute(attempt))
    finally:
        capture.stop()
    assert json.loads(outcome.result)["pid"] == os.getpid()
    assert ("INFO", "site.publishing: logged\\nand forged") in attempt.sink.lines
    assert attempt.sink.reports == [(3, 4, "nearly")]


@pytest.mark.parametrize(
    ("name", "ended", "type_"),
    [
        ("boom", "error", "ValueError"),
        ("retry_later", "retry", "rota.execute.signals.Retry"),
        ("give_up", "gave-up", "rota.execute.signals.GiveUp"),
        ("exits", "error", "SystemExit"),
        ("add", "rejected", "ArgumentsError"),
        ("cancels_itself", "error", "asyncio.exceptions.CancelledError"),
        ("nowhere", "error", "DefinitionError"),
    ],
)
def test_what_code_says_becomes_a_value(name: str, ended: str, type_: str) -> None:
    outcome = run(make().execute(in_thread(name)))
    assert (outcome.ended, json.loads(outcome.error)["type"]) == (ended, type_)


def test_one_that_looks_at_cancelled_ends_in_its_grace(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "up"
        task = asyncio.create_task(make().execute(in_thread("watches", {"path": str(path)}, grace=20)))
        await until(path.exists)
        task.cancel()
        outcome = await asyncio.wait_for(task, 5)
        assert outcome.result == '"saw it"'
        assert "asked to stop" in outcome.note

    run(main())


def test_a_coroutine_in_a_thread_is_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "up"
        task = asyncio.create_task(make().execute(in_thread("hangs_async", {"path": str(path)}, grace=20)))
        await until(path.exists)
        await cancelled(task, 5)
        assert (tmp_path / "up.asked").exists()

    run(main())


def test_one_that_does_not_end_is_left_behind_and_its_place_opened(tmp_path: Path) -> None:
    async def main() -> None:
        executor = make(size=1)
        path = tmp_path / "go"
        attempt = in_thread("waits_for", {"path": str(path)}, grace=0.05)
        task = asyncio.create_task(executor.execute(attempt))
        await until((tmp_path / "go.started").exists)
        waiting = asyncio.create_task(executor.execute(in_thread("add", {"a": 1})))
        await cancelled(task, 5)
        assert "left behind" in attempt.sink.texts[-1]
        assert (await asyncio.wait_for(waiting, 5)).result == "3"
        path.touch()
        await until(lambda: not any(t.name.endswith(f"-{attempt.run.id}") for t in threading.enumerate()))

    run(main())


def test_no_more_at_once_than_places(tmp_path: Path) -> None:
    async def main() -> None:
        executor = make(size=2)
        paths = [tmp_path / str(number) for number in range(3)]
        tasks = []
        for path in paths:
            tasks.append(asyncio.create_task(executor.execute(in_thread("waits_for", {"path": str(path)}))))
            await asyncio.sleep(0)
        await until(lambda: len(list(tmp_path.glob("*.started"))) == 2)
        paths[0].touch()
        await until(lambda: len(list(tmp_path.glob("*.started"))) == 3)
        assert tasks[0].done()
        for path in paths[1:]:
            path.touch()
        await asyncio.gather(*tasks)

    run(main())
