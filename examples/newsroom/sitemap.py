"""The sitemap: an index and files of at most 50,000 addresses each, as sitemaps.org asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from newsroom import builds
from newsroom.articles import INDEXABLE
from newsroom.clock import NEVER, to_text
from newsroom.outbox import purge
from newsroom.settings import Settings
from newsroom.store import Store, rows

__all__ = ["LIMIT", "addresses", "rebuild"]

LIMIT = 50_000
_SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<{{}} xmlns="{_SPACE}">\n'


def rebuild(
    store: Store, settings: Settings, now: datetime, *, limit: int = LIMIT, empty: bool = False
) -> dict[str, object]:
    """Build the sitemap of all indexable articles aside and swap it in. The same content gives the same files."""
    with store.read() as connection:
        entries = rows(connection, f"SELECT slug, updated_at FROM article WHERE {INDEXABLE} ORDER BY id")
    if empty:
        entries = []
    pages = [entries[at : at + limit] for at in range(0, len(entries), limit)] or [[]]
    files: list[tuple[str, bytes]] = []
    index = [_HEAD.format("sitemapindex")]
    for number, page in enumerate(pages, start=1):
        newest = max((entry["updated_at"] for entry in page), default=NEVER)
        index.append(
            f"<sitemap><loc>{escape(settings.url)}/sitemaps/{number}.xml</loc><lastmod>{newest}</lastmod></sitemap>\n"
        )
        lines = (
            f"<url><loc>{escape(settings.url)}/articles/{entry['slug']}</loc><lastmod>{entry['updated_at']}</lastmod></url>\n"
            for entry in page
        )
        files.append((f"{number}.xml", "".join([_HEAD.format("urlset"), *lines, "</urlset>\n"]).encode()))
    files.append(("index.xml", "".join([*index, "</sitemapindex>\n"]).encode()))
    changed = builds.publish(settings.var / "sitemaps", _build_name(now), files)
    if changed:
        with store.write() as connection:
            purge(connection, ["sitemap"], now)
    return {"urls": len(entries), "files": len(pages), "changed": changed}


def _build_name(now: datetime) -> str:
    return re.sub(r"[^0-9TZ]", "", to_text(now))


def addresses(folder: Path) -> Iterator[str]:
    """Every address of the sitemap that is served, file by file. Raises ValueError when it is not as it should be."""
    build = builds.current(folder)
    if build is None:
        raise ValueError(f"expected a sitemap in {folder}, found none")
    for file in _locations(build / "index.xml", LIMIT):
        yield from _locations(build / file.rsplit("/", 1)[1], LIMIT)


def _locations(path: Path, most: int) -> list[str]:
    try:
        found = [node.text or "" for node in ElementTree.parse(path).iter(f"{{{_SPACE}}}loc")]
    except (ElementTree.ParseError, OSError) as error:
        raise ValueError(f"expected well-formed XML in {path}, found {error}") from error
    if len(found) > most:
        raise ValueError(f"expected at most {most} addresses in {path}, found {len(found)}")
    return found
