"""Views as JSON: one shape for the API and for --json."""

from __future__ import annotations

from dataclasses import dataclass

from rota.clock import Instant
from rota.model.run import State
from rota.read.overview import Overview
from rota.read.runs import RunDetail, RunPage
from rota.read.shape import JsonText, Micros, as_json, schema_of
from rota.read.tasks import TaskDetail


@dataclass(frozen=True)
class Inner:
    at: Instant | None
    took: Micros | None


@dataclass(frozen=True)
class View:
    state: State
    inner: tuple[Inner, ...]
    args: JsonText | None
    day: dict[str, int]


def test_instants_lengths_and_json_are_written_for_programs() -> None:
    view = View(
        State.FAILED, (Inner(Instant(1795435200000000), Micros(1_500_000)), Inner(None, None)), None, {"a": 1}
    )
    assert as_json(view) == {
        "state": "failed",
        "inner": [{"at": "2026-11-23T12:00:00Z", "took_seconds": 1.5}, {"at": None, "took_seconds": None}],
        "args": None,
        "day": {"a": 1},
    }


def test_integers_of_any_size_in_json_stay_exact() -> None:
    big = 12345678901234567890123456789
    assert as_json(View(State.FAILED, (), JsonText(f'{{"id":{big}}}'), {}))["args"] == {"id": big}


def test_what_is_no_json_stays_text_and_what_json_cannot_say_becomes_text() -> None:
    assert as_json(View(State.FAILED, (), JsonText("not json"), {}))["args"] == "not json"
    assert as_json(View(State.FAILED, (), JsonText("[NaN]"), {}))["args"] == ["NaN"]


def test_the_schema_names_the_fields_that_are_written() -> None:
    schema = schema_of(View)
    written = as_json(View(State.FAILED, (Inner(None, None),), None, {}))
    assert set(schema["properties"]) == set(written)
    assert set(schema["properties"]["inner"]["items"]["properties"]) == set(written["inner"][0])
    assert "failed" in schema["properties"]["state"]["enum"]


def test_every_view_of_the_api_has_a_schema() -> None:
    for view in (Overview, RunDetail, RunPage, TaskDetail):
        assert schema_of(view)["required"]
