"""What was committed is heard of at once, by those whom it concerns; and where nothing can be heard, all goes on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest
from tests.engine.harness import DUTY, QUICK
from tests.ledger.house import House

from rota import Rota
from rota.ledger.postgres.ledger import PostgresLedger
from rota.ledger.postgres.listener import channel_of
from rota.ledger.records import RunFilter
from rota.model.run import State
from rota.testing import ManualClock


class Ear:
    """Counts what it was told."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self._changed = threading.Condition()

    def __call__(self, word: str) -> None:
        with self._changed:
            self.told[word] += 1
            self._changed.notify_all()

    def wait(self, word: str, times: int, within: float = 10.0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.told[word] >= times, within)


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[PostgresLedger]:
    made = PostgresLedger(postgres_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def ear(ledger: PostgresLedger) -> Iterator[Ear]:
    made = Ear()
    listening = ledger.listen(made)
    assert made.wait("waiting", 1), "it says at the beginning that it may have missed something"
    yield made
    listening.close()


def house_of(ledger: PostgresLedger) -> House:
    house = House(ledger, ManualClock(), lambda: ledger)
    house.rota(house.task("tidy", every=60))
    house.node()
    return house


def test_a_run_that_comes_is_told_once_it_is_committed(ledger: PostgresLedger, ear: Ear) -> None:
    house = house_of(ledger)
    house.enqueue("tidy")
    assert ear.wait("waiting", 2)


def test_a_run_in_a_callers_transaction_is_told_with_its_commit(ledger: PostgresLedger, ear: Ear) -> None:
    house = house_of(ledger)
    with psycopg.connect(ledger.address.url) as theirs:
        ledger.enqueue([house.new("tidy")], connection=theirs)
        assert not ear.wait("waiting", 2, within=0.7), "it was told before it was there"
        theirs.commit()
    assert ear.wait("waiting", 2)


def test_a_running_run_that_is_to_stop_is_told_so(ledger: PostgresLedger, ear: Ear) -> None:
    house = house_of(ledger)
    run = house.enqueue("tidy")
    assert house.claim()
    ledger.cancel(run, house.change("cancel"))
    assert ear.wait("stop", 1)


def test_two_ledgers_of_one_database_do_not_wake_each_other(
    ledger: PostgresLedger, ear: Ear, postgres_server: str
) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as other:
        other.execute("SELECT pg_notify(%s, 'waiting')", [channel_of("another")])
        other.execute("SELECT pg_notify(%s, 'done')", [channel_of(ledger.address.schema)])
    assert ear.wait("done", 1)
    assert ear.told["waiting"] == 1


def test_many_words_at_once_are_one(ledger: PostgresLedger, ear: Ear) -> None:
    channel = channel_of(ledger.address.schema)
    with psycopg.connect(ledger.address.url) as other:
        for _ in range(2000):
            other.execute("SELECT pg_notify(%s, 'waiting')", [channel])
            other.commit()
        other.execute("SELECT pg_notify(%s, 'done')", [channel])
    assert ear.wait("done", 1)
    assert ear.told["waiting"] < 1000


def test_a_listener_whose_connection_ends_comes_back(ledger: PostgresLedger, ear: Ear) -> None:
    with psycopg.connect(ledger.address.url, autocommit=True) as other:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()"
        assert other.execute(query, [f"LISTEN {channel_of(ledger.address.schema)}%"]).fetchall()
    assert ear.wait("waiting", 2), "back, and it may have missed something"
    house_of(ledger).enqueue("tidy")
    assert ear.wait("waiting", 3)


@contextlib.asynccontextmanager
async def serving(url: str, work: Callable[[], object], **settings: object) -> AsyncIterator[Rota]:
    rota = Rota(
        "test", database_url=url, **{**QUICK, "poll": 30.0, "heartbeat": 0.3, "lease": 30.0, **settings}
    )
    rota.task(name="work", **DUTY)(work)
    async with rota.running():
        yield rota


def test_a_node_that_hardly_polls_starts_what_another_process_enqueues_at_once(postgres_url: str) -> None:
    async def go() -> None:
        async def work() -> None: ...

        async with serving(postgres_url, work) as rota:
            other = Rota("test", database_url=postgres_url)
            other._registry = rota._registry
            await asyncio.sleep(1.0)  # the node has looked, and sleeps for half a minute now
            run = await other.enqueue("work")
            async with asyncio.timeout(10):
                while rota.ledger.run(run.id).state is not State.SUCCEEDED:
                    await asyncio.sleep(0.02)
            other.close()

    asyncio.run(go())


def test_a_node_that_hardly_beats_stops_at_once_what_is_cancelled(postgres_url: str) -> None:
    async def go() -> None:
        async def work() -> None:
            await asyncio.sleep(60)

        async with serving(postgres_url, work, heartbeat=9.0) as rota:
            run = await rota.enqueue("work")
            async with asyncio.timeout(15):
                while not rota.ledger.runs(RunFilter(states=(State.RUNNING,))):
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.5)
                other = PostgresLedger(postgres_url)
                from rota.ledger.records import Change

                other.cancel(run.id, Change(other.now(), "ann", "cancel", "run"))
                began = time.monotonic()
                while rota.ledger.run(run.id).state is not State.CANCELLED:
                    await asyncio.sleep(0.02)
                assert time.monotonic() - began < 8, "it was the heartbeat that brought it, not the word"
                other.close()

    asyncio.run(go())
