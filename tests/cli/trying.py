"""A folder with a rota whose canary is told how to end, its ledger, and a node: what tried changes are tested on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from rota import Rota
from rota.app import open_ledger, read_settings
from rota.ledger.protocol import Ledger

TOML = """\
service = "site"

[[task]]
name = "publish"
command = ["sh", "-c", "echo $ROTA_CANARY; exit STATUS"]
owner = "Ann <ann@example.org>"
expects = "all that is due is public"
rollback = "unpublish it again"
canary = true

[[task]]
name = "mail"
command = ["true"]
owner = "Ann <ann@example.org>"
expects = "the letters are out"
rollback = "none: mail is sent"
canary = false
"""

QUICK = {"lease": 1.2, "heartbeat": 0.2, "poll": 0.05, "ahead": 0.2}


class Desk:
    """A folder with a rota, its ledger, and a node that serves it from a thread."""

    def __init__(self, folder: Path, url: str | None = None, toml: str = TOML) -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder / 'rota.db'}"
        self.toml = toml
        self.write(0)

    def write(self, status: int) -> None:
        (self.folder / "rota.toml").write_text(self.toml.replace("STATUS", str(status)))

    def rota(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*argv),
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def command(self, *argv: str) -> list[str]:
        return [sys.executable, "-m", "rota", *argv]

    @property
    def env(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")])
        return {**os.environ, "ROTA_DATABASE_URL": self.url, "ROTA_ACTOR": "ann", "PYTHONPATH": path}

    @contextlib.contextmanager
    def node(self) -> Iterator[None]:
        """A node for as long as the block lasts."""
        rota = Rota("site", file=self.folder / "rota.toml", database_url=self.url, **QUICK)
        up, stop = threading.Event(), threading.Event()

        async def serve() -> None:
            async with rota.running():
                up.set()
                await asyncio.to_thread(stop.wait)

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        try:
            assert up.wait(30)
            yield
        finally:
            stop.set()
            thread.join(60)

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        found = open_ledger(read_settings(database_url=self.url))
        try:
            yield found
        finally:
            found.close()
