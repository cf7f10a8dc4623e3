"""The feed: valid Atom (RFC 4287) or RSS 2.0, with the newest article in it, and nothing that is not public."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

from rota.clock import Clock, SystemClock, from_instant
from rota_site.addresses import path_of
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.finding import Finding, RouteResult
from rota_site.model import Route, Site
from rota_site.trade.listing import Item, ListingFailed, listing, public
from rota_site.trade.rules import finding

__all__ = ["Feed", "check", "read_feed"]

ATOM = "{http://www.w3.org/2005/Atom}"
GRACE = 1_800.0
"""Seconds that the newest article may be missing: a feed is built every so often."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as read: what is wrong with it (expected, found), and the paths of its entries, newest first."""

    problems: tuple[tuple[str, str], ...]
    paths: tuple[str, ...] = ()


async def check(site: Site, fetcher: Fetcher, clock: Clock | None = None) -> list[RouteResult]:
    """Every route of the kind *feed*."""
    now = from_instant((clock or SystemClock()).now())
    try:
        items: Sequence[Item] = await listing(site, fetcher)
        unsure = None if items else "no [[content]] of site.toml has a listing: freshness was not looked at"
    except ListingFailed as failed:
        items, unsure = (), str(failed)
    routes = [route for route in site.routes if route.kind == "feed"]
    return [await _route(route, fetcher, items, unsure, now) for route in routes]


async def _route(
    route: Route, fetcher: Fetcher, items: Sequence[Item], unsure: str | None, now: datetime
) -> RouteResult:
    findings: list[Finding] = []
    for path in route.samples:
        try:
            reply = await fetcher.fetch(Ask(path))
        except FetchFailed as failed:
            return RouteResult(route.name, 1, failed=str(failed), url=path)
        feed = read_feed(reply)
        findings += [finding("F01", route.name, reply.url, *problem) for problem in feed.problems]
        if items and not feed.problems:
            findings += _against(route, reply.url, feed, items, now)
    return RouteResult(route.name, len(route.samples), tuple(findings), unsure=unsure, url=route.pattern)


def read_feed(reply: Reply) -> Feed:
    """What a reply is as a feed."""
    if reply.status != 200:
        return Feed((("status 200", f"status {reply.status}"),))
    if not reply.is_whole:
        return Feed((("a feed of at most as many bytes as [limits] body says", "a longer one"),))
    try:
        root = ElementTree.fromstring(reply.body)
    except ElementTree.ParseError as error:
        return Feed((("well-formed XML", str(error)),))
    if root.tag == f"{ATOM}feed":
        return _atom(root)
    channel = root.find("channel")
    if root.tag != "rss" or channel is None:
        return Feed((("an Atom feed, or rss with a channel", f"<{root.tag}>"[:80]),))
    return _rss(channel)


def _atom(root: ElementTree.Element) -> Feed:
    entries = root.findall(f"{ATOM}entry")
    problems = [*_lacking(root, [f"{ATOM}{name}" for name in ("id", "title", "updated")], "the feed")]
    for entry in entries:
        problems += _lacking(entry, [f"{ATOM}{name}" for name in ("id", "title", "updated")], "an entry")
    ids = [entry.findtext(f"{ATOM}id") or "" for entry in entries]
    problems += _repeated(ids)
    links = [_link(entry) for entry in entries]
    return Feed(tuple(dict.fromkeys(problems)), tuple(path_of(link) for link in links if link))


def _link(entry: ElementTree.Element) -> str:
    links = entry.findall(f"{ATOM}link")
    return next((each.get("href", "") for each in links if each.get("rel", "alternate") == "alternate"), "")


def _rss(channel: ElementTree.Element) -> Feed:
    items = channel.findall("item")
    problems = [*_lacking(channel, ["title", "link", "description"], "the channel")]
    for item in items:
        if not (item.findtext("title") or item.findtext("description")):
            problems.append(("a title or a description in each item", "an item with neither"))
    problems += _repeated([item.findtext("guid") or item.findtext("link") or "" for item in items])
    return Feed(
        tuple(dict.fromkeys(problems)),
        tuple(path_of((item.findtext("link") or "").strip()) for item in items if item.findtext("link")),
    )


def _lacking(element: ElementTree.Element, names: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    for name in names:
        if not (element.findtext(name) or "").strip():
            yield f"{name.rpartition('}')[2]} in {where}", "none"


def _repeated(ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(set(ids)) < len(ids):
        yield "an id of its own for each entry", f"{len(ids) - len(set(ids))} repeated"


def _against(route: Route, url: str, feed: Feed, items: Sequence[Item], now: datetime) -> Iterator[Finding]:
    known = {item.path: item for item in items}
    hidden = [path for path in feed.paths if path in known and not known[path].is_public(now)]
    if hidden:
        yield finding("F03", route.name, url, "public articles", hidden[0])
    settled = [
        item
        for item in public([item for item in items if item.indexable], now)
        if item.publish_at is not None and (now - item.publish_at).total_seconds() > GRACE
    ]
    if settled and settled[0].path not in feed.paths:
        yield finding("F02", route.name, url, f"the newest article, {settled[0].path}", "a feed without it")
