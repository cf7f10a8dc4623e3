"""The addresses of a route: its samples, and those of a sitemap that its pattern takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from rota_site.fetch import Ask, Fetcher, FetchFailed
from rota_site.model import Route, Site

__all__ = ["addresses", "listed", "path_of", "route_of", "spread", "takes"]

_LOCATION = re.compile(r"<loc>\s*([^<\s]+)\s*</loc>")
MOST_SITEMAPS = 100

T = TypeVar("T")


async def addresses(site: Site, fetcher: Fetcher) -> dict[str, tuple[str, ...]]:
    """The paths to ask for, by route. A sitemap that cannot be read adds none: the sitemap's own check says so."""
    sitemaps = sorted({route.source.sitemap for route in site.routes if route.source})
    locations: dict[str, list[str]] = {path: await listed(fetcher, path) for path in sitemaps}
    return {route.name: _of(route, locations) for route in site.routes}


async def listed(fetcher: Fetcher, sitemap: str) -> list[str]:
    """The paths that a sitemap lists, and those that it refers to, in their order; an unreadable one lists none."""
    waiting, seen, paths = [sitemap], {sitemap}, list[str]()
    while waiting and len(seen) <= MOST_SITEMAPS:
        try:
            reply = await fetcher.fetch(Ask(waiting.pop(0)))
        except FetchFailed:
            continue
        found = (
            [path_of(each.replace("&amp;", "&")) for each in _LOCATION.findall(reply.text)]
            if reply.status == 200
            else []
        )
        if "<sitemapindex" in reply.text[:2_000]:
            waiting += [path for path in found if path not in seen]
            seen.update(found)
        else:
            paths += found
    return paths


def takes(pattern: str, path: str) -> bool:
    """Whether a pattern takes a path. A part in braces is one segment, or a piece of one.

    >>> takes("/articles/{slug}", "/articles/one"), takes("/articles/{slug}", "/articles/one/two")
    (True, False)
    >>> takes("/sitemaps/{number}.xml", "/sitemaps/3.xml"), takes("/search", "/search?q=a")
    (True, True)
    """
    return _compiled(pattern).fullmatch(path.partition("?")[0]) is not None


def route_of(site: Site, path: str) -> str:
    """The name of the route that an address belongs to: of those that take it, the one with the fewest parts in braces.

    >>> from rota_site.model import Infrastructure
    >>> routes = (Route("article", "/a/{slug}"), Route("about", "/a/about"))
    >>> site = Site("notes", routes, (), Infrastructure("http://127.0.0.1"))
    >>> route_of(site, "/a/about"), route_of(site, "/a/one"), route_of(site, "/b")
    ('about', 'article', '(no route)')
    """
    taking = [route for route in site.routes if takes(route.pattern, path)]
    return min(taking, key=lambda route: route.pattern.count("{")).name if taking else "(no route)"


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}]*\})", pattern)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))


def _of(route: Route, locations: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    if route.source is None:
        return route.samples
    taken = [path for path in locations[route.source.sitemap] if takes(route.pattern, path)]
    return tuple(dict.fromkeys([*route.samples, *spread(taken, route.source.most)]))


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of a list, from its beginning to its end, evenly.

    >>> spread(list("abcdefghij"), 3)
    ['a', 'd', 'g']
    """
    if len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]


def path_of(location: str) -> str:
    """An address's path and query.

    >>> path_of("https://x.test/a?b=1"), path_of("https://x.test")
    ('/a?b=1', '/')
    """
    address = urlsplit(location)
    return (address.path or "/") + (f"?{address.query}" if address.query else "")
