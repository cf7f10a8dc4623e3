"""What splits or merges the replies of a cache: C05, C22, C23; and C20, an address of the sitemap that says noindex."""

from __future__ import annotations

from collections.abc import Iterator

from rota_site.control import control_of
from rota_site.finding import Finding
from rota_site.headers.rules import finding
from rota_site.headers.seen import Seen
from rota_site.hits import hit_of
from rota_site.model import Route

__all__ = ["findings"]

SPLITTING = {"cookie", "user-agent", "*", "referer"}
HARMLESS = {"accept-encoding"}


def findings(route: Route, seen: Seen) -> Iterator[Finding]:
    """What is said of the key under which a cache keeps an address."""
    own = seen.own
    if own.status != 200:
        return
    if seen.is_listed and "noindex" in (own.get("x-robots-tag") or "").lower():
        yield finding("C20", route, own, "no noindex", f"X-Robots-Tag: {own.get('x-robots-tag')}")
    if route.seen_by != "everyone" or not control_of(own).is_storable:
        return
    yield from _varied(route, seen)
    if seen.other is not None and hit_of(seen.other) == "hit":
        yield finding(
            "C22",
            route,
            seen.other,
            "an address of its own",
            "a reply out of the cache at the first question",
            "cache",
            seen.first,
        )
    if seen.tracked is not None and hit_of(seen.tracked) == "miss" and hit_of(seen.second) == "hit":
        yield finding(
            "C23",
            route,
            seen.tracked,
            "the reply that the cache has",
            "one that the site has made",
            "cache",
            seen.second,
        )


def _varied(route: Route, seen: Seen) -> Iterator[Finding]:
    own = seen.own
    names = {name.strip().lower() for name in (own.get("vary") or "").split(",") if name.strip()}
    declared = None if route.vary is None else {name.lower() for name in route.vary} | HARMLESS
    wrong = names & SPLITTING if declared is None else names - declared
    if wrong:
        expected = "no Cookie, User-Agent, Referer or *" if declared is None else ", ".join(sorted(declared))
        yield finding("C05", route, own, expected, f"Vary: {own.get('vary')}")
