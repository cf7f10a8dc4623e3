"""Asks of a run that returned whether it did what is expected of it. The dearest check, ``verify``, comes last, and only
where the others are met: a run that has failed is not looked at further."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic_core import from_json

from rota.clock import MICROSECOND
from rota.execute.arguments import Prepared, prepare
from rota.execute.expected import expected
from rota.execute.loading import load
from rota.execute.outcomes import in_words
from rota.execute.protocol import Attempt, Executor, Outcome, Sink
from rota.model.task import Expectation, Function, Isolation, Request, Retries, Target, Task
from rota.model.verdict import OF_A_RUN, Check
from rota.timing.lengths import length

__all__ = ["SHOWN", "Asked", "Hearing", "Inspector", "complaints"]

HEARD = 1_000_000
"""Characters of a run's output that are kept for its patterns: the latest."""

VERIFY_WITHIN = timedelta(seconds=60)
"""How long a verification may take."""

SHOWN = 200  # characters of a result in a verdict


class Hearing:
    """A sink that passes everything on and keeps what was said, for a task whose output is judged."""

    __slots__ = ("_kept", "_size", "behind")

    def __init__(self, sink: Sink) -> None:
        self.behind = sink
        self._kept: list[str] | None = None  # most runs say nothing: a list is made for those that do
        self._size = 0

    def line(self, source: str, text: str) -> None:
        self.behind.line(source, text)
        if self._kept is None:
            self._kept = []
        self._kept.append(text)
        self._size += len(text) + 1
        if self._size > 2 * HEARD:
            whole = "\n".join(self._kept)[-HEARD:]
            self._kept, self._size = [whole], len(whole)

    def progress(self, done: float, total: float | None, note: str) -> None:
        self.behind.progress(done, total, note)

    @property
    def text(self) -> str:
        """What was said, the latest of it; nothing is an empty text."""
        return "\n".join(self._kept)[-HEARD:] if self._kept is not None else ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one task's runs, made ready once."""

    words: Mapping[Check, str]  # what each check expects; the order is that of asking
    most: int | None  # microseconds
    fits: (
        Callable[[object], object] | None
    )  # takes a result that fits its schema, and raises `misfit` for others
    misfit: type[Exception]
    unheard: Callable[[str], str | None] | None  # of an output: what is missing or unwanted in it
    silence: str | None  # what is wrong with an output of nothing
    verify: Target | None


class Inspector:
    """Judges the runs of a node's tasks. What a task asks for is compiled once, with its first run."""

    def __init__(self, executors: Mapping[str, Executor]) -> None:
        self._executors = executors
        self._asked: dict[str, tuple[Expectation, Asked | None]] = {}
        self._prepared: dict[str, Prepared] = {}

    def asked(self, task: Task) -> Asked | None:
        """What is asked of the task's runs; None where nothing is."""
        known = self._asked.get(task.name)
        if known is None or known[0] is not task.expectation:
            known = self._asked[task.name] = (task.expectation, _ask(task.expectation))
        return known[1]

    async def verify(self, target: Target, attempt: Attempt, outcome: Outcome) -> str | None:
        """What the verification has to complain of, or None."""
        try:
            look = await self._look(target, attempt, outcome)
            executor = self._executors[look.task.executor]
            said = await asyncio.wait_for(executor.execute(look), VERIFY_WITHIN.total_seconds())
        except TimeoutError:
            return f"the check itself did not end within {VERIFY_WITHIN.total_seconds():g} s"
        except Exception as error:  # it cannot be loaded, say: what cannot be judged is not met
            return f"the check itself could not be carried out: {type(error).__name__}: {error}"
        if said.ended != "succeeded":
            return in_words(said.error, typed=False) if said.error else f"the check ended as {said.ended}"
        return "it answered False" if said.result == "false" else None

    async def _look(self, target: Target, attempt: Attempt, outcome: Outcome) -> Attempt:
        """The verification as an attempt of its own, under the run's name and with its log."""
        result = json.loads(outcome.result) if outcome.result is not None else None
        args: Mapping[str, Any] = {}
        if isinstance(target, Function):
            prepared = self._prepared.get(target.path)
            if prepared is None:
                prepared = self._prepared[target.path] = prepare(await asyncio.to_thread(load, target.path))
            target = replace(target, isolation=Isolation.LOOP if prepared.is_async else target.isolation)
            args = {"result": result} if "result" in prepared.known else {}
        elif isinstance(target, Request):
            if target.json is None and target.method in ("POST", "PUT", "PATCH"):
                target = replace(
                    target, json={"run": attempt.run.id, "task": attempt.task.name, "result": result}
                )
        else:
            target = replace(target, env={**target.env, "ROTA_RESULT": json.dumps(result)})
        task = replace(attempt.task, target=target, args={}, retry=Retries(), expectation=Expectation())
        sink = attempt.sink.behind if isinstance(attempt.sink, Hearing) else attempt.sink
        return Attempt(task, replace(attempt.run, args=args, _sink=None), sink)


def complaints(asked: Asked, sink: Sink, outcome: Outcome, took: int) -> dict[Check, str]:
    """What is to be complained of in a run that returned after ``took`` microseconds, but for its verification."""
    found: dict[Check, str] = {}
    if asked.most is not None and took > asked.most:
        found[Check.MAX_DURATION] = f"it took {length(took)}"
    result = outcome.result
    if asked.fits is not None:
        try:
            asked.fits(None if result is None else from_json(result))
        except asked.misfit as error:
            found[Check.RESULT] = _misfit(error, result)
    if asked.unheard is not None:
        heard = sink.text if isinstance(sink, Hearing) else ""
        unheard = asked.unheard(heard) if heard else asked.silence
        if unheard is not None:
            found[Check.OUTPUT] = unheard
    return found


def _ask(expectation: Expectation) -> Asked | None:
    words = expected(expectation)
    asked = {check: words[check] for check in OF_A_RUN if check in words}
    if not asked:
        return None
    fits, misfit = _compiled(expectation.result)
    unheard = _unheard(expectation.output) if expectation.output else None
    return Asked(
        words=asked,
        most=None if expectation.max_duration is None else expectation.max_duration // MICROSECOND,
        fits=fits,
        misfit=misfit,
        unheard=unheard,
        silence=None if unheard is None else unheard(""),
        verify=expectation.verify,
    )


def _compiled(schema: Mapping[str, Any] | None) -> tuple[Callable[[object], object] | None, type[Exception]]:
    """The schema as a function, and what it raises."""
    if schema is None:
        return None, ValueError
    import fastjsonschema  # only where a result is judged

    return fastjsonschema.compile(dict(schema), use_default=False), fastjsonschema.JsonSchemaValueException


def _misfit(error: Exception, result: str | None) -> str:
    """What is wrong with a result, and the result."""
    shown = "nothing was returned" if result is None else result[:SHOWN]
    return f"{str(error).replace('data', 'the result', 1)}; it is {shown}"


def _unheard(output: Mapping[str, Any]) -> Callable[[str], str | None]:
    matches = [re.compile(one) for one in output.get("matches", ())]
    absent = [re.compile(one) for one in output.get("absent", ())]

    def unheard(heard: str) -> str | None:
        missing = [f"no /{one.pattern}/ in it" for one in matches if not one.search(heard)]
        found = [(one, one.search(heard)) for one in absent]
        unwanted = [f"/{one.pattern}/ in it: {hit[0][:SHOWN]}" for one, hit in found if hit is not None]
        return "; ".join([*missing, *unwanted]) or None

    return unheard
