"""The site and Rota together: one file, one transaction, one process."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

import newsroom
from newsroom import clock
from newsroom.app import create_app
from newsroom.duties import HandedToRota
from newsroom.serve import own_rota
from rota import Rota
from rota.change.apply import apply
from rota.clock import from_instant, to_instant
from rota.define.load import load_file
from rota.ledger.records import RunFilter

PATIENCE = 30.0  # seconds


@pytest.fixture
def rota(world, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rota]:
    """The site's own rota, applied, with its ledger in the site's file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(newsroom.__file__).parents[1]))
    rota = own_rota(world.settings)
    apply(rota.ledger, rota.loaded, author="test", reason="a test")
    yield rota
    rota.close()


def wait_for(met: Callable[[], Any]) -> Any:
    """What a condition gives once it is met. Asks ten times a second, and gives up in the end."""
    pause = threading.Event()
    for _ in range(int(PATIENCE * 10)):
        if found := met():
            return found
        pause.wait(0.1)
    raise AssertionError(f"not met within {PATIENCE:.0f} s")


def editor(world, rota: Rota) -> TestClient:
    """An editor of the site, which hands duties to Rota while no node runs."""
    app = create_app(world.settings, world.store)
    app.state.site = replace(app.state.site, duties=HandedToRota(rota))
    client = TestClient(
        app, headers={"Origin": "http://testserver"}, follow_redirects=False, raise_server_exceptions=False
    )
    reply = client.post("/login", data={"name": "Ada", "password": "a long enough password"})
    assert reply.status_code == 303
    return client


def waiting(rota: Rota, task: str) -> list[Any]:
    return [run for run in rota.ledger.runs(RunFilter(task=task)) if run.state == "waiting"]


def test_the_rota_of_the_site_loads_without_a_problem() -> None:
    loaded = load_file(Path(newsroom.__file__).with_name("rota.toml"))
    assert len(loaded.tasks) == 16
    assert loaded.tasks["publish-due"].owner == "Editorial <editorial@example.org>"


def test_the_alerts_that_stand_there_to_be_uncommented_load(tmp_path: Path) -> None:
    text = Path(newsroom.__file__).with_name("rota.toml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^#(?! |$)", "", text, flags=re.MULTILINE)
    (tmp_path / "rota.toml").write_text(uncommented, encoding="utf-8")
    loaded = load_file(tmp_path / "rota.toml", import_code=False)
    owners = {task.owner for task in loaded.tasks.values()}
    assert {loaded.alerts.channels_of(owner) for owner in owners} == {("mail",)}
    routes = {owner: loaded.alerts.route(owner) for owner in owners}
    assert routes["Growth <growth@example.org>"].quiet
    escalated = routes["Editorial <editorial@example.org>"].escalate
    assert escalated is not None
    assert escalated.to in owners


def test_a_scheduled_article_and_its_run_are_committed_together(world, rota: Rota) -> None:
    number = world.ids["a-draft"]
    client = editor(world, rota)
    assert waiting(rota, "publish-article") == []
    for when in ("2030-01-01T08:30:00Z", "2030-01-01T09:30:00Z"):  # the second moves the first
        assert client.post(f"/drafts/{number}/schedule", data={"publish_at": when}).status_code == 303
        (run,) = waiting(rota, "publish-article")
        assert run.key == f"publish:{number}"
        assert run.run_at == to_instant(clock.from_text(when))


def test_a_change_that_fails_leaves_neither_article_nor_run(
    world, rota: Rota, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsroom import articles

    def fail(*_: object) -> None:
        raise OSError("no space left")

    number = world.ids["a-draft"]
    client = editor(world, rota)
    monkeypatch.setattr(articles, "purge", fail)  # comes after the run was enqueued
    assert client.post(f"/drafts/{number}/schedule", data={"minutes": "5"}).status_code == 500
    assert waiting(rota, "publish-article") == []
    assert world.count("SELECT count(*) FROM article WHERE id = ? AND status = 'draft'", number) == 1


def test_a_reader_has_a_schedule_of_their_own_while_they_want_the_digest(world, rota: Rota) -> None:
    client = editor(world, rota)
    digest = {"hour": "6", "timezone": "Asia/Kathmandu"}
    client.post("/me/digest", data={"wanted": "true", **digest})
    (own,) = rota.ledger.schedules("newsroom", "send-digest")
    assert (own.key, own.retired_at) == (f"reader:{world.ids['reader']}", None)
    assert own.next_at is not None
    assert (
        from_instant(own.next_at).astimezone(ZoneInfo("Asia/Kathmandu")).strftime("%a %H:%M") == "Mon 06:00"
    )
    client.post("/me/digest", data=digest)
    (retired,) = rota.ledger.schedules("newsroom", "send-digest")
    assert retired.retired_at is not None


@pytest.mark.slow
def test_the_site_publishes_by_its_own_rota(world, rota: Rota) -> None:
    rota.close()
    app = create_app(world.settings, world.store, rota)
    with TestClient(app) as client:
        wait_for(lambda: client.get("/articles/overdue").status_code == 200)
        wait_for(
            lambda: [
                run for run in rota.ledger.runs(RunFilter(task="publish-due")) if run.state == "succeeded"
            ]
        )
        assert client.get("/").headers["cache-control"].startswith("public")
        assert "surrogate-key" not in client.get("/rota/").headers
