"""Asks in the orders that leak: one reader and then nobody, nobody and then a reader, HEAD before GET, odd addresses, log-out.

Nothing is ever asked, as a reader, at an address that anybody else asks: each order has a query of its own, so that the probe
itself never puts a reader's page under a public key. Whether the cache tells such addresses apart is found out first; where it
does not, only routes that site.toml reserves for probes are asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rota_site.addresses import addresses
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply, Where
from rota_site.finding import RouteResult
from rota_site.hits import hit_of
from rota_site.model import Identity, Route, Site
from rota_site.readers.deception import variants
from rota_site.readers.identity import ANONYMOUS, LogInFailed, Reader, log_in, log_out
from rota_site.readers.judge import Exchange, Order, Tries, judged, marked

__all__ = ["probe"]

BUSTER = "_probe"
SAMPLES = 2
"""Addresses of a route that are probed in one run."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """What the orders share: who asks, and of whom the log-out is tried."""

    site: Site
    fetcher: Fetcher
    first: Reader
    second: Reader
    leaver: Identity

    async def ask(self, who: Reader, path: str, *, bearer: bool = False, where: Where = "cache",
                  method: str = "GET", headers: Mapping[str, str] | None = None) -> Exchange:  # fmt: skip
        given = who.bearer if bearer else who.cookie
        reply = await self.fetcher.fetch(Ask(path, where, method, {**given, **(headers or {})}))
        return Exchange(who.name, reply, "nothing" if not given else "bearer" if bearer else "cookie")

    def address(self, path: str, route: Route) -> str:
        """The address with a query of its own; a reserved one as it is."""
        if route.reserved:
            return path
        return f"{path}{'&' if '?' in path else '?'}{BUSTER}={secrets.token_hex(6)}"


async def probe(site: Site, fetcher: Fetcher) -> list[RouteResult]:
    """What each route is found to show to whom. Routes that *nobody* may see are left out."""
    if len(site.infrastructure.identities) < 2:
        return [RouteResult("readers", 0, unsure="site.toml names fewer than two [identities]")]
    one, two = site.infrastructure.identities[:2]
    try:
        first, second = await log_in(one, fetcher), await log_in(two, fetcher)
    except LogInFailed as failed:
        return [RouteResult("readers", 0, failed=str(failed))]
    asks = _Probe(site, fetcher, first, second, one)
    told_apart = await _told_apart(asks)
    paths = await addresses(site, fetcher)
    routes = [route for route in site.routes if route.seen_by != "nobody" and paths[route.name]]
    return [await _route(route, paths[route.name][:SAMPLES], asks, told_apart) for route in routes]


async def _told_apart(asks: _Probe) -> bool:
    """Whether the cache takes two addresses that differ in their query for two. Only nobody asks, for a public page."""
    public = next(
        (route for route in asks.site.routes if route.seen_by == "everyone" and route.samples), None
    )
    if public is None:
        return True
    for _ in range(2):
        path = f"{public.samples[0].partition('?')[0]}?{BUSTER}={secrets.token_hex(6)}"
        try:
            exchange = await asks.ask(ANONYMOUS, path)
        except FetchFailed:
            return True  # the site's state is told route by route
        if hit_of(exchange.reply) == "hit":
            return False
    return True


async def _route(route: Route, paths: Sequence[str], asks: _Probe, told_apart: bool) -> RouteResult:
    if not told_apart and not route.reserved:
        why = "the cache takes addresses that differ in their query for one: only routes with reserved = true are probed"
        return RouteResult(route.name, 0, unsure=why, url=paths[0])
    orders: list[Order] = []
    try:
        for path in paths:
            orders += await (_personal if route.seen_by == "reader" else _public)(route, path, asks)
    except FetchFailed as failed:
        return RouteResult(route.name, _count(orders), failed=str(failed), url=paths[0])
    marks = {reader.name: reader.marks for reader in (asks.first, asks.second) if reader.marks}
    findings = judged(route, orders, marks)
    blind = route.seen_by == "reader" and not any(_sees(order, marks) for order in orders)
    unsure = (
        "no reply to a test reader has his mark: nothing that could leak was there"
        if blind and not findings
        else None
    )
    seen = orders[0].exchanges[0].reply
    return RouteResult(
        route.name, _count(orders), tuple(findings), unsure=unsure, url=seen.url, seen=_shown(seen)
    )


async def _personal(route: Route, path: str, asks: _Probe) -> list[Order]:
    """A reader's own page, in every order that is known to leak."""
    first, second = asks.first, asks.second
    orders = [
        await _in_order(asks, route, path, "readers", (first, second, ANONYMOUS)),
        await _in_order(asks, route, path, "anonymous first", (ANONYMOUS, first)),
    ]
    if first.bearer:
        orders.append(await _in_order(asks, route, path, "readers", (first, ANONYMOUS, second), bearer=True))
    address = asks.address(path, route)
    head = await asks.ask(first, address, method="HEAD")
    orders.append(Order("head", (head, await asks.ask(ANONYMOUS, address))))
    orders += [await _deceived(asks, variant) for variant in variants(path, secrets.token_hex(4))]
    if asks.site.infrastructure.origin is not None:
        orders.append(
            await _in_order(asks, route, path, "origin", (first, second, ANONYMOUS), where="origin")
        )
    if (left := await _logged_out(asks, route, path)) is not None:
        orders.append(left)
    return orders


async def _public(route: Route, path: str, asks: _Probe) -> list[Order]:
    """A page that is the same for everyone: nothing of a reader or of a foreign header may stay in it."""
    orders = [await _in_order(asks, route, path, "readers", (asks.first, ANONYMOUS, asks.second))]
    planted = f"probe-{secrets.token_hex(6)}.invalid"
    address = asks.address(path, route)
    foreign = {"X-Forwarded-Host": planted, "X-Original-URL": f"/{planted}", "X-Forwarded-Scheme": planted}
    exchanges = (
        await asks.ask(ANONYMOUS, address, headers=foreign),
        await asks.ask(ANONYMOUS, address),
    )
    orders.append(Order("header", exchanges, planted))
    if asks.site.infrastructure.origin is not None:
        orders.append(await _in_order(asks, route, path, "origin", (asks.first, ANONYMOUS), where="origin"))
    if route.cache and "public" in route.cache:
        again = asks.address(path, route)
        kept = tuple([await asks.ask(ANONYMOUS, again) for _ in range(3)])
        orders.append(Order("public", kept))
    return orders


async def _in_order(
    asks: _Probe,
    route: Route,
    path: str,
    tries: Tries,
    readers: Sequence[Reader],
    *,
    bearer: bool = False,
    where: Where = "cache",
) -> Order:
    address = asks.address(path, route)
    exchanges = [await asks.ask(reader, address, bearer=bearer, where=where) for reader in readers]
    return Order(tries, tuple(exchanges))


async def _deceived(asks: _Probe, variant: str) -> Order:
    """A reader who was lured to an odd address, and whoever lured him. One in ten thousand odd forms breaks a connection."""
    try:
        lured = await asks.ask(asks.first, variant)
        return Order("deception", (lured, await asks.ask(ANONYMOUS, variant)))
    except FetchFailed:
        return Order("deception", ())


async def _logged_out(asks: _Probe, route: Route, path: str) -> Order | None:
    """A session of its own, so that the other orders keep theirs: seen, ended, and asked for again."""
    try:
        leaver = await log_in(asks.leaver, asks.fetcher, again=asks.first)
    except LogInFailed:
        return None
    address = asks.address(path, route)
    before = await asks.ask(leaver, address)
    if not leaver.cookie or not await log_out(asks.leaver, leaver, asks.fetcher):
        return None
    gone = Reader("whoever has the old cookie", leaver.cookie, {}, ())
    return Order("log-out", (before, await asks.ask(gone, address), await asks.ask(ANONYMOUS, address)))


def _sees(order: Order, marks: Mapping[str, Sequence[str]]) -> bool:
    return any(marked(each.reply, marks.get(each.who, ())) for each in order.exchanges)


def _count(orders: Sequence[Order]) -> int:
    return sum(len(order.exchanges) for order in orders)


def _shown(reply: Reply) -> tuple[tuple[str, str], ...]:
    """The headers of a reply, without what opens a session."""
    return tuple(
        (name, "(left out)" if name.lower() == "set-cookie" else value) for name, value in reply.headers
    )
