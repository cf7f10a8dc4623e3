"""What the site says it has: the listing of a kind of content, which sitemap, feed, search and publication are held against."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rota.execute.references import looked_up
from rota_site.fetch import Ask, Fetcher, FetchFailed, Where
from rota_site.model import Content, Site

__all__ = ["Item", "ListingFailed", "listing", "public"]

MOST_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class Item:
    """One content as the site lists it. ``indexable`` is false for what was not reviewed, or is not to be found.

    ``publish_at`` and ``unpublish_at`` are UTC; None: it is not to be public, or without an end.
    """

    path: str
    title: str
    publish_at: datetime | None
    unpublish_at: datetime | None
    updated_at: datetime | None
    indexable: bool

    def is_public(self, now: datetime) -> bool:
        """Whether it should be public at an instant."""
        return (
            self.publish_at is not None
            and self.publish_at <= now
            and (self.unpublish_at is None or now < self.unpublish_at)
        )


class ListingFailed(Exception):
    """The listing cannot be had; the text says what was expected and what was found."""


async def listing(site: Site, fetcher: Fetcher) -> list[Item]:
    """All contents of all kinds that have a listing. Raises `ListingFailed` where one cannot be read whole."""
    items: list[Item] = []
    for content in site.contents:
        if content.listing is not None:
            items += await _whole(content, content.listing, site, fetcher)
    return items


def public(items: Sequence[Item], now: datetime) -> list[Item]:
    """Those that should be public, the newest first."""
    found = [item for item in items if item.is_public(now)]
    return sorted(found, key=lambda item: item.publish_at or now, reverse=True)


async def _whole(content: Content, path: str, site: Site, fetcher: Fetcher) -> list[Item]:
    """Every part of a listing: each names the path of the next. It is asked at the origin where that is known."""
    items: list[Item] = []
    following: str | None = path
    for _ in range(MOST_PARTS):
        if following is None:
            return items
        part = await _part(following, site, fetcher)
        items += [_item(content, following, each) for each in part["items"]]
        following = part.get("next")
    raise ListingFailed(f"the listing {path} does not end: more than {MOST_PARTS} parts")


async def _part(path: str, site: Site, fetcher: Fetcher) -> Mapping[str, Any]:
    where: Where = "cache" if site.infrastructure.origin is None else "origin"
    headers = {"Accept": "application/json"}
    try:
        if site.infrastructure.token is not None:
            headers["Authorization"] = f"Bearer {looked_up(site.infrastructure.token, os.environ)}"
        reply = await fetcher.fetch(Ask(path, where=where, headers=headers))
    except (FetchFailed, ValueError) as failed:
        raise ListingFailed(f"the listing cannot be had: {failed}") from None
    if reply.status != 200 or not reply.is_whole:
        why = f"status {reply.status}" if reply.status != 200 else "more bytes than [limits] body allows"
        raise ListingFailed(f"the listing {path}: expected status 200 and a whole body, found {why}")
    try:
        value = json.loads(reply.text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        raise ListingFailed(f'the listing {path}: expected JSON {{"items": [...], "next": PATH or null}}')
    return value


def _item(content: Content, path: str, value: Any) -> Item:
    try:
        return Item(
            str(value["path"]),
            str(value.get("title", "")),
            _instant(value.get("publish_at")),
            _instant(value.get("unpublish_at")),
            _instant(value.get("updated_at")),
            value.get("indexable", True) is not False,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ListingFailed(
            f"the listing {path}: expected a {content.kind} with path, publish_at and indexable, found {str(value)[:80]!r} ({error})"
        ) from None


def _instant(text: str | None) -> datetime | None:
    """An instant of RFC 3339; one without an offset is UTC."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
