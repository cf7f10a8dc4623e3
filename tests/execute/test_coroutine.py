"""A coroutine's run ends as a value, whatever the code does, and stops when asked."""

from __future__ import annotations

import asyncio
import json
import logging
import time

import pytest
from tests.execute import duties
from tests.execute.conftest import cancelled, make_attempt, on_loop, run, until

from rota.execute.coroutine import CoroutineExecutor
from rota.execute.limits import Limits
from rota.execute.output import CURRENT
from rota.execute.protocol import Outcome
from rota.execute.redact import Redactor
from rota.model.task import Function, Isolation


@pytest.fixture
def executor() -> CoroutineExecutor:
    duties.started.clear()
    duties.ended.clear()
    return CoroutineExecutor(Limits(log=4096, result=1000), Redactor())


def test_result_log_and_progress(executor: CoroutineExecutor) -> None:
    attempt = on_loop("publish", {"article": "12", "day": "2026-11-23"})

    async def main() -> Outcome:
        await executor.start()
        try:
            return await executor.execute(attempt)
        finally:
            await executor.close()

    outcome = run(main())
    assert outcome.ended == "succeeded"
    assert json.loads(outcome.result) == {
        "article": 12,
        "run": attempt.run.id,
        "day": "2026-11-23",
        "dry": False,
    }
    assert attempt.sink.lines == [("WARNING", "site.publishing: publishing 12"), ("INFO", "said by hand")]
    assert attempt.sink.reports == [(1, 2, "half")]
    assert CURRENT.get() is None


def test_nothing_is_no_result(executor: CoroutineExecutor) -> None:
    outcome = run(executor.execute(on_loop("nothing")))
    assert (outcome.ended, outcome.result, outcome.error) == ("succeeded", None, None)


@pytest.mark.parametrize(
    ("name", "ended", "type_", "words"),
    [
        ("large", "error", "ResultTooLarge", "at most 1000 bytes as JSON, found 100002"),
        ("odd", "error", "ResultNotJSON", "found object"),
        ("endless_values", "error", "ResultNotJSON", "generator"),
        ("fails", "error", "ValueError", "no such article"),
        ("fails_with_secret", "error", "ValueError", "postgresql://me:[hidden]@db/site"),
        ("fails_without_words", "error", "tests.execute.duties.Broken", "cannot be read"),
        ("asks_for_retry", "retry", "rota.execute.signals.Retry", "the feed is being rebuilt"),
        ("asks_in_group", "retry", "rota.execute.signals.Retry", "the feed is being rebuilt"),
        ("gives_up", "gave-up", "rota.execute.signals.GiveUp", "the article was deleted"),
        ("leaves", "error", "SystemExit", "sys.exit(3)"),
        ("interrupts", "error", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("cancels_itself", "error", "asyncio.exceptions.CancelledError", "CancelledError"),
        ("no_such_function", "error", "DefinitionError", "no function no_such_function"),
        ("publish", "rejected", "ArgumentsError", "article: expected a value, found none"),
    ],
)
def test_what_code_says_becomes_a_value(
    executor: CoroutineExecutor, name: str, ended: str, type_: str, words: str
) -> None:
    outcome = run(executor.execute(on_loop(name)))
    error = json.loads(outcome.error)
    assert (outcome.ended, error["type"]) == (ended, type_)
    assert words in error["message"]
    assert outcome.result is None
    assert "verysecret" not in outcome.error


def test_retry_carries_its_delay(executor: CoroutineExecutor) -> None:
    outcome = run(executor.execute(on_loop("asks_for_retry")))
    assert outcome.after is not None
    assert outcome.after.total_seconds() == 90


def test_unusable_result_notes_that_the_work_was_done(executor: CoroutineExecutor) -> None:
    assert "the work was done" in run(executor.execute(on_loop("large"))).note


def test_nan_becomes_null(executor: CoroutineExecutor) -> None:
    assert run(executor.execute(on_loop("not_a_number"))).result == "null"


def test_traceback_shows_only_the_tasks_own_frames(executor: CoroutineExecutor) -> None:
    trace = json.loads(run(executor.execute(on_loop("fails"))).error)["traceback"]
    assert "in fails" in trace
    assert "src/rota/" not in trace


def test_missing_module_and_module_that_raises(executor: CoroutineExecutor) -> None:
    missing = run(executor.execute(make_attempt(Function("no.such:thing", Isolation.LOOP))))
    assert "there is no module no" in json.loads(missing.error)["message"]
    broken = run(executor.execute(make_attempt(Function("tests.execute.broken:thing", Isolation.LOOP))))
    error = json.loads(broken.error)
    assert "ZeroDivisionError" in error["message"]
    assert "broken.py:5" in error["where"]


def test_stops_when_cancelled(executor: CoroutineExecutor) -> None:
    async def main() -> None:
        task = asyncio.create_task(executor.execute(on_loop("sleeps")))
        await until(duties.started.is_set)
        await cancelled(task)

    run(main())
    assert duties.ended.is_set()


def test_code_that_refuses_is_closed_after_its_grace(executor: CoroutineExecutor) -> None:
    async def main() -> None:
        task = asyncio.create_task(executor.execute(on_loop("refuses_to_stop", grace=0.05)))
        await until(duties.started.is_set)
        await cancelled(task, seconds=2)
        assert task.cancelling() == 1

    run(main())
    assert duties.ended.is_set()


def test_second_request_forces_at_once(executor: CoroutineExecutor) -> None:
    async def main() -> None:
        task = asyncio.create_task(executor.execute(on_loop("refuses_to_stop", grace=60)))
        await until(duties.started.is_set)
        task.cancel()
        await asyncio.sleep(0)
        await cancelled(task, seconds=2)

    run(main())


def test_ending_all_the_same_is_noted(executor: CoroutineExecutor) -> None:
    async def main() -> None:
        task = asyncio.create_task(executor.execute(on_loop("ends_when_asked")))
        await until(duties.started.is_set)
        task.cancel()
        outcome = await task
        assert outcome.result == '"tidied up"'
        assert "asked to stop" in outcome.note

    run(main())


def test_a_timeout_of_the_tasks_own_is_no_stop(executor: CoroutineExecutor) -> None:
    outcome = run(executor.execute(on_loop("times_itself_out")))
    assert (outcome.result, outcome.note) == ('"went on"', None)


def test_engine_timeout_around_it_is_told(executor: CoroutineExecutor) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await executor.execute(on_loop("refuses_to_stop", grace=0.02))

    run(main())


def test_overhead_of_a_run(executor: CoroutineExecutor) -> None:
    """A guard against a look at the signature per run, which alone takes tens of microseconds; the budget is 15."""

    async def main() -> float:
        attempts = [on_loop("nothing") for _ in range(2000)]
        begun = time.perf_counter()
        for attempt in attempts:
            await executor.execute(attempt)
        return (time.perf_counter() - begun) / len(attempts)

    logging.getLogger().setLevel(logging.WARNING)
    assert min(run(main()) for _ in range(3)) < 60e-6
