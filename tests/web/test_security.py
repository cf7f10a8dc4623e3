"""Nobody without the token; no page of another site can act in a visitor's name."""

from __future__ import annotations

import itertools
import logging
import stat
from pathlib import Path

import pytest
from tests.web.conftest import TOKEN, Site

from rota.clock import SECOND
from rota.errors import Refused, UsageError
from rota.security import NEEDS, Role, Security, TokenFilter, Visitor, open_security, token_of
from rota.web.app import create_app

GUARDED = [
    "/", "/tasks", "/tasks/newsroom/publish-due", "/runs", "/runs/1", "/runs/1/log", "/nodes", "/about", "/events",
    "/nothing", "/api/v1/overview", "/api/v1/tasks", "/api/v1/tasks/publish-due", "/api/v1/runs", "/api/v1/runs/1",
    "/api/v1/runs/1/log", "/api/v1/nodes", "/api/v1/upcoming", "/api/v1/openapi.json", "/api/v1/nothing",
]  # fmt: skip


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], "ä"])
def test_without_the_token_nothing_is_told(site: Site, token: str | None) -> None:
    sent = {"authorization": f"Bearer {token}".encode()} if token is not None else {}
    visitor = site.visitor(None)
    for path in GUARDED:
        answer = visitor.get(path, headers=sent)  # type: ignore[arg-type]  # bytes are what a wire brings
        assert answer.status_code == 401, path
        assert "www-authenticate" in answer.headers
        assert "publish-due" not in answer.text.replace(path, "")
        assert visitor.post(path, headers=sent).status_code == 401, path  # type: ignore[arg-type]  # as above


def test_a_person_without_the_token_is_told_how_to_get_it(site: Site) -> None:
    shown = site.visitor(None, accept="text/html").get("/")
    assert shown.status_code == 401
    assert "rota run" in shown.text


def test_the_token_in_the_address_becomes_a_session_and_leaves_the_address(site: Site) -> None:
    visitor = site.visitor(None, accept="text/html")
    entered = visitor.get(f"/runs?state=failed&token={TOKEN}")
    assert entered.status_code == 303
    assert entered.headers["location"] == "/runs?state=failed"
    cookie = entered.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert visitor.get("/runs?state=failed").status_code == 200


def test_a_wrong_token_in_the_address_opens_nothing(site: Site) -> None:
    visitor = site.visitor(None)
    assert visitor.get("/?token=wrong-but-just-as-long-xx").status_code == 401
    assert not visitor.cookies
    assert site.visitor(None).get(f"/api/v1/tasks?token={TOKEN}").status_code == 401


def test_an_address_never_leads_to_another_host(site: Site) -> None:
    entered = site.visitor(None).get(f"//evil.example/?token={TOKEN}")
    assert not entered.headers.get("location", "/").startswith("//")


def test_signing_in_by_form_and_signing_out(site: Site) -> None:
    visitor = site.visitor(None, **{"sec-fetch-site": "same-origin", "accept": "text/html"})
    assert visitor.post("/sign-in", data={"token": "wrong"}).status_code == 401
    assert visitor.post("/sign-in", data={"token": TOKEN}).status_code == 303
    assert visitor.get("/").status_code == 200
    assert visitor.post("/sign-out", data={"csrf": site.csrf(visitor)}).status_code == 303
    assert visitor.get("/").status_code == 401
    abroad = site.visitor(None, **{"sec-fetch-site": "cross-site"})
    assert abroad.post("/sign-in", data={"token": TOKEN}).status_code == 403


def test_a_session_that_was_tampered_with_or_is_over_is_none() -> None:
    security = Security(TOKEN, session_length=60)
    session = security.open_session(0)
    assert security.visitor(session, None, 59 * SECOND) is not None
    assert security.visitor(session, None, 60 * SECOND) is None
    role, expires, rest = session.split(".", 2)
    for forged in (
        f"{role}.{int(expires) + 1}.{rest}",
        f"9.{expires}.{rest}",
        session[:-1],
        "",
        ".",
        "a.b.c.d",
    ):
        assert security.visitor(forged, None, 0) is None
    assert Security("another-token-as-long").visitor(session, None, 0) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "0.0.0.0", "[::2]:80"]
)
def test_another_name_that_points_here_is_refused(site: Site, host: str) -> None:
    answer = site.visitor().get("/api/v1/tasks", headers={"host": host})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8321", "127.0.0.1:1", "[::1]:8321", "LOCALHOST", "a.localhost"]
)
def test_loopback_names_are_ours(site: Site, host: str) -> None:
    assert site.visitor().get("/api/v1/tasks", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "", "origin": "http://evil.example"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
    ],
)
def test_a_form_of_another_site_does_nothing(site: Site, headers: dict[str, str]) -> None:
    browser = site.browser()
    csrf = site.csrf(browser)
    data = {"csrf": csrf, "action": "pause", "reason": "not mine"}
    answer = browser.post("/tasks/newsroom/publish-due", data=data, headers=headers)
    assert answer.status_code == 403
    assert site.house.task("publish-due").paused_at is None


def test_an_older_browser_is_known_by_its_origin(site: Site) -> None:
    browser = site.visitor(None, accept="text/html")
    browser.get(f"/?token={TOKEN}")
    data = {"csrf": site.csrf(browser), "action": "pause", "reason": "mine"}
    path = "/tasks/newsroom/publish-due"
    assert browser.post(path, data=data).status_code == 403
    assert browser.post(path, data=data, headers={"origin": "http://evil.example"}).status_code == 403
    assert browser.post(path, data=data, headers={"origin": "http://127.0.0.1:8321"}).status_code == 303


def test_a_form_without_its_session_token_does_nothing(site: Site) -> None:
    browser, other = site.browser(), site.browser()
    for csrf in ("", "wrong", site.csrf(other)):
        data = {"csrf": csrf, "action": "pause", "reason": "x"}
        assert browser.post("/tasks/newsroom/publish-due", data=data).status_code == 403
    assert browser.post("/api/v1/tasks/publish-due/pause", json={"reason": "x"}).status_code == 403
    mine = {"x-csrf-token": site.csrf(browser)}
    assert (
        browser.post("/api/v1/tasks/publish-due/pause", json={"reason": "x"}, headers=mine).status_code == 200
    )


def test_every_answer_has_the_security_headers(site: Site) -> None:
    paths = ("/", "/nothing", "/livez", "/static/rota.css", "/api/v1/tasks", "/api/v1/nothing")
    for path, visitor in itertools.product(paths, (site.visitor(), site.visitor(None))):
        headers = visitor.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "cache-control" in headers


def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(site: Site) -> None:
    large = b"x" * (site.context.security.body_limit + 1)
    answer = site.visitor().post("/api/v1/tasks/publish-due/trigger", content=large)
    assert answer.status_code == 413
    chunked = site.visitor().post("/api/v1/tasks/publish-due/trigger", content=iter([large]))
    assert chunked.status_code == 413
    assert chunked.json()["type"] == "urn:rota:problem:too-large"


def test_the_token_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    made = token_of(tmp_path / "new", {})
    file = tmp_path / "new" / "rota.token"
    assert len(made) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token_of(tmp_path / "new", {}) == made
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["rota.token"]
    assert token_of(None, {}) != token_of(None, {})


def test_a_token_comes_from_the_environment_or_a_file_and_must_be_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    assert token_of(tmp_path, {"ROTA_TOKEN": TOKEN}) == TOKEN
    assert token_of(tmp_path, {"ROTA_TOKEN_FILE": str(file)}) == TOKEN
    assert not (tmp_path / "rota.token").exists()
    with pytest.raises(UsageError, match="too short"):
        token_of(tmp_path, {"ROTA_TOKEN": "short"})
    with pytest.raises(UsageError, match="cannot be read"):
        token_of(tmp_path, {"ROTA_TOKEN_FILE": str(tmp_path / "none")})
    file.chmod(0o644)
    with pytest.raises(UsageError, match="everybody"):
        token_of(tmp_path, {"ROTA_TOKEN_FILE": str(file)})


def test_configured_names_are_added_and_addresses_to_listen_on_are_no_names() -> None:
    security = open_security(
        None, {"ROTA_TOKEN": TOKEN, "ROTA_ALLOWED_HOSTS": "rota.example.org, B.example"}, ("0.0.0.0",)
    )
    assert security.knows_host("rota.example.org:443")
    assert security.knows_host("b.example")
    assert not security.knows_host("0.0.0.0")
    assert not security.knows_host("")


def test_no_secret_stands_in_a_repr() -> None:
    security = Security(TOKEN)
    assert TOKEN not in repr(security)
    session = security.open_session(0)
    assert session not in repr(security.visitor(session, None, 0))


def test_a_viewer_may_look_and_do_nothing_else() -> None:
    visitor = Visitor("eve", Role.VIEWER)
    visitor.must("look")
    for action in NEEDS.keys() - {"look"}:
        with pytest.raises(Refused):
            visitor.must(action)


def test_the_app_puts_one_filter_on_the_access_log(site: Site) -> None:
    create_app(site.context)
    filters = logging.getLogger("uvicorn.access").filters
    assert len([known for known in filters if isinstance(known, TokenFilter)]) == 1


def test_the_token_is_taken_out_of_an_access_log() -> None:
    record = logging.LogRecord(
        "uvicorn.access", 20, "", 0, "%s %s", ("GET", f"/?a=1&token={TOKEN}&b=2"), None
    )
    assert TokenFilter().filter(record)
    assert record.getMessage() == "GET /?a=1&token=[hidden]&b=2"
