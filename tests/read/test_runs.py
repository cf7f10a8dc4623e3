"""Lists of runs by an allowlisted query, and one run with why it is as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.read.house import EVIL, House, errored, succeeded

from rota.change import actions
from rota.clock import SECOND, Instant
from rota.errors import UnknownName, UsageError
from rota.ledger.records import RunFilter
from rota.model.run import Kind, NewRun, State
from rota.read.filters import run_query
from rota.read.runs import log_lines, log_tail, run_detail, run_list, run_text


def test_pages_of_a_thousand_runs_show_each_once_in_order_there_and_back(house: House) -> None:
    task = house.task("republish")
    house.ledger.enqueue([NewRun(task.id, Kind.ENQUEUED, house.now, house.now) for _ in range(1000)])
    seen: list[int] = []
    where = RunFilter(limit=90)
    pages = []
    while True:
        page = run_list(house.ledger, where)
        pages.append([run.id for run in page.runs])
        seen += pages[-1]
        if page.older is None:
            break
        where = RunFilter(limit=90, before=page.older)
    assert len(seen) == len(set(seen)) == 1000
    assert seen == sorted(seen, reverse=True)
    back = run_list(house.ledger, RunFilter(limit=90, after=pages[-1][0]))
    assert [run.id for run in back.runs] == pages[-2][-(len(back.runs)) :] == pages[-2]
    assert back.newer is not None
    assert run_list(house.ledger, RunFilter(limit=90, after=pages[1][0])).newer is None


def test_a_query_filters_by_task_state_kind_and_time(house: House) -> None:
    house.clock.move(seconds=60)
    [first] = house.round(errored())
    house.clock.move(seconds=60)
    house.round(succeeded())
    asked = {"task": "publish-due", "state": "failed, succeeded", "kind": "scheduled"}
    assert len(run_list(house.ledger, run_query(house.ledger, asked)).runs) == 2
    failed = run_list(house.ledger, run_query(house.ledger, {"state": "failed"}))
    assert [run.id for run in failed.runs] == [first.id]
    since = run_query(house.ledger, {"since": "2026-11-23T12:02:00Z"})
    assert first.id not in [run.id for run in run_list(house.ledger, since).runs]
    naive = run_query(house.ledger, {"since": "2026-11-23T12:02"})
    assert naive.since == since.since


@pytest.mark.parametrize(
    "asked",
    [
        {"stat": "failed"},
        {"state": "faild"},
        {"kind": "x"},
        {"since": "yesterday"},
        {"before": "-1"},
        {"before": "٣"},
        {"limit": "100000"},
        {"limit": "0"},
        {"after": str(2**70)},
        {"order": "due"},
    ],
)
def test_a_query_outside_the_allowlist_is_refused(house: House, asked: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        run_query(house.ledger, asked)
    assert caught.value.expected


def test_an_unknown_task_in_a_query_names_the_nearest(house: House) -> None:
    with pytest.raises(UnknownName, match="publish-due"):
        run_query(house.ledger, {"task": "publish-du"})


def test_a_run_tells_its_way_and_why(house: House) -> None:
    house.clock.move(seconds=60)
    [claimed] = house.round(succeeded({"published": 3}), late=30, took=2)
    house.log(claimed.id, "one", EVIL)
    view = run_detail(house.ledger, claimed.id)
    assert view.run.state is State.SUCCEEDED
    assert view.why == "It was due by its schedule. It started late by 30 s and succeeded."
    assert view.result == '{"published": 3}'
    assert (view.run.late, view.run.took) == (30 * SECOND, 2 * SECOND)
    assert [attempt.state for attempt in view.attempts] == ["succeeded"]
    assert [line.text for line in log_lines(house.ledger, claimed.id)] == ["one", EVIL]
    assert run_text(house.ledger, claimed.id).count("\n") == 2


def test_a_running_run_tells_how_far_it_is_and_how_long_it_may_take(house: House) -> None:
    house.clock.move(seconds=60)
    house.fire()
    [claimed] = house.claim()
    house.clock.move(seconds=10)
    house.progress(claimed, {"done": 25, "total": 100, "note": "articles"})
    view = run_detail(house.ledger, claimed.id)
    assert view.progress is not None
    assert (view.progress.share, view.progress.note) == (0.25, "articles")
    assert view.progress.left is None or view.progress.left >= 0
    assert "running" in view.why


@pytest.mark.parametrize(
    "said", [{"done": None, "total": 0}, {"done": "x", "total": []}, {"done": 5, "total": -1}]
)
def test_odd_progress_does_not_break_the_page(house: House, said: dict[str, object]) -> None:
    house.clock.move(seconds=60)
    house.fire()
    [claimed] = house.claim()
    house.progress(claimed, said)
    view = run_detail(house.ledger, claimed.id)
    assert view.progress is None or view.progress.share is None or 0 <= view.progress.share <= 1


def test_who_triggered_a_run_is_part_of_why(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("republish"), args=None, actor="ann", reason="a typo")
    assert run_detail(house.ledger, run_id).why.startswith("It was triggered by ann.")
    later = Instant(house.now + timedelta(hours=1) // timedelta(microseconds=1))
    delayed = actions.trigger(house.ledger, house.task("republish"), args=None, actor="ann", run_at=later)
    assert "in 1 h" in run_detail(house.ledger, delayed).why


@pytest.mark.parametrize("run_id", [0, -1, 99, 2**63, 2**100])
def test_a_run_that_is_not_there_is_an_unknown_name(house: House, run_id: int) -> None:
    with pytest.raises(UnknownName):
        run_detail(house.ledger, run_id)
    with pytest.raises(UnknownName):
        log_lines(house.ledger, run_id)


def test_the_tail_of_a_long_log_says_how_much_is_before_it(house: House) -> None:
    run_id = actions.trigger(house.ledger, house.task("republish"), args=None, actor="ann")
    house.log(run_id, *(f"line {n}" for n in range(2500)))
    lines, earlier = log_tail(house.ledger, run_id, 100)
    assert (len(lines), earlier, lines[-1].text) == (100, 2400, "line 2499")
