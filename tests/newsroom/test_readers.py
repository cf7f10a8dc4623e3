"""Accounts, sessions, bookmarks, and who may send a form."""

from __future__ import annotations

import pytest

from newsroom import security
from newsroom.store import value


@pytest.mark.parametrize("path", ["/me", "/drafts", "/drafts/1"])
def test_a_visitor_is_sent_to_log_in(world, path: str) -> None:
    reply = world.client().get(path)
    assert (reply.status_code, reply.headers["location"]) == (303, f"/login?next={path}")
    assert reply.headers["cache-control"] == "private, no-store"
    assert "Cookie" in reply.headers["vary"]


def test_a_reader_registers_logs_out_and_in_again(world) -> None:
    client = world.client()
    reply = client.post(
        "/register", data={"name": "Grace", "password": "0123456789", "next": "/articles/sqlite-1"}
    )
    assert (reply.status_code, reply.headers["location"]) == (303, "/articles/sqlite-1")
    assert "Hello, Grace" in client.get("/me").text
    assert client.get("/drafts").status_code == 403
    client.post("/logout", data={"a": "b"})
    assert client.get("/me").status_code == 303
    assert client.post("/login", data={"name": "grace", "password": "0123456789"}).status_code == 303


def test_the_session_cookie_is_locked_down_and_its_token_stored_as_a_hash(world) -> None:
    client = world.client()
    cookie = client.post("/login", data={"name": "Ada", "password": "a long enough password"}).headers[
        "set-cookie"
    ]
    for flag in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=1209600"):
        assert flag in cookie
    token = security.unsign(client.cookies[security.COOKIE], security.secret(world.settings.var))
    assert token is not None
    with world.store.read() as connection:
        hashes = [row[0] for row in connection.execute("SELECT token_hash FROM session")]
    assert token not in hashes
    assert all(len(each) == 64 for each in hashes)


def test_the_cookie_is_secure_where_the_site_is_reached_over_tls(world) -> None:
    from starlette.testclient import TestClient

    from newsroom.app import create_app
    from newsroom.settings import Settings

    settings = Settings(world.settings.database, world.settings.var, url="https://example.org")
    client = TestClient(
        create_app(settings, world.store), headers={"Origin": "http://testserver"}, follow_redirects=False
    )
    reply = client.post("/login", data={"name": "Ada", "password": "a long enough password"})
    assert "Secure" in reply.headers["set-cookie"]


@pytest.mark.parametrize(
    "change",
    [lambda cookie: ("a" if cookie[0] != "a" else "b") + cookie[1:], lambda cookie: cookie.split(".")[0]],
)
def test_a_cookie_that_this_site_did_not_sign_opens_nothing(world, change) -> None:
    client = world.client(login=True)
    cookie = client.cookies[security.COOKIE]
    client.cookies.clear()
    client.cookies.set(security.COOKIE, change(cookie))
    assert client.get("/me").status_code == 303


def test_an_expired_session_opens_nothing(world) -> None:
    client = world.client(login=True)
    with world.store.write() as connection:
        connection.execute("UPDATE session SET expires_at = '2020-01-01T00:00:00Z'")
    assert client.get("/me").status_code == 303


@pytest.mark.parametrize("name", ["Ada", "nobody"])
def test_a_wrong_password_and_an_unknown_name_read_the_same(world, name: str) -> None:
    reply = world.client().post("/login", data={"name": name, "password": "wrong"})
    assert reply.status_code == 401
    assert "No reader has this name and password" in reply.text


@pytest.mark.parametrize(
    ("name", "password", "problem"),
    [("A", "0123456789", "2 to 40"), ("Grace", "short", "at least 10"), ("ada", "0123456789", "is taken")],
)
def test_an_account_that_will_not_do_is_refused_in_words(
    world, name: str, password: str, problem: str
) -> None:
    reply = world.client().post("/register", data={"name": name, "password": password})
    assert reply.status_code == 422
    assert problem in reply.text


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}]
)
def test_a_form_from_elsewhere_is_refused(world, headers: dict[str, str]) -> None:
    client = world.client(login=True)
    del client.headers["Origin"]
    reply = client.post("/bookmarks", data={"article_id": str(world.ids["sqlite-1"])}, headers=headers)
    assert reply.status_code == 403
    assert world.count("SELECT count(*) FROM bookmark") == 0


def test_a_form_of_this_site_is_taken_also_without_origin(world) -> None:
    client = world.client(login=True)
    del client.headers["Origin"]
    data = {"article_id": str(world.ids["sqlite-1"])}
    assert client.post("/bookmarks", data=data, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_a_body_that_is_too_large_is_refused(world) -> None:
    assert world.client().post("/login", data={"name": "x" * 70_000, "password": "y"}).status_code == 413


@pytest.mark.parametrize(
    "where", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_logging_in_never_leads_off_the_site(world, where: str) -> None:
    data = {"name": "Ada", "password": "a long enough password", "next": where}
    assert world.client().post("/login", data=data).headers["location"] == "/me"


def test_bookmarks_are_kept_and_let_go(world) -> None:
    client = world.client(login=True)
    article = {"article_id": str(world.ids["sqlite-1"])}
    client.post("/bookmarks", data=article)
    assert "/articles/sqlite-1" in client.get("/me").text
    client.post("/bookmarks", data=article)
    assert "/articles/sqlite-1" not in client.get("/me").text
    client.post("/bookmarks", data={"article_id": str(world.ids["a-draft"])})
    assert world.count("SELECT count(*) FROM bookmark") == 0
    visitor = world.client().post("/bookmarks", data=article)
    assert visitor.headers["location"] == "/login?next=/articles/sqlite-1"


def test_a_reader_sets_when_the_digest_comes(world) -> None:
    client = world.client(login=True)
    client.post("/me/digest", data={"wanted": "true", "hour": "6", "timezone": "Asia/Kathmandu"})
    with world.store.read() as connection:
        assert value(connection, "SELECT timezone || digest_hour FROM reader") == "Asia/Kathmandu6"
    refused = client.post("/me/digest", data={"wanted": "true", "hour": "6", "timezone": "Mars/Olympus"})
    assert refused.status_code == 422
    assert "no time zone called" in refused.text
    client.post("/me/digest", data={"hour": "6", "timezone": "UTC"})
    with world.store.read() as connection:
        assert value(connection, "SELECT digest_since FROM reader") is None
