"""Each fault of the newsroom makes one incident: of the task whose expected result it breaks, for that task's owner."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.harness import until
from tests.newsroom.desk import Desk, faulty, findable, on_duty, sqlite

from newsroom import __main__ as command
from newsroom import clock, images
from newsroom.faults import FAULTS
from newsroom.settings import Settings
from newsroom.store import Store
from rota.clock import SECOND
from rota.engine import judge, lookout, verdicts
from rota.model.incident import Status
from rota.model.run import Reason, State
from rota.model.verdict import Check, Standing


@pytest.fixture(scope="module")
def _made(
    _made: tuple[Path, dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, int]]:
    """The small site with one article more that is due: of two, ``publish-article`` is handed one, and ``publish-due``
    finds the other. It is not reviewed, so that the newest of the feed is an older one. One picture waits, not all."""
    var = tmp_path_factory.mktemp("incidents") / "var"
    shutil.copytree(_made[0], var)
    settings, now = Settings(var / "newsroom.db", var), clock.now()
    with Store(settings.database) as store:
        with store.write() as connection:
            connection.execute(
                "UPDATE article SET publish_at = ?, reviewed_at = NULL WHERE slug = 'to-come'",
                (clock.to_text(now - timedelta(minutes=10)),),
            )
        images.make_derivatives(store, settings.images, now, limit=7)
    return var, _made[1]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at after a second or two is looked at at once, and commands find this site and this Python."""
    monkeypatch.setattr(judge, "EVERY", 0.05)
    monkeypatch.setattr(verdicts, "EVERY", 0.05)
    monkeypatch.setattr(lookout, "SOONEST", SECOND // 20)
    findable(monkeypatch)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_makes_one_incident_for_the_owner_of_its_task(
    world, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fault = FAULTS[name]

    async def scenario() -> None:
        async with on_duty(sqlite(world), world.ids) as desk:
            with faulty(world, monkeypatch, name):
                done = await desk.all_tasks()
                await one_incident(desk, name)
            assert {task for task, run in done.items() if run.state is not State.SUCCEEDED} == {fault.task}
            assert done[fault.task].reason is Reason.EXPECTATION
            assert done[fault.task].result is not None  # what it returned is the evidence
            with faulty(world, monkeypatch):
                put_right(world, name)
                await mended(desk, name)

    asyncio.run(scenario())


async def one_incident(desk: Desk, name: str) -> None:
    """There is one, of the fault's task, and the check that noticed it says so."""
    fault = FAULTS[name]
    await until(lambda: (fault.task, Check(fault.noticed_by)) in unmet(desk), within=60)
    [incident] = await desk.judged()
    assert (incident.task, incident.check, incident.status) == (fault.task, Check.RUN, Status.OPEN)
    assert incident.owner == desk.loaded.tasks[fault.task].owner
    assert f"{fault.noticed_by}: expected: " in incident.found
    assert unmet(desk) == {(fault.task, Check.RUN), (fault.task, Check(fault.noticed_by))}


def unmet(desk: Desk) -> set[tuple[str, Check]]:
    return {(one.task, one.check) for one in desk.ledger.verdicts() if one.standing is Standing.UNMET}


def put_right(world, name: str) -> None:
    """What is left of a fault once it is off, and no later run mends: what the rollback notes name is typed."""
    match name:
        case "views_lost":
            assert command.main(["recount-views"]) == 0
        case "image_missing":
            assert command.main(["remake-images"]) == 0
        case "digest_twice":
            [surplus] = world.settings.mail.glob("*-again.eml")
            surplus.unlink()


async def mended(desk: Desk, name: str) -> None:
    """The next run meets what is expected, and that resolves the incident: the only one there ever was."""
    again = await desk.run(FAULTS[name].task)
    assert again[FAULTS[name].task].state is State.SUCCEEDED
    await until(lambda: desk.incidents()[0].resolved_at, within=60)
    [incident] = await desk.judged()
    assert incident.times == 1


def test_a_healthy_newsroom_has_no_incident(world, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with on_duty(sqlite(world), world.ids) as desk:
            with faulty(world, monkeypatch):
                done = await desk.all_tasks()
                assert {run.state for run in done.values()} == {State.SUCCEEDED}
                assert await desk.judged() == []
                unmet = [one for one in desk.ledger.verdicts() if one.standing is not Standing.MET]
                assert {one.check for one in unmet} == {
                    Check.OBJECTIVE,
                    Check.DURATION,
                }  # too few runs to judge by

    asyncio.run(scenario())


def test_of_many_faults_each_is_an_incident_for_its_own_owner(world, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {fault.task: name for name, fault in FAULTS.items() if name != "slow_publication"}

    async def scenario() -> None:
        async with on_duty(sqlite(world), world.ids) as desk:
            with faulty(world, monkeypatch, *names.values()):
                await desk.all_tasks()
                await until(lambda: len(desk.incidents()) >= len(desk.loaded.tasks), within=60)
            owners = {task.name: task.owner for task in desk.loaded.tasks.values()}
            found = await desk.judged()
            assert sorted((one.task, one.check, one.owner) for one in found) == sorted(
                (task, Check.RUN, owner) for task, owner in owners.items()
            )

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["empty_sitemap", "report_lost", "digest_twice"])
def test_on_postgresql_and_in_worker_processes_too(
    world, monkeypatch: pytest.MonkeyPatch, postgres_url: str, name: str
) -> None:
    """And as an operator would mend it: the node is stopped, and started without the fault."""

    async def scenario() -> None:
        with faulty(world, monkeypatch, name):
            async with on_duty(postgres_url, world.ids, isolation=None) as desk:
                await desk.all_tasks()
                await one_incident(desk, name)
        put_right(world, name)
        with faulty(world, monkeypatch):
            async with on_duty(postgres_url, world.ids, isolation=None) as desk:
                await mended(desk, name)

    asyncio.run(scenario())


def test_what_did_not_run_for_too_long_is_not_fresh(world, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        seldom = {"rebuild-sitemap": {"fresh_within": timedelta(seconds=2)}}
        async with on_duty(sqlite(world), world.ids, **seldom) as desk:
            [incident] = await until(desk.incidents, within=60)
            assert (incident.task, incident.check) == ("rebuild-sitemap", Check.FRESH)
            assert incident.owner == "Search traffic <seo@example.org>"
            with faulty(world, monkeypatch):
                await desk.run("rebuild-sitemap")
            await until(lambda: desk.incidents()[0].resolved_at, within=60)

    asyncio.run(scenario())


def test_an_article_that_is_published_late_is_an_incident_and_the_next_in_time_resolves_it(
    world, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with on_duty(sqlite(world), world.ids) as desk:
            with faulty(world, monkeypatch):
                late = await desk.run("publish-article", at=world.now - timedelta(minutes=3))
                assert late["publish-article"].state is State.SUCCEEDED  # running again would not mend it
                [incident] = await until(desk.incidents, within=60)
                assert (incident.task, incident.check) == ("publish-article", Check.LATENESS)
                assert incident.owner == "Editorial <editorial@example.org>"
                assert "it started 3 min" in incident.found
                await desk.run("publish-article")
                await until(lambda: desk.incidents()[0].resolved_at, within=60)

    asyncio.run(scenario())


def test_an_error_budget_that_is_spent_is_an_incident_beside_that_of_the_run(
    world, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with on_duty(sqlite(world), world.ids) as desk:
            with faulty(world, monkeypatch, "publication_lost"):
                for _ in range(10):
                    await desk.run("publish-article")
                both = await until(lambda: len(desk.incidents()) == 2 and desk.incidents(), within=60)
                assert [one.check for one in both] == [Check.RUN, Check.OBJECTIVE]
                assert {one.owner for one in both} == {"Editorial <editorial@example.org>"}

    asyncio.run(scenario())
