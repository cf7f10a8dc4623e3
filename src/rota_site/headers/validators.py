"""Validators, compression, and whether the same question has the same answer: C10, C11, C16, C17."""

from __future__ import annotations

from collections.abc import Iterator

from rota_site.control import control_of, differs
from rota_site.fetch import Reply
from rota_site.finding import Finding
from rota_site.headers.rules import finding
from rota_site.headers.seen import Seen
from rota_site.model import Route

__all__ = ["findings"]

OF_A_304 = ("etag", "vary", "content-location", "expires")
"""What a 304 has to repeat of the 200, beside Cache-Control and Date (RFC 9110 section 15.4.5)."""


def findings(route: Route, seen: Seen) -> Iterator[Finding]:
    """What is said of validating an address's replies."""
    own = seen.own
    if own.status != 200 or route.seen_by != "everyone":
        return
    if (
        control_of(own).is_storable
        and not (own.get("etag") or own.get("last-modified"))
        and route.kind != "api"
    ):
        yield finding("C10", route, own, "an ETag or Last-Modified", "neither")
    for one, answer in ((seen.first, seen.validated), (seen.made, seen.confirmed)):
        if one is not None and answer is not None:
            yield from _validated(route, one, answer)
    yield from _compressed(route, seen)
    yield from _same(route, seen)


def _validated(route: Route, first: Reply, answer: Reply) -> Iterator[Finding]:
    if answer.status != 304:
        yield finding("C11", route, answer, "status 304", f"status {answer.status}", "", first)
        return
    unlike = [
        name
        for name in OF_A_304
        if first.get(name) is not None and (answer.get(name) or first.get(name)) != first.get(name)
    ]
    if answer.get("cache-control") is not None and differs(
        first.get("cache-control") or "", answer.get("cache-control")
    ):
        unlike.append("cache-control")
    for name in unlike:
        yield finding(
            "C11",
            route,
            answer,
            f"{name}: {first.get(name)}",
            f"{name}: {answer.get(name)} on the 304",
            "",
            first,
        )


def _compressed(route: Route, seen: Seen) -> Iterator[Finding]:
    coded = seen.own
    if coded.get("content-encoding") is None:
        return
    varied = {name.strip().lower() for name in (coded.get("vary") or "").split(",")}
    if not varied & {"accept-encoding", "*"}:
        yield finding("C16", route, coded, "Vary: Accept-Encoding", f"Vary: {coded.get('vary') or 'none'}")
    plain = seen.plain
    if plain is None or plain.get("content-encoding") is not None:
        return
    tag = coded.get("etag")
    if tag is not None and not tag.startswith("W/") and tag == plain.get("etag"):
        yield finding(
            "C16", route, coded, "another ETag for each coding, or a weak one", f"{tag} for both", "", plain
        )


def _same(route: Route, seen: Seen) -> Iterator[Finding]:
    """Asked twice at the site itself, a public page has the same bytes and the same ETag."""
    one, two = seen.made, seen.again
    if one is None or two is None or two.status != 200 or not (one.is_whole and two.is_whole):
        return
    if not control_of(one).is_storable:
        return
    if one.body != two.body:
        at = next(
            (at for at, pair in enumerate(zip(one.body, two.body, strict=False)) if pair[0] != pair[1]), 0
        )
        near = one.body[max(0, at - 30) : at + 30].decode("utf-8", "replace")
        yield finding(
            "C17",
            route,
            one,
            "the same bytes for everyone",
            f"others the second time, near {near!r}",
            "",
            two,
        )
    elif one.get("etag") != two.get("etag"):
        yield finding(
            "C11",
            route,
            one,
            "the same ETag for the same bytes",
            f"{one.get('etag')} and {two.get('etag')}",
            "",
            two,
        )
