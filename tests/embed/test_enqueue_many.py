"""Many runs handed in together: all of them or none, in the order of their arguments."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rota import Rota
from rota.change.apply import apply
from rota.errors import ArgumentsError
from rota.ledger.records import RunFilter


@pytest.fixture
def rota(tmp_path: Path):
    made = Rota("web", database_url=f"sqlite:///{tmp_path / 'rota.db'}")

    @made.task(
        owner="web@example.org", expects="a digest is sent", rollback="nothing to put back", deadline="1h"
    )
    async def send_digest(reader: int) -> None: ...

    apply(made.ledger, made.loaded, author="test", reason="test")
    yield made
    made.close()


def test_each_has_its_own_arguments_and_all_have_the_same_time(rota: Rota):
    at = datetime(2031, 3, 30, 8, tzinfo=ZoneInfo("Europe/Berlin"))
    many = ({"reader": n} for n in range(5))
    done = asyncio.run(rota.enqueue_many("send-digest", many, at=at, priority=7))
    runs = {run.id: run for run in rota.ledger.runs(RunFilter(limit=10))}
    assert [runs[one.id].args for one in done] == [f'{{"reader":{n}}}' for n in range(5)]
    assert all(one.created for one in done)
    assert {(run.run_at, run.priority) for run in runs.values()} == {(int(at.timestamp()) * 1_000_000, 7)}


def test_one_that_does_not_fit_leaves_none(rota: Rota):
    with pytest.raises(ArgumentsError):
        rota.enqueue_many_sync("send-digest", [{"reader": 1}, {"reader": "Ada"}])
    assert rota.ledger.runs(RunFilter()) == []


def test_none_are_none(rota: Rota):
    assert rota.enqueue_many_sync("send-digest", []) == []
