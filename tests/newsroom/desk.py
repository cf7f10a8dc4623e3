"""A newsroom on duty: the site served over HTTP, its own rota on a ledger, and a real node, with short times.

Schedules are left out, so that the tests say what runs when; retries are left out, so that a run that fails has failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.engine.harness import QUICK, until

import newsroom
from newsroom.app import create_app
from newsroom.settings import Settings
from newsroom.store import Store
from rota.app import build_node, open_ledger, read_settings
from rota.change.apply import apply
from rota.change.hand_in import HandIn
from rota.define.load import load_file
from rota.define.loaded import LoadedRota
from rota.ledger.judging import Incident, IncidentFilter
from rota.ledger.protocol import Ledger
from rota.model.alerts import Alerts
from rota.model.run import FINAL, RunRecord
from rota.model.task import Function, Isolation, Retries, Target, Task

ROTA = Path(newsroom.__file__).with_name("rota.toml")
SETTLE = timedelta(milliseconds=200)
FIRST = ("publish-article", "send-digest")  # before the tasks that do what these have left over
THEN = ("publish-due", "unpublish-due")  # before those that follow what is public
LAST = ("check-pages",)  # asks for what the others have built


@dataclass(frozen=True)
class Desk:
    """What a test does at the newsroom, and sees of it."""

    ledger: Ledger
    loaded: LoadedRota
    ids: Mapping[str, int]

    async def all_tasks(self) -> dict[str, RunRecord]:
        """Have every task run once, in the order in which a day would bring them."""
        rest = [name for name in self.loaded.tasks if name not in (*FIRST, *THEN, *LAST)]
        done: dict[str, RunRecord] = {}
        for names in (FIRST, THEN, rest, LAST):
            done |= await self.run(*names)
        return done

    async def run(self, *names: str, at: datetime | None = None) -> dict[str, RunRecord]:
        """Have tasks run once, and wait for their ends; ``at`` is when they were due, if not now."""
        given = {"publish-article": ("article_id", "to-come"), "send-digest": ("reader_id", "reader")}
        hand_in = HandIn(self.ledger, self.loaded)
        runs = {}
        for name in names:
            key, whose = given.get(name, ("", ""))
            args = {key: self.ids[whose]} if key else None
            runs[name] = (await asyncio.to_thread(hand_in.enqueue, name, args=args, at=at)).id
        return {name: await self.ended(run_id) for name, run_id in runs.items()}

    async def ended(self, run_id: int) -> RunRecord:
        def look() -> RunRecord | None:
            run = self.ledger.run(run_id)
            return run if run is not None and run.state in FINAL else None

        found: RunRecord = await until(look, within=60)
        return found

    async def judged(self) -> list[Incident]:
        """The incidents, oldest first, once every verdict is told and every task judged."""
        checked = {name for name, task in self.loaded.tasks.items() if task.expectation.verify is not None}

        def told() -> bool:
            return checked <= {one.task for one in self.ledger.verdicts()} and not self.ledger.to_judge()

        await until(told, within=60)
        return self.incidents()

    def incidents(self) -> list[Incident]:
        return self.ledger.incidents(IncidentFilter())[::-1]


@contextlib.asynccontextmanager
async def on_duty(
    url: str, ids: Mapping[str, int], *, isolation: Isolation | None = Isolation.THREAD, **more: Any
) -> AsyncIterator[Desk]:
    """A node that serves the newsroom's tasks, on the ledger at ``url``.

    Functions run in threads, where a fault is off as soon as it is switched off; with ``isolation=None`` they
    run where the rota says. ``more`` are expectations by task, in place of those that the rota has.
    """
    settings = read_settings(database_url=url, **QUICK)
    loaded = load_file(ROTA)
    tasks = {name: _quick(task, isolation, more.get(name)) for name, task in loaded.tasks.items()}
    loaded = replace(loaded, tasks=tasks, alerts=Alerts(settle=SETTLE))
    ledger = await asyncio.to_thread(open_ledger, settings)
    try:
        await asyncio.to_thread(apply, ledger, loaded, author="test", reason="a test")
        node = build_node(settings, ledger, loaded)
        await node.start()
        try:
            yield Desk(ledger, loaded, ids)
        finally:
            await node.stop()
    finally:
        ledger.close()


def _quick(task: Task, isolation: Isolation | None, expected: Mapping[str, Any] | None) -> Task:
    verify = task.expectation.verify
    expectation = replace(
        task.expectation, verify=verify and _isolated(verify, isolation), **(expected or {})
    )
    return replace(
        task,
        target=_isolated(task.target, isolation),
        schedule=None,
        retry=Retries(),
        expectation=expectation,
    )


def _isolated(target: Target, isolation: Isolation | None) -> Target:
    if isolation is None or not isinstance(target, Function) or target.isolation is Isolation.LOOP:
        return target
    return replace(target, isolation=isolation)


@contextlib.contextmanager
def served(settings: Settings, store: Store) -> Iterator[str]:
    """The site on a port of this machine, with the faults of its settings; its address."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, store), host="127.0.0.1", port=0, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the site did not start"
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@contextlib.contextmanager
def faulty(world: Any, monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[None]:
    """The site and its tasks with some faults on."""
    faults = frozenset(names)
    monkeypatch.setenv("NEWSROOM_FAULT", ",".join(sorted(faults)))
    with served(replace(world.settings, faults=faults), world.store) as address:
        monkeypatch.setenv("NEWSROOM_URL", address)
        monkeypatch.setenv("NEWSROOM_READY", f"{address}/readyz")
        yield


def findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find this site and this Python."""
    monkeypatch.setenv("PYTHONPATH", str(Path(newsroom.__file__).parents[1]))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def sqlite(world: Any) -> str:
    """The ledger in the site's own file."""
    return f"sqlite:///{world.settings.database}"
