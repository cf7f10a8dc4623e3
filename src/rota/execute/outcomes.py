"""What user code says, turned into a value: it succeeded, failed, wants a retry, or gives up."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import replace
from types import GeneratorType
from typing import Any

from pydantic_core import from_json, to_json

from rota.errors import ArgumentsError, RotaError
from rota.execute.protocol import Outcome
from rota.execute.signals import GiveUp, Retry

__all__ = [
    "MESSAGE_LIMIT",
    "TRACEBACK_LIMIT",
    "cut",
    "error_json",
    "failed",
    "from_exception",
    "in_words",
    "late",
    "redacted",
    "succeeded",
]

MESSAGE_LIMIT = 4_096  # characters of an error's message
TRACEBACK_LIMIT = 16_384  # characters of a traceback; its middle is cut
_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LATE = "it was asked to stop, but ended by itself before that took effect"
_DONE = "the work was done, only its result was not kept; trying again does the work again"

Redact = Callable[[str], str]


def succeeded(value: Any, limit: int) -> Outcome:
    """The outcome of code that returned ``value``: JSON of at most ``limit`` bytes, or an error that says why not.

    None is no result. What pydantic can write as JSON is taken (models, dataclasses, dates, sets ...);
    NaN and the infinities become null, since JSON has no word for them.

    >>> succeeded({"published": 3}, 100).result
    '{"published":3}'
    >>> succeeded("x" * 200, 100).ended
    'error'
    """
    if value is None:
        return _NOTHING
    try:
        if isinstance(value, GeneratorType):
            raise TypeError("a generator, which was not run")
        encoded = to_json(value, inf_nan_mode="null")
    except Exception as error:  # whatever the value's own code raises while it is read
        found = f"expected a result that can be written as JSON, found {_type_name(type(value))}: {error}"
        return failed("ResultNotJSON", found, note=_DONE)
    if len(encoded) > limit:
        found = f"expected a result of at most {limit} bytes as JSON, found {len(encoded)}"
        return failed("ResultTooLarge", found, note=_DONE, size=len(encoded), limit=limit)
    return Outcome("succeeded", result=encoded.decode())


_NOTHING = Outcome("succeeded")


def failed(type_: str, message: str, *, note: str | None = None, **facts: Any) -> Outcome:
    """An error outcome that Rota itself words; ``facts`` are further members of the error object."""
    return Outcome("error", error=error_json(type_, message, **facts), note=note)


def error_json(type_: str, message: str, **facts: Any) -> str:
    """The error object of an outcome as JSON text; facts that are None are left out.

    >>> error_json("ValueError", "no such article", traceback=None)
    '{"type":"ValueError","message":"no such article"}'
    """
    known = {name: value for name, value in facts.items() if value is not None}
    fields = {"type": type_, "message": cut(message, MESSAGE_LIMIT), **known}
    return to_json(_clean(fields), fallback=repr, inf_nan_mode="null").decode()


def from_exception(error: BaseException, redact: Redact = str) -> Outcome:
    """The outcome of code that raised. Exceptions that mean "stop the program" are errors as well."""
    match _meant(error):
        case Retry(after=after) as asked:
            return Outcome("retry", error=_described(asked, redact, trace=False), after=after)
        case GiveUp() as gave_up:
            return Outcome("gave-up", error=_described(gave_up, redact, trace=False))
        case ArgumentsError() as misfit:
            facts = {"expected": misfit.expected, "found": misfit.found, "where": misfit.where}
            return Outcome("rejected", error=error_json("ArgumentsError", redact(misfit.what), **facts))
        case RotaError() as known:
            facts = {"expected": known.expected, "found": known.found, "where": known.where}
            return Outcome("error", error=error_json(type(known).__name__, redact(known.what), **facts))
        case other:
            return Outcome("error", error=_described(other, redact, trace=True))


def in_words(error: str, *, typed: bool = True) -> str:
    """An error object as one line for people: what was raised (with its type, if ``typed``) or what Rota says, and a
    command's own last words.

    >>> in_words('{"type":"KeyError","message":"7","traceback":"..."}')
    'KeyError: 7'
    >>> in_words('{"type":"CommandFailed","message":"expected exit status 0, found 3","last_line":"no such page"}')
    'expected exit status 0, found 3: no such page'
    """
    try:
        fields = from_json(error)
    except ValueError:  # not of ours: an older node's, say
        return error
    shows_type = not fields.get("message") or (typed and "traceback" in fields)
    parts = fields["type"] if shows_type else None, fields.get("message"), fields.get("last_line")
    return ": ".join(str(part) for part in parts if part)


def redacted(error: str | None, redact: Redact) -> str | None:
    """An error object that came from elsewhere, with its texts redacted."""
    if error is None:
        return None
    fields = from_json(error)
    return to_json(
        {name: redact(value) if isinstance(value, str) else value for name, value in fields.items()}
    ).decode()


def late(outcome: Outcome) -> Outcome:
    """The outcome of an attempt that was asked to stop and ended by itself all the same."""
    return replace(outcome, note="; ".join(filter(None, (_LATE, outcome.note))))


def cut(text: str, limit: int) -> str:
    """``text`` with its middle left out where it has more than ``limit`` characters, and how much that was.

    >>> cut("abcdefghij" * 10, 20)
    'abcdefghij... 80 characters cut ...abcdefghij'
    """
    if len(text) <= limit:
        return text
    head, tail = limit // 2, limit - limit // 2
    return f"{text[:head]}... {len(text) - limit} characters cut ...{text[-tail:]}"


def _meant(error: BaseException) -> BaseException:
    """The Retry or GiveUp inside an exception group (a TaskGroup wraps what its tasks raise), else the error."""
    if isinstance(error, BaseExceptionGroup):
        for signal in (GiveUp, Retry):
            inner: BaseException | None = error.subgroup(signal)
            while isinstance(inner, BaseExceptionGroup):
                inner = inner.exceptions[0]
            if inner is not None:
                return inner
    return error


def _described(error: BaseException, redact: Redact, *, trace: bool) -> str:
    return error_json(
        _type_name(type(error)),
        redact(_message(error)),
        traceback=redact(_traceback(error)) if trace else None,
    )


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the task's code called sys.exit({error.code!r}); return, or raise rota.GiveUp, instead"
    try:
        return str(error) or _type_name(type(error))
    except Exception as second:  # a broken __str__ in user code
        return f"(its message cannot be read: {type(second).__name__})"


def _traceback(error: BaseException) -> str:
    """The traceback as text, without Rota's own frames."""
    try:
        trace = traceback.TracebackException.from_exception(error, compact=True)
        _drop_own_frames(trace)
        return cut("".join(trace.format()), TRACEBACK_LIMIT)
    except Exception as second:  # odd exceptions: a broken __str__, a source that cannot be decoded
        return f"(its traceback cannot be read: {type(second).__name__})"


def _drop_own_frames(trace: traceback.TracebackException) -> None:
    for linked in (trace.__cause__, trace.__context__, *(getattr(trace, "exceptions", None) or ())):
        if linked is not None:
            _drop_own_frames(linked)
    trace.stack = traceback.StackSummary.from_list(
        [
            frame
            for frame in trace.stack
            if not frame.filename.startswith(_OWN_FOLDER) and "importlib._bootstrap" not in frame.filename
        ]
    )


def _type_name(type_: type) -> str:
    return (
        type_.__qualname__ if type_.__module__ == "builtins" else f"{type_.__module__}.{type_.__qualname__}"
    )


def _clean(value: Any) -> Any:
    """Text without lone surrogates, which are no JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {name: _clean(item) for name, item in value.items()}
    return value
