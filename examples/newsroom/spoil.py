"""Faults of what the site says and shows: each is found by one check of ``rota_site``, and by no other rule than it has to be.

``NEWSROOM_FAULT=no_policy make demo-site`` plants one; within a minute the Site page shows what found it.
"""

from __future__ import annotations

import gzip
import secrets
import time
from collections.abc import Mapping
from typing import NamedTuple

from starlette.datastructures import MutableHeaders

__all__ = ["SITE_FAULTS", "Planted", "spoil"]


class Planted(NamedTuple):
    """What is wrong, and what finds it."""

    check: str
    rule: str
    route: str
    does: str


SITE_FAULTS: Mapping[str, Planted] = {
    "public_me": Planted("headers", "C02", "me", "readers' pages say that shared caches may keep them"),
    "setcookie_public": Planted("headers", "C01", "home", "public pages set a cookie"),
    "no_header": Planted("headers", "C03", "me", "readers' pages come without Cache-Control"),
    "no_validator": Planted("headers", "C10", "home", "pages have no ETag"),
    "etag_unstable": Planted("headers", "C11", "home", "the same page has another ETag each time"),
    "no_304": Planted("headers", "C11", "home", "what is not modified is sent again"),
    "vary_agent": Planted("headers", "C05", "home", "pages vary on User-Agent"),
    "bad_directive": Planted("headers", "C07", "home", "max-age is no number"),
    "contradiction": Planted("headers", "C08", "home", "pages are public and private"),
    "other_policy": Planted("headers", "C09", "home", "pages are kept for another time than is declared"),
    "no_policy": Planted("headers", "C06", "home", "pages say nothing to caches"),
    "plain_immutable": Planted("headers", "C13", "home", "pages say that they never change"),
    "date_off": Planted("headers", "C14", "home", "the clock of the site is an hour ahead"),
    "errors_kept": Planted(
        "headers", "C15", "(errors)", "an address that does not exist is kept for an hour"
    ),
    "same_etag": Planted("headers", "C16", "home", "compressed and plain pages have one ETag"),
    "nonce": Planted("headers", "C17", "home", "pages hold a token that is new each time"),
    "noindex_listed": Planted("headers", "C20", "article", "articles of the sitemap say noindex"),
    "no_csp": Planted("headers", "S02", "home", "pages come without Content-Security-Policy"),
    "guessable": Planted("headers", "S03", "home", "types may be guessed"),
    "no_referrer": Planted("headers", "S05", "home", "pages come without Referrer-Policy"),
    "powered_by": Planted("headers", "S07", "home", "pages say what they are made with"),
    "slow_home": Planted("response", "T02", "home", "the first page takes a third of a second"),
    "robots_closed": Planted("robots", "B02", "robots", "robots.txt keeps every crawler away"),
    "unreviewed_shown": Planted("indexable", "X01", "article", "what is not reviewed may be indexed"),
    "reviewed_hidden": Planted("indexable", "X02", "article", "what is reviewed may not be indexed"),
    "dead_link": Planted("links", "L01", "home", "the first page links to nowhere"),
    "no_size": Planted("images", "I02", "home", "images have no width and height"),
    "no_alt": Planted("images", "I03", "home", "images have no alt"),
}
"""Every fault, by the name that NEWSROOM_FAULT takes."""

_POLICY = {
    "bad_directive": "public, max-age=soon, s-maxage=600",
    "contradiction": "public, private, max-age=60",
    "other_policy": "public, max-age=61, s-maxage=600",
    "plain_immutable": "public, max-age=60, s-maxage=600, immutable",
}
_IMAGE = b'<img src="/static/ferret.svg" width="2" height="2" alt="">'


def spoil(
    faults: frozenset[str], path: str, status: int, headers: MutableHeaders, body: bytes, *, gzips: bool
) -> bytes:
    """Change what is about to be sent as the faults say; returns the body."""
    public = status == 200 and "public" in headers.get("cache-control", "")
    is_page = headers.get("content-type", "").startswith("text/html")
    for fault, said in _POLICY.items():
        if fault in faults and public and is_page:
            headers["Cache-Control"] = said
    _said(faults, status, headers, public)
    if is_page and public:
        body = _shown(faults, path, body)
    if path == "/robots.txt" and "robots_closed" in faults:
        body = b"User-agent: *\nDisallow: /\n"
    if "same_etag" in faults and public and is_page and gzips:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, mtime=0)
    headers["Content-Length"] = str(len(body))
    return body


def _said(faults: frozenset[str], status: int, headers: MutableHeaders, public: bool) -> None:
    if public:
        if "no_policy" in faults:
            del headers["Cache-Control"]
        if "no_validator" in faults:
            del headers["ETag"]
        if "etag_unstable" in faults and "etag" in headers:
            headers["ETag"] = f'"{secrets.token_hex(6)}"'
        if "vary_agent" in faults:
            headers.add_vary_header("User-Agent")
    if "errors_kept" in faults and status == 404:
        headers["Cache-Control"] = "public, max-age=3600"
    if "date_off" in faults:
        headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3_600))
    if "powered_by" in faults:
        headers["X-Powered-By"] = "Ferrets/2.1"
    for fault, name in (
        ("no_csp", "Content-Security-Policy"),
        ("guessable", "X-Content-Type-Options"),
        ("no_referrer", "Referrer-Policy"),
    ):
        if fault in faults:
            del headers[name]
    if "unreviewed_shown" in faults and "x-robots-tag" in headers:
        del headers["X-Robots-Tag"]
    if faults & {"noindex_listed", "reviewed_hidden"} and public:
        headers["X-Robots-Tag"] = "noindex"


def _shown(faults: frozenset[str], path: str, body: bytes) -> bytes:
    if "nonce" in faults:
        body = body.replace(b"</body>", f"<!-- {secrets.token_hex(8)} --></body>".encode())
    if path != "/":
        return body
    if "dead_link" in faults:
        body = body.replace(b"</body>", b'<a href="/nowhere">more</a></body>')
    if faults & {"no_size", "no_alt"}:
        image = (
            _IMAGE.replace(b' width="2" height="2"', b"")
            if "no_size" in faults
            else _IMAGE.replace(b' alt=""', b"")
        )
        body = body.replace(b"</body>", image + b"</body>")
    return body
