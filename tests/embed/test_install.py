"""Rota inside a FastAPI service: four web workers, one run an occurrence; its lifespan, its pages, its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from rota.app import open_ledger, read_settings
from rota.clock import SECOND, Instant
from rota.errors import RotaError
from rota.ledger.records import RunFilter
from rota.model.run import Kind, State
from rota.read.audit import audit

ROOT = Path(__file__).resolve().parents[2]


class Service:
    """The service under uvicorn, on a port of its own."""

    def __init__(self, folder: Path, *options: str, app: str = "tests.embed.service:app") -> None:
        self.starts = folder / "starts.txt"
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._log = folder / "service.log"
        self.environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "ROTA_DATABASE_URL": f"sqlite:///{folder / 'rota.db'}",
            "ROTA_TEST_STARTS": str(self.starts), "ROTA_TOKEN": "t" * 32, "ROTA_POLL": "0.2", "ROTA_DRAIN": "5",
        }  # fmt: skip
        port = self.url.rpartition(":")[2]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", app, "--port", port, *options],
                cwd=folder, env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def wait_until_up(self, within: float = 30.0) -> None:
        deadline = time.monotonic() + within
        while True:
            try:
                httpx2.get(f"{self.url}/", timeout=5)
            except httpx2.TransportError:
                assert time.monotonic() < deadline, f"the service does not come up: {self.log()}"
                assert self.process.poll() is None, self.log()
                time.sleep(0.1)  # nothing tells from outside when a server listens
            else:
                return

    def stop(self, within: float = 20.0) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def ledger(tmp_path):
    opened = open_ledger(read_settings(database_url=f"sqlite:///{tmp_path / 'rota.db'}"))
    yield opened
    opened.close()


def wait_for(condition, within: float, what) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what()}"
        time.sleep(0.05)  # across processes there is only the ledger to look at


@pytest.mark.slow
def test_four_web_workers_run_each_occurrence_exactly_once(tmp_path, ledger):
    """APScheduler #160, #521, flask-apscheduler #13: under several web workers each ran it."""
    service = Service(tmp_path, "--workers", "4")
    try:
        service.wait_until_up()
        wait_for(lambda: len(ledger.nodes()) == 4, 30, service.log)
        since = ledger.now()
        seen = {
            httpx2.post(f"{service.url}/greet/{number}", timeout=10).json()["run"] for number in range(20)
        }
        wait_for(lambda: ledger.now() > since + 6 * SECOND, 15, service.log)
        until = ledger.now()
    finally:
        code = service.stop()
    assert code == 0, service.log()
    greeted = [ledger.run(run_id) for run_id in seen]
    assert len(seen) == 20
    assert all(run.state is State.SUCCEEDED and run.attempt == 1 for run in greeted)
    found = audit(ledger, Instant(since), Instant(until - SECOND))
    assert found.holds, found.examples
    assert found.expected >= 5
    assert found.by_run == found.expected
    per_run = Counter(line.split()[0] for line in service.starts.read_text().splitlines())
    assert set(per_run.values()) == {1}
    assert {node.state for node in ledger.nodes(live=False)} == {"left"}


@pytest.mark.slow
def test_an_open_tab_does_not_hold_up_the_end_and_draining_begins_at_the_signal(tmp_path, ledger):
    """fastscheduler #14, uvicorn #451: one open dashboard tab kept the old process alive."""
    service = Service(tmp_path)
    try:
        service.wait_until_up()
        with httpx2.Client(base_url=service.url, headers={"Authorization": f"Bearer {'t' * 32}"}) as client:
            assert client.get("/rota/api/v1/tasks").status_code == 200
            with client.stream("GET", "/rota/events", timeout=10) as stream:
                assert stream.status_code == 200, stream.read()
                began = time.monotonic()
                service.process.send_signal(signal.SIGTERM)
                code = service.process.wait(timeout=15)
                took = time.monotonic() - began
    finally:
        service.stop()
    assert took < 8, service.log()
    assert code in (0, -signal.SIGTERM), service.log()
    assert [node.state for node in ledger.nodes(live=False)] == ["left"], service.log()
    assert not ledger.runs(RunFilter(kinds=(Kind.SCHEDULED,), states=(State.RUNNING,)))


@pytest.mark.slow
def test_mounted_by_hand_it_refuses_loudly_instead_of_never_running(tmp_path):
    service = Service(tmp_path, app="tests.embed.service:outer")
    try:
        service.wait_until_up()
        answer = httpx2.get(f"{service.url}/inner/", timeout=10)
    finally:
        service.stop()
    assert answer.status_code == 500
    assert "the lifespan of the application was never run" in service.log()
    assert "rota.install(app) on the outermost application" in service.log()


def test_the_services_own_lifespan_goes_on_working(tmp_path, monkeypatch):
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from rota import Rota

    monkeypatch.setenv("ROTA_TOKEN", "t" * 32)
    order = []
    rota = Rota("web", database_url=f"sqlite:///{tmp_path / 'rota.db'}", drain=0)

    async def own(app):
        order.append(("own begins", rota.node is not None))
        yield {"shared": 7}
        order.append(("own ends", rota.node is not None))

    import contextlib

    app = FastAPI(lifespan=contextlib.asynccontextmanager(own))

    @app.get("/")
    async def home(request: __import__("fastapi").Request) -> int:
        return request.state.shared

    home.__annotations__["request"] = __import__("fastapi").Request
    rota.install(app)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/").json() == 7
        assert client.get("/rota/").status_code in (401, 403)
        assert client.get("/rota/readyz").status_code == 200
    assert order == [("own begins", True), ("own ends", True)]
    assert rota.node is None


def test_starting_twice_is_refused(tmp_path):
    import asyncio

    from rota import Rota

    rota = Rota("web", database_url=f"sqlite:///{tmp_path / 'rota.db'}", drain=0)

    async def scenario():
        async with rota.running():
            with pytest.raises(RotaError, match="running already"):
                await rota.start()

    asyncio.run(scenario())
