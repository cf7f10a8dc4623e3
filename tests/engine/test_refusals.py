"""One record that the ledger refuses, or one schedule that cannot be computed, holds up nobody else."""

from __future__ import annotations

import asyncio
import json

from tests.engine.harness import DUTY, ended, rota_in, until

from rota import Run
from rota.errors import LedgerError, LedgerUnreachable, ScheduleError
from rota.model.run import State


def test_one_outcome_that_is_refused_is_recorded_as_such_and_the_others_as_they_are(tmp_path, monkeypatch):
    rota = rota_in(tmp_path)

    @rota.task(**DUTY)
    async def answer(value: int) -> int:
        return value

    real = type(rota.ledger).finish

    def picky(self, node, finishes):
        if any(one.result == "13" for one in finishes):
            raise LedgerError("it does not like thirteen")
        return real(self, node, finishes)

    monkeypatch.setattr(type(rota.ledger), "finish", picky)

    async def scenario():
        async with rota.running():
            ids = [(await rota.enqueue("answer", args={"value": value})).id for value in (11, 12, 13, 14, 15)]
            return [await ended(rota, id_) for id_ in ids]

    all_ = asyncio.run(scenario())
    assert [run.result for run in all_] == ["11", "12", None, "14", "15"]
    assert "could not be recorded: it does not like thirteen" in json.loads(all_[2].error)["message"]


def test_outcomes_wait_for_a_ledger_that_is_away_and_are_then_written(tmp_path, monkeypatch):
    rota = rota_in(tmp_path, lease=30)
    away = asyncio.Event()

    @rota.task(**DUTY)
    async def work(run: Run) -> str:
        run.log("a line")
        away.set()
        return "kept"

    real = {name: getattr(type(rota.ledger), name) for name in ("finish", "write_log")}
    refusals = []

    def gone(name):
        def method(self, *args, **kwargs):
            if away.is_set():
                refusals.append(name)
                raise LedgerUnreachable("the disk is full")
            return real[name](self, *args, **kwargs)

        return method

    for name in real:
        monkeypatch.setattr(type(rota.ledger), name, gone(name))

    async def scenario():
        async with rota.running():
            handed = await rota.enqueue("work")
            await until(lambda: len(refusals) >= 3)
            waiting = rota.ledger.run(handed.id).state
            away.clear()
            return waiting, await ended(rota, handed.id, within=30), rota.ledger.log(handed.id)

    waiting, run, log = asyncio.run(scenario())
    assert waiting is State.RUNNING
    assert (run.state, run.attempt, run.result) == (State.SUCCEEDED, 1, '"kept"')
    assert [line.text for line in log] == ["a line"]


def test_a_schedule_that_cannot_be_computed_here_holds_up_no_other(tmp_path, monkeypatch):
    from rota.engine import planner

    rota, ran = rota_in(tmp_path), []

    @rota.task(**DUTY, schedule={"every": "100ms"}, overlap="allow")
    async def good() -> None:
        ran.append("good")

    @rota.task(**DUTY, schedule={"every": "150ms"}, overlap="allow")
    async def bad() -> None:
        ran.append("bad")

    real = planner.compile_schedule

    def compile_(schedule, *, seed=""):
        if "/bad/" in seed:
            raise ScheduleError("the holidays of Atlantis are not installed here")
        return real(schedule, seed=seed)

    monkeypatch.setattr(planner, "compile_schedule", compile_)

    async def scenario():
        async with rota.running():
            await until(lambda: ran.count("good") >= 5)

    asyncio.run(scenario())
    assert "bad" not in ran
