"""`rota.testing`, as those use it who test their own tasks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rota import GiveUp, Rota, Run
from rota.testing import ManualClock, RotaForTests, rota_for_tests

DUTY = {"owner": "Ann <ann@example.org>", "expects": "it is done", "rollback": "nothing to put back"}
BEGIN = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)


def site() -> Rota:
    rota = Rota("site")

    @rota.task(schedule="*/15 * * * *", **DUTY)
    async def rebuild_sitemap(run: Run) -> dict[str, str]:
        return {"due": run.scheduled_at.isoformat()}

    @rota.task(isolation="thread", **DUTY)
    def count(words: list[str]) -> int:
        return len(words)

    @rota.task(**DUTY)
    async def breaks() -> None:
        raise GiveUp("there is nothing to be done")

    return rota


@pytest.fixture
def tested(tmp_path: Path) -> Iterator[RotaForTests]:
    with rota_for_tests(site(), tmp_path, at=BEGIN) as rota:
        yield rota


def test_the_fixture_comes_with_the_package(rota_clock: ManualClock) -> None:
    assert rota_clock.at == datetime(2026, 1, 1, tzinfo=UTC)
    rota_clock.move(minutes=1)
    assert rota_clock.at == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def test_nothing_runs_before_it_is_due(tested: RotaForTests) -> None:
    assert tested.drain() == []
    tested.clock.move(seconds=59)
    assert tested.drain() == []
    tested.clock.move(seconds=1)
    (run,) = tested.drain()
    assert (run.task, run.state) == ("rebuild-sitemap", "succeeded")
    assert run.result == '{"due":"2026-03-29T01:00:00+00:00"}'


def test_what_was_missed_is_caught_up_as_the_task_says(tested: RotaForTests) -> None:
    tested.clock.move(hours=3)
    (run,) = tested.drain()
    assert run.covers_count == 12


def test_run_once_gives_the_record(tested: RotaForTests) -> None:
    run = tested.run_once("count", args={"words": ["a", "b"]})
    assert (run.state, run.result) == ("succeeded", "2")
    failed = tested.run_once("breaks")
    assert (failed.state, failed.reason) == ("failed", "error")


def test_a_run_for_later_waits_for_its_time(tested: RotaForTests) -> None:
    later = BEGIN + timedelta(minutes=10)
    tested.enqueue("count", args={"words": []}, key="one", at=later)
    tested.drain()
    tested.assert_waiting("count", key="one", at=later)
    tested.clock.move(minutes=10)
    tested.drain()
    tested.assert_ran("count")


def test_assertions_say_what_they_found(tested: RotaForTests) -> None:
    tested.run_once("breaks")
    with pytest.raises(AssertionError, match=r"expected 1 succeeded runs of breaks, found 0: #1 failed"):
        tested.assert_ran("breaks")
    with pytest.raises(AssertionError, match="found none"):
        tested.assert_waiting("count")


def test_a_task_that_never_comes_to_an_end_is_said(tested: RotaForTests) -> None:
    for _ in range(3):
        tested.enqueue("count", args={"words": []})
    with pytest.raises(AssertionError, match="more than 2 runs"):
        tested.drain(limit=2)


def test_time_does_not_pass_backwards(rota_clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="backwards"):
        rota_clock.move(seconds=-1)
    rota_clock.set(datetime(2025, 1, 1, tzinfo=UTC))
    assert rota_clock.monotonic() == 0.0
