"""Runs commands: a process group of its own, its output as the log, its last JSON object as the result."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping

from pydantic_core import from_json, to_json

from rota.execute.child import Child, Ending, Warden
from rota.execute.limits import Limits
from rota.execute.lines import Relay
from rota.execute.outcomes import error_json, failed, late, redacted
from rota.execute.output import LINE_LIMIT, LINE_SLACK, LimitedSink
from rota.execute.protocol import Attempt, Outcome
from rota.execute.references import looked_up
from rota.model.task import Command, Task

__all__ = ["TRY_AGAIN", "CommandExecutor"]

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: "a temporary failure; the user is invited to retry"
_CANDIDATES = 8  # of the last lines that look like a JSON object, how many are remembered
_DEATH = 5.0  # seconds that a killed process may take to be gone


class CommandExecutor:
    """Carries out attempts by starting the task's command.

    To stop one, its process group gets SIGTERM, and SIGKILL after the task's grace. Whatever it leaves running
    in its group when it ends is killed as well.
    """

    def __init__(
        self,
        limits: Limits,
        warden: Warden,
        redact: Callable[[str], str] = str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._limits = limits
        self._warden = warden
        self._redact = redact
        self._environment = environment

    async def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Processes end with their attempts; what watched over them ends here."""
        self._warden.close()

    async def execute(self, attempt: Attempt) -> Outcome:
        target = attempt.task.target
        assert isinstance(target, Command)
        sink = LimitedSink(attempt.sink, self._limits.log, self._redact)
        attempt.run._sink = sink
        try:
            child = self._start(target, attempt)
        except (OSError, ValueError) as error:
            return _not_started(target, error)
        said = _Said(child, sink, max(self._limits.result, LINE_LIMIT) + LINE_SLACK)
        try:
            outcome, is_late = await self._follow(child, attempt)
        finally:
            said.close()
            child.close_output()
            sink.finish()
        if outcome is None:
            outcome = self._judged(target, child.ended.result(), said)
        return late(outcome) if is_late else outcome

    def _start(self, target: Command, attempt: Attempt) -> Child:
        base = os.environ if self._environment is None else self._environment
        own = {name: looked_up(value, base) for name, value in target.env.items()}
        environment = {**base, **own, **run_environment(attempt)}
        argv = ["/bin/sh", "-c", " ".join(target.argv)] if target.shell else target.argv
        return Child(argv, self._warden, cwd=target.cwd, environment=environment)

    async def _follow(self, child: Child, attempt: Attempt) -> tuple[Outcome | None, bool]:
        """Wait for its end. Raises CancelledError when it ended by being stopped."""
        try:
            await asyncio.shield(child.ended)
            return None, False
        except asyncio.CancelledError:
            attempt.run.cancelled = True
        if child.ended.done():
            return None, True
        child.signal_group(signal.SIGTERM)
        await _stopped(child, attempt.task)
        raise asyncio.CancelledError

    def _judged(self, target: Command, ending: Ending, said: _Said) -> Outcome:
        if ending.status in target.success:
            return Outcome("succeeded", result=said.result(self._limits.result))
        expected = " or ".join(str(status) for status in target.success)
        error = error_json(
            "CommandFailed",
            f"expected exit status {expected}, found {ending}{_hint(ending)}",
            status=ending.status,
            last_line=said.last_complaint,
        )
        return Outcome(
            "retry" if ending.status == TRY_AGAIN else "error", error=redacted(error, self._redact)
        )


def run_environment(attempt: Attempt) -> dict[str, str]:
    """What a command is told about its run."""
    run = attempt.run
    return {
        "ROTA_RUN_ID": str(run.id),
        "ROTA_TASK": run.task,
        "ROTA_SCHEDULED_AT": run.scheduled_at.isoformat().replace("+00:00", "Z"),
        "ROTA_ATTEMPT": str(run.attempt),
        "ROTA_TOKEN": str(run.token),
        "ROTA_KEY": run.key or "",
        "ROTA_ARGS": to_json(dict(run.args)).decode(),
        "ROTA_REHEARSAL": "1" if run.is_rehearsal else "",
        "ROTA_CANARY": "1" if run.is_canary else "",
    }


class _Said:
    """What a command says: passed on to the log, and remembered as far as its outcome needs it."""

    def __init__(self, child: Child, sink: LimitedSink, limit: int) -> None:
        self.last_complaint: str | None = None
        self._candidates: deque[str] = deque(maxlen=_CANDIDATES)
        self._relays = (
            Relay(child.stdout, "stdout", limit=limit, on_line=self._on_stdout),
            Relay(child.stderr, "stderr", on_line=self._on_stderr),
        )
        for relay in self._relays:
            relay.attach(sink)

    def result(self, limit: int) -> str | None:
        """The last line of stdout that is a JSON object, as JSON."""
        for line in reversed(self._candidates):
            with contextlib.suppress(ValueError):
                found = from_json(line, allow_inf_nan=False)
                if isinstance(found, dict) and len(encoded := to_json(found)) <= limit:
                    return encoded.decode()
        return None

    def close(self) -> None:
        for relay in self._relays:
            relay.detach()
            relay.close()

    def _on_stdout(self, text: str, more: int) -> None:
        if not more and text.startswith("{") and text.rstrip().endswith("}"):
            self._candidates.append(text)

    def _on_stderr(self, text: str, more: int) -> None:
        if text.strip():
            self.last_complaint = text[:LINE_LIMIT]


async def _stopped(child: Child, task: Task) -> None:
    """Give it its grace, kill it, and see it gone, whoever else asks to stop meanwhile."""
    with contextlib.suppress(asyncio.CancelledError):  # asked once more: at once
        await asyncio.wait({child.ended}, timeout=task.grace.total_seconds())
    child.signal_group(signal.SIGKILL)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _DEATH
    while not child.ended.done() and loop.time() < deadline:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({child.ended}, timeout=deadline - loop.time())


def _not_started(target: Command, error: OSError | ValueError) -> Outcome:
    program = target.argv[0] if target.argv else ""
    if isinstance(error, ValueError):  # a null byte in an argument, or a variable that is not there
        return failed("CommandNotStarted", f"{program} cannot be started: {error}", note=_UNDONE)
    if error.errno == errno.E2BIG:
        expected, found = "arguments and environment that the system takes", "too much of them"
    elif target.cwd is not None and error.filename == target.cwd:
        expected, found = f"the folder {target.cwd}", os.strerror(error.errno or 0).lower()
    elif isinstance(error, FileNotFoundError):
        where = "" if os.sep in program else " on the PATH"
        expected, found = f"a program named {program}{where}", "none"
    else:
        expected, found = f"{program} to be a program that may be run", os.strerror(error.errno or 0).lower()
    message = f"the command cannot be started: expected {expected}, found {found}"
    return failed("CommandNotStarted", message, note=_UNDONE, expected=expected, found=found)


_UNDONE = "nothing was started"


def _hint(ending: Ending) -> str:
    if ending.status == -signal.SIGKILL:
        return "; Rota did not send it: out of memory is likely (see the kernel's log)"
    if ending.status == 127:
        return "; a shell gives it when a program is not found"
    if ending.status == TRY_AGAIN:
        return ", which asks to try again"
    return ""
