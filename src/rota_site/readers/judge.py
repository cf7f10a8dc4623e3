"""What the exchanges of a probe show: pure, over values. Each finding carries the two requests that show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rota_site.control import directives
from rota_site.curl import curl
from rota_site.fetch import Reply
from rota_site.finding import Finding
from rota_site.hits import hit_of
from rota_site.model import Route
from rota_site.readers.rules import RULES

__all__ = ["Exchange", "Order", "Tries", "judged", "marked"]


Tries = Literal["readers", "anonymous first", "head", "deception", "log-out", "header", "public", "origin"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of a probe and its reply: who asked, and with what."""

    who: str
    reply: Reply
    by: Literal["cookie", "bearer", "nothing"] = "nothing"


@dataclass(frozen=True, slots=True)
class Order:
    """Exchanges at one address that nobody else has, in the order in which they were made, and what they try."""

    tries: Tries
    exchanges: tuple[Exchange, ...]
    planted: str = ""


def judged(route: Route, orders: Sequence[Order], marks: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Every finding of a route. ``marks`` are by reader: texts that nobody else may see."""
    at_origin = [order for order in orders if order.tries == "origin"]
    is_dirty = any(_leaks(route, order, marks, "application") for order in at_origin)
    fault: Literal["application", "cache"] = "application" if is_dirty else "cache"
    found: list[Finding] = []
    for order in orders:
        found += _leaks(route, order, marks, "application" if order.tries == "origin" else fault)
        if order.tries in ("readers", "head", "deception", "log-out") and route.seen_by == "reader":
            found += _stored(route, order, marks)
        if order.tries == "header":
            found += _reflected(route, order)
        if order.tries == "public":
            found += _not_kept(route, order)
    if route.seen_by == "reader":
        found += _says(route, orders)
        found += _nobodys(route, orders, marks)
    return list(_once(found))


def marked(reply: Reply, marks: Sequence[str]) -> str | None:
    """Where in a reply one of the texts stands: the name of a header, or the body."""
    for name, value in reply.headers:
        if any(mark in value for mark in marks):
            return name
    return "the body" if any(mark in reply.text for mark in marks) else None


def _leaks(
    route: Route, order: Order, marks: Mapping[str, Sequence[str]], fault: Literal["application", "cache"]
) -> list[Finding]:
    """R01, R02, R06, R08: a mark of one reader in a reply to another, or to nobody."""
    found = []
    for number, exchange in enumerate(order.exchanges):
        for owner, texts in marks.items():
            if owner == exchange.who or (where := marked(exchange.reply, texts)) is None:
                continue
            rule = {"deception": "R06", "log-out": "R08"}.get(order.tries, "R01")
            if where.lower() == "set-cookie":
                rule = "R02"
            before = next((each for each in order.exchanges[:number] if each.who == owner), None)
            shown = tuple(_line(each) for each in (before, exchange) if each is not None)
            found.append(
                _finding(rule, route, exchange.reply.url, f"nothing of {owner} in a reply to {exchange.who}", f"a mark of {owner} in {where}", fault, shown)
            )  # fmt: skip
    return found


def _stored(route: Route, order: Order, marks: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """R03, R06: a reply that is a reader's own came out of the cache, though it may have been his."""
    for number, exchange in enumerate(order.exchanges):
        own = marked(exchange.reply, [text for texts in marks.values() for text in texts])
        if hit_of(exchange.reply) != "hit" or (order.tries == "deception" and own is None):
            continue
        if exchange.reply.status >= 400:
            continue
        rule = "R06" if order.tries == "deception" else "R03"
        shown = tuple(_line(each) for each in order.exchanges[: number + 1][-2:])
        said = (
            exchange.reply.get("cache-status")
            or exchange.reply.get("x-cache")
            or f"Age: {exchange.reply.get('age')}"
        )
        yield _finding(
            rule,
            route,
            exchange.reply.url,
            "a reply of the site itself",
            f"one of the cache ({said})",
            "cache",
            shown,
        )


def _reflected(route: Route, order: Order) -> Iterator[Finding]:
    """R09: what the first request planted in a header stands in the reply to one without it."""
    first, *others = order.exchanges
    for exchange in others:
        if (where := marked(exchange.reply, [order.planted])) is not None:
            shown = (_line(first), _line(exchange))
            fault: Literal["application", "cache"] = "cache"
            yield _finding(
                "R09",
                route,
                exchange.reply.url,
                "the same page as without the header",
                f"{order.planted} in {where}",
                fault,
                shown,
            )


def _not_kept(route: Route, order: Order) -> Iterator[Finding]:
    """R10: asked for again at once, a page that says that it may be kept is made anew."""
    *_, last = order.exchanges
    known = [hit_of(each.reply) for each in order.exchanges]
    if "hit" in known or known[-1] == "unknown" or last.reply.status != 200:
        return
    shown = tuple(_line(each) for each in order.exchanges[-2:])
    said = last.reply.get("cache-status") or last.reply.get("x-cache") or "a miss"
    yield _finding("R10", route, last.reply.url, "a reply of the cache", said, "cache", shown)


def _says(route: Route, orders: Sequence[Order]) -> Iterator[Finding]:
    """R04, R05: what a reader's own page says to caches."""
    for order in orders:
        if order.tries not in ("readers", "origin"):
            continue
        for exchange in order.exchanges:
            if exchange.who == "anonymous" or exchange.reply.status >= 400:
                continue
            control = exchange.reply.get("cache-control")
            shown = (_line(exchange),)
            if control is None and exchange.reply.get("expires") is None:
                yield _finding(
                    "R04",
                    route,
                    exchange.reply.url,
                    "Cache-Control: private, no-store",
                    "no Cache-Control",
                    "application",
                    shown,
                )
            elif not {name for name, _ in directives(control)} & {"private", "no-store", "no-cache"}:
                yield _finding(
                    "R05",
                    route,
                    exchange.reply.url,
                    "private or no-store",
                    control or "Expires alone",
                    "application",
                    shown,
                )


def _nobodys(route: Route, orders: Sequence[Order], marks: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """R07: the cache has given nobody's page to a reader who, at the origin, sees his own."""
    sees = {
        exchange.who
        for order in orders
        if order.tries == "origin"
        for exchange in order.exchanges
        if marked(exchange.reply, marks.get(exchange.who, ()))
    }
    for order in orders:
        if order.tries != "anonymous first":
            continue
        for number, exchange in enumerate(order.exchanges):
            if exchange.who in sees and not marked(exchange.reply, marks[exchange.who]):
                shown = tuple(_line(each) for each in order.exchanges[: number + 1])
                yield _finding(
                    "R07",
                    route,
                    exchange.reply.url,
                    f"the page of {exchange.who}, as at the origin",
                    "a page without his mark",
                    "cache",
                    shown,
                )


def _finding(
    rule: str,
    route: Route,
    url: str,
    expected: str,
    found: str,
    fault: Literal["application", "cache"],
    evidence: tuple[str, ...],
) -> Finding:
    known = RULES[rule]
    return Finding(
        rule,
        known.severity,
        route.name,
        url,
        known.title,
        expected,
        found,
        known.section,
        known.fix,
        fault,
        evidence,
    )


def _line(exchange: Exchange) -> str:
    return curl(exchange.reply.ask, exchange.reply.url, exchange.who)


def _once(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Each rule at each kind of address once: what leaks in one order leaks in the next as well."""
    seen = set()
    for finding in findings:
        key = (finding.rule, finding.route, finding.expected, finding.fault)
        if key not in seen:
            seen.add(key)
            yield finding
