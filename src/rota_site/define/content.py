"""Content decisions as ``site.toml`` states them: ``[[route]]`` and ``[[content]]``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rota.define.refusal import refused, shown
from rota.define.table import Table, unset
from rota.define.texts import Name
from rota.define.times import PositiveDuration
from rota_site.model import Budget, Content, Pages, Route, Shown, Source

__all__ = ["ContentEntry", "PagesEntry", "RouteEntry"]

WebPath = Annotated[str, Field(pattern=r"^/[^\s#]*$", examples=["/articles/{slug}"])]


class SourceEntry(Table):
    """Where addresses come from, beside the samples."""

    sitemap: WebPath = Field(
        description="The path of a sitemap; those of its addresses that the pattern takes."
    )
    most: int = Field(20, ge=1, le=100_000, description="At most so many, spread over the sitemap.")

    def value(self) -> Source:
        return Source(self.sitemap, self.most)


class BudgetEntry(Table):
    """The 95th percentile of the time to answer."""

    warm: PositiveDuration | None = Field(None, description="From the cache.")
    cold: PositiveDuration | None = Field(None, description="Made by the site.")

    def value(self) -> Budget:
        return Budget(self.warm, self.cold)


class RouteEntry(Table):
    """A route: what it is, who may see it, what its replies say to caches."""

    name: Name = Field(description="Its name, in pages and findings.")
    pattern: WebPath = Field(description="Its path, with parts that vary in braces.")
    samples: tuple[WebPath, ...] = Field((), strict=False, description="Paths that are asked for.")
    source: SourceEntry | None = Field(None, description="Where more paths come from.")
    kind: Literal["page", "list", "feed", "sitemap", "asset", "file", "api", "redirect", "error"] = Field(
        "page", description="What it answers with."
    )
    seen_by: Literal["everyone", "reader", "nobody"] = Field(
        "everyone",
        description="everyone: the same bytes for all; reader: his own; nobody: no cache keeps a reply.",
    )
    cache: str | None = Field(None, description="The Cache-Control that is expected.")
    vary: tuple[str, ...] | None = Field(None, strict=False, description="The names that Vary may hold.")
    keys: tuple[str, ...] = Field((), strict=False, description="Its surrogate keys, with * for what varies.")
    query: tuple[str, ...] = Field((), strict=False, description="Query parameters that change the reply.")
    hashed: bool = Field(False, description="true: its address holds a hash of its content.")
    crawled: bool = Field(True, description="false: robots.txt may keep crawlers away.")
    reserved: bool = Field(
        False, description="true: its addresses are for probes alone; no reader asks for them."
    )
    budget: BudgetEntry = Field(default_factory=unset(BudgetEntry), description="How quickly it answers.")

    @model_validator(mode="after")
    def _can_be_asked(self) -> RouteEntry:
        if self.samples or self.source or "{" not in self.pattern:
            return self
        raise refused(
            "there is no address to ask for",
            expected='samples = ["/a/path"] or source = { sitemap = "/sitemap.xml" }',
            found=shown(self.pattern),
            inside=("pattern",),
        )

    def value(self) -> Route:
        return Route(
            self.name,
            self.pattern,
            self.samples or (() if "{" in self.pattern else (self.pattern,)),
            self.source.value() if self.source else None,
            self.kind,
            self.seen_by,
            self.cache,
            self.vary,
            self.keys,
            self.query,
            self.hashed,
            self.crawled,
            self.reserved,
            self.budget.value(),
        )


class PagesEntry(Table):
    """What pages may hold."""

    outside: bool = Field(False, description="true: links to other sites are looked at as well.")
    links: int = Field(500, ge=1, le=100_000, description="Links that are looked at in one run, at most.")
    image: int = Field(500_000, ge=1_000, description="Bytes that an image may have.")

    def value(self) -> Pages:
        return Pages(self.outside, self.links, self.image)


class ShownEntry(Table):
    """A place that shows a content."""

    because: str = Field(min_length=3, description="Why, in words: a purge is listed with it.")
    path: WebPath | None = Field(None, description="Its path, with fields of the content in braces.")
    key: str | None = Field(None, description="Or its surrogate key, with fields in braces.")
    each: str | None = Field(None, description="A field with several values: once for each, as {each}.")
    when: tuple[str, ...] = Field(
        (), strict=False, description="The fields whose change matters to it; none: all."
    )
    only: str | None = Field(None, description="A field that has to be true, before or after.")

    @model_validator(mode="after")
    def _is_a_place(self) -> ShownEntry:
        if (self.path is None) != (self.key is None):
            return self
        raise refused(
            "a place is a path or a surrogate key",
            expected="path or key, one of them",
            found="both" if self.path else "neither",
        )

    def value(self) -> Shown:
        return Shown(self.because, self.path, self.key, self.each, self.when, self.only)


class ContentEntry(Table):
    """A kind of content, and the places that show it."""

    kind: Name = Field(description="What it is called: article, image.")
    lookup: WebPath | None = Field(None, description="A path that describes one of them as JSON, by {id}.")
    listing: WebPath | None = Field(
        None, description="A path that lists all of them as JSON: path, title, publish_at, indexable."
    )
    search: WebPath | None = Field(None, description="A path that searches for a {title}.")
    shown: tuple[ShownEntry, ...] = Field(strict=False, min_length=1, description="The places that show it.")

    def value(self) -> Content:
        return Content(
            self.kind, tuple(each.value() for each in self.shown), self.lookup, self.listing, self.search
        )
