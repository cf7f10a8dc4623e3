"""Broken links and images: the site's own at once, those to other sites after failures on three days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from rota.clock import Clock, SystemClock, from_instant
from rota_site.addresses import addresses, path_of, route_of
from rota_site.fetch import Ask, Fetcher, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.model import Site
from rota_site.page import is_html, read_page
from rota_site.trade.memory import Known, after, is_broken, is_due, read, write
from rota_site.trade.outside import PAUSE, Outside
from rota_site.trade.rules import finding

__all__ = ["MEMORY", "How", "check"]

MEMORY = Path("var/site-links.json")


@dataclass(frozen=True, slots=True)
class How:
    """The file that remembers links to other sites, and the seconds between two requests to one of them."""

    memory: Path = MEMORY
    pause: float = PAUSE
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class _Named:
    """An address that pages name: the first of them, how many, and whether it is an image."""

    url: str
    page: str
    pages: int
    is_image: bool


async def check(site: Site, fetcher: Fetcher, how: How | None = None) -> list[RouteResult]:
    """Look at what the pages of each route link to, at most `Pages.links` addresses in one run, those due for longest first."""
    how = how or How()
    now = from_instant((how.clock or SystemClock()).now())
    named, asked = await _named(site, fetcher)
    host = urlsplit(site.infrastructure.url).netloc
    own = [each for each in named.values() if urlsplit(each.url).netloc == host][: site.pages.links]
    broken = await _own(own, fetcher)
    others = [each for each in named.values() if urlsplit(each.url).netloc != host]
    looked = 0
    if site.pages.outside and others:
        found, looked = await _outside(others, site, how, now)
        broken += found
    return _by_route(site, broken, asked, {"own": len(own), "outside": len(others), "looked at": looked})


async def _named(site: Site, fetcher: Fetcher) -> tuple[dict[str, _Named], dict[str, int]]:
    """Every address that a public page names, and how many pages of each route were read."""
    paths = await addresses(site, fetcher)
    pages = [
        path for route in site.routes if route.seen_by == "everyone" and route.kind in ("page", "list")
        for path in paths[route.name]
    ]  # fmt: skip
    named: dict[str, _Named] = {}
    asked: dict[str, int] = {}
    for reply in await fetcher.fetch_all([Ask(path) for path in pages]):
        name = route_of(site, reply.ask.path)
        asked[name] = asked.get(name, 0) + 1
        if isinstance(reply, Reply) and reply.status == 200 and is_html(reply):
            page = read_page(reply)
            for url, is_image in {
                **dict.fromkeys(page.links, False),
                **{each.src: True for each in page.images},
            }.items():
                known = named.get(url)
                named[url] = _Named(
                    url, known.page if known else reply.ask.path, known.pages + 1 if known else 1, is_image
                )
    return named, asked


async def _own(named: Sequence[_Named], fetcher: Fetcher) -> list[tuple[_Named, str]]:
    """The site's own that are gone, with what was said. What only fails now is another check's to tell."""
    replies = await fetcher.fetch_all([Ask(path_of(each.url), most=1) for each in named])
    return [
        (each, f"status {reply.status}")
        for each, reply in zip(named, replies, strict=True)
        if isinstance(reply, Reply) and reply.status in (404, 410)
    ]


async def _outside(
    named: Sequence[_Named], site: Site, how: How, now: datetime
) -> tuple[list[tuple[_Named, str]], int]:
    memory = read(how.memory)
    due = sorted(
        (each for each in named if is_due(memory.get(each.url), now)), key=lambda each: _since(memory, each)
    )
    due = due[: site.pages.links]
    timeout = site.infrastructure.limits.timeout.total_seconds()
    async with Outside(timeout, site.infrastructure.hosts, how.pause) as outside:
        for each in due:
            look, said = await outside.look(each.url)
            memory[each.url] = after(memory.get(each.url), look, said, now)
    write(how.memory, {each.url: memory[each.url] for each in named if each.url in memory})
    told = [
        (
            each,
            f"{memory[each.url].said} on {len(memory[each.url].days)} days, first {memory[each.url].days[0]}",
        )
        for each in named
        if each.url in memory and is_broken(memory[each.url])
    ]
    return told, len(due)


def _since(memory: Mapping[str, Known], each: _Named) -> str:
    known = memory.get(each.url)
    return known.next_at if known else ""


def _by_route(
    site: Site, broken: Sequence[tuple[_Named, str]], asked: Mapping[str, int], facts: Mapping[str, int]
) -> list[RouteResult]:
    findings: dict[str, list[Finding]] = {name: [] for name in asked}
    for each, said in broken:
        rule = "L02" if each.is_image else "L01"
        more = f", and on {each.pages - 1} other pages" if each.pages > 1 else ""
        findings[route_of(site, each.page)].append(
            finding(
                rule,
                route_of(site, each.page),
                each.url,
                "an answer below 400",
                f"{said}; named on {each.page}{more}",
            )
        )
    return [RouteResult(name, asked[name], tuple(found), facts=facts) for name, found in findings.items()]
