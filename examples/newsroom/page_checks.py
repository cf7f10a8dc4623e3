"""What the running site answers, held against the policy of each route. Used by the task ``check-pages``."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from newsroom.checks import NotAsExpected, the_site
from newsroom.policy import POLICIES
from newsroom.settings import Settings
from newsroom.store import value

__all__ = ["headers_match_policy", "pages_within_budget", "sample_paths"]

TRIES = 5  # the quickest counts: a busy machine is not a slow page

Answer = tuple[int, Mapping[str, str]]
Fetch = Callable[[str], Answer]


def sample_paths() -> list[tuple[str, str]]:
    """An address of each route that can be read, with the route's name in the policy."""
    with the_site() as (_, store, _now), store.read() as connection:
        slug = value(
            connection, "SELECT slug FROM article WHERE status = 'published' ORDER BY publish_at DESC LIMIT 1"
        )
        tag = value(connection, "SELECT name FROM tag WHERE live > 0 ORDER BY live DESC LIMIT 1")
        sha = value(connection, "SELECT sha FROM image_file WHERE state = 'ok' LIMIT 1")
    paths = [("/", "/"), ("/tags", "/tags"), ("/search?q=python", "/search"), ("/robots.txt", "/robots.txt")]
    paths += [
        (path, path)
        for path in ("/feed.xml", "/atom.xml", "/sitemap.xml", "/me", "/me.json", "/login", "/healthz")
    ]
    if slug:
        paths.append((f"/articles/{slug}", "/articles/{slug}"))
    if tag:
        paths.append((f"/tags/{tag}", "/tags/{tag}"))
    if sha:
        paths.append((f"/images/{sha}.png", "/images/{name}"))
    return paths


def headers_match_policy(fetch: Fetch | None = None) -> None:
    """Each route says what the policy says of it, and nothing that is shared sets a cookie."""
    ask = fetch or _over_loopback
    for path, route in sample_paths():
        policy = POLICIES[route]
        status, headers = ask(path)
        if status >= 400:
            raise NotAsExpected("an answer", f"status {status}", path)
        found = headers.get("cache-control", "nothing")
        if found != policy.cache_control:
            raise NotAsExpected(f"Cache-Control: {policy.cache_control}", found, path)
        if policy.vary and policy.vary not in headers.get("vary", ""):
            raise NotAsExpected(f"Vary: {policy.vary}", headers.get("vary", "nothing"), path)
        if policy.shared in ("everyone", "forever") and "set-cookie" in headers:
            raise NotAsExpected("no cookie on a shared reply", "Set-Cookie", path)


def pages_within_budget(fetch: Fetch | None = None) -> None:
    """Each route answers within its budget; the quickest of a few tries counts."""
    ask = fetch or _over_loopback
    for path, route in sample_paths():
        quickest = float("inf")
        for _ in range(TRIES):
            started = time.perf_counter()
            ask(path)
            quickest = min(quickest, (time.perf_counter() - started) * 1000)
            if quickest <= POLICIES[route].cold:
                break
        if quickest > POLICIES[route].cold:
            raise NotAsExpected(f"at most {POLICIES[route].cold} ms", f"{quickest:.0f} ms", path)


def _over_loopback(path: str) -> Answer:
    """Ask the running site. Only an address of this machine is asked."""
    address = urlsplit(Settings.from_environment().url)
    if address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise NotAsExpected("NEWSROOM_URL on this machine", address.hostname, "the environment")
    connection = http.client.HTTPConnection(address.hostname, address.port or 80, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): found for name, found in answer.getheaders()}
    except OSError as error:
        raise NotAsExpected("an answer", error, f"{address.netloc}{path}") from error
    finally:
        connection.close()
