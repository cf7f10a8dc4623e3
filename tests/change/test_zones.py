"""Zone data change: what is still to come moves with them, what has a record stays."""

from __future__ import annotations

from datetime import UTC, datetime

from rota import Rota
from rota.change.zones import keep_up_with_zones
from rota.clock import to_instant
from rota.testing import ManualClock, rota_for_tests
from rota.timing import zone_version


async def report() -> None: ...


def _rota() -> Rota:
    rota = Rota("web", timezone="Europe/Berlin")
    rota.task(
        schedule="0 8 * * *",
        owner="o@example.org",
        expects="a report",
        rollback="nothing to put back",
        overlap="allow",
    )(report)
    return rota


def test_cursors_follow_new_zone_data_once(tmp_path):
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    with rota_for_tests(_rota(), tmp_path, clock=clock) as rota:
        ledger = rota.ledger
        assert keep_up_with_zones(ledger) == 0
        assert ledger.zones() == zone_version()
        (schedule,) = ledger.schedules()
        right = schedule.next_at
        assert right == to_instant(datetime(2026, 5, 1, 6, tzinfo=UTC))
        wrong = right + 3_600_000_000  # as if the data of the day had said otherwise
        assert ledger.rezone("2020a", [(schedule.id, right, wrong)]) == 1
        assert keep_up_with_zones(ledger) == 1
        assert ledger.schedules()[0].next_at == right
        assert keep_up_with_zones(ledger) == 0


def test_an_older_node_does_not_put_back_what_a_newer_one_moved(tmp_path):
    with rota_for_tests(_rota(), tmp_path, clock=ManualClock(datetime(2026, 5, 1, tzinfo=UTC))) as rota:
        keep_up_with_zones(rota.ledger)
        assert keep_up_with_zones(rota.ledger, version="1999a") == 0
        assert rota.ledger.zones() == zone_version()


def test_what_fell_due_by_the_new_data_is_caught_up_and_nothing_runs_twice(tmp_path):
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    with rota_for_tests(_rota(), tmp_path, clock=clock) as rota:
        (schedule,) = rota.ledger.schedules()
        rota.ledger.rezone("2020a", [(schedule.id, schedule.next_at, schedule.next_at + 7_200_000_000)])
        clock.move(hours=7)  # 07:00 UTC: due at 06:00 by the right data, at 08:00 by the wrong
        assert rota.drain() == []
        assert keep_up_with_zones(rota.ledger) == 1
        assert [run.scheduled_at for run in rota.drain()] == [schedule.next_at]
        assert rota.drain() == []
