"""A bad task hurts itself only: it hangs, crashes and floods in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.execute.conftest import cancelled, in_process, make_attempt, run, until

from rota.execute.child import Child, Warden
from rota.execute.limits import Limits
from rota.execute.pool import Pool
from rota.execute.process import ProcessExecutor
from rota.execute.redact import Redactor
from rota.model.task import Function


@asynccontextmanager
async def open_executor(
    size: int = 1, recycle_after: int = 100, memory_limit: int | None = None
) -> AsyncIterator[ProcessExecutor]:
    warden = Warden()
    executor = ProcessExecutor(
        Pool(size, recycle_after, warden, memory_limit), Limits(log=8192, result=4096), Redactor(["hunter22"])
    )
    await executor.start()
    try:
        yield executor
    finally:
        await executor.close()
        warden.close()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_results_log_output_and_progress_come_back() -> None:
    async def main() -> None:
        async with open_executor() as executor:
            assert (await executor.execute(in_process("add", {"a": "40"}))).result == "42"
            assert (await executor.execute(in_process("in_worker", {"value": 4}))).result == "8"
            attempt = in_process("tells")
            result = json.loads((await executor.execute(attempt)).result)
            assert result["pid"] != os.getpid()
            assert result["covers"] == 1
            assert sorted(attempt.sink.lines) == [
                ("INFO", "said"),
                ("INFO", "site.publishing: logged\\nand forged"),
                ("stderr", "complained"),
                ("stdout", "printed"),
            ]
            assert attempt.sink.reports == [(3, 4, "nearly")]

    run(main())


def test_what_code_says_becomes_a_value() -> None:
    async def main() -> None:
        async with open_executor() as executor:
            outcomes = {}
            for name in (
                "boom",
                "retry_later",
                "give_up",
                "exits",
                "too_large",
                "not_json",
                "add",
                "nowhere",
            ):
                outcomes[name] = await executor.execute(in_process(name))
            ended = {name: (o.ended, json.loads(o.error)["type"]) for name, o in outcomes.items()}
            assert ended == {
                "boom": ("error", "ValueError"),
                "retry_later": ("retry", "rota.execute.signals.Retry"),
                "give_up": ("gave-up", "rota.execute.signals.GiveUp"),
                "exits": ("error", "SystemExit"),
                "too_large": ("error", "ResultTooLarge"),
                "not_json": ("error", "ResultNotJSON"),
                "add": ("rejected", "ArgumentsError"),
                "nowhere": ("error", "DefinitionError"),
            }
            assert outcomes["retry_later"].after.total_seconds() == 7
            trace = json.loads(outcomes["boom"].error)["traceback"]
            assert "in boom" in trace
            assert "rota/execute" not in trace.replace("tests/execute", "")
            broken = await executor.execute(make_attempt(Function("tests.execute.broken:thing")))
            assert "broken.py:5" in json.loads(broken.error)["where"]
            assert executor.pool.workers[0].runs == 9, "one process did it all"

    run(main())


@pytest.mark.parametrize(
    ("name", "facts", "words"),
    [
        ("segfault", {"signal": 11}, "ended by signal 11 (SIGSEGV)"),
        ("leaves_at_once", {"status": 7}, "ended itself with exit status 7"),
        ("kills_itself", {"signal": 9}, "out of memory is likely"),
        ("closes_everything", {"status": 1}, "ended itself with exit status 1"),
        ("writes_nonsense", {"signal": 9}, "Rota ended it: it sent no frame"),
    ],
)
def test_crash_is_contained_reported_and_followed_by_a_fresh_worker(
    name: str, facts: dict[str, int], words: str
) -> None:
    async def main() -> None:
        async with open_executor(size=1) as executor:
            attempt = in_process(name)
            outcome = await executor.execute(attempt)
            error = json.loads(outcome.error)
            assert (outcome.ended, error["type"]) == ("crashed", "WorkerCrashed")
            assert words in error["message"]
            assert facts.items() <= error.items()
            if name == "segfault":
                assert ("stdout", "just before") in attempt.sink.lines
                assert any("in segfault" in text for text in attempt.sink.texts), "its stack is in the log"
            assert (await executor.execute(in_process("add", {"a": 1}))).result == "3"

    run(main())


def test_memory_limit() -> None:
    async def main() -> None:
        async with open_executor(memory_limit=1 << 30) as executor:
            before = json.loads((await executor.execute(in_process("pid"))).result)
            outcome = await executor.execute(in_process("eats_memory"))
            assert json.loads(outcome.error)["type"] == "MemoryError"
            after = json.loads((await executor.execute(in_process("pid"))).result)
            assert after != before, "a worker that ran out of memory is not used again"

    run(main())


def test_recycled_after_its_runs() -> None:
    async def main() -> None:
        async with open_executor(recycle_after=3) as executor:
            pids = [(await executor.execute(in_process("pid"))).result for _ in range(7)]
            assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]

    run(main())


async def started_hang(
    executor: ProcessExecutor, path: Path, **more: Any
) -> tuple[asyncio.Task[Any], list[int]]:
    args = {"path": str(path), "stubborn": more.pop("stubborn", False)}
    task = asyncio.create_task(executor.execute(in_process("hangs", args, **more)))
    await until(path.exists)
    return task, [int(part) for part in path.read_text(encoding="utf-8").split()]


def test_asked_first_and_may_clean_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_executor() as executor:
            task, pids = await started_hang(executor, tmp_path / "hang", grace=20)
            begun = time.monotonic()
            await cancelled(task)
            assert time.monotonic() - begun < 10, "it need not wait for the grace to end"
            assert (tmp_path / "hang.asked").read_text(encoding="utf-8") == "StopAsked"
            await until(lambda: not any(map(is_running, pids)))
            assert (await executor.execute(in_process("add", {"a": 1}))).result == "3"

    run(main())


def test_a_hang_that_ignores_the_request_is_killed_with_its_children(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_executor() as executor:
            task, pids = await started_hang(executor, tmp_path / "hang", stubborn=True, grace=0.3)
            await cancelled(task, seconds=5)
            assert (tmp_path / "hang.asked").exists()
            assert not any(map(is_running, pids))
            assert (await executor.execute(in_process("add", {"a": 1}))).result == "3"

    run(main())


def test_second_request_kills_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_executor() as executor:
            task, pids = await started_hang(executor, tmp_path / "hang", stubborn=True, grace=60)
            task.cancel()
            await until((tmp_path / "hang.asked").exists)
            await cancelled(task, seconds=5)
            assert not any(map(is_running, pids))

    run(main())


def test_coroutine_in_a_worker_is_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "hang"
        async with open_executor() as executor:
            task = asyncio.create_task(executor.execute(in_process("hangs_async", {"path": str(path)})))
            await until(path.exists)
            await cancelled(task)
            assert (tmp_path / "hang.asked").read_text(encoding="utf-8") == "CancelledError"

    run(main())


def test_neighbours_are_not_delayed_by_a_hang(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_executor(size=2) as executor:
            task, _ = await started_hang(executor, tmp_path / "hang", stubborn=True, grace=0.2)
            for number in range(5):
                async with asyncio.timeout(10):
                    assert (await executor.execute(in_process("add", {"a": number}))).result == str(
                        number + 2
                    )
            await cancelled(task)

    run(main())


def test_attempts_wait_their_turn(tmp_path: Path) -> None:
    async def main() -> None:
        order: list[int] = []

        async def one(executor: ProcessExecutor, number: int) -> None:
            await executor.execute(in_process("add", {"a": number}))
            order.append(number)

        async with open_executor(size=1) as executor, asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(one(executor, number))
                await asyncio.sleep(0)
        assert order == list(range(6))

    run(main())


def test_cancelled_while_it_waits_for_a_worker(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_executor(size=1) as executor:
            first = asyncio.create_task(
                executor.execute(in_process("waits_for", {"path": str(tmp_path / "go")}))
            )
            await until((tmp_path / "go.started").exists)
            second = asyncio.create_task(executor.execute(in_process("pid")))
            await asyncio.sleep(0)
            await cancelled(second)
            (tmp_path / "go").touch()
            pid = (await first).result
            assert (await executor.execute(in_process("pid"))).result == pid

    run(main())


def test_cancelled_at_any_moment_leaves_a_pool_that_works() -> None:
    """From before the worker is up to just when the answer comes in; in between lies every interleaving."""

    async def main() -> None:
        async with open_executor(size=2, recycle_after=5) as executor:
            ended = 0
            for step in range(24):
                task = asyncio.create_task(executor.execute(in_process("add", {"a": step}, grace=2)))
                await asyncio.sleep(step * 0.0002)
                task.cancel()
                try:
                    outcome = await asyncio.wait_for(asyncio.shield(task), 10)
                    assert outcome.result == str(step + 2)
                    ended += 1
                except asyncio.CancelledError:
                    pass
            assert (await executor.execute(in_process("add", {"a": 1}))).result == "3"
            assert len(executor.pool.workers) <= 2 + 2

    run(main())


def test_closed_at_any_moment_of_a_start_leaves_no_process() -> None:
    async def main() -> None:
        for step in range(8):
            warden = Warden()
            pool = Pool(1, 100, warden)
            pool.warm()
            for _ in range(step):
                await asyncio.sleep(0)
            await pool.close()
            assert warden._groups == set()
            assert warden._process is None

    run(main())


def test_flood_is_cut_in_bounded_memory_and_said() -> None:
    async def main() -> None:
        import resource

        async with open_executor() as executor:
            attempt = in_process("floods", {"megabytes": 100})
            await executor.execute(in_process("pid"))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            outcome = await executor.execute(attempt)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert outcome.result == '"done"'
            assert grown < 20_000, f"{grown} KiB more"
            size = sum(len(text) + 1 for source, text in attempt.sink.lines if source == "stdout")
            assert 4096 < size <= 8192
            assert any("MiB of log cut here" in text for text in attempt.sink.texts)
            assert attempt.sink.texts[-1] == "the end"

            logged = in_process("floods_log", {"lines": 20_000})
            await executor.execute(logged)
            assert sum(len(text) + 1 for text in logged.sink.texts) <= 8192 + 200
            assert any("MiB of log cut here" in text for text in logged.sink.texts)
            assert "line 19999" in logged.sink.texts[-1]

    run(main())


def test_a_worker_that_cannot_start_is_an_error_and_no_hot_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(sys, "executable", "/bin/false")
        async with open_executor() as executor:
            begun = time.monotonic()
            outcomes = [await executor.execute(in_process("pid")) for _ in range(3)]
            took = time.monotonic() - begun
        for outcome in outcomes:
            error = json.loads(outcome.error)
            assert (outcome.ended, error["type"]) == ("error", "WorkerStartFailed")
            assert "exit status 1" in error["message"]
        assert took > 0.25 + 0.5, "each failure makes the next start wait longer"

    run(main())


_NODE = """
import asyncio, sys
from pathlib import Path
from tests.execute.test_process import open_executor, started_hang
async def main():
    async with open_executor() as executor:
        task, _ = await started_hang(executor, Path(sys.argv[1]), stubborn=True)
        await task
asyncio.run(main())
"""


def test_no_orphan_after_the_node_is_killed(tmp_path: Path) -> None:
    node = subprocess.Popen(
        [sys.executable, "-c", _NODE, str(tmp_path / "hang")], cwd=Path(__file__).parents[2]
    )
    try:
        run(until((tmp_path / "hang").exists, 20))
        pids = [int(part) for part in (tmp_path / "hang").read_text(encoding="utf-8").split()]
        assert all(map(is_running, pids))
    finally:
        node.send_signal(signal.SIGKILL)
        node.wait()
    run(until(lambda: not any(map(is_running, pids))))


def test_a_worker_is_light() -> None:
    """What a worker loads before its first run; the web stack alone would double its memory and start."""
    heavy = (
        "fastapi",
        "starlette",
        "pydantic.main",
        "httpx2",
        "typer",
        "rich",
        "jinja2",
        "pydantic_settings",
        "apsw",
    )
    code = f"import sys, rota.execute.worker; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_warden_is_replaced_when_it_is_killed(tmp_path: Path) -> None:
    async def main() -> None:
        warden = Warden()
        first = Child(["sleep", "600"], warden)
        assert warden._process is not None
        warden._process.kill()
        warden._process.wait()
        second = Child(["sleep", "600"], warden)
        warden.close(force=True)  # as if the node were gone: both are told of, and go
        endings = await asyncio.wait_for(asyncio.gather(first.ended, second.ended), 5)
        assert [ending.status for ending in endings] == [-signal.SIGKILL] * 2
        for child in (first, second):
            child.close_output()
        warden.close(force=True)

    run(main())
