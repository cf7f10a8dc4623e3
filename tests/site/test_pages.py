"""The Site page and the page of a route: what the checks found, the plot, the log of purges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.site.test_thin_line import ROTA, TOKEN, _context

from rota.clock import Instant
from rota.testing import RotaForTests, rota_for_tests
from rota.web.app import create_app
from rota_site.finding import Finding, RouteResult, as_result
from rota_site.pages.plot import History, histories, plot
from rota_site.results import Result

EVIL = "<script>alert(1)</script>"
FINDING = Finding(
    "C09",
    "error",
    "home",
    "http://x/",
    f"wrong {EVIL}",
    "max-age=60",
    "no-store",
    "RFC 9111",
    evidence=("curl -si http://x/",),
)


def browser(rota: RotaForTests) -> TestClient:
    app = create_app(_context(rota))
    return TestClient(app, base_url="http://127.0.0.1:8321", headers={"authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The pages after one check that found something."""
    monkeypatch.chdir(tmp_path)
    Path("rota.toml").write_text(ROTA)
    result = as_result(
        "headers",
        [
            RouteResult("home", 3, (FINDING,), url="http://x/", seen=(("Age", "7"),)),
            RouteResult("a/b", 1, unsure="few"),
        ],
    )
    monkeypatch.setattr("rota_site.tasks.inspect_headers", lambda site="site.toml": result)
    with rota_for_tests("rota.toml", tmp_path) as rota:
        rota.run_once("check-headers")
        yield browser(rota)


def test_the_matrix_has_each_route_with_what_was_found_and_its_age(found: TestClient) -> None:
    text = found.get("/site").text
    for part in ("home", "1 finding", "cannot tell", 'href="/site/routes/a%2Fb"', "None yet"):
        assert part in text, part


def test_a_route_has_its_findings_with_evidence_and_the_headers_as_seen(found: TestClient) -> None:
    text = found.get("/site/routes/home").text
    for part in ("C09", "max-age=60", "no-store", "RFC 9111", "curl -si http://x/", "Age: 7"):
        assert part in text, part
    assert EVIL not in text
    assert found.get("/site/routes/nothing").status_code == 404


def test_who_has_no_token_sees_nothing(found: TestClient) -> None:
    assert found.get("/site", headers={"authorization": ""}).status_code == 401


def a_result(at: int, p95: float) -> Result:
    facts = {"warm": {"p95": p95, "budget": 20.0}, "version": "1"}
    return Result(
        "s", "t", at, Instant(at), {"check": "response", "routes": [{"route": "home", "facts": facts}]}
    )


def test_the_plot_marks_budget_and_revisions() -> None:
    (history,) = histories("home", [a_result(30, 25.0), a_result(10, 9.0)])
    assert history == History("warm", ((Instant(10), 9.0), (Instant(30), 25.0)), 20.0)
    drawn = str(plot(history, [(1, Instant(5)), (2, Instant(20))]))
    assert "plot-budget" in drawn
    assert ">r2<" in drawn
    assert ">r1<" not in drawn  # before what is drawn
    assert drawn.count("tone-bad") == 1
    assert "over it 1 time" in drawn
    assert plot(History("cold", ((Instant(1), 0.0),), 1.0), [])  # one measurement, of nothing


def test_json_is_what_a_run_keeps() -> None:
    assert (
        len(json.dumps(as_result("headers", [RouteResult(f"r{n}", 1, (FINDING,) * 40) for n in range(20)])))
        < 65_536
    )
