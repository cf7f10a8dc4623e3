"""The API: the same as the pages, problem details for every refusal, exact values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.read.house import House, errored, succeeded
from tests.read.judged import an_incident
from tests.web.conftest import Site, make_site

from rota.errors import LedgerUnreachable

PROBLEM = "application/problem+json"
READS = [
    "/overview", "/tasks", "/tasks/newsroom/publish-due", "/tasks/publish-due", "/runs", "/runs?state=failed&limit=5",
    "/runs/1", "/runs/1/log", "/nodes", "/upcoming", "/upcoming?within=60&limit=3", "/openapi.json",
]  # fmt: skip


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The problem that an answer holds, checked for its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "retry", "did", "next"} <= found.keys()
    assert found["status"] == status
    assert found["type"].startswith("urn:rota:problem:")
    assert found["retry"]["safe"] in (True, False, "after-check")
    assert found["retry"]["why"]
    assert "Traceback" not in answer.text
    return found


def test_every_read_answers(site: Site) -> None:
    site.house.clock.move(seconds=60)
    site.house.round(succeeded({"n": 1}))
    visitor = site.visitor()
    for path in READS:
        answer = visitor.get(f"/api/v1{path}")
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "application/json"


def test_answers_are_as_the_description_says(site: Site) -> None:
    site.house.clock.move(seconds=60)
    site.house.round(errored())
    visitor = site.visitor()
    description = visitor.get("/api/v1/openapi.json").json()
    for path, example in (
        ("/overview", "/overview"), ("/tasks/{name}", "/tasks/publish-due"), ("/runs", "/runs"), ("/runs/{run_id}", "/runs/1"),
    ):  # fmt: skip
        [found] = [about for known, about in description["paths"].items() if known == f"/api/v1{path}"]
        schema = found["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        agrees(visitor.get(f"/api/v1{example}").json(), schema, example)


def agrees(value: Any, schema: dict[str, Any], where: str) -> None:
    """Enough of JSON Schema to tell a field that is missing, unknown or of another type."""
    if "anyOf" in schema:
        if value is not None:
            agrees(value, schema["anyOf"][0], where)
        return
    match schema.get("type"):
        case "object" if "properties" in schema:
            assert set(value) == set(schema["properties"]), where
            for name, inner in schema["properties"].items():
                agrees(value[name], inner, f"{where}.{name}")
        case "object":
            assert isinstance(value, dict), where
        case "array":
            for item in value:
                agrees(item, schema["items"], f"{where}[]")
        case "string":
            assert isinstance(value, str), where
        case "integer" | "number":
            assert isinstance(value, int | float), where


def test_instants_are_iso_8601_in_utc_and_null_times_are_null(site: Site) -> None:
    site.house.clock.move(seconds=60)
    site.house.fire()
    run = site.visitor().get("/api/v1/runs/1").json()["run"]
    assert run["scheduled_at"] == "2026-11-23T12:01:00Z"
    assert run["started_at"] is None
    assert run["took_seconds"] is None


def test_pages_and_api_count_the_same(site: Site) -> None:
    site.house.clock.move(seconds=60)
    site.house.round(succeeded())
    assert site.visitor().get("/api/v1/overview").json()["day"] == {"succeeded": 1}
    assert ">1</a>" in site.browser().get("/").text


def test_trigger_makes_a_run_with_exact_arguments(site: Site) -> None:
    big = 12345678901234567890123456789
    answer = site.visitor().post(
        "/api/v1/tasks/republish/trigger",
        content=f'{{"args": {{"limit": {big}, "title": "ü"}}, "reason": "by hand"}}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["args"] == {"limit": big, "title": "ü"}
    assert str(big) in answer.text
    assert answer.headers["location"] == f"/api/v1/runs/{made['run']['id']}"
    assert made["run"]["requested_by"] == "api token"
    run = site.house.ledger.run(made["run"]["id"])
    assert run is not None
    assert json.loads(run.args or "")["limit"] == big


def test_trigger_needs_no_body_and_takes_a_time(site: Site) -> None:
    visitor = site.visitor()
    assert visitor.post("/api/v1/tasks/newsroom/publish-due/trigger").status_code == 201
    later = visitor.post("/api/v1/tasks/publish-due/trigger", json={"run_at": "2026-11-23T14:00:00+01:00"})
    assert later.json()["run"]["run_at"] == "2026-11-23T13:00:00Z"
    problem(visitor.post("/api/v1/tasks/publish-due/trigger", json={"run_at": "2026-11-23T14:00:00"}), 400)


def test_pause_resume_cancel_and_retry(site: Site) -> None:
    visitor = site.visitor()
    paused = visitor.post(
        "/api/v1/tasks/publish-due/pause", json={"reason": "moving", "until": "2026-11-23T13:00:00Z"}
    )
    assert paused.json()["paused_until"] == "2026-11-23T13:00:00Z"
    assert paused.json()["task"]["condition"]["word"] == "paused"
    assert visitor.post("/api/v1/tasks/publish-due/resume").json()["paused_at"] is None
    problem(visitor.post("/api/v1/tasks/publish-due/resume"), 409)
    run_id = visitor.post("/api/v1/tasks/publish-due/trigger").json()["run"]["id"]
    assert visitor.post(f"/api/v1/runs/{run_id}/cancel").json()["run"]["state"] == "cancelled"
    problem(visitor.post(f"/api/v1/runs/{run_id}/cancel"), 409)
    retried = visitor.post(f"/api/v1/runs/{run_id}/retry", json={"reason": "after all"})
    assert retried.json()["run"]["state"] == "waiting"
    actions = [change.action for change in site.house.ledger.changes()]
    assert sorted(actions) == ["apply", "cancel", "pause", "resume", "retry", "trigger"]


def test_undo(site: Site) -> None:
    visitor, path = site.visitor(), "/api/v1/tasks/publish-due/undo"
    command = list(site.house.loaded.tasks["publish-due"].rollback_command)
    problem(visitor.post(path, json={"reason": "a try", "command": ["another"]}), 409)
    problem(visitor.post(path, json={"reason": "a try", "run": 4711}), 404)
    made = visitor.post(path, json={"reason": "a try", "command": command})
    assert made.status_code == 201, made.text
    run = made.json()
    assert (run["run"]["kind"], run["run"]["requested_by"]) == ("undo", "api token")
    assert run["args"] == {"command": command, "run": None, "args": {}}
    assert made.headers["location"] == f"/api/v1/runs/{run['run']['id']}"
    problem(visitor.post(path, json={"reason": "again"}), 409)
    problem(visitor.post("/api/v1/tasks/republish/undo", json={"reason": "a try"}), 409)


REFUSALS: list[tuple[str, str, Any, int]] = [
    ("GET", "/api/v1/nothing", None, 404),
    ("GET", "/api/v1/tasks/publish-deu", None, 404),
    ("GET", "/api/v1/runs/99", None, 404),
    ("GET", "/api/v1/runs/0", None, 422),
    ("GET", "/api/v1/runs/1e3", None, 422),
    ("GET", f"/api/v1/runs/{2**63}", None, 422),
    ("GET", "/api/v1/runs/99/log", None, 404),
    ("GET", "/api/v1/runs?colour=red", None, 400),
    ("GET", "/api/v1/runs?state=x", None, 400),
    ("GET", "/api/v1/upcoming?within=-1", None, 422),
    ("GET", "/api/v1/upcoming?within=nan", None, 422),
    ("GET", "/api/v1/tasks?limit=0", None, 422),
    ("DELETE", "/api/v1/tasks", None, 405),
    ("PUT", "/api/v1/runs/1", {}, 405),
    ("POST", "/api/v1/runs", {}, 405),
    ("POST", "/api/v1/tasks/publish-deu/trigger", {}, 404),
    ("POST", "/api/v1/tasks/publish-due/pause", {}, 422),
    ("POST", "/api/v1/tasks/publish-due/pause", {"reason": ""}, 422),
    ("POST", "/api/v1/tasks/publish-due/pause", {"reason": "  "}, 400),
    ("POST", "/api/v1/tasks/publish-due/trigger", {"arg": {}}, 422),
    ("POST", "/api/v1/tasks/publish-due/trigger", [1], 422),
    ("POST", "/api/v1/tasks/publish-due/undo", {}, 422),
    ("POST", "/api/v1/tasks/republish/trigger", {"args": {"limit": "many"}}, 422),
    ("POST", "/api/v1/tasks/republish/trigger", {"args": {"limt": 1}}, 422),
    ("POST", "/api/v1/runs/99/cancel", {}, 404),
]


def test_every_refusal_is_a_problem(site: Site) -> None:
    visitor = site.visitor()
    for method, path, body, status in REFUSALS:
        answer = visitor.request(method, path, json=body)
        assert problem(answer, status)["title"]
        if status == 405:
            assert "allow" in answer.headers


def test_json_that_cannot_be_read_is_a_problem(site: Site) -> None:
    for content in (b"{", b"\xff", b"[" * 5000):
        answer = site.visitor().post(
            "/api/v1/tasks/publish-due/trigger", content=content, headers={"content-type": "application/json"}
        )
        problem(answer, answer.status_code)
        assert answer.status_code in (400, 422)


def test_a_ledger_that_is_away_is_503_with_when_to_try_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise LedgerUnreachable("the ledger cannot be reached", found="disk I/O error")

    monkeypatch.setattr(type(site.house.ledger), "tasks", away)
    answer = site.visitor().get("/api/v1/tasks")
    assert problem(answer, 503)["found"] == "disk I/O error"
    assert int(answer.headers["retry-after"]) >= 1
    shown = site.browser().get("/")
    assert shown.status_code == 503
    assert "text/html" in shown.headers["content-type"]


def test_a_fault_of_ours_is_a_problem_without_details(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr("rota.web.api.reads.overview", broken)
    answer = site.visitor().get("/api/v1/overview")
    assert "secret" not in json.dumps(problem(answer, 500))


def test_the_description_names_every_call_and_no_page(site: Site) -> None:
    description = site.visitor().get("/api/v1/openapi.json").json()
    calls = {
        f"{method.upper()} {path}" for path, methods in description["paths"].items() for method in methods
    }
    assert {"GET /api/v1/overview", "POST /api/v1/runs/{run_id}/retry", "GET /livez"} <= calls
    assert "GET /tasks" not in calls
    assert len(calls) == 22


def test_livez_tells_of_a_loop_that_stands_still_and_asks_for_no_token(site: Site) -> None:
    visitor = site.visitor(None, host="10.0.0.7:8321")
    site.pulse.update(planner=0.1, claimer=14.0, heart=1000.0)
    assert visitor.get("/livez").json()["live"] is True
    site.pulse["claimer"] = 15.5
    answer = visitor.get("/livez")
    assert "claimer" in problem(answer, 503)["title"]
    assert "retry-after" in answer.headers


def test_readyz_asks_the_ledger_and_no_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = site.visitor(None)
    assert visitor.get("/readyz").json()["ready"] is True
    site.stopping = True
    problem(visitor.get("/readyz"), 503)
    site.stopping = False
    monkeypatch.setattr(type(site.house.ledger), "version", lambda self: (1, 2))
    assert "rota migrate" in problem(visitor.get("/readyz"), 503)["next"]


def test_livez_does_not_ask_the_ledger(house: House) -> None:
    site = make_site(house)
    house.ledger.close()
    assert site.visitor(None).get("/livez").status_code == 200


def test_incidents_by_program(site: Site) -> None:
    program = site.visitor()
    assert program.get("/api/v1/incidents").json() == []
    an_incident(site.house)
    [one] = program.get("/api/v1/incidents").json()
    assert (one["check"], one["status"], one["times"]) == ("run", "open", 3)
    assert [verdict["standing"] for verdict in program.get("/api/v1/verdicts?unmet=true").json()] == ["unmet"]
    sent = program.post(
        "/api/v1/incidents/1/acknowledge", json={"reason": "at it", "until": "2030-01-01T00:00:00Z"}
    )
    assert (sent.status_code, sent.json()["incident"]["status"]) == (200, "acknowledged")
    muted = program.post(
        "/api/v1/tasks/publish-due/mute", json={"reason": "x", "until": "2030-01-01T00:00:00Z"}
    )
    assert muted.json()["card"]["muted_reason"] == "x"
    assert program.post("/api/v1/tasks/publish-due/unmute").json()["card"]["muted_until"] is None
    assert problem(program.post("/api/v1/tasks/publish-due/unmute"), 409)["did"] == "nothing"
    assert problem(program.post("/api/v1/tasks/publish-due/mute", json={"reason": "x"}), 422)
    assert problem(program.get("/api/v1/incidents/7"), 404)["found"] == "'7'"
