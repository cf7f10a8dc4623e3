"""The rules of logged-in traffic as a table."""

from __future__ import annotations

from collections.abc import Mapping

from rota_site.rule import Rule

__all__ = ["RULES"]

RULES: Mapping[str, Rule] = {
    "R01": Rule("readers", "critical", "what is one reader's own was served to another", "RFC 9111 section 3; RFC 9111 section 7.3", "send Cache-Control: private, no-store on the route; have the cache pass it; purge what it holds"),
    "R02": Rule("readers", "critical", "a cookie of one reader was served to another", "RFC 9111 section 7.3; RFC 6265 section 8.3", "never keep a reply with Set-Cookie; purge what the cache holds; end the sessions that were handed out"),
    "R03": Rule("readers", "critical", "a reader's own page came out of a shared cache", "RFC 9111 section 3", "have the cache pass the route; purge what it holds"),
    "R04": Rule("readers", "error", "a reader's own page says nothing to caches", "RFC 9111 section 4.2.2", "send Cache-Control: private, no-store: a cache may keep what says nothing"),
    "R05": Rule("readers", "error", "a reader's own page may be kept by a shared cache", "RFC 9111 section 5.2.2", "send Cache-Control: private, no-store"),
    "R06": Rule("readers", "critical", "an odd address has the cache keep a reader's own page", "web cache deception; RFC 3986 section 6", "answer 404 to addresses that only begin as the route; let the cache decide by the reply, never by the suffix"),
    "R07": Rule("readers", "error", "a reader was served the page of nobody", "RFC 9111 section 4.1", "have the cache pass the route for whoever has a cookie"),
    "R08": Rule("readers", "critical", "a reader's page is there after he logged out", "RFC 9111 section 4.4", "end the session at log-out; send Cache-Control: no-store on the route"),
    "R09": Rule("readers", "critical", "a header that is no part of the cache's key changed the page for others", "RFC 9111 section 2", "drop the header at the cache, or make it part of the key"),
    "R10": Rule("readers", "warning", "a public page is not kept though it may be", "RFC 9111 section 3", "find what passes it: a cookie that is set or varied on, a header, the cache's own rule"),
}  # fmt: skip
"""Every rule, by the name that findings carry."""
