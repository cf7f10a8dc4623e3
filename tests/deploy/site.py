"""A site as `deploy/deploy.sh` finds it: releases side by side, a link to the one that serves, its node, its ledger.

Release ``one`` is this build. Release ``two`` is the next: a copy of it with one migration more, another rota and other
code. Release ``rota`` is this build with the rota and the code of two: no schema changes, so that old and new nodes work side
by side. All are deployed by the script itself, unchanged; what stands in for systemd is a shell script that starts and
stops one process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers import free_port

import rota
from rota.app import open_ledger, read_settings
from rota.change.actions import pause
from rota.change.apply import apply
from rota.clock import SECOND, Instant
from rota.define.load import load_file
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import Kind, NewRun, State
from rota.read.audit import audit

SCRIPT = Path(__file__).parents[2] / "deploy" / "deploy.sh"
QUICK = {
    "LEASE": "1.5",
    "HEARTBEAT": "0.3",
    "POLL": "0.1",
    "AHEAD": "0.2",
    "DRAIN": "5",
    "SYNCHRONOUS": "normal",
}

TASK = """
[[task]]
name = "{name}"
run = "duties:{run}"
isolation = "loop"
schedule = {schedule}
owner = "Ann <ann@example.org>"
expects = "what it says"
rollback = "nothing to put back"
{more}
"""

DUTIES = """\
import asyncio
import os


async def tick() -> dict[str, str]:
    return {"release": "RELEASE"}


async def slow() -> dict[str, str]:
    await asyncio.sleep(1.0)
    return {"release": "RELEASE"}


async def send(to: str = "Ann") -> None: ...


async def publish() -> None:
    if os.path.exists("../../broken"):
        raise RuntimeError("the page is empty")
"""

READY = """current/bin/python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:PORT/readyz', timeout=5)\""""

NEXT = "ALTER TABLE rota_task ADD COLUMN of_the_next_release {integer};\n"


def rota_toml(release: str) -> str:
    """Two does all that one does; it publishes at another time, and has a task of its own. What is compared is not due while
    a test runs."""
    hour = "06" if release == "one" else "07"
    tasks = [
        ("tick", "tick", '{ every = "1s" }', ""),
        ("slow", "slow", '{ every = "2s" }', ""),
        ("send", "send", '{ at = "2090-03-01T08:00:00Z" }', ""),
        ("publish", "publish", f'{{ at = "2090-01-01T{hour}:00:00Z" }}', "canary = true"),
    ]
    if release != "one":
        tasks.append(("prune", "prune", '{ at = "2090-02-01T05:00:00Z" }', ""))
    return 'service = "site"\n' + "".join(
        TASK.format(name=name, run=run, schedule=schedule, more=more) for name, run, schedule, more in tasks
    )


def next_build(folder: Path) -> Path:
    """The source of the next build, with one migration more on both ledgers."""
    source = folder / "src"
    shutil.copytree(Path(rota.__file__).parent, source / "rota")
    for dialect, integer in (("sqlite", "INTEGER"), ("postgres", "integer")):
        migrations = source / "rota" / "ledger" / dialect / "migrations"
        last = max(int(one.name[:4]) for one in migrations.glob("*.sql"))
        (migrations / f"{last + 1:04}_next.up.sql").write_text(NEXT.format(integer=integer))
        (migrations / f"{last + 1:04}_next.down.sql").write_text(
            "ALTER TABLE rota_task DROP COLUMN of_the_next_release;\n"
        )
    return source


SERVICE = """\
#!/bin/sh
# As systemctl: stop waits until the process is gone, start returns at once.
alive() { grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(cat pid 2>/dev/null || echo 0)/status" 2>/dev/null; }
site=$PWD
case $1 in
stop) if alive; then kill -TERM "$(cat pid)"; while alive; do sleep 0.05; done; fi ;;
start) alive || (cd current && exec setsid sh -c 'echo $$ >"$0/pid"; exec bin/rota run' "$site" >>"$site/service.log" 2>&1 </dev/null) & ;;
esac
"""


@dataclass
class Site:
    """The folder of a site, and its ledger."""

    root: Path
    url: str
    next: Path  # the source of the next build
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.make("one", Path(rota.__file__).parents[1])
        self.make("two", self.next)
        self.make("rota", Path(rota.__file__).parents[1])
        (self.root / "service.sh").write_text(SERVICE)

    def make(self, release: str, source: Path) -> Path:
        folder = self.root / "releases" / release
        (folder / "bin").mkdir(parents=True)
        for name, words in (("rota", "-m rota"), ("python", "")):
            program = folder / "bin" / name
            program.write_text(f'#!/bin/sh\nPYTHONPATH={source} exec {sys.executable} {words} "$@"\n')
            program.chmod(0o755)
        (folder / "rota.toml").write_text(rota_toml(release))
        more = "\n\nasync def prune() -> None: ...\n" if release != "one" else ""
        (folder / "duties.py").write_text(DUTIES.replace("RELEASE", release) + more)
        return folder

    # -- what is typed

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROTA_")}
        ready = READY.replace("PORT", str(self.port))
        return kept | {f"ROTA_{name}": value for name, value in QUICK.items()} | {
            "ROTA_DATABASE_URL": self.url, "ROTA_PORT": str(self.port), "ROTA_ACTOR": "ann",
            "ROTA_DEPLOY_ROOT": str(self.root), "ROTA_DEPLOY_STOP": "sh service.sh stop",
            "ROTA_DEPLOY_START": "sh service.sh start", "ROTA_DEPLOY_READY": ready,
            "ROTA_DEPLOY_READY_WITHIN": "20", "ROTA_DEPLOY_REHEARSE_DAYS": "0", "ROTA_DEPLOY_SETTLE": "0",
            "ROTA_DEPLOY_WITHIN": "20s", "ROTA_DEPLOY_ENV": "/dev/null",
        }  # fmt: skip

    def deploy(self, *argv: str, **more: str) -> subprocess.CompletedProcess[str]:
        given = {f"ROTA_DEPLOY_{name}": value for name, value in more.items()}
        done = subprocess.run(
            [str(SCRIPT), *argv], env=self.env | given, capture_output=True, text=True, timeout=120, check=False
        )  # fmt: skip
        done.stdout += done.stderr + self.log()
        return done

    def rota(self, release: str, *argv: str) -> str:
        folder = self.root / "releases" / release
        done = subprocess.run(
            ["bin/rota", *argv], cwd=folder, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def service(self, what: str) -> None:
        subprocess.run(["sh", "service.sh", what], cwd=self.root, env=self.env, check=True, timeout=30)

    def log(self) -> str:
        files = [self.root / "service.log", self.root / "deploying" / "trial.log"]
        return "".join(f"\n-- {one.name}\n{one.read_text()[-1500:]}" for one in files if one.exists())

    @property
    def current(self) -> str:
        return (self.root / "current").readlink().name

    # -- how things are

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, whichever of the two builds it serves: they read it alike."""
        found = open_ledger(read_settings(database_url=self.url), migrate=False)
        version = found.version()[0]
        known: dict[int, Any] = found._known  # type: ignore[attr-defined]  # the next build's has one more, and no other SQL
        found._known = {one: known.get(one, ("", "")) for one in range(1, version + 1)}  # type: ignore[attr-defined]
        try:
            yield found
        finally:
            found.close()

    def facts(self) -> dict[str, Any]:
        """All that a deploy which failed has to leave as it found it. Of schedules that fall due meanwhile, all but the
        cursor."""
        with self.ledger() as ledger:
            far = Instant(ledger.now() + 600 * SECOND)
            waiting = ledger.runs(RunFilter(states=(State.WAITING,), limit=1000))
            return {
                "release": self.current,
                "schema": ledger.version()[0],
                "rota": ledger.revisions("site", 1)[0].digest,
                "unconfirmed": ledger.unconfirmed(),
                "tasks": {
                    one.name: (one.definition, one.paused_at, one.paused_until, one.paused_reason, one.paused_by)
                    for one in ledger.tasks("site")
                },
                "schedules": {
                    (one.task, one.key): (one.rule, one.args, one.next_at if one.next_at and one.next_at > far else None)
                    for one in ledger.schedules("site")
                    if one.retired_at is None
                },
                "waiting": {
                    one.id: (one.task, one.key, one.args, one.run_at, one.priority)
                    for one in waiting
                    if one.run_at > far
                },
                "nodes": len([one for one in ledger.nodes() if one.state == "live"]),
            }  # fmt: skip

    def must_hold(self, since: Instant) -> int:
        """The audit of all since then; returns how many occurrences were accounted for."""
        with self.ledger() as ledger:
            until = ledger.now()
            time.sleep(0.7)  # what fell due in the last moment has its record by then
            found = audit(ledger, since, Instant(until - SECOND // 2))
            assert found.holds, (found.breaches, found.examples, self.log())
            assert not found.attempts["lost"], found.attempts
            return found.expected

    def is_tried(self) -> bool:
        """Whether a revision waits to be confirmed."""
        with self.ledger() as ledger:  # opened anew each time: its schema changes meanwhile
            return bool(ledger.unconfirmed())

    def now(self) -> Instant:
        with self.ledger() as ledger:
            return ledger.now()


@contextlib.contextmanager
def site_of(root: Path, url: str, next_build: Path, release: str = "one") -> Iterator[Site]:
    """A site whose release serves, with something that waits, something paused, and a schedule of a program."""
    site = Site(root, url, next_build)
    (root / "current").symlink_to(f"releases/{release}")
    try:
        _fill(site, release)
        site.service("start")
        _await_node(site)
        yield site
    finally:
        site.service("stop")
        _end(site.root / "deploying" / "trial.pid")


def _fill(site: Site, release: str) -> None:
    """In this process, which is quicker; only the next build's schema is its own affair."""
    ledger = open_ledger(read_settings(database_url=site.url))
    loaded = load_file(site.root / "releases" / release / "rota.toml", import_code=False)
    apply(ledger, loaded, author="ann", reason="first")
    [send] = [one for one in ledger.tasks("site") if one.name == "send"]
    later = Instant(ledger.now() + 2 * 86_400 * SECOND)
    waiting = NewRun(
        task_id=send.id, kind=Kind.ENQUEUED, scheduled_at=later, run_at=later, args='{"to":"Bob"}', key="bob"
    )
    ledger.enqueue([waiting])
    pause(ledger, send, actor="ann", reason="letters are being rewritten")
    ledger.close()
    if release == "two":
        site.rota("two", "migrate")


def _await_node(site: Site) -> None:
    deadline = time.monotonic() + 30
    with site.ledger() as ledger:
        while not ledger.runs(RunFilter(task="tick", states=(State.SUCCEEDED,), limit=1)):
            assert time.monotonic() < deadline, site.log()
            time.sleep(0.05)  # there is no signal from another process


def _end(pid: Path) -> None:
    if pid.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)
