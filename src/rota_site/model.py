"""What ``site.toml`` says, as values: content decisions (routes, contents) and infrastructure decisions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

__all__ = [
    "Backup",
    "Budget",
    "Cache",
    "Content",
    "Identity",
    "Infrastructure",
    "Limits",
    "LogIn",
    "Pages",
    "Route",
    "SeenBy",
    "Shown",
    "Site",
    "Source",
]

Kind = Literal["page", "list", "feed", "sitemap", "asset", "file", "api", "redirect", "error"]
SeenBy = Literal["everyone", "reader", "nobody"]
"""Who may see a route: *everyone* the same bytes, a *reader* his own, or *nobody* (it answers no one the same twice)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where addresses of a route are taken from, beside its samples: a sitemap, of which at most so many."""

    sitemap: str
    most: int = 20


@dataclass(frozen=True, slots=True)
class Budget:
    """The 95th percentile of the time to answer that a route keeps to: from the cache, and made by the site."""

    warm: timedelta | None = None
    cold: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the site: what it is, who sees it, and what its replies must say to caches.

    ``cache`` is the Cache-Control that is expected, ``vary`` the names that may stand in Vary, ``keys`` the patterns
    of its surrogate keys, ``hashed`` whether its address holds a hash of its content, ``crawled`` whether crawlers are to come,
    ``reserved`` whether its addresses are for probes alone.
    """

    name: str
    pattern: str
    samples: tuple[str, ...] = ()
    source: Source | None = None
    kind: Kind = "page"
    seen_by: SeenBy = "everyone"
    cache: str | None = None
    vary: tuple[str, ...] | None = None
    keys: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    hashed: bool = False
    crawled: bool = True
    reserved: bool = False
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a content is shown: a path with its fields in braces, or surrogate keys; and the reason, in words.

    ``each`` names a field that holds several values: the path is taken once for each of them, and ``{each}`` in the
    path stands for it. ``when`` names the fields whose change matters to this place; none: all of them. ``only`` names a
    field that has to be true, before or after the change.
    """

    because: str
    path: str | None = None
    key: str | None = None
    each: str | None = None
    when: tuple[str, ...] = ()
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A kind of content and the places that show it. ``lookup`` is the path of a JSON description of one.

    ``listing`` is the path of a JSON list of all of them, ``search`` that of a search for a title, in ``{title}``.
    """

    kind: str
    shown: tuple[Shown, ...]
    lookup: str | None = None
    listing: str | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache in front of the site. ``token`` and ``endpoint`` are for those that are purged by an HTTP API.

    ``purge`` is how: by address (*url*), by a ban (*ban*), or by surrogate key (*keys*).
    """

    kind: Literal["varnish", "nginx", "fastly", "cloudflare", "none"] = "none"
    purge: Literal["url", "ban", "keys"] = "url"
    endpoint: str | None = None
    token: str | None = None
    service: str | None = None
    at_once: int = 200
    rate: float = 50.0


@dataclass(frozen=True, slots=True)
class LogIn:
    """How a test reader logs in: a form that is posted. Values that are secrets stand as ``env:NAME``."""

    path: str
    form: Mapping[str, str]
    log_out: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A test reader: by a cookie that a log-in gives, by a bearer token, or by both.

    ``marker`` is where to write an unguessable text which then stands on the reader's own pages: a path and a form
    field; none: the texts in ``marks`` are looked for, such as the reader's name.
    """

    name: str
    log_in: LogIn | None = None
    bearer: str | None = None
    marker: tuple[str, str] | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How politely the site is asked. ``body`` is in bytes: of a longer one no more is read."""

    connections: int = 20
    rate: float = 100.0
    timeout: timedelta = timedelta(seconds=10)
    body: int = 2_000_000


@dataclass(frozen=True, slots=True)
class Backup:
    """Where backups are, as a pattern of file names, how old the newest may be, and what restores one for a trial.

    ``restore`` is an argument vector with ``{file}`` and ``{into}``, an empty folder; none: the file is a SQLite database.
    """

    files: str
    newest_within: timedelta = timedelta(hours=26)
    restore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """Where the site is: through its cache, and at its origin; its cache, its test readers, its limits.

    ``token`` (``env:NAME``) is sent as a bearer token to the site's listings. ``version`` is a path that says which build of the site answers: what is measured is held against the build before.
    """

    url: str
    origin: str | None = None
    origin_host: str | None = None
    version: str | None = None
    token: str | None = None
    hosts: frozenset[str] = frozenset()
    cache: Cache = field(default_factory=Cache)
    identities: tuple[Identity, ...] = ()
    limits: Limits = field(default_factory=Limits)
    backup: Backup | None = None

    @property
    def allowed(self) -> frozenset[str]:
        """Every host and port that a check may ask; no other is asked, whatever a page links to."""
        own = {urlsplit(each).netloc for each in (self.url, self.origin, self.cache.endpoint) if each}
        return frozenset(own) | self.hosts


@dataclass(frozen=True, slots=True)
class Pages:
    """What pages may hold: whether links to other sites are looked at, how many at once, and how heavy an image may be."""

    outside: bool = False
    links: int = 500
    image: int = 500_000


@dataclass(frozen=True, slots=True)
class Site:
    """A site: its name, its routes and contents, and the infrastructure that serves it."""

    name: str
    routes: tuple[Route, ...]
    contents: tuple[Content, ...]
    infrastructure: Infrastructure
    file: str = "site.toml"
    pages: Pages = field(default_factory=Pages)

    def route(self, name: str) -> Route:
        """The route of a name. Raises LookupError where there is none.

        >>> Site("notes", (Route("home", "/"),), (), Infrastructure("http://127.0.0.1")).route("home").pattern
        '/'
        """
        for route in self.routes:
            if route.name == name:
                return route
        raise LookupError(name)
