"""The rules of cache headers as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rota_site.curl import curl
from rota_site.fetch import Reply
from rota_site.finding import Finding
from rota_site.model import Route
from rota_site.rule import Rule

__all__ = ["RULES", "finding"]

RULES: Mapping[str, Rule] = {
    "C01": Rule("headers", "critical", "a cookie is set on a reply that a shared cache may keep", "RFC 9111 section 7.3", "set no cookie on public replies, or send private"),
    "C02": Rule("headers", "critical", "a reader's own route may be kept by a shared cache", "RFC 9111 sections 3 and 3.5", "send Cache-Control: private, no-store"),
    "C03": Rule("headers", "critical", "a reader's own route does not say that it is private", "RFC 9111 section 4.2.2", "send Cache-Control: private, no-store, also on redirects to the log-in"),
    "C04": Rule("headers", "critical", "a reader's own route may be kept, and Vary names neither Cookie nor Authorization", "RFC 9111 section 4.1", "send private, no-store; or Vary: Cookie, Authorization"),
    "C05": Rule("headers", "warning", "Vary splits the cache without need", "RFC 9111 section 4.1; RFC 9110 section 12.5.5", "vary on what changes the page only; normalise it at the cache"),
    "C06": Rule("headers", "warning", "a cache may make up how long the reply is fresh", "RFC 9111 section 4.2.2", "send max-age, or no-store"),
    "C07": Rule("headers", "error", "a directive cannot be read", "RFC 9111 section 5.2", "write max-age=SECONDS, once, without quotes"),
    "C08": Rule("headers", "error", "directives contradict each other", "RFC 9111 section 5.2.2", "say one of them"),
    "C09": Rule("headers", "error", "the reply does not say what the route declares", "site.toml", "send what the route declares, or declare what is meant"),
    "C10": Rule("headers", "warning", "a reply that is kept has no validator", "RFC 9110 section 8.8", "send an ETag or Last-Modified"),
    "C11": Rule("headers", "warning", "validation does not work", "RFC 9110 sections 13.1.2 and 15.4.5", "answer If-None-Match with 304 and the headers of the 200, with an ETag that is the same for the same bytes"),
    "C12": Rule("headers", "warning", "a file whose address holds a hash is not kept for a year", "RFC 8246", "send public, max-age=31536000, immutable"),
    "C13": Rule("headers", "warning", "a file whose address may be used again says immutable", "RFC 8246", "put a hash into its address, or take immutable away"),
    "C14": Rule("headers", "warning", "age or date cannot be right", "RFC 9111 sections 4.2.3 and 5.1", "set the clock; let no cache serve what is no longer fresh, nor take Age away"),
    "C15": Rule("headers", "error", "an error or a redirect to the log-in is kept for more than a minute", "RFC 9111 section 3", "send no-store with errors; have the cache obey it"),
    "C16": Rule("headers", "warning", "compressed and plain replies are not told apart", "RFC 9110 sections 8.8.3.3 and 12.5.5", "send Vary: Accept-Encoding, and another or a weak ETag for each coding"),
    "C17": Rule("headers", "error", "a public page has other bytes each time", "RFC 9111 section 3", "take tokens, nonces and times out of what is cached"),
    "C18": Rule("headers", "error", "a redirect that sets a cookie may be kept", "RFC 9111 section 7.3", "send no-store with redirects that set cookies"),
    "C19": Rule("headers", "warning", "a shared cache keeps the route, and no change of content purges it", "site.toml", "name it under [[content.shown]], or by surrogate keys"),
    "C20": Rule("headers", "error", "an address of the sitemap says noindex", "developers.google.com/search, noindex", "take it out of the sitemap, or noindex off the page"),
    "C21": Rule("headers", "error", "a route that is purged varies, and the cache forgets one variant only", "nginx, proxy_cache_purge", "put the normalised header into the key, and purge each"),
    "C22": Rule("headers", "error", "addresses that differ in a declared parameter are one to the cache", "RFC 9111 section 2", "make the parameter part of the key"),
    "C23": Rule("headers", "warning", "a parameter that changes nothing splits the cache", "RFC 9111 section 2", "drop utm_* and its like from the key"),
    "S01": Rule("headers", "warning", "no Strict-Transport-Security", "RFC 6797", "send Strict-Transport-Security: max-age=31536000"),
    "S02": Rule("headers", "warning", "no Content-Security-Policy on a page", "W3C CSP 3", "send Content-Security-Policy"),
    "S03": Rule("headers", "warning", "types may be guessed", "WHATWG Fetch, X-Content-Type-Options", "send X-Content-Type-Options: nosniff"),
    "S04": Rule("headers", "warning", "a page may be framed by others", "W3C CSP 3, frame-ancestors", "send frame-ancestors in Content-Security-Policy, or X-Frame-Options"),
    "S05": Rule("headers", "warning", "no Referrer-Policy on a page", "W3C Referrer Policy", "send Referrer-Policy"),
    "S06": Rule("headers", "warning", "a cookie is not as locked as it may be", "RFC 6265bis section 4.1.2", "set HttpOnly and SameSite, and Secure over TLS"),
    "S07": Rule("headers", "warning", "the public sees what is the site's own affair", "RFC 9110 section 10.2.4", "take versions, X-Powered-By and surrogate keys off at the cache"),
}  # fmt: skip
"""Every rule, by the name that findings carry."""


def finding(
    rule: str,
    route: Route,
    reply: Reply,
    expected: str,
    found: str,
    fault: Literal["", "application", "cache"] = "",
    *more: Reply,
) -> Finding:
    """A finding of a rule, with the requests that show it; said of a reply of the origin it is the application's."""
    known = RULES[rule]
    at = fault or ("application" if reply.ask.where == "origin" else "")
    evidence = tuple(curl(each.ask, each.url) for each in (reply, *more))
    return Finding(
        rule,
        known.severity,
        route.name,
        reply.url,
        known.title,
        expected,
        found[:300],
        known.section,
        known.fix,
        at,
        evidence,
    )
