"""What may be kept by whom: C01 to C04, C15, C18."""

from __future__ import annotations

from collections.abc import Iterator

from rota_site.control import control_of
from rota_site.fetch import Reply
from rota_site.finding import Finding
from rota_site.headers.rules import finding
from rota_site.headers.seen import Seen
from rota_site.hits import hit_of
from rota_site.model import Route

__all__ = ["findings"]

MINUTE = 60
PRIVATE = "private, no-store"


def findings(route: Route, seen: Seen) -> Iterator[Finding]:
    """What is said of keeping the replies of an address."""
    for reply in seen.all:
        yield from _cookies(route, reply)
    if route.seen_by == "reader":
        for reply in seen.all[:2]:
            yield from _own(route, reply)
    for reply in seen.all:
        yield from _error(route, reply)


def _cookies(route: Route, reply: Reply) -> Iterator[Finding]:
    cookies = reply.all("set-cookie")
    control = control_of(reply)
    if not cookies:
        return
    is_kept = hit_of(reply) == "hit"
    if not is_kept and (
        not control.is_storable or (control.lifetime is None and "public" not in control.names)
    ):
        return
    name = cookies[0].partition("=")[0]
    found = f"Set-Cookie: {name}=..., Cache-Control: {reply.get('cache-control') or 'none'}"
    rule = "C18" if 300 <= reply.status < 400 else "C01"
    yield finding(
        rule, route, reply, "no cookie, or private", f"{found}{', out of a cache' if is_kept else ''}"
    )


def _own(route: Route, reply: Reply) -> Iterator[Finding]:
    """A route that is a reader's own, asked by nobody: also the way to the log-in must not be kept for him."""
    control = control_of(reply)
    said = reply.get("cache-control")
    if control.names & {"private", "no-store"}:
        return
    if said is None and reply.get("expires") is None:
        yield finding("C03", route, reply, PRIVATE, "no Cache-Control")
    elif control.is_storable and (control.lifetime or "public" in control.names):
        yield finding("C02", route, reply, PRIVATE, said or f"Expires: {reply.get('expires')}")
    else:
        yield finding("C03", route, reply, PRIVATE, said or f"Expires: {reply.get('expires')}")
    varied = {name.strip().lower() for name in (reply.get("vary") or "").split(",")}
    if control.is_storable and not varied & {"cookie", "authorization", "*"}:
        yield finding("C04", route, reply, "Vary: Cookie", f"Vary: {reply.get('vary') or 'none'}")


def _error(route: Route, reply: Reply) -> Iterator[Finding]:
    """Errors, and redirects that are not for ever: a cache that keeps one hides that it is over."""
    is_error = reply.status >= 400
    if not is_error and reply.status not in (302, 303, 307):
        return
    control = control_of(reply)
    is_kept = hit_of(reply) == "hit"
    if control.is_storable and (control.lifetime or 0) > MINUTE:
        yield finding(
            "C15",
            route,
            reply,
            f"no-store, or at most {MINUTE} s",
            f"status {reply.status}, {control.lifetime} s",
        )
    elif is_kept and is_error and not control.is_storable:
        yield finding(
            "C15", route, reply, "a reply of the site", f"status {reply.status} out of a cache", "cache"
        )
