"""`rota run` and systemd: what it is told over a real socket, and that the units say what they have to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.servers import free_port

TOML = """\
service = "site"

[[task]]
name = "told"
command = ["sh", "-c", "echo ${NOTIFY_SOCKET:-nothing}"]
owner = "Ann <ann@example.org>"
expects = "it does not speak for the service"
rollback = "nothing to put back"

[[task]]
name = "block"
run = "duties:block"
owner = "Ann <ann@example.org>"
expects = "nothing good"
rollback = "nothing to put back"
"""

BLOCK = """\
import time


async def block() -> None:
    time.sleep(2.5)  # a defect: the event loop stands still
"""


class Told:
    """systemd's end of the socket."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)

    def next(self, within: float = 20.0) -> list[str]:
        self.socket.settimeout(within)
        return self.socket.recv(4096).decode().split("\n")

    def until(self, word: str, within: float = 20.0) -> list[str]:
        deadline = time.monotonic() + within
        while word not in (lines := self.next(max(0.01, deadline - time.monotonic()))):
            pass
        return lines


@pytest.fixture(params=["a path", "an abstract name"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """As systemd gives it, and as a socket takes it."""
    if request.param == "a path":
        return str(tmp_path / "notify"), str(tmp_path / "notify")
    return f"@rota-test-{os.getpid()}", f"\0rota-test-{os.getpid()}"


@contextlib.contextmanager
def node(folder: Path, told: Told, address: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    (folder / "rota.toml").write_text(TOML)
    (folder / "duties.py").write_text(BLOCK)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROTA_")}
    given = {
        "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "600000", "ROTA_POLL": "0.1", "ROTA_PORT": "0",
        "ROTA_DATABASE_URL": f"sqlite:///{folder / 'rota.db'}", **more,
    }  # fmt: skip
    argv = [sys.executable, "-m", "rota", "run"]
    with subprocess.Popen(argv, cwd=folder, env=kept | given, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            told.socket.close()


def rota(folder: Path, *argv: str) -> str:
    given = {**os.environ, "ROTA_DATABASE_URL": f"sqlite:///{folder / 'rota.db'}"}
    argv = (sys.executable, "-m", "rota", *argv)
    return subprocess.run(
        argv, cwd=folder, env=given, capture_output=True, text=True, timeout=30, check=True
    ).stdout


def test_ready_alive_and_stopping(tmp_path: Path, address: tuple[str, str]) -> None:
    told, port = Told(address[1]), free_port()
    with node(tmp_path, told, address[0], ROTA_PORT=str(port)) as process:
        assert told.next() == ["READY=1", "STATUS=serves 2 tasks of site, revision 1"]
        for route in ("readyz", "livez"):
            assert urlopen(f"http://127.0.0.1:{port}/{route}", timeout=5).status == 200, (
                "ready means that it answers"
            )
        assert [told.next(2.0) for _ in range(3)] == [["WATCHDOG=1"]] * 3
        rota(tmp_path, "trigger", "told", "--wait")
        assert rota(tmp_path, "log", "1").endswith("  nothing\n")
        process.send_signal(signal.SIGTERM)
        assert told.until("STOPPING=1") == ["STOPPING=1", "STATUS=draining: 0 under way"]
        assert process.wait(20) == 0


def test_an_event_loop_that_stands_still_is_silent(tmp_path: Path) -> None:
    told = Told(str(tmp_path / "notify"))
    with node(tmp_path, told, str(tmp_path / "notify")):
        told.until("READY=1")
        rota(tmp_path, "trigger", "block")
        deadline, silence = time.monotonic() + 15, 0.0
        while silence < 1.5:  # systemd would have it restarted after 0.6 s
            assert time.monotonic() < deadline, f"never silent for longer than {silence:.1f} s"
            before = time.monotonic()
            told.until("WATCHDOG=1")
            silence = max(silence, time.monotonic() - before)


def test_a_ledger_that_is_away_asks_for_more_time(tmp_path: Path) -> None:
    told = Told(str(tmp_path / "notify"))
    url = f"postgresql://rota@127.0.0.1:{free_port()}/nowhere"
    with node(tmp_path, told, str(tmp_path / "notify"), ROTA_DATABASE_URL=url):
        first, second = told.next(), told.next()
        assert first[0] == second[0] == "EXTEND_TIMEOUT_USEC=20000000"
        assert first[1].startswith("STATUS=")
