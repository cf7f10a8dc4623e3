"""Headers that guard a page's readers: S01 to S07."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rota_site.fetch import Reply
from rota_site.finding import Finding
from rota_site.headers.rules import finding
from rota_site.headers.seen import Seen
from rota_site.model import Route
from rota_site.page import is_html

__all__ = ["findings"]

INTERNAL = ("x-powered-by", "surrogate-key", "x-aspnet-version", "x-runtime", "xkey", "x-generator")
VERSION = re.compile(r"/\d")


def findings(route: Route, seen: Seen) -> Iterator[Finding]:
    """What is said of a reply as the public sees it: through the cache."""
    reply = seen.first
    if reply.url.startswith("https://") and reply.get("strict-transport-security") is None:
        yield finding("S01", route, reply, "Strict-Transport-Security", "none")
    if (reply.get("x-content-type-options") or "").strip().lower() != "nosniff":
        yield finding("S03", route, reply, "nosniff", reply.get("x-content-type-options") or "none")
    if is_html(reply) and reply.status < 400:
        yield from _page(route, reply)
    for cookie in reply.all("set-cookie"):
        yield from _cookie(route, reply, cookie)
    for name in INTERNAL:
        if (value := reply.get(name)) is not None:
            yield finding("S07", route, reply, f"no {name}", f"{name}: {value[:80]}")
    if VERSION.search(reply.get("server") or ""):
        yield finding("S07", route, reply, "Server without a version", f"Server: {reply.get('server')}")


def _page(route: Route, reply: Reply) -> Iterator[Finding]:
    policy = reply.get("content-security-policy") or ""
    if not policy:
        yield finding("S02", route, reply, "Content-Security-Policy", "none")
    if "frame-ancestors" not in policy and reply.get("x-frame-options") is None:
        yield finding("S04", route, reply, "frame-ancestors or X-Frame-Options", "neither")
    if reply.get("referrer-policy") is None:
        yield finding("S05", route, reply, "Referrer-Policy", "none")


def _cookie(route: Route, reply: Reply, cookie: str) -> Iterator[Finding]:
    name, *rest = cookie.split(";")
    flags = {part.partition("=")[0].strip().lower() for part in rest}
    wanted = {"httponly", "samesite"} | ({"secure"} if reply.url.startswith("https://") else set())
    if missing := sorted(wanted - flags):
        yield finding("S06", route, reply, ", ".join(missing), f"{name.partition('=')[0]} without")
