"""The newsroom as it runs, and real caches in front of it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from newsroom.caches import Cache, Missing, nginx, varnish

TOKEN = "a-token-of-the-tests"
CACHES = {"varnish": varnish, "nginx": nginx}


@dataclass
class Newsroom:
    """A newsroom that runs as a process of its own."""

    url: str
    var: Path


def missing(reason: Exception) -> None:
    """A machine without a cache skips; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(str(reason))
    pytest.skip(f"{reason}; or: make setup-system")


@contextlib.contextmanager
def running_newsroom(var: Path, *faults: str, url: str = "") -> Iterator[Newsroom]:
    """The newsroom without its Rota. ``url`` is the address that readers use, where a cache stands in front."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "NEWSROOM_VAR": str(var),
        "NEWSROOM_URL": own,
        "NEWSROOM_FAULT": ",".join(faults),
        "NEWSROOM_TOKEN": TOKEN,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    argv = [sys.executable, "-m", "newsroom.serve", "--without-rota"]
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _until_up(process, port)
        yield Newsroom(own, var)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _until_up(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)  # until it listens
    said = process.communicate(timeout=5)[0] if process.poll() is not None else b"nothing in time"
    raise RuntimeError(f"the newsroom did not start: {said[-2_000:]!r}")


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """A newsroom that is as it should be, shared by all tests that only read."""
    with running_newsroom(tmp_path_factory.mktemp("newsroom")) as running:
        yield running


Start = Callable[..., AbstractContextManager[Cache]]


@pytest.fixture
def in_front(tmp_path: Path) -> Start:
    """Starts a cache by its kind in front of an origin; skips where it is not installed."""

    @contextlib.contextmanager
    def start(kind: str, origin: str, fault: str = "", **more: bool) -> Iterator[Cache]:
        folder = tmp_path / f"{kind}-{fault}"
        folder.mkdir(exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                cache = stack.enter_context(CACHES[kind](origin, folder, fault, **more))
            except Missing as reason:
                missing(reason)
            yield cache

    return start
