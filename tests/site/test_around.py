"""Before and after: what is worse is told, noise is not, and what only one side has is told as such."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.site.standin import Answer, standin

from rota.cli.main import main
from rota.command import AppWiring
from rota_site.around import Difference, compared
from rota_site.finding import Finding, RouteResult, as_result

SITE = """
site = "Notes"
url = "{url}"
[limits]
rate = 1000
[[route]]
name = "home"
pattern = "/"
cache = "public, max-age=60"
budget = {{ warm = "2s" }}
"""


def taken(*routes: RouteResult, check: str = "headers") -> dict[str, Any]:
    return {"schema": 1, "at": "x", "checks": [as_result(check, routes)]}


def finding(rule: str) -> Finding:
    return Finding(rule, "error", "home", "/", "what it is", "this", "that")


def told(before: dict[str, Any], after: dict[str, Any]) -> Difference:
    (one,) = compared(before, after)
    return one


def test_a_new_finding_is_worse_and_one_that_is_gone_is_not() -> None:
    good, bad = taken(RouteResult("home", 1)), taken(RouteResult("home", 1, (finding("C09"),)))
    worse = told(good, bad)
    assert (worse.before, worse.after, worse.what, worse.is_worse) == (
        "ok",
        "finding",
        "new C09: what it is",
        True,
    )
    assert told(bad, good).what == "C09 is gone"
    assert not told(bad, good).is_worse
    assert not told(bad, bad).is_worse
    other = taken(RouteResult("home", 1, (finding("C10"),)))
    assert told(bad, other).is_worse  # as many findings, and another


def test_a_route_that_is_gone_is_worse_and_a_new_one_only_if_something_is_wrong() -> None:
    one = taken(RouteResult("home", 1))
    nothing = {"schema": 1, "at": "x", "checks": []}
    assert told(one, nothing).is_worse
    assert not told(nothing, one).is_worse
    assert told(nothing, taken(RouteResult("home", 1, (finding("C09"),)))).is_worse


def test_times_are_worse_by_more_than_noise_only() -> None:
    chance = random.Random(4)

    def measured(growth: float) -> dict[str, Any]:
        times = [50 * growth * chance.lognormvariate(0, 0.2) for _ in range(100)]
        return taken(
            RouteResult("home", 100, facts={"warm": {"p95": max(times), "times": times}}), check="response"
        )

    assert not told(measured(1), measured(1)).is_worse
    assert "no more than noise" in told(measured(1), measured(1)).what
    slow = told(measured(1), measured(1.5))
    assert slow.is_worse
    assert "Mann-Whitney" in slow.what


def test_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    said = {"header": "public, max-age=60"}
    with standin(
        lambda asked: Answer(headers=[("Cache-Control", said["header"]), ("Cache-Status", "c; hit")])
    ) as site:
        Path("site.toml").write_text(SITE.format(url=site.url))
        assert main(AppWiring(), ["site", "snapshot", "before.json", "headers", "response"]) == 0
        assert (
            len(
                json.loads(Path("before.json").read_text())["checks"][1]["routes"][0]["facts"]["warm"][
                    "times"
                ]
            )
            == 100
        )
        said["header"] = "no-store"
        capsys.readouterr()
        assert main(AppWiring(), ["site", "compare", "before.json"]) == 3
        out = capsys.readouterr().out
        assert "new C09" in out
        assert "worse" in out
        assert main(AppWiring(), ["site", "snapshot", "after.json", "headers"]) == 0
        assert main(AppWiring(), ["site", "compare", "after.json", "after.json", "--json"]) == 0
    Path("torn.json").write_text("{")
    assert main(AppWiring(), ["site", "compare", "torn.json"]) == 2
    assert "a file that rota site snapshot has written" in capsys.readouterr().err
