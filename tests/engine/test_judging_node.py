"""The judge on real nodes: an incident for each way in which a task does not do what is expected, and exactly one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.engine.harness import DUTY, QUICK, ended, second_node, until

from rota import Rota
from rota.ledger.judging import Incident, IncidentFilter
from rota.model.incident import Status
from rota.model.verdict import Check


async def publish(published: int = 1) -> dict[str, int]:
    if published < 0:
        raise ValueError("there is no such number")
    return {"published": published}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'rota.db'}"
    return str(request.getfixturevalue("postgres_url"))


def rota_with(url: str, **expectation: Any) -> Rota:
    rota = Rota("test", database_url=url, **QUICK)
    rota.task(name="publish", expectation=expectation, **DUTY)(publish)
    return rota


def incidents(rota: Rota) -> list[Incident]:
    return rota.ledger.incidents(IncidentFilter())


def test_a_failed_run_opens_one_incident_whatever_the_number_of_nodes(url: str) -> None:
    rota, other = rota_with(url), Rota("test", database_url=url, **QUICK)

    async def scenario() -> None:
        async with rota.running(), second_node(other, rota):
            for _ in range(20):
                await ended(rota, (await rota.enqueue("publish", args={"published": -1})).id)
            [one] = await until(lambda: [one for one in incidents(rota) if one.times == 20])
            assert (one.check, one.status, one.owner) == (Check.RUN, Status.OPEN, DUTY["owner"])
            assert one.found.endswith(" failed (error): ValueError: there is no such number")

    asyncio.run(scenario())
    rota.close()


def test_what_a_run_did_not_meet_opens_it_and_the_next_that_does_lets_it_recover(url: str) -> None:
    rota = rota_with(url, result={"properties": {"published": {"minimum": 1}}})

    async def scenario() -> None:
        async with rota.running():
            await ended(rota, (await rota.enqueue("publish")).id)
            await ended(rota, (await rota.enqueue("publish", args={"published": 0})).id)
            [one] = await until(lambda: incidents(rota))
            assert " failed (expectation): result: expected: the result fits" in one.found
            assert one.status is Status.OPEN
            await ended(rota, (await rota.enqueue("publish")).id)
            await until(lambda: incidents(rota)[0].status is Status.RECOVERING, within=20)

    asyncio.run(scenario())
    rota.close()


def test_a_task_that_never_succeeded_is_not_fresh(url: str) -> None:
    rota = rota_with(url, fresh_within="1s")

    async def scenario() -> None:
        async with rota.running():
            [one] = await until(lambda: incidents(rota))
            assert one.check is Check.FRESH

    asyncio.run(scenario())
    rota.close()
