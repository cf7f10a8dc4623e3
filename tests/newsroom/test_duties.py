"""What the site hands to Rota, in the transaction of its own change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import apsw
import pytest
from starlette.testclient import TestClient

from newsroom import clock, readers
from newsroom.app import create_app
from newsroom.duties import HandedToRota, hand_over_all
from newsroom.store import Row


class Told:
    """Stands where Rota does and notes what it is told, and whether it was told inside a transaction."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.refuses = False

    def _hear(self, connection: apsw.Connection, *what: Any) -> None:
        assert connection.in_transaction
        if self.refuses:
            raise RuntimeError("the ledger refuses")
        self.heard.append(what)

    def enqueue_sync(self, task: str, *, connection: apsw.Connection, **more: Any) -> None:
        self._hear(connection, "enqueue", task, more)

    def schedule_sync(self, task: str, *, connection: apsw.Connection, **more: Any) -> None:
        self._hear(connection, "schedule", task, more)

    def unschedule_sync(self, task: str, *, connection: apsw.Connection, **more: Any) -> bool:
        self._hear(connection, "unschedule", task, more)
        return True


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def editor(world, told: Told) -> TestClient:
    app = create_app(world.settings, world.store)
    app.state.site = replace(app.state.site, duties=HandedToRota(told))  # type: ignore[arg-type]  # it has what is called
    client = TestClient(
        app, headers={"Origin": "http://testserver"}, follow_redirects=False, raise_server_exceptions=False
    )
    client.post("/login", data={"name": "Ada", "password": "a long enough password"})
    return client


def article(world, slug: str) -> Row:
    with world.store.read() as connection:
        from newsroom.articles import by_slug

        found = by_slug(connection, slug)
    assert found is not None
    return found


def test_scheduling_an_article_enqueues_its_publication(world, editor: TestClient, told: Told) -> None:
    number = world.ids["a-draft"]
    when = "2030-01-01T08:30:00Z"
    assert editor.post(f"/drafts/{number}/schedule", data={"publish_at": when}).status_code == 303
    more = {"at": clock.from_text(when), "key": f"publish:{number}", "args": {"article_id": number}}
    assert told.heard == [("enqueue", "publish-article", more)]


def test_when_rota_refuses_the_article_is_as_it_was(world, editor: TestClient, told: Told) -> None:
    told.refuses = True
    assert editor.post(f"/drafts/{world.ids['a-draft']}/schedule", data={"minutes": "5"}).status_code == 500
    assert article(world, "a-draft")["status"] == "draft"


def test_a_reader_gets_a_schedule_of_their_own_and_loses_it(world, editor: TestClient, told: Told) -> None:
    editor.post("/me/digest", data={"wanted": "true", "hour": "6", "timezone": "Asia/Kathmandu"})
    editor.post("/me/digest", data={"hour": "6", "timezone": "Asia/Kathmandu"})
    number = world.ids["reader"]
    rule = {
        "key": f"reader:{number}",
        "cron": "0 6 * * 1",
        "timezone": "Asia/Kathmandu",
        "args": {"reader_id": number},
    }
    assert told.heard == [
        ("schedule", "send-digest", rule),
        ("unschedule", "send-digest", {"key": f"reader:{number}"}),
    ]


def test_at_each_start_every_duty_is_handed_over(world, told: Told) -> None:
    done = hand_over_all(world.store, HandedToRota(told))  # type: ignore[arg-type]  # it has what is called
    assert done == {"publications": 2, "digests": 2}
    assert {what[2]["key"] for what in told.heard} == {
        f"publish:{world.ids['overdue']}",
        f"publish:{world.ids['to-come']}",
        f"reader:{world.ids['reader']}",
        f"reader:{world.ids['second reader']}",
    }


def test_a_site_without_rota_works_too(world) -> None:
    with world.store.write() as connection:
        readers.set_digest(
            connection, world.ids["reader"], wanted=False, hour=8, timezone="UTC", now=world.now
        )
    with world.client() as client:  # its lifespan runs
        assert client.get("/").status_code == 200
