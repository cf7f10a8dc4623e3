"""Each check of a run's expected result, met and not met, on a real node and both ledgers."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.engine.harness import DUTY, QUICK, ended, until

from rota import Rota, Run
from rota.clock import SECOND, Instant, from_instant
from rota.model.run import Reason, State
from rota.model.verdict import Check, Standing

LOG = logging.getLogger("tests.expectations")


async def publish(published: int = 1, wait: float = 0.0, say: str = "") -> dict[str, int]:
    await asyncio.sleep(wait)
    if say:
        LOG.warning(say)
    return {"published": published}


def published_some(result: dict[str, int]) -> bool:
    """A verification that takes the result; it runs in a worker process."""
    return result["published"] > 0


async def raises(run: Run, result: Any) -> None:
    if result["published"] == 0:
        raise AssertionError(f"run {run.id} published nothing")


@pytest.fixture
def answering() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that is content with what was published, and remembers what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            self.send_response(200 if body["result"]["published"] else 409)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/verify", asked
    server.shutdown()
    server.server_close()


SCHEMA = {"type": "object", "required": ["published"], "properties": {"published": {"minimum": 1}}}
COMMAND = [
    sys.executable,
    "-c",
    "import json, os; assert json.loads(os.environ['ROTA_RESULT'])['published'] > 0, 'none'",
]
HERE = "tests.engine.test_expectations"

# name of the case -> the expectation, arguments that meet it, arguments that do not, the check, what the verdict says
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], Check, str]] = {
    "duration": ({"max_duration": "150ms"}, {}, {"wait": 0.3}, Check.MAX_DURATION, "it took 3"),
    "result": ({"result": SCHEMA}, {}, {"published": 0}, Check.RESULT, "the result.published must be bigger"),
    "output has": ({"output": {"matches": ["went? out"]}}, {"say": "it went out"}, {"say": "no"}, Check.OUTPUT, "no /went"),
    "output has not": ({"output": {"absent": "Trouble"}}, {"say": "fine"}, {"say": "Trouble!"}, Check.OUTPUT, "in it: Trouble"),
    "verify, a function": ({"verify": f"{HERE}:published_some"}, {}, {"published": 0}, Check.VERIFY, "it answered False"),
    "verify, a coroutine": ({"verify": f"{HERE}:raises"}, {}, {"published": 0}, Check.VERIFY, "published nothing"),
    "verify, a command": ({"verify": COMMAND}, {}, {"published": 0}, Check.VERIFY, "status 1: AssertionError: none"),
    "verify, a request": ({"verify": {"url": "HERE"}}, {}, {"published": 0}, Check.VERIFY, "409"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_check_is_met_and_is_not(
    case: str, url: str, answering: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    expectation, fits, misfits, check, words = CASES[case]
    if case == "verify, a request":
        expectation = {"verify": {"url": answering[0], "method": "POST"}}
    caplog.set_level(logging.INFO, "tests.expectations")
    rota = Rota("test", database_url=url, **QUICK)
    rota.task(name="publish", expectation=expectation, **DUTY)(publish)

    async def scenario() -> None:
        async with rota.running():
            met = await ended(rota, (await rota.enqueue("publish", args=fits)).id, 20)
            assert (met.state, met.error) == (State.SUCCEEDED, None)
            one = await until(lambda: verdict(rota, check))
            assert (one.standing, one.run_id, one.unmet_at) == (Standing.MET, met.id, None)
            unmet = await ended(rota, (await rota.enqueue("publish", args=misfits)).id, 20)
            assert (unmet.state, unmet.reason) == (State.FAILED, Reason.EXPECTATION)
            assert json.loads(str(unmet.result)) == {
                "published": misfits.get("published", 1)
            }  # it is evidence
            told = json.loads(str(unmet.error))
            assert told["type"] == "ExpectationUnmet"
            assert [part["check"] for part in told["checks"]] == [check]
            assert words in told["checks"][0]["found"]
            two = await until(lambda: verdict(rota, check, Standing.UNMET))
            assert (two.run_id, two.unmet_run) == (unmet.id, unmet.id)
            assert words in two.found
            assert two.expected == one.expected == told["checks"][0]["expected"]
            assert two.since_at >= one.at

    asyncio.run(scenario())
    rota.close()


def verdict(rota: Rota, check: Check, standing: Standing | None = None) -> Any:
    found = [one for one in rota.ledger.verdicts() if one.check is check]
    return next((one for one in found if standing in (None, one.standing)), None)


def test_a_run_that_does_not_meet_it_is_tried_again_and_may_meet_it_then(url: str, tmp_path: Path) -> None:
    rota = Rota("test", database_url=url, **QUICK)
    mark = tmp_path / "tried"

    async def second_time() -> bool:
        before = mark.exists()
        mark.touch()
        return before

    rota.task(
        name="publish",
        expectation={"result": {"const": True}},
        retry={"attempts": 2, "backoff": "10ms"},
        **DUTY,
    )(second_time)

    async def scenario() -> None:
        async with rota.running():
            run = await ended(rota, (await rota.enqueue("publish")).id)
            assert (run.state, run.attempt) == (State.SUCCEEDED, 2)
            assert [one.state for one in rota.ledger.attempts(run.id)] == ["unmet", "succeeded"]
            assert await until(lambda: verdict(rota, Check.RESULT, Standing.MET))

    asyncio.run(scenario())
    rota.close()


def test_what_cannot_be_judged_is_not_met(url: str) -> None:
    rota = Rota("test", database_url=url, **QUICK)
    rota.task(name="publish", expectation={"verify": ["/no/such/program"]}, **DUTY)(publish)

    async def scenario() -> None:
        async with rota.running():
            run = await ended(rota, (await rota.enqueue("publish")).id)
            assert (run.state, run.reason) == (State.FAILED, Reason.EXPECTATION)
            assert "/no/such/program" in str(run.error)

    asyncio.run(scenario())
    rota.close()


def test_a_late_start_is_a_verdict_and_fails_no_run(url: str) -> None:
    rota = Rota("test", database_url=url, **QUICK)
    rota.task(name="publish", expectation={"max_lateness": timedelta(seconds=1)}, **DUTY)(publish)

    async def scenario() -> None:
        async with rota.running():
            on_time = await ended(rota, (await rota.enqueue("publish")).id)
            one = await until(lambda: verdict(rota, Check.LATENESS))
            assert (one.standing, one.run_id) == (Standing.MET, on_time.id)
        past = Instant(rota.ledger.now() + SECOND // 10)
        handed = await rota.enqueue("publish", at=from_instant(past))
        time.sleep(1.5)  # no node is there meanwhile
        async with rota.running():
            late = await ended(rota, handed.id)
            assert late.state is State.SUCCEEDED
            two = await until(lambda: verdict(rota, Check.LATENESS, Standing.UNMET))
            assert two.run_id == late.id
            assert "late" in two.found

    asyncio.run(scenario())
    rota.close()


def test_a_task_without_an_expectation_is_judged_by_how_its_runs_end(url: str) -> None:
    rota = Rota("test", database_url=url, **QUICK)
    rota.task(name="publish", **DUTY)(publish)

    async def scenario() -> None:
        async with rota.running():
            await ended(rota, (await rota.enqueue("publish")).id)
        assert [(one.check, one.standing) for one in rota.ledger.verdicts()] == [(Check.RUN, Standing.MET)]

    asyncio.run(scenario())
    rota.close()
