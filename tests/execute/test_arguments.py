"""Arguments are checked against the signature, all at once, before anything runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field

from rota.clock import Instant
from rota.errors import ArgumentsError
from rota.execute.arguments import prepare
from rota.execute.handle import Run as TheRun

if TYPE_CHECKING:
    from nowhere import Thing

    from rota import Run

RUN = TheRun(1, "web", "duty", 1, 1, "scheduled", Instant(0))


class Colour(Enum):
    RED = "red"


class Article(BaseModel):
    id: int
    tags: list[str] = []


@dataclass
class Point:
    x: int


def none() -> None: ...
def plain(a: int, b: str = "x") -> Any:
    return a, b


def dates(day: date, wait: timedelta, days: set[date]) -> None: ...
def models(article: Article, point: Point, colour: Colour) -> None: ...
def bounded(n: Annotated[int, Field(gt=0)], kind: Literal["a", "b"] = "a") -> None: ...
def untyped(a, b=1): ...  # type: ignore[no-untyped-def]  # what users write
def odd_names(json: int, copy: int = 1, _private: int = 2, model_config: int = 3, p0: int = 4) -> None: ...
def any_more(a: int, **more: int) -> None: ...
def variadic(*rest: int, a: int = 1) -> None: ...
def unresolved(thing: Thing, n: int) -> None: ...
def only_positional(a: int, b: int = 2, /, c: int = 3) -> Any:
    return a, b, c


def run_first(run: Run, a: int = 1) -> Any:
    return run, a


def run_elsewhere(a: int, *, handle: TheRun) -> Any:
    return handle, a


def run_optional(a: int = 1, run: Optional[TheRun] = None) -> Any:  # noqa: UP045 -- as older code writes it
    return run, a


def run_maybe(run: TheRun | None, a: int = 1) -> Any:
    return run, a


def run_positional(run: Run, /, a: int = 1) -> Any:
    return run, a


def run_is_a_number(run: int) -> Any:
    return run


class Callable_:
    def __call__(self, a: int, run: TheRun) -> Any:
        return run, a


@functools.wraps(run_first)
def wrapped(*args: Any, **more: Any) -> Any:
    return run_first(*args, **more)


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (none, {}, {}),
        (plain, {"a": 1}, {"a": 1}),
        (plain, {"a": "1", "b": "y"}, {"a": 1, "b": "y"}),
        (dates, {"day": "2026-11-23", "wait": "PT90S", "days": ["2026-11-23"]},
         {"day": date(2026, 11, 23), "wait": timedelta(seconds=90), "days": {date(2026, 11, 23)}}),
        (dates, {"day": date(2026, 11, 23), "wait": 90, "days": set()},
         {"day": date(2026, 11, 23), "wait": timedelta(seconds=90), "days": set()}),
        (models, {"article": {"id": "7"}, "point": {"x": 1}, "colour": "red"},
         {"article": Article(id=7), "point": Point(1), "colour": Colour.RED}),
        (bounded, {"n": 1, "kind": "b"}, {"n": 1, "kind": "b"}),
        (untyped, {"a": [1, "x"]}, {"a": [1, "x"]}),
        (odd_names, {"json": 5, "copy": "6", "_private": 7, "model_config": 8, "p0": 9},
         {"json": 5, "copy": 6, "_private": 7, "model_config": 8, "p0": 9}),
        (any_more, {"a": 1, "z": 2}, {"a": 1, "z": 2}),
        (variadic, {"a": 2}, {"a": 2}),
        (unresolved, {"thing": {"any": "thing"}, "n": "3"}, {"thing": {"any": "thing"}, "n": 3}),
        (run_is_a_number, {"run": "3"}, {"run": 3}),
    ],
)  # fmt: skip
def test_what_fits(function: Callable[..., Any], args: dict[str, Any], expected: dict[str, Any]) -> None:
    assert prepare(function).validate(args) == expected


@pytest.mark.parametrize(
    ("function", "args", "words"),
    [
        (plain, {}, ["a: expected a value, found none"]),
        (plain, {"a": "x"}, ["a: expected a valid integer", "found 'x'"]),
        (plain, {"a": None}, ["a: expected a valid integer", "found None"]),
        (plain, {"aa": 1, "b": 2}, ["3 arguments do not fit", "a: expected a value", "b: expected a valid string", "aa: expected one of a, b"]),
        (plain, {"a": 1, "bb": 1}, ["1 argument does not fit", "did you mean b?"]),
        (none, {"a": 1}, ["a: expected no arguments at all"]),
        (bounded, {"n": 0, "kind": "c"}, ["n: expected greater than 0, found 0", "kind: expected 'a' or 'b', found 'c'"]),
        (models, {"article": {}, "point": {"x": 1}, "colour": "blue"}, ["article.id: expected a value", "colour: expected 'red'"]),
        (any_more, {"z": 1}, ["a: expected a value"]),
        (variadic, {"rest": [1]}, ["rest: expected one of a"]),
        (run_first, {"run": 1}, ["run: expected one of a"]),
        (plain, {"a": object()}, ["cannot be written as JSON"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_all_at_once(
    function: Callable[..., Any], args: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ArgumentsError) as refused:
        prepare(function).validate(args)
    for word in words:
        assert word in refused.value.what
    assert refused.value.expected
    assert refused.value.found
    assert refused.value.retry.safe is True


@pytest.mark.parametrize(
    "function",
    [run_first, run_elsewhere, run_optional, run_maybe, run_positional, wrapped, Callable_(), functools.partial(run_elsewhere)],
)  # fmt: skip
def test_the_run_is_handed_to_whoever_asks_for_it(function: Callable[..., Any]) -> None:
    prepared = prepare(function)
    assert prepared.takes_run
    assert prepared.call(RUN, prepared.validate({"a": "5"})) == (RUN, 5)


def test_positional_only_arguments_are_bound() -> None:
    prepared = prepare(only_positional)
    assert prepared.call(RUN, prepared.validate({"a": 1, "c": 9})) == (1, 2, 9)


def test_async_is_seen_through_decorators_and_partials() -> None:
    async def work() -> None: ...

    @functools.wraps(work)
    def decorated() -> Any:
        return work()

    assert all(prepare(f).is_async for f in (work, decorated, functools.partial(work)))
    assert not prepare(none).is_async


def test_schema_for_forms() -> None:
    schema = prepare(run_first).parameters_schema()
    assert schema["properties"] == {"a": {"default": 1, "title": "a", "type": "integer"}}
    assert schema["additionalProperties"] is False
    required = prepare(models).parameters_schema()
    assert required["required"] == ["article", "point", "colour"]
    assert required["properties"]["article"] == {"$ref": "#/$defs/Article", "title": "article"}


def test_long_values_are_shown_short() -> None:
    with pytest.raises(ArgumentsError) as refused:
        prepare(plain).validate({"a": "x" * 10_000})
    assert len(refused.value.what) < 400
