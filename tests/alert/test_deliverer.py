"""From a failed run to the owner's mailbox: on real nodes, through real servers, and nothing lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rota import Rota
from rota.alert.channel import Refused
from rota.alert.deliverer import LEASE, Deliverer
from rota.alert.text import Message
from rota.app import open_ledger, read_settings
from rota.clock import SECOND, from_instant
from rota.engine.judge import Routes
from rota.execute.redact import Redactor
from rota.model.alerts import Alerts
from rota.model.lifecycle import Errored, Succeeded
from rota.testing import ManualClock
from tests.alert.servers import mail_server, webhook
from tests.engine.harness import DUTY, QUICK, ended, until
from tests.engine.judged import OWNER, World, at, duty, failing

URLS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    return (
        f"sqlite:///{folder / 'rota.db'}"
        if kind == "sqlite"
        else str(request.getfixturevalue("postgres_url"))
    )


async def publish(published: int = 1) -> dict[str, int]:
    if published < 0:
        raise ValueError("the token=s3cret-word-of-theirs is not valid")
    return {"published": published}


@URLS
def test_a_failed_run_reaches_its_owner_by_mail_and_by_webhook(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server() as box, webhook() as hook:
        monkeypatch.setenv("ROTA_ALERT_MAIL", box.url)
        monkeypatch.setenv("ROTA_ALERT_HOOK", hook.url)
        alerts = {
            "channels": ["mail", "hook"], "settle": "1s", "every": "0s", "link": "https://rota.example.org",
            "channel": {"mail": {"url": "env:ROTA_ALERT_MAIL"}, "hook": {"url": "env:ROTA_ALERT_HOOK"}},
        }  # fmt: skip
        rota = Rota("test", alerts=alerts, database_url=url_of(kind, request, tmp_path), **QUICK)
        rota.task(name="publish", **DUTY)(publish)

        async def scenario() -> None:
            async with rota.running():
                await ended(rota, (await rota.enqueue("publish")).id)
                await ended(rota, (await rota.enqueue("publish", args={"published": -1})).id)
                await until(lambda: box.mails and hook.posts, within=60)
                await ended(rota, (await rota.enqueue("publish")).id)
                await until(lambda: len(box.mails) == 2 and len(hook.posts) == 2, within=60)

        asyncio.run(scenario())
        rota.close()
    assert box.subjects() == ["[test] publish: not as expected", "[test] publish: as expected again"]
    body = box.text(0)
    for part in (
        "expected: every run succeeds", "is not valid", DUTY["owner"], DUTY["rollback"], "last success",
        "https://rota.example.org/incidents/1", "rota acknowledge 1",
    ):  # fmt: skip
        assert part in body, body
    assert "s3cret-word-of-theirs" not in body
    assert [post["type"] for post in hook.posts] == ["warning", "success"]


# ---- in virtual time -------------------------------------------------------------------------------


@dataclass
class Desk:
    """A channel that may be away, may hang, and may die between sending and saying so."""

    got: list[tuple[str, Message]] = field(default_factory=list)
    is_away: bool = False
    dies: bool = False

    def can(self, variable: str) -> bool:
        return True

    def send(self, variable: str, message: Message) -> None:
        if self.is_away:
            raise Refused("connection refused")
        self.got.append((variable, message))
        if self.dies:
            raise KeyboardInterrupt  # the process ends here: nothing after it is carried out


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    clock = ManualClock(from_instant(at("2026-11-27T12:00")))
    ledger = open_ledger(read_settings(database_url=url_of(request.param, request, tmp_path)), clock=clock)
    yield World(ledger, clock, Alerts({"mail": "MAIL"}, default=("mail",)))
    ledger.close()


def deliver_with(world: World, desk: Desk) -> None:
    """Have the world's messages go out by a deliverer, as a node has one; a new one each time, as after a restart."""

    async def thread(method: Any, *args: Any) -> Any:
        return method(*args)

    def deliver() -> None:
        deliverer = Deliverer(
            world.ledger, thread, desk, Routes(world.ledger), service="web", redact=Redactor(), random=Random(7)  # type: ignore[arg-type]  # at once
        )  # fmt: skip
        asyncio.run(deliverer.step())

    world.deliver = deliver  # type: ignore[method-assign]  # in its place


def test_an_hour_without_the_mail_server_and_a_killed_node_lose_nothing(world: World) -> None:
    desk = Desk(is_away=True)
    deliver_with(world, desk)
    world.rota(duty(), duty("other", owner="Other <other@example.org>"))
    world.fate = lambda task, due: Errored() if due < at("2026-11-27T12:50") else Succeeded()
    world.go("2026-11-27T12:30", step=30)
    assert [(one.error, one.tries > 3) for one in world.ledger.notices()] == [
        ("connection refused", True)
    ] * 2
    while world.ledger.take_letter(OWNER, "mail", "web", LEASE) is None:
        world.clock.move(seconds=10)  # whoever takes it now is killed: it never says what became of it
    world.go("2026-11-27T13:02", step=30)
    desk.is_away = False
    world.go("2026-11-27T13:30", step=30)
    assert world.ledger.notices() == []
    titles = sorted(message.title for _, message in desk.got)
    assert titles == ["[web] other: as expected again", "[web] tidy: as expected again"]


def test_a_node_killed_between_sending_and_saying_so_sends_again(world: World) -> None:
    desk = Desk(dies=True)
    deliver_with(world, desk)
    world.rota(duty())
    world.fate = lambda task, due: Errored()
    with pytest.raises(KeyboardInterrupt):
        world.go("2026-11-27T12:02")
    desk.dies = False
    world.go("2026-11-27T12:02:50")
    assert len(desk.got) == 1, "its lease still holds"
    world.go("2026-11-27T12:05")
    assert len(desk.got) == 2
    assert world.ledger.notices() == []


def test_ten_thousand_failures_in_a_minute_are_one_message_to_each_owner(world: World) -> None:
    desk = Desk()
    deliver_with(world, desk)
    owners = [f"Desk {number} <desk{number}@example.org>" for number in range(5)]
    world.rota(*[duty(f"task-{number}", owner=owners[number % 5], schedule=None) for number in range(100)])
    world.fate = lambda task, due: Errored()
    for _ in range(10):
        world.enqueue_each(10)
        world.clock.move(seconds=6)
        world.work()
    world.clock.move(seconds=61)
    world.deliver()
    incidents = world.incidents()
    assert (len(incidents), sum(one.times for one in incidents)) == (100, 10_000)
    told = [one for _, message in desk.got for one in message.title.split(": ")[:1]]
    assert len(desk.got) <= 10, "five owners: one at once, and one a minute later of what came in between"
    for owner in owners:
        assert (
            sum(one.owner == owner for incident in incidents for one in world.ledger.notices(incident.id))
            == 20
        )
    assert told[0].startswith("[web] ")


def test_an_owner_has_one_message_in_a_minute_and_it_holds_all(world: World) -> None:
    desk = Desk()
    deliver_with(world, desk)
    world.alerts = Alerts({"mail": "MAIL"}, default=("mail",), every=timedelta(minutes=10))
    world.rota(*[duty(f"task-{number}", schedule=f"{number} * * * *") for number in range(1, 31)])
    world.fate = failing({"2026-11-27T12:00": "2026-11-27T13:00"})
    world.go("2026-11-27T12:32")
    assert len(desk.got) == 4
    assert desk.got[0][1].title == "[web] task-1: not as expected"
    assert desk.got[1][1].title == "[web] 10 not as expected: task-2, task-3, task-4 and 7 more"
    assert world.now - 10 * 60 * SECOND > at("2026-11-27T12:00")
