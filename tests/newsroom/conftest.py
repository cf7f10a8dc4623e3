"""A small site with something for each task to do, made once and copied for each test."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from newsroom import articles, clock, digest, images, outbox, readers, tasks, views
from newsroom.app import create_app
from newsroom.settings import Settings
from newsroom.store import Store, count

PASSWORD = "a long enough password"

# In the order in which a day would bring them; each leaves the one after it in peace.
EVERY_TASK = (
    "publish_due",
    "unpublish_due",
    "make_image_derivatives",
    "refresh_search_index",
    "recompute_similar",
    "rebuild_sitemap",
    "rebuild_feed",
    "flush_views",
    "find_broken",
    "prune_sessions",
    "weekly_digest",
    "purge_outbox",
    "backup_database",
)


@dataclass
class World:
    """One copy of the site."""

    settings: Settings
    store: Store
    now: datetime
    ids: dict[str, int]

    def run(self, name: str, **args: Any) -> dict[str, Any]:
        """Run a task as Rota would: by its function, with arguments by name."""
        answer = tasks.by_name(name)(**args)
        found: dict[str, Any] = asyncio.run(answer) if inspect.iscoroutine(answer) else answer
        return found

    def run_all(self) -> dict[str, dict[str, Any]]:
        """The reader's own schedule comes first; the digest of the second reader is left over for all of them."""
        answers = {"send_digest": self.run("send_digest", reader_id=self.ids["reader"])}
        return answers | {name: self.run(name) for name in EVERY_TASK}

    def count(self, sql: str, *parameters: Any) -> int:
        with self.store.read() as connection:
            return count(connection, sql, parameters)

    def client(self, *faults: str, login: bool = False) -> TestClient:
        settings = Settings(self.settings.database, self.settings.var, faults=frozenset(faults))
        client = TestClient(
            create_app(settings, self.store), headers={"Origin": "http://testserver"}, follow_redirects=False
        )
        if login:
            reply = client.post("/login", data={"name": "Ada", "password": PASSWORD})
            assert reply.status_code == 303, reply.text
        return client


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    var = tmp_path_factory.mktemp("newsroom")
    settings = Settings(var / "newsroom.db", var)
    with Store(settings.database) as store:
        store.create()
        return var, _fill(store, settings)


def _fill(store: Store, settings: Settings) -> dict[str, int]:
    now = clock.now()
    then = now - timedelta(days=2)
    ids: dict[str, int] = {}

    def write(slug: str, at: datetime | None, **more: Any) -> None:
        meta = {
            "tags": ["python", slug.split("-")[0]],
            "tools": ["uv, and friends", "<b>ruff</b>"],
            "versions": None,
        }
        text = f"Some words about {slug} and the [tags](/tags/python).\n\n```python\nprint('{slug}')\n```\n\n## Part two\n"
        draft = articles.Draft(slug, f"On {slug}", text, "Grace", f"About {slug}.", meta, **more)
        ids[slug] = articles.create(connection, draft, then)
        if at:
            articles.schedule(connection, ids[slug], at, then)
            articles.publish(connection, ids[slug], then)
        sha = images.keep(connection, settings.images, images.draw(slug.split("-")[0]), then)
        images.add(connection, ids[slug], sha, f'A "drawing" of {slug}')

    with store.write() as connection:
        write("a-draft", None)
        for number in range(24):
            write(f"{'sqlite' if number % 3 else 'asyncio'}-{number}", then - timedelta(hours=1 + number))
        write("unreviewed", then - timedelta(days=1), reviewed=False)
        write("kept-out", then - timedelta(days=1), noindex=True)
        write("overdue", now - timedelta(minutes=10), reviewed=False)
        write("expired", then, unpublish_at=now - timedelta(minutes=10))
        write("to-come", now + timedelta(days=1))
        (settings.images / "00000000000000000000.png").write_bytes(b"this is no picture")
        connection.execute(
            "INSERT INTO image_file VALUES ('00000000000000000000', 9, 9, 'pending', NULL, ?)",
            (clock.to_text(now),),
        )
        ids["reader"] = readers.register(connection, "Ada", PASSWORD, then, editor=True)
        ids["second reader"] = readers.register(connection, "Barbara", PASSWORD, then)
        zone, hour = _longest_due(now)
        for each in ("reader", "second reader"):
            readers.set_digest(
                connection,
                ids[each],
                wanted=True,
                hour=hour,
                timezone=zone,
                now=now - timedelta(days=30),
            )
        readers.log_in(connection, ids["reader"], now - timedelta(days=60))  # a session that has expired
        for number in range(7):
            views.note(connection, ids[f"sqlite-{1 + number % 2}"], now)
        outbox.purge(connection, ["home"], then)
    return ids


def _longest_due(now: datetime) -> tuple[str, int]:
    """A time zone and an hour whose last Monday is more than a day ago, also when it is Monday."""
    known = [(zone, hour) for zone in ("Europe/Berlin", "America/New_York") for hour in (0, 23)]
    return min(known, key=lambda one: digest.due(now, *one)[0])


@pytest.fixture
def world(
    _made: tuple[Path, dict[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A copy of the site that the environment names, so that tasks and checks find it."""
    var = tmp_path / "var"
    shutil.copytree(_made[0], var)
    for name in [name for name in os.environ if name.startswith("NEWSROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NEWSROOM_VAR", str(var))
    settings = Settings.from_environment()
    with Store(settings.database) as store:
        yield World(settings, store, clock.now(), _made[1])


@pytest.fixture
def fetch_by() -> Callable[[TestClient], Callable[[str], tuple[int, Mapping[str, str]]]]:
    """How checks ask for pages without a server."""

    def by(client: TestClient) -> Callable[[str], tuple[int, Mapping[str, str]]]:
        def fetch(path: str) -> tuple[int, Mapping[str, str]]:
            reply = client.get(path)
            return reply.status_code, {name.lower(): value for name, value in reply.headers.items()}

        return fetch

    return by
