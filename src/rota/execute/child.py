"""A process that the node started: its group, its output, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Child", "Ending", "Warden"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: ``status`` as `subprocess` has it (negative: the signal), and its peak memory in bytes.

    The peak is None where it is not known: not told by the system, or hidden below the node's own size, which a
    process inherits for a moment when it is started.
    """

    status: int
    peak: int | None = None

    def __str__(self) -> str:
        if self.status >= 0:
            return f"exit status {self.status}"
        try:
            return f"signal {-self.status} ({signal.Signals(-self.status).name})"
        except ValueError:
            return f"signal {-self.status}"


class Warden:
    """Sees to it that a node that is killed leaves none of its processes behind; started with the first of them.

    One process for the whole node, so that also the children of a command go, on every system.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def watch(self, group: int) -> None:
        self._groups.add(group)
        if self._process is None or self._process.poll() is not None:
            self.close(force=True)
            self._start()
            for known in self._groups:
                self._tell(f"+{known}\n")
        else:
            self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def close(self, *, force: bool = False) -> None:
        """End it, once nothing is left to watch."""
        if self._process is None or (self._groups and not force):
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.wait()

    def _start(self) -> None:
        script = Path(__file__).with_name("warden.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it was killed; the next `watch` starts another
                self._process.stdin.write(line.encode())


class Child:
    """A process in a session and process group of its own, with its stdout and stderr in pipes.

    The group is killed whole, and also when the process ends by itself: what it left behind in the group goes
    with it. ``ended`` is set, with the `Ending`, once that is done.
    """

    def __init__(
        self,
        argv: Sequence[str],
        warden: Warden,
        *,
        cwd: str | None = None,
        environment: Mapping[str, str] | None = None,
        keep: Sequence[int] = (),
    ) -> None:
        """Start it; raises `OSError` where it cannot be. ``keep`` are file descriptors that it inherits."""
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=cwd,
            env=None if environment is None else dict(environment),
            pass_fds=tuple(keep),
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._warden = warden
        warden.watch(self.pid)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Ending] = self._loop.create_future()
        self._await_end()

    @property
    def stdout(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    @property
    def stderr(self) -> int:
        assert self._process.stderr is not None
        return self._process.stderr.fileno()

    def signal_group(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens once it has ended."""
        if not self.ended.done():
            _signal_group(self.pid, number)

    def close_output(self) -> None:
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _await_end(self) -> None:
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # an old kernel, or no file descriptor is left
                pidfd = os.pidfd_open(self.pid)
                self._loop.add_reader(pidfd, self._on_pidfd, pidfd)
                return
        threading.Thread(target=self._wait_in_thread, name=f"rota-wait-{self.pid}", daemon=True).start()

    def _on_pidfd(self, pidfd: int) -> None:
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        self._reap()

    def _wait_in_thread(self) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._reap)

    def _reap(self) -> None:
        """The process is a zombie, which keeps its number from being taken: now its group can be killed safely."""
        _signal_group(self.pid, signal.SIGKILL)
        try:
            _, status, usage = os.wait4(self.pid, 0)
            ending = Ending(os.waitstatus_to_exitcode(status), _peak(usage.ru_maxrss))
        except ChildProcessError:  # someone else in this process waited for all children
            ending = Ending(-signal.SIGKILL)
        self._process.returncode = ending.status
        self._warden.forget(self.pid)
        if not self.ended.done():
            self.ended.set_result(ending)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _peak(maxrss: int) -> int | None:
    import resource

    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if maxrss <= own:
        return None
    return maxrss if sys.platform == "darwin" else maxrss * 1024
