"""A command runs in a group of its own, says what it has to say, and leaves nobody behind."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.execute.conftest import cancelled, make_attempt, run, until
from tests.execute.test_process import is_running

from rota.execute.child import Warden
from rota.execute.command import CommandExecutor
from rota.execute.limits import Limits
from rota.execute.protocol import Attempt, Outcome
from rota.execute.redact import Redactor
from rota.model.task import Command


def shell(script: str, **more: Any) -> Attempt:
    return make_attempt(Command((script,), shell=True), **more)


def python(code: str, *args: str, **more: Any) -> Attempt:
    return make_attempt(Command((sys.executable, "-c", code, *args)), **more)


async def carry_out(attempt: Attempt, log: int = 8192) -> Outcome:
    executor = CommandExecutor(Limits(log=log, result=4096), Warden(), Redactor(["hunter22"]))
    try:
        return await executor.execute(attempt)
    finally:
        await executor.close()


def test_output_is_the_log_and_the_last_object_the_result() -> None:
    attempt = shell(
        'echo "{\\"first\\": 1}"; echo said hunter22; echo bad >&2; echo "{\\"published\\": 3}"; echo done'
    )
    outcome = run(carry_out(attempt))
    assert outcome == Outcome("succeeded", result='{"published":3}')
    assert [text for source, text in attempt.sink.lines if source == "stdout"] == [
        '{"first": 1}',
        "said [hidden]",
        '{"published": 3}',
        "done",
    ]
    assert ("stderr", "bad") in attempt.sink.lines


def test_environment_tells_of_the_run() -> None:
    code = (
        "import os, json; print(json.dumps({n: v for n, v in os.environ.items() if n.startswith('ROTA_')}))"
    )
    attempt = python(code, args={"id": 7}, key="publish:7", is_rehearsal=True)
    told = json.loads(run(carry_out(attempt)).result)
    assert told == {
        "ROTA_RUN_ID": str(attempt.run.id),
        "ROTA_TASK": "duty",
        "ROTA_SCHEDULED_AT": "2026-11-23T12:00:00Z",
        "ROTA_ATTEMPT": "1",
        "ROTA_TOKEN": str(attempt.run.token),
        "ROTA_KEY": "publish:7",
        "ROTA_ARGS": '{"id":7}',
        "ROTA_REHEARSAL": "1",
        "ROTA_CANARY": "",
    }


def test_own_folder_environment_and_statuses(tmp_path: Path) -> None:
    command = Command(
        ("sh", "-c", 'echo "$PWD $GREETING"; exit 3'),
        cwd=str(tmp_path),
        env={"GREETING": "hi"},
        success=(0, 3),
    )
    attempt = make_attempt(command)
    assert run(carry_out(attempt)).ended == "succeeded"
    assert attempt.sink.texts == [f"{tmp_path} hi"]


def test_what_an_environment_refers_to_is_looked_up_when_the_run_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = Command(("sh", "-c", 'echo "$GREETING"'), env={"GREETING": "env:GREETING_OF_THE_DAY"})
    outcome = run(carry_out(make_attempt(command)))
    assert outcome.ended == "error"
    assert "expected the environment variable GREETING_OF_THE_DAY" in outcome.error
    monkeypatch.setenv("GREETING_OF_THE_DAY", "good evening")
    attempt = make_attempt(command)
    assert run(carry_out(attempt)).ended == "succeeded"
    assert attempt.sink.texts == ["good evening"]


@pytest.mark.parametrize(
    ("script", "ended", "status", "words"),
    [
        ("echo trouble with hunter22 >&2; exit 4", "error", 4, "expected exit status 0, found exit status 4"),
        ("kill -SEGV $$", "error", -11, "signal 11 (SIGSEGV)"),
        ("kill -KILL $$", "error", -9, "out of memory is likely"),
        ("no-such-program-at-all", "error", 127, "not found"),
        ("exit 75", "retry", 75, "try again"),
    ],
)
def test_status_is_judged(script: str, ended: str, status: int, words: str) -> None:
    outcome = run(carry_out(shell(script)))
    error = json.loads(outcome.error)
    assert (outcome.ended, error["type"], error["status"]) == (ended, "CommandFailed", status)
    assert words in error["message"]
    assert "hunter22" not in outcome.error


@pytest.mark.parametrize(
    ("command", "expected", "found"),
    [
        (Command(("no-such-program-at-all",)), "a program named no-such-program-at-all on the PATH", "none"),
        (Command(("/etc/passwd",)), "/etc/passwd to be a program that may be run", "permission denied"),
        (
            Command(("true",), cwd="/no/such/folder"),
            "the folder /no/such/folder",
            "no such file or directory",
        ),
        (
            Command(("true", "x" * 3_000_000)),
            "arguments and environment that the system takes",
            "too much of them",
        ),
    ],
)
def test_what_cannot_be_started_is_said(command: Command, expected: str, found: str) -> None:
    outcome = run(carry_out(make_attempt(command)))
    error = json.loads(outcome.error)
    assert (outcome.ended, error["expected"], error["found"]) == ("error", expected, found)


def test_a_line_without_end_and_bytes_that_are_no_text() -> None:
    attempt = python(
        "import sys; w = sys.stdout.buffer.write; [w(b'x' * 1048576) for _ in range(64)]; w(b'\\n\\xff\\x00\\x1b[31mred\\x1b[0m\\r\\n')"
    )
    assert run(carry_out(attempt, log=65536)).ended == "succeeded"
    first, second = attempt.sink.texts
    assert first == "x" * 8192 + f"... {64 * 1048576 - 8192} more cut"
    assert second == "\\xff\\x00red"


async def started(code: str, path: Path, **more: Any) -> tuple[asyncio.Task[Outcome], list[int]]:
    task = asyncio.create_task(carry_out(python(code, str(path), **more)))
    await until(lambda: path.exists() and path.read_text(encoding="utf-8").endswith("."))
    return task, [int(part) for part in path.read_text(encoding="utf-8")[:-1].split()]


_WITH_CHILD = """
import os, signal, subprocess, sys, time
if {stubborn}: signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
child.stdout.readline()
open(sys.argv[1], "w").write(f"{{os.getpid()}} {{child.pid}}.")
time.sleep({seconds})
"""


def test_asked_to_stop_it_ends_in_its_grace_and_its_children_go_along(tmp_path: Path) -> None:
    async def main() -> None:
        task, pids = await started(_WITH_CHILD.format(stubborn=False, seconds=600), tmp_path / "up", grace=20)
        await cancelled(task, 5)
        assert not is_running(pids[0])
        await until(lambda: not is_running(pids[1]))

    run(main())


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    async def main() -> None:
        task, pids = await started(_WITH_CHILD.format(stubborn=True, seconds=600), tmp_path / "up", grace=0.2)
        await cancelled(task, 5)
        assert not is_running(pids[0])
        await until(lambda: not is_running(pids[1]))

    run(main())


def test_children_left_after_a_normal_end_are_killed(tmp_path: Path) -> None:
    async def main() -> None:
        task, pids = await started(_WITH_CHILD.format(stubborn=False, seconds=0), tmp_path / "up")
        assert (await asyncio.wait_for(task, 10)).ended == "succeeded"
        await until(lambda: not is_running(pids[1]))

    run(main())


def test_cancelled_at_any_moment_leaves_nothing() -> None:
    async def main() -> None:
        warden = Warden()
        executor = CommandExecutor(Limits(), warden)
        for step in range(20):
            task = asyncio.create_task(executor.execute(shell("exit 0", grace=2)))
            await asyncio.sleep(step * 0.0003)
            task.cancel()
            await asyncio.wait({task}, timeout=5)
            assert task.cancelled() or task.result().ended == "succeeded"
        assert not warden._groups
        await executor.close()

    run(main())


_NODE = """
import asyncio, sys
from pathlib import Path
from tests.execute.test_command import _WITH_CHILD, started
async def main():
    task, _ = await started(_WITH_CHILD.format(stubborn=True, seconds=600), Path(sys.argv[1]))
    await task
asyncio.run(main())
"""


def test_no_orphan_after_the_node_is_killed(tmp_path: Path) -> None:
    up = tmp_path / "up"
    node = subprocess.Popen([sys.executable, "-c", _NODE, str(up)], cwd=Path(__file__).parents[2])
    try:
        run(until(lambda: up.exists() and up.read_text(encoding="utf-8").endswith("."), 20))
        pids = [int(part) for part in up.read_text(encoding="utf-8")[:-1].split()]
        assert all(map(is_running, pids))
    finally:
        node.send_signal(signal.SIGKILL)
        node.wait()
    run(until(lambda: not any(map(is_running, pids))))
