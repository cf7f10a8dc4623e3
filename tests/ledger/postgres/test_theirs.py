"""Enqueued in the caller's transaction, over each kind of connection a service may have: visible with it, gone with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from tests.engine.harness import DUTY

from rota import Rota
from rota.change.apply import apply
from rota.errors import ArgumentsError, LedgerVersion, UsageError
from rota.ledger.records import RunFilter


class Theirs:
    """A caller's connection in a transaction, and the caller's words for it."""

    def __init__(self, connection: Any, execute: Any, commit: Any, rollback: Any) -> None:
        self.connection, self.execute, self.commit, self.rollback = connection, execute, commit, rollback


def _plain(url: str) -> str:
    return url.partition("?")[0]


def _alchemy_url(url: str, driver: str) -> str:
    return _plain(url).replace("postgresql://", f"postgresql+{driver}://")


def _away(call: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function, as the caller of an asyncio one would have it."""

    async def called(*args: Any) -> Any:
        return call(*args)

    return called


@contextlib.asynccontextmanager
async def by_psycopg(url: str) -> AsyncIterator[Theirs]:
    with psycopg.connect(_plain(url)) as connection:
        yield Theirs(
            connection, _away(connection.execute), _away(connection.commit), _away(connection.rollback)
        )


@contextlib.asynccontextmanager
async def by_psycopg_async(url: str) -> AsyncIterator[Theirs]:
    async with await psycopg.AsyncConnection.connect(_plain(url)) as connection:
        yield Theirs(connection, connection.execute, connection.commit, connection.rollback)


@contextlib.asynccontextmanager
async def by_asyncpg(url: str) -> AsyncIterator[Theirs]:
    connection = await asyncpg.connect(_plain(url))
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield Theirs(connection, connection.execute, transaction.commit, transaction.rollback)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def by_alchemy(url: str) -> AsyncIterator[Theirs]:
    engine = sa.create_engine(_alchemy_url(url, "psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        yield Theirs(
            connection, _away(lambda sql: connection.execute(sa.text(sql))), _away(connection.commit), _away(connection.rollback)
        )  # fmt: skip


@contextlib.asynccontextmanager
async def by_alchemy_session(url: str) -> AsyncIterator[Theirs]:
    engine = sa.create_engine(_alchemy_url(url, "psycopg"), poolclass=NullPool)
    with Session(engine) as session:
        yield Theirs(
            session,
            _away(lambda sql: session.execute(sa.text(sql))),
            _away(session.commit),
            _away(session.rollback),
        )


def _by_async_session(driver: str) -> Callable[[str], contextlib.AbstractAsyncContextManager[Theirs]]:
    @contextlib.asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Theirs]:
        engine = create_async_engine(_alchemy_url(url, driver), poolclass=NullPool)
        async with AsyncSession(engine) as session:
            yield Theirs(session, lambda sql: session.execute(sa.text(sql)), session.commit, session.rollback)
        await engine.dispose()

    return opened


@contextlib.asynccontextmanager
async def by_alchemy_async(url: str) -> AsyncIterator[Theirs]:
    engine = create_async_engine(_alchemy_url(url, "asyncpg"), poolclass=NullPool)
    async with engine.connect() as connection:
        yield Theirs(
            connection, lambda sql: connection.execute(sa.text(sql)), connection.commit, connection.rollback
        )
    await engine.dispose()


KINDS = {
    "psycopg": by_psycopg,
    "psycopg-async": by_psycopg_async,
    "asyncpg": by_asyncpg,
    "sqlalchemy-connection": by_alchemy,
    "sqlalchemy-session": by_alchemy_session,
    "sqlalchemy-async-connection": by_alchemy_async,
    "sqlalchemy-async-session-asyncpg": _by_async_session("asyncpg"),
    "sqlalchemy-async-session-psycopg": _by_async_session("psycopg_async"),
}

kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def rota(postgres_url: str) -> Iterator[Rota]:
    made = Rota("web", database_url=postgres_url)

    @made.task(**DUTY)
    async def mail(to: str = "all", count: int = 1) -> None: ...

    apply(made.ledger, made.loaded, author="ann", reason="test")
    with psycopg.connect(_plain(postgres_url), autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {_schema(postgres_url)}.article (title text)")  # type: ignore[arg-type]  # our name
    yield made
    made.close()


def _schema(url: str) -> str:
    return url.rpartition("schema=")[2]


def runs(rota: Rota) -> list[Any]:
    return rota.ledger.runs(RunFilter(order="oldest"))


async def _hand_in(rota: Rota, theirs: Theirs) -> Any:
    await theirs.execute(f"INSERT INTO {rota.ledger.address.schema}.article VALUES ('one')")  # type: ignore[attr-defined]  # a PostgreSQL ledger
    await rota.schedule("mail", key="reader:1", every="1h", connection=theirs.connection)
    return await rota.enqueue("mail", args={"to": "ann", "count": 3}, key="a", connection=theirs.connection)


@kinds
def test_it_is_there_with_the_commit_and_not_before(rota: Rota, postgres_url: str, kind: str) -> None:
    async def go() -> None:
        async with KINDS[kind](postgres_url) as theirs:
            made = await _hand_in(rota, theirs)
            assert made.created
            assert runs(rota) == []
            await theirs.commit()
            (run,) = runs(rota)
            assert (run.id, run.key, run.args) == (made.id, "a", '{"count":3,"to":"ann"}')
            assert [one.key for one in rota.ledger.schedules("web", "mail")] == ["reader:1"]

    asyncio.run(go())


@kinds
def test_it_was_never_there_with_the_rollback(rota: Rota, postgres_url: str, kind: str) -> None:
    async def go() -> None:
        async with KINDS[kind](postgres_url) as theirs:
            await _hand_in(rota, theirs)
            await theirs.rollback()
        assert runs(rota) == []
        assert rota.ledger.schedules("web", "mail") == []

    asyncio.run(go())


@kinds
def test_a_key_moves_the_run_that_waits(rota: Rota, postgres_url: str, kind: str) -> None:
    async def go() -> None:
        first = await rota.enqueue("mail", key="a")
        async with KINDS[kind](postgres_url) as theirs:
            again = await rota.enqueue("mail", args={"to": "bob"}, key="a", connection=theirs.connection)
            await theirs.commit()
        assert (again.id, again.created) == (first.id, False)
        assert [run.args for run in runs(rota)] == ['{"to":"bob"}']

    asyncio.run(go())


@kinds
def test_arguments_that_do_not_fit_leave_the_transaction_as_it_was(
    rota: Rota, postgres_url: str, kind: str
) -> None:
    async def go() -> None:
        async with KINDS[kind](postgres_url) as theirs:
            await theirs.execute(f"INSERT INTO {_schema(postgres_url)}.article VALUES ('one')")
            with pytest.raises(ArgumentsError):
                await rota.enqueue("mail", args={"count": "many"}, connection=theirs.connection)
            await rota.enqueue("mail", connection=theirs.connection)
            await theirs.commit()
        assert len(runs(rota)) == 1

    asyncio.run(go())


@kinds
def test_a_savepoint_takes_it_back_alone(rota: Rota, postgres_url: str, kind: str) -> None:
    async def go() -> None:
        async with KINDS[kind](postgres_url) as theirs:
            await rota.enqueue("mail", key="kept", connection=theirs.connection)
            await theirs.execute("SAVEPOINT one")
            await rota.enqueue("mail", key="gone", connection=theirs.connection)
            await theirs.execute("ROLLBACK TO SAVEPOINT one")
            await theirs.commit()
        assert [run.key for run in runs(rota)] == ["kept"]

    asyncio.run(go())


@kinds
def test_a_database_without_the_ledger_is_refused(rota: Rota, postgres_url: str, kind: str) -> None:
    async def go() -> None:
        with psycopg.connect(_plain(postgres_url), autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS elsewhere_" + _schema(postgres_url)[2:10])  # type: ignore[arg-type]  # our name
            admin.execute("CREATE DATABASE elsewhere_" + _schema(postgres_url)[2:10])  # type: ignore[arg-type]  # our name
            other = postgres_url.replace("/postgres?", f"/elsewhere_{_schema(postgres_url)[2:10]}?")
            try:
                async with KINDS[kind](other) as theirs:
                    with pytest.raises(LedgerVersion):
                        await rota.enqueue("mail", connection=theirs.connection)
                    await theirs.rollback()
            finally:
                admin.execute(f"DROP DATABASE elsewhere_{_schema(postgres_url)[2:10]} WITH (FORCE)")  # type: ignore[arg-type]  # our name

    asyncio.run(go())


def test_many_callers_at_once(rota: Rota, postgres_url: str) -> None:
    async def one(number: int) -> None:
        async with by_asyncpg(postgres_url) as theirs:
            await rota.enqueue(
                "mail", key=f"k{number % 5}", args={"count": number}, connection=theirs.connection
            )
            await (theirs.rollback() if number % 4 == 0 else theirs.commit())

    async def go() -> None:
        await asyncio.gather(*(one(number) for number in range(20)))

    asyncio.run(go())
    assert sorted(run.key for run in runs(rota)) == [f"k{number}" for number in range(5)]


def test_a_caller_that_is_cancelled_has_the_connection_to_itself_again(rota: Rota, postgres_url: str) -> None:
    async def go() -> None:
        async with by_asyncpg(postgres_url) as blocker, by_asyncpg(postgres_url) as theirs:
            await rota.enqueue("mail", key="a", connection=blocker.connection)  # holds the key until it ends
            waits = asyncio.create_task(rota.enqueue("mail", key="a", connection=theirs.connection))
            await asyncio.sleep(0.5)
            waits.cancel()
            await asyncio.sleep(0.2)
            await blocker.rollback()
            with pytest.raises(asyncio.CancelledError):
                await waits
            await theirs.rollback()  # it would fail, were anything still under way on it
        assert runs(rota) == []

    asyncio.run(go())


def test_autocommit_is_refused(rota: Rota, postgres_url: str) -> None:
    async def go() -> None:
        with psycopg.connect(_plain(postgres_url), autocommit=True) as connection:
            with pytest.raises(UsageError, match="in no transaction"):
                await rota.enqueue("mail", connection=connection)
            with connection.transaction():
                await rota.enqueue("mail", key="a", connection=connection)
        connection = await asyncpg.connect(_plain(postgres_url))
        with pytest.raises(UsageError, match="in no transaction"):
            await rota.enqueue("mail", connection=connection)
        await connection.close()
        engine = sa.create_engine(
            _alchemy_url(postgres_url, "psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        with engine.connect() as theirs, pytest.raises(UsageError, match="in no transaction"):
            await rota.enqueue("mail", connection=theirs)

    asyncio.run(go())
    assert [run.key for run in runs(rota)] == ["a"]


def test_a_transaction_that_has_failed_is_refused(rota: Rota, postgres_url: str) -> None:
    with psycopg.connect(_plain(postgres_url)) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")
        with pytest.raises(UsageError, match="failed already"):
            rota.enqueue_sync("mail", connection=connection)
        connection.rollback()


def test_what_is_no_connection_is_refused(rota: Rota) -> None:
    with pytest.raises(UsageError) as refused:
        rota.enqueue_sync("mail", connection=object())
    assert refused.value.found == "builtins.object"
