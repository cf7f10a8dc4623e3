"""One check through all layers: site.toml, the task, its verdict, the command, the Site page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.site.standin import Answer, standin

from rota.cli.main import main
from rota.command import AppWiring
from rota.events import Events
from rota.model.run import Reason, State
from rota.security import Security
from rota.settings import Settings
from rota.testing import RotaForTests, rota_for_tests
from rota.web.app import create_app
from rota.web.context import WebContext

TOKEN = "a-token-that-is-long-enough"

SITE = """
site = "Notes"
url = "{url}"
[[route]]
name = "home"
pattern = "/"
cache = "public, max-age=60"
"""
ROTA = """
service = "notes"
[[task]]
name = "check-headers"
run = "rota_site.tasks:inspect_headers"
owner = "Platform <platform@example.org>"
expects = "every route says to caches what site.toml declares"
rollback = "it only reads: rota pause check-headers"
[task.expectation]
verify = "rota_site.tasks:nothing_found"
"""


def test_the_command_tells_findings_and_exits_with_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = {"header": "no-store"}
    with standin(lambda asked: Answer(headers=[("Cache-Control", answers["header"])])) as site:
        Path("site.toml").write_text(SITE.format(url=site.url))
        assert main(AppWiring(), ["site", "check", "headers", "--json"]) == 3
        (check,) = json.loads(capsys.readouterr().out)["checks"]
        assert check["verdict"] == "finding"
        assert "C09" in check["routes"][0]["rules"]
        answers["header"] = "max-age=60, public"
        main(AppWiring(), ["site", "check", "headers", "--json"])
        (check,) = json.loads(capsys.readouterr().out)["checks"]
        assert "C09" not in check["routes"][0]["rules"]


def test_the_task_is_judged_its_result_kept_and_the_page_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rota.toml").write_text(ROTA)
    with standin(lambda asked: Answer(headers=[("Cache-Control", "no-store")])) as site:
        Path("site.toml").write_text(SITE.format(url=site.url))
        with rota_for_tests("rota.toml", tmp_path) as rota:
            run = rota.run_once("check-headers")
            assert (run.state, run.reason) == (State.FAILED, Reason.EXPECTATION)
            assert json.loads(run.result or "")["verdict"] == "finding"
            app = create_app(_context(rota))
            page = TestClient(
                app, base_url="http://127.0.0.1:8321", headers={"authorization": f"Bearer {TOKEN}"}
            )
            shown = page.get("/site")
            assert shown.status_code == 200
            assert "home" in shown.text
            assert "finding" in shown.text
            assert 'href="/site"' in page.get("/").text


def _context(rota: RotaForTests) -> WebContext:
    return WebContext(
        ledger=rota.ledger,
        loaded=rota.loaded,
        settings=Settings(),
        security=Security(TOKEN),
        events=Events(),
        clock=rota.clock,
    )
