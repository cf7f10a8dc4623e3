"""For how long a reply is kept, and whether that is what is declared: C06 to C09, C12 to C14, C19."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from rota_site.control import Control, control_of, differs
from rota_site.fetch import Reply
from rota_site.finding import Finding
from rota_site.headers.rules import finding
from rota_site.headers.seen import Seen
from rota_site.hits import age_of, hit_of
from rota_site.model import Route

__all__ = ["findings", "unpurged"]

YEAR = 31_536_000
SKEW = 60
CONTRADICTIONS = (
    ({"public", "private"}, "public and private"),
    ({"no-store", "max-age"}, "no-store and max-age"),
    ({"no-store", "s-maxage"}, "no-store and s-maxage"),
    ({"private", "s-maxage"}, "private and s-maxage"),
    ({"no-store", "immutable"}, "no-store and immutable"),
    ({"no-store", "public"}, "no-store and public"),
)


def findings(route: Route, seen: Seen) -> Iterator[Finding]:
    """What is said of the lifetime of an address's replies."""
    own = seen.own
    control = control_of(own)
    for wrong in control.problems:
        yield finding("C07", route, own, "max-age=SECONDS", wrong)
    for names, words in CONTRADICTIONS:
        if names <= control.names and not (names == {"no-store", "max-age"} and control.lifetime == 0):
            yield finding("C08", route, own, "one of them", words)
    if own.status < 400:
        yield from _declared(route, own, seen)
    if not control.is_explicit and own.status in (200, 301, 308, 404, 410) and route.seen_by != "reader":
        yield finding(
            "C06",
            route,
            own,
            "max-age, or no-store",
            own.get("cache-control") or "no Cache-Control and no Expires",
        )
    if own.status == 200:
        yield from _hashed(route, own, control)
    for reply in seen.all:
        yield from _age(route, reply)


def _declared(route: Route, own: Reply, seen: Seen) -> Iterator[Finding]:
    if route.cache is None:
        return
    if differs(route.cache, own.get("cache-control")):
        yield finding("C09", route, own, route.cache, own.get("cache-control") or "no Cache-Control")
    elif seen.made is not None and differs(route.cache, seen.first.get("cache-control")):
        yield finding(
            "C09",
            route,
            seen.first,
            route.cache,
            seen.first.get("cache-control") or "no Cache-Control",
            "cache",
        )


def _hashed(route: Route, own: Reply, control: Control) -> Iterator[Finding]:
    said = own.get("cache-control") or "no Cache-Control"
    if route.hashed and not ((control.lifetime or 0) >= YEAR and "immutable" in control.names):
        yield finding("C12", route, own, f"max-age={YEAR}, immutable", said)
    if not route.hashed and "immutable" in control.names:
        yield finding("C13", route, own, "no immutable", said)


def _age(route: Route, reply: Reply) -> Iterator[Finding]:
    control, age = control_of(reply), age_of(reply)
    if age is not None and control.lifetime is not None and age > control.lifetime + control.stale:
        yield finding(
            "C14",
            route,
            reply,
            f"an Age of at most {control.lifetime + control.stale} s",
            f"{age} s",
            "cache",
        )
    elif age is not None and age > SKEW and hit_of(reply) == "miss":
        yield finding("C14", route, reply, "no Age on what the site has made", f"{age} s", "cache")
    date = reply.get("date")
    if date is None:
        return
    try:
        off = parsedate_to_datetime(date).timestamp() + (age or 0) - reply.at
    except ValueError:
        yield finding("C14", route, reply, "a date", date)
        return
    is_cached = hit_of(reply) == "hit"
    if off > SKEW or (off < -SKEW and not is_cached):
        yield finding("C14", route, reply, f"a Date within {SKEW} s of now", f"{off:+.0f} s")


def unpurged(route: Route, seen: Seen, *, shown: bool) -> Iterator[Finding]:
    """C19: kept by shared caches for longer than a minute, and nothing of site.toml purges it."""
    control = control_of(seen.own)
    if seen.own.status != 200 or route.seen_by != "everyone" or route.hashed or shown or route.keys:
        return
    if control.is_storable and "s-maxage" in control.names and (control.lifetime or 0) > SKEW:
        yield finding(
            "C19",
            route,
            seen.own,
            "a place under [[content.shown]], or keys",
            f"kept for {control.lifetime} s",
        )
