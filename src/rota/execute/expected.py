"""What each check of a task expects, in words: the same in a verdict, on a page and in a message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rota.clock import MICROSECOND
from rota.model.task import Command, Expectation, Function, Request, Target
from rota.model.verdict import Check
from rota.timing.lengths import length

__all__ = ["expected", "spoken", "target_name"]

LONGEST = 300
"""Characters of a schema or of a list of patterns that are shown."""


def expected(expectation: Expectation) -> dict[Check, str]:
    """Each check that the expectation asks for, and what it expects. ``run`` is always among them.

    >>> expected(Expectation(max_duration=timedelta(seconds=30)))[Check.MAX_DURATION]
    'a run takes at most 30 s'
    """
    found = {Check.RUN: "every run succeeds, and none is missed"}
    if expectation.max_duration is not None:
        found[Check.MAX_DURATION] = f"a run takes at most {spoken(expectation.max_duration)}"
    if expectation.result is not None:
        found[Check.RESULT] = f"the result fits {_schema(expectation.result)}"
    if expectation.output:
        found[Check.OUTPUT] = _output(expectation.output)
    if expectation.verify is not None:
        found[Check.VERIFY] = f"{target_name(expectation.verify)} is content with what the run did"
    if expectation.fresh_within is not None:
        found[Check.FRESH] = f"a success at least every {spoken(expectation.fresh_within)}"
    if expectation.max_lateness is not None:
        found[Check.LATENESS] = f"a run starts within {spoken(expectation.max_lateness)} of its instant"
    if expectation.objective is not None:
        target, window = expectation.objective.target, spoken(expectation.objective.window)
        found[Check.OBJECTIVE] = f"{target:g} % of the occurrences of {window} succeed, and on time"
    if expectation.usual_duration:
        found[Check.DURATION] = "a run takes about as long as the task's runs used to"
    return found


def spoken(value: timedelta) -> str:
    """A length of time in words."""
    return length(value // MICROSECOND)


def _schema(schema: Mapping[str, Any]) -> str:
    """A schema's gist: its type and what it requires; the whole, cut short, where it says something else."""
    if schema.keys() <= {"type", "required", "properties"} and isinstance(schema.get("type"), str):
        needs = schema.get("required") or ()
        return f"{schema['type']}" + (f" with {', '.join(needs)}" if needs else "")
    text = json.dumps(schema, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _output(output: Mapping[str, Any]) -> str:
    parts = []
    if output.get("matches"):
        parts.append("the output has " + " and ".join(f"/{one}/" for one in output["matches"]))
    if output.get("absent"):
        parts.append("the output has no " + " nor ".join(f"/{one}/" for one in output["absent"]))
    return ", and ".join(parts)[:LONGEST]


def target_name(target: Target) -> str:
    """What is run, as its author wrote it."""
    match target:
        case Function(path=path):
            return path
        case Command(argv=argv):
            return " ".join(argv)
        case Request(url=url, method=method):
            return f"{method} {url}"
