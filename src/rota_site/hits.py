"""Whether a reply came out of a shared cache, by what it says of itself."""

from __future__ import annotations

import re
from typing import Literal

from rota_site.fetch import Reply

__all__ = ["Hit", "age_of", "hit_of"]

Hit = Literal["hit", "miss", "unknown"]

_TOKENS = {"HIT": "hit", "STALE": "hit", "UPDATING": "hit", "REVALIDATED": "hit", "MISS": "miss", "EXPIRED": "miss",
           "BYPASS": "miss", "DYNAMIC": "miss", "PASS": "miss"}  # fmt: skip


def hit_of(reply: Reply) -> Hit:
    """*hit* where a cache gave the reply, *miss* where the site made it, *unknown* where nothing says which.

    Cache-Status (RFC 9211) is believed first, its last member being the cache nearest to us; then CF-Cache-Status,
    X-Cache and X-Cache-Status; then an Age above zero (RFC 9111 section 5.1).

    >>> from rota_site.fetch import Ask
    >>> reply = lambda *headers: Reply(Ask("/"), "", 200, headers, b"", True, 0, 0, 0)
    >>> hit_of(reply(("Cache-Status", "edge; hit; ttl=30"))), hit_of(reply(("Age", "7"))), hit_of(reply())
    ('hit', 'hit', 'unknown')
    >>> hit_of(reply(("Cache-Status", 'origin; fwd=miss, "front; cache"; fwd=uri-miss; stored')))
    'miss'
    """
    status = reply.get("cache-status")
    if status:
        members = _members(status)
        return "hit" if re.search(r";\s*hit\b", members[-1]) else "miss"
    for name in ("cf-cache-status", "x-cache", "x-cache-status"):
        said = (reply.get(name) or "").upper()
        for token, hit in _TOKENS.items():
            if re.search(rf"\b{token}\b", said):
                return "hit" if hit == "hit" else "miss"
    age = age_of(reply)
    return "hit" if age else "unknown"


def age_of(reply: Reply) -> int | None:
    """The Age of a reply in seconds; None where there is none that is a number."""
    said = (reply.get("age") or "").split(",")[0].strip()
    return int(said) if said.isdigit() else None


def _members(text: str) -> list[str]:
    """The members of a list of RFC 9651, with commas in quoted names left alone."""
    return [part.strip() for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', text)] or [""]
