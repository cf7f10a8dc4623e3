"""How each route may be cached: THE table. The header middleware, the documentation and the checks read it.

``shared`` says who may keep a reply: *everyone* (the same bytes for all), *forever* (its address holds a hash of
its content), *nobody else* (a reader's own page) or *nobody*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ERRORS", "POLICIES", "Policy", "as_markdown"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One route: its Cache-Control, its Vary, the patterns of its surrogate keys, its budget in milliseconds.

    ``warm`` is for a reply from a cache in front of the site and is None where nothing may be cached; ``cold`` is
    for one that the site makes.
    """

    route: str
    shared: Literal["everyone", "forever", "nobody else", "nobody"]
    cache_control: str
    tags: tuple[str, ...] = ()
    vary: str = ""
    warm: int | None = None
    cold: int = 250


_PAGE = "public, max-age=60, s-maxage=600, stale-while-revalidate=60, stale-if-error=86400"
_ARTICLE = "public, max-age=60, s-maxage=3600, stale-while-revalidate=300, stale-if-error=86400"
_FILE = "public, max-age=300, s-maxage=3600"
_FOREVER = "public, max-age=31536000, immutable"
_SEARCH = "public, max-age=0, s-maxage=60"
_OWN = "private, no-store"
_NEVER = "no-store"

_TABLE = (
    Policy("/", "everyone", _PAGE, ("home", "list"), warm=20),
    Policy("/page/{number}", "everyone", _PAGE, ("list",), warm=20),
    Policy("/articles/{slug}", "everyone", _ARTICLE, ("article:*", "author:*", "tag:*"), warm=20),
    Policy("/tags", "everyone", _PAGE, ("list",), warm=20),
    Policy("/tags/{tag}", "everyone", _PAGE, ("tag:*",), warm=20),
    Policy("/tags/{tag}/page/{number}", "everyone", _PAGE, ("tag:*",), warm=20),
    Policy("/search", "everyone", _SEARCH, ("search",), cold=400),
    Policy("/feed.xml", "everyone", _FILE, ("feed",), warm=30, cold=800),
    Policy("/atom.xml", "everyone", _FILE, ("feed",), warm=30, cold=800),
    Policy("/sitemap.xml", "everyone", _FILE, ("sitemap",), warm=30, cold=800),
    Policy("/sitemaps/{number}.xml", "everyone", _FILE, ("sitemap",), warm=30, cold=800),
    Policy("/robots.txt", "everyone", _FILE, warm=20),
    Policy("/images/{name}", "forever", _FOREVER, ("image:*",), warm=10, cold=100),
    Policy("/static/{name}", "forever", _FOREVER, warm=10, cold=100),
    Policy("/me", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/me.json", "nobody else", _OWN, vary="Cookie", cold=100),
    Policy("/me/digest", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/me/note", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/bookmarks", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/login", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/register", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/logout", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/drafts", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/drafts/{article_id}", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/drafts/{article_id}/{action}", "nobody else", _OWN, vary="Cookie", cold=300),
    Policy("/api/views", "nobody", _NEVER, cold=30),
    Policy("/healthz", "nobody", _NEVER, cold=20),
    Policy("/readyz", "nobody", _NEVER, cold=20),
    Policy("/_meta/version", "nobody", _NEVER, cold=20),
    Policy("/_meta/articles", "nobody", _NEVER, cold=500),
    Policy("/_meta/articles/{article_id}", "nobody", _NEVER, cold=100),
)

POLICIES = {policy.route: policy for policy in _TABLE}

# Whatever is not found, not allowed, or fails: kept by nobody, so that an article is seen once it is published.
ERRORS = Policy("(errors)", "nobody", _NEVER)


def as_markdown() -> str:
    """The table as it stands in the documentation."""
    lines = [
        "| route | who may keep it | Cache-Control | Vary | surrogate keys | budget warm / cold |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in (*_TABLE, ERRORS):
        warm = "-" if each.warm is None else f"{each.warm}"
        tags = " ".join(f"`{tag}`" for tag in each.tags) or "-"
        lines.append(
            f"| `{each.route}` | {each.shared} | `{each.cache_control}` | {each.vary or '-'} | {tags} | {warm} / {each.cold} ms |"
        )
    return "\n".join(lines) + "\n"
