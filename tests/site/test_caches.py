"""The caches that the other tests stand on: what they keep, what they never keep, what a purge forgets."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
from tests.site.conftest import Newsroom, Start
from tests.site.standin import Answer, Asked, standin

KINDS = ("varnish", "nginx")


def ask(url: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def is_hit(headers: dict[str, str]) -> bool:
    return "hit" in headers.get("cache-status", "") or headers.get("x-cache") == "HIT"


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_page_is_kept_and_a_readers_own_never(
    kind: str, newsroom: Newsroom, in_front: Start
) -> None:
    with in_front(kind, newsroom.url) as cache:
        assert not is_hit(ask(cache.url, "/")[1])
        assert is_hit(ask(cache.url, "/", Cookie="newsroom_session=x")[1])
        for _ in range(2):
            for path in ("/login", "/me.json", "/me"):
                status, headers, _ = ask(cache.url, path, Cookie="newsroom_session=x")
                assert status in (200, 303)
                assert not is_hit(headers)
        assert "surrogate-key" not in ask(cache.url, "/")[1]


def counting(asked: Asked) -> Answer:
    key = asked.path.strip("/").replace("/", ":")
    return Answer(headers=[("Cache-Control", "public, s-maxage=60"), ("Surrogate-Key", f"all {key}")])


def test_varnish_forgets_one_address_and_not_its_neighbour(in_front: Start) -> None:
    with standin(counting) as site, in_front("varnish", site.url) as cache:
        for how in (
            {"method": "PURGE"},
            {"method": "BAN"},
            {"method": "PURGE", "Surrogate_Key": "article:1"},
        ):
            for path in ("/article/1", "/article/10"):
                ask(cache.url, path)
                assert is_hit(ask(cache.url, path)[1])
            assert ask(cache.url, "/article/1", **how)[0] == 200
            assert is_hit(ask(cache.url, "/article/10")[1])
            assert not is_hit(ask(cache.url, "/article/1")[1])
        assert ask(cache.url, "/", "PURGE", Surrogate_Key="a(b")[0] == 400


def test_nginx_forgets_one_address_and_not_its_neighbour(in_front: Start) -> None:
    with standin(counting) as site, in_front("nginx", site.url) as cache:
        for path in ("/article/1", "/article/10"):
            ask(cache.url, path)
            assert is_hit(ask(cache.url, path)[1])
        assert ask(cache.url, "/_purge/article/1")[0] == 200
        assert is_hit(ask(cache.url, "/article/10")[1])
        assert not is_hit(ask(cache.url, "/article/1")[1])
        assert ask(cache.url, "/_purge/article/7")[0] == 404  # it was not kept
