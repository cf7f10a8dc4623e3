"""A node serves what is applied: it never puts its own file in place of that, and follows it while it runs."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from tests.engine.harness import DUTY, QUICK, ended, until

from rota import Rota
from rota.change.apply import apply
from rota.change.rollback import earlier, roll_back
from rota.model.run import State


async def publish(run_for: float = 0.0) -> str:
    await asyncio.sleep(run_for)
    return "published"


async def tidy() -> str:
    return "tidied"


def plain() -> str:
    return "in a worker process"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'rota.db'}"
    return str(request.getfixturevalue("postgres_url"))


def rota_of(url: str, *names: str, timeout: str = "1h", **settings: object) -> Rota:
    rota = Rota("test", database_url=url, **{**QUICK, **settings})
    functions = {"publish": publish, "tidy": tidy, "plain": plain}
    for name in names:
        rota.task(name=name, timeout=timeout, **DUTY)(functions[name])
    return rota


def test_two_nodes_with_different_files_do_not_fight(url: str, caplog: pytest.LogCaptureFixture) -> None:
    first, second = rota_of(url, "publish"), rota_of(url, "publish", timeout="1m")

    async def scenario() -> None:
        for rota in (first, second, first, second):
            async with rota.running():
                assert rota.ledger.current("test") == 1

    with caplog.at_level(logging.WARNING, "rota"):
        asyncio.run(scenario())
    said = [
        record.getMessage() for record in caplog.records if "not as they are applied" in record.getMessage()
    ]
    assert len(said) == 2
    assert "serving revision 1 of test" in said[0]


def test_in_development_a_start_applies(url: str) -> None:
    async def scenario() -> None:
        for number, timeout in enumerate(("1m", "2m"), 1):
            rota = rota_of(url, "publish", timeout=timeout, apply_on_start=True)
            async with rota.running():
                assert rota.ledger.current("test") == number

    asyncio.run(scenario())


def test_what_is_applied_while_it_runs_is_served_and_so_is_a_rollback(url: str) -> None:
    rota, changed = rota_of(url, "publish"), rota_of(url, "publish", "tidy", "plain", timeout="3s")

    async def scenario() -> None:
        async with rota.running():
            before = (await rota.enqueue("publish", args={"run_for": 3.0})).id
            await until(lambda: rota.node is not None and rota.node.busy == 1)
            apply(rota.ledger, changed.loaded, author="ann", reason="more to do")
            for name, result in (("tidy", '"tidied"'), ("plain", '"in a worker process"')):
                run = await ended(rota, (await changed.enqueue(name)).id, within=30)
                assert (run.state, run.result) == (State.SUCCEEDED, result)
            slow = await ended(rota, (await changed.enqueue("publish", args={"run_for": 5.0})).id, within=30)
            assert slow.state is State.FAILED, "the new timeout holds"
            assert (await ended(rota, before, within=30)).state is State.SUCCEEDED, (
                "what ran ends as it began"
            )
            current, target = earlier(rota.ledger, "test", None)
            roll_back(rota.ledger, current, target, author="ann", reason="too quick")
            node = rota.node
            assert node is not None
            await until(
                lambda: (
                    node._loaded.tasks["publish"].timeout is not None
                    and node._loaded.tasks["publish"].timeout.seconds == 3600
                )
            )
            again = await ended(rota, (await rota.enqueue("publish", args={"run_for": 0.5})).id, within=30)
            assert again.state is State.SUCCEEDED

    asyncio.run(scenario())
    changed.close()
    rota.close()


def test_a_task_that_this_build_has_no_code_for_waits_for_one_that_has(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    rota = rota_of(url, "publish")
    definition = rota_of(url, "publish", "tidy").loaded
    tidy_ = definition.tasks["tidy"]
    from dataclasses import replace

    from rota.model.task import Function, Isolation

    gone = replace(tidy_, target=Function("tests.engine.no_such_module:tidy", Isolation.LOOP))
    unknown = type(definition)("test", {**definition.tasks, "tidy": gone}, definition.queues)

    async def scenario() -> None:
        async with rota.running():
            with caplog.at_level(logging.WARNING, "rota.engine"):
                apply(rota.ledger, unknown, author="ann", reason="ahead of this build")
                from rota.change.actions import trigger

                [record] = [one for one in rota.ledger.tasks("test") if one.name == "tidy"]
                run_id = trigger(rota.ledger, record, args=None, actor="ann")
                await until(
                    lambda: any("not served by this build" in one.getMessage() for one in caplog.records)
                )
                await ended(rota, (await rota.enqueue("publish")).id)
                run = rota.ledger.run(run_id)
                assert run is not None
                assert run.state is State.WAITING

    asyncio.run(scenario())
    rota.close()
