"""Recording on the caller's own connection: part of the caller's transaction, and nothing else is done to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.house import House

from rota.errors import LedgerVersion, UsageError
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.testing import ManualClock


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    """A ledger in the file of a site that uses Python's own sqlite3, with a table of the site's."""
    clock = ManualClock()
    ledger = SqliteLedger(tmp_path / "site.db", clock=clock, driver="sqlite3")
    ledger.migrate()
    house = House(ledger, clock, lambda: ledger)
    house.rota(house.task("tidy"))
    yield house
    ledger.close()


@pytest.fixture
def theirs(site: House, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "site.db")
    connection.row_factory = sqlite3.Row
    with connection:
        connection.execute("CREATE TABLE article (title TEXT)")
    yield connection
    connection.close()


def both(site: House, theirs: sqlite3.Connection) -> None:
    theirs.execute("INSERT INTO article VALUES ('one')")
    site.ledger.enqueue([site.new()], connection=theirs)
    site.put("tidy", "reader:1", 60, connection=theirs)


def test_it_is_there_with_the_callers_commit(site: House, theirs: sqlite3.Connection) -> None:
    both(site, theirs)
    assert theirs.in_transaction
    assert site.runs() == []  # not yet for others
    theirs.commit()
    assert len(site.runs()) == 1
    assert [one.key for one in site.ledger.schedules("web", "tidy")] == ["reader:1"]


def test_it_is_gone_with_the_callers_rollback(site: House, theirs: sqlite3.Connection) -> None:
    both(site, theirs)
    theirs.rollback()
    assert site.runs() == []
    assert site.ledger.schedules("web", "tidy") == []
    assert theirs.execute("SELECT count(*) FROM article").fetchone()[0] == 0


def test_the_callers_rows_stay_as_the_caller_wants_them(site: House, theirs: sqlite3.Connection) -> None:
    both(site, theirs)
    row = theirs.execute("SELECT title FROM article").fetchone()
    assert isinstance(row, sqlite3.Row)
    assert theirs.row_factory is sqlite3.Row


def test_a_connection_to_another_file_is_refused(site: House, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    with pytest.raises(UsageError) as refused:
        site.ledger.enqueue([site.new()], connection=other)
    other.close()
    assert "another file" in str(refused.value)
    memory = sqlite3.connect(":memory:")
    with pytest.raises(UsageError, match="one transaction") as refused:
        site.ledger.enqueue([site.new()], connection=memory)
    memory.close()


def test_what_is_no_connection_is_refused(site: House) -> None:
    with pytest.raises(UsageError) as refused:
        site.ledger.enqueue([site.new()], connection=object())
    assert refused.value.found == "builtins.object"


def test_two_sqlite_libraries_on_one_file_are_refused(house: House, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "rota.db")
    with pytest.raises(UsageError) as refused:
        house.ledger.enqueue([house.new()], connection=other)
    other.close()
    assert "two SQLite libraries" in str(refused.value)
    assert refused.value.next == ("ROTA_SQLITE_DRIVER=sqlite3",)


def test_a_ledger_that_is_not_there_yet_is_not_made_on_the_callers_connection(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "empty.db")
    connection.execute("CREATE TABLE article (title TEXT)")
    ledger = SqliteLedger(tmp_path / "empty.db", clock=ManualClock(), driver="sqlite3")
    with pytest.raises(LedgerVersion):
        ledger.enqueue([], connection=connection)
    ledger.close()
    connection.close()


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_a_connection_or_session_of_sqlalchemy_is_the_callers_too(
    site: House, theirs: sqlite3.Connection, tmp_path: Path, ends: str
) -> None:
    import sqlalchemy as sa
    from sqlalchemy.orm import Session

    theirs.close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'site.db'}")
    with engine.connect() as connection, Session(engine) as session:
        for one in (connection, session):
            one.execute(sa.text("INSERT INTO article VALUES ('one')"))
            site.ledger.enqueue([site.new(key="a")], connection=one)
            site.put("tidy", "reader:1", 60, connection=one)
            assert site.runs() == []
            getattr(one, ends)()
            assert len(site.runs()) == (1 if ends == "commit" else 0)
            if ends == "commit":
                break
    engine.dispose()
