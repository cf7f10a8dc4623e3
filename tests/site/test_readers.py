"""Logged-in traffic: nginx with mistakes proves that leaks are found, the same caches as they should be that none is invented."""

from __future__ import annotations

import asyncio
import http.client
import secrets
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import pytest
from tests.site.conftest import Newsroom, Start
from tests.site.standin import Answer, Asked, standin

from rota_site.curl import curl
from rota_site.fetch import Ask, Fetcher, Reply
from rota_site.finding import RouteResult
from rota_site.model import Identity, Infrastructure, Limits, LogIn, Route, Site
from rota_site.readers import probe
from rota_site.readers.deception import variants

SHARED = "public, max-age=60, s-maxage=600"
ROUTES = (
    Route("home", "/", ("/",), kind="list", cache=SHARED),
    Route("me", "/me", ("/me",), seen_by="reader"),
)


def register(url: str) -> tuple[str, str, str]:
    """A new reader of the newsroom: name, password, and the token that his session has."""
    name, password = f"probe-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    headers = {"Origin": url, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/register", urlencode({"name": name, "password": password}), headers)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    assert reply.status == 303
    return name, password, str(reply.getheader("Set-Cookie")).partition(";")[0].partition("=")[2]


@pytest.fixture(scope="module")
def identities(newsroom: Newsroom) -> tuple[Identity, ...]:
    made = []
    for each in ("one", "two"):
        name, password, _ = register(newsroom.url)
        how = LogIn("/login", {"name": name, "password": password}, "/logout")
        made.append(Identity(each, how, marker=("/me/note", "note")))
    return tuple(made)


def probed(
    url: str, origin: str, identities: tuple[Identity, ...], routes: tuple[Route, ...] = ROUTES
) -> list[RouteResult]:
    async def carry() -> list[RouteResult]:
        infrastructure = Infrastructure(url, origin, identities=identities, limits=Limits(rate=1_000))
        async with Fetcher(infrastructure) as fetcher:
            return await probe(Site("notes", routes, (), infrastructure), fetcher)

    return asyncio.run(carry())


def rules(results: list[RouteResult], route: str = "me") -> set[str]:
    return {finding.rule for each in results if each.route == route for finding in each.findings}


@pytest.mark.parametrize("kind", ["varnish", "nginx"])
def test_a_site_that_is_as_it_should_be_shows_nobody_what_is_not_his(
    kind: str, newsroom: Newsroom, identities: tuple[Identity, ...], in_front: Start
) -> None:
    with in_front(kind, newsroom.url) as cache:
        results = probed(cache.url, newsroom.url, identities)
    assert [(each.route, each.verdict, each.findings, each.unsure) for each in results] == [
        ("home", "ok", (), None),
        ("me", "ok", (), None),
    ]
    assert sum(each.asked for each in results) > 40


FOUND = [
    ("nginx", "keep_private", {"R01", "R03"}),
    ("nginx", "suffix_is_static", set()),  # the newsroom answers 404 to such an address: nothing leaks
    (
        "varnish",
        "keep_private",
        {"R03", "R08"},
    ),  # Vary: Cookie keeps them apart; but it is kept, also after a log-out
    ("varnish", "suffix_is_static", set()),
]


@pytest.mark.parametrize(("kind", "fault", "expected"), FOUND)
def test_a_cache_that_keeps_what_is_private_is_found(
    kind: str,
    fault: str,
    expected: set[str],
    newsroom: Newsroom,
    identities: tuple[Identity, ...],
    in_front: Start,
) -> None:
    with in_front(kind, newsroom.url, fault) as cache:
        results = probed(cache.url, newsroom.url, identities)
        assert expected <= rules(results)
        assert bool(expected) == bool(rules(results))
        leaks = [finding for each in results for finding in each.findings if finding.rule == "R01"]
        for leak in leaks:
            assert leak.fault == "cache"
            assert len(leak.evidence) == 2
            assert all(line.startswith("curl -si") for line in leak.evidence)
            assert "newsroom_session=" not in "".join(leak.evidence)
        for path in ("/", "/me"):  # the probe itself has put nothing under an address that others ask for
            assert "probe-" not in asyncio.run(asked_plainly(cache.url, path))


async def asked_plainly(url: str, path: str) -> str:
    async with Fetcher(Infrastructure(url)) as fetcher:
        return (await fetcher.fetch(Ask(path))).text


# -- a small application that can be as careless as it likes, behind the real caches

PASSWORDS = {"one": "pw-one", "two": "pw-two"}


class Careless:
    """Greets whoever has a cookie or token, at /me and wherever it is told to; ``headers`` are what it says to caches."""

    def __init__(self, headers: list[tuple[str, str]], *, loose: bool = False, **more: str) -> None:
        self.headers, self.loose, self.more = headers, loose, more
        self.notes: dict[str, str] = {}
        self.sessions: dict[str, str] = {}

    def __call__(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        form = dict(part.split("=", 1) for part in asked.body.decode().split("&") if "=" in part)
        who = self.who(asked.headers)
        if path == "/login" and asked.method == "POST":
            token = f"session-{secrets.token_hex(8)}"
            self.sessions[token] = form["name"]
            return Answer(
                303,
                [
                    ("Set-Cookie", f"session={token}; Path=/"),
                    ("Location", "/me"),
                    ("Cache-Control", "no-store"),
                ],
            )
        if path == "/logout" and asked.method == "POST":
            if "keep_sessions" not in self.more:
                self.sessions.pop(self.token(asked.headers), None)
            return Answer(303, [("Location", "/"), ("Cache-Control", "no-store")])
        if path == "/me/note" and asked.method == "POST" and who:
            self.notes[who] = form["note"]
            return Answer(303, [("Location", "/me"), ("Cache-Control", "no-store")])
        if path == "/me" or (self.loose and "me" in path.lower()):
            if who is None:
                return Answer(200 if "greets_all" in self.more else 401, self.headers, b"log in")
            return Answer(
                200, [*self.headers, *self.own(who)], f"hello {who}: {self.notes.get(who, '')}".encode()
            )
        if path == "/":
            host = asked.headers.get("X-Forwarded-Host", "") if "reflects" in self.more else ""
            return Answer(
                200, [("Cache-Control", self.more.get("public", SHARED))], f"all the same {host}".encode()
            )
        return Answer(404, [("Cache-Control", "no-store")])

    def own(self, who: str) -> list[tuple[str, str]]:
        if "hands_out" in self.more:
            token = next(token for token, name in self.sessions.items() if name == who)
            return [("Set-Cookie", f"session={token}; Path=/")]
        return []

    def token(self, headers: Mapping[str, str]) -> str:
        return (
            headers.get("Cookie", "").partition("session=")[2]
            or headers.get("Authorization", "").partition("Bearer ")[2]
        )

    def who(self, headers: Mapping[str, str]) -> str | None:
        return self.sessions.get(self.token(headers))


PRIVATE = [("Cache-Control", "private, no-store")]
OPEN = [("Cache-Control", "public, max-age=600")]
CASES = [
    ("nginx", "", PRIVATE, {}, {"me": set(), "home": set()}),
    ("varnish", "", PRIVATE, {}, {"me": set(), "home": set()}),
    ("nginx", "", PRIVATE, {"loose": True}, {"me": set(), "home": set()}),
    ("varnish", "", PRIVATE, {"loose": True}, {"me": set(), "home": set()}),
    ("varnish", "", OPEN, {}, {"me": {"R05"}, "home": set()}),  # the cache passes it: a risk, and no leak
    ("varnish", "", [], {}, {"me": {"R04"}, "home": set()}),
    ("nginx", "no_header_kept", [], {}, {"me": {"R01", "R03", "R04", "R06", "R08"}}),
    ("nginx", "keep_private", PRIVATE, {"loose": True}, {"me": {"R01", "R03", "R06", "R08"}}),
    ("nginx", "suffix_is_static", PRIVATE, {"loose": True}, {"me": {"R06"}}),
    ("varnish", "keep_private", PRIVATE, {"loose": True}, {"me": {"R01", "R03", "R06", "R07", "R08"}}),
    ("nginx", "keep_private", PRIVATE, {"greets_all": "1"}, {"me": {"R01", "R03", "R06", "R07", "R08"}}),
    ("varnish", "", PRIVATE, {"keep_sessions": "1"}, {"me": {"R08"}}),
    ("nginx", "forwarded_host", PRIVATE, {"reflects": "1"}, {"me": set(), "home": {"R09"}}),
    ("varnish", "forwarded_host", PRIVATE, {"reflects": "1"}, {"me": set(), "home": {"R09"}}),
    ("varnish", "", PRIVATE, {"reflects": "1"}, {"me": set(), "home": set()}),  # the cache drops the header
    ("varnish", "pass_everything", PRIVATE, {}, {"me": set(), "home": {"R10"}}),
    ("nginx", "keep_private", PRIVATE, {"hands_out": "1"}, {"me": {"R02", "R03", "R06"}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fault", "headers", "how", "expected"), CASES)
def test_what_a_careless_site_or_cache_shows(
    kind: str,
    fault: str,
    headers: list[tuple[str, str]],
    how: dict[str, str],
    expected: dict[str, set[str]],
    in_front: Start,
) -> None:
    with standin(Careless(headers, **how)) as site, in_front(kind, site.url, fault) as cache:  # type: ignore[arg-type]  # switches
        results = probed(cache.url, site.url, careless_identities())
        assert {name: rules(results, name) for name in expected} == expected


def careless_identities() -> tuple[Identity, ...]:
    return tuple(
        Identity(
            name, LogIn("/login", {"name": name, "password": word}, "/logout"), marker=("/me/note", "note")
        )
        for name, word in PASSWORDS.items()
    )


def test_an_application_that_leaks_by_itself_is_told_from_a_cache_that_does(in_front: Start) -> None:
    site = Careless(PRIVATE)
    site.who = lambda headers: next(iter(site.sessions.values()), None)  # type: ignore[method-assign]  # everybody is the first
    with standin(site) as server, in_front("varnish", server.url) as cache:
        results = probed(cache.url, server.url, careless_identities())
    assert {finding.fault for each in results for finding in each.findings if finding.rule == "R01"} == {
        "application"
    }


def test_a_bearer_is_tried_as_well(
    newsroom: Newsroom, in_front: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for each in ("one", "two"):
        name, password, token = register(newsroom.url)
        monkeypatch.setenv(f"BEARER_{each.upper()}", token)
        how = LogIn("/login", {"name": name, "password": password}, "/logout")
        made.append(Identity(each, how, f"env:BEARER_{each.upper()}", ("/me/note", "note")))
    with in_front("nginx", newsroom.url) as cache:
        assert [each.verdict for each in probed(cache.url, newsroom.url, tuple(made))] == ["ok", "ok"]


def test_a_cache_that_takes_all_queries_for_one_is_not_probed_but_where_it_is_allowed(
    in_front: Start,
) -> None:
    with standin(Careless(PRIVATE)) as site, in_front("varnish", site.url, "query_ignored") as cache:
        results = probed(cache.url, site.url, careless_identities())
        assert [each.verdict for each in results] == ["inconclusive", "inconclusive"]
        assert not any(asked.path.partition("?")[0] == "/me" for asked in site.asked)
        reserved = tuple(replace(route, reserved=True) for route in ROUTES)
        assert {each.verdict for each in probed(cache.url, site.url, careless_identities(), reserved)} == {
            "ok"
        }


def test_without_two_readers_or_without_a_mark_there_is_no_pass() -> None:
    with standin(Careless(PRIVATE)) as site:
        assert probed(site.url, site.url, careless_identities()[:1])[0].verdict == "inconclusive"
        strangers = tuple(Identity(name, marks=("nobody writes this",), bearer=None) for name in PASSWORDS)
        me = next(each for each in probed(site.url, site.url, strangers) if each.route == "me")
        assert me.verdict == "inconclusive"


def test_a_reader_who_cannot_log_in_is_told() -> None:
    with standin(lambda asked: Answer(403)) as site:
        (one,) = probed(site.url, site.url, careless_identities())
    assert one.verdict == "failing"
    assert (
        "one cannot log in: expected a redirect or a page with a cookie from /login, found status 403"
        in str(one.failed)
    )


def test_odd_addresses_are_all_different_and_none_is_the_readers_own() -> None:
    found = variants("/me", "7f")
    assert len(found) == len(set(found)) == 15
    assert "/me" not in found
    assert all("7f" in each for each in found)
    assert "/me%2F7f.css" in found


def test_a_curl_line_has_no_secret() -> None:
    reply = Reply(
        Ask("/me", headers={"Authorization": "Bearer s3cret", "X-Odd": "a'b"}),
        "http://x/me",
        200,
        (),
        b"",
        True,
        0,
        0,
        0,
    )
    line = curl(reply.ask, reply.url, "ada")
    assert "s3cret" not in line
    assert "$ADA_AUTHORIZATION" in line
