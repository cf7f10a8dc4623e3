"""The feeds, as RSS 2.0 and Atom: the newest articles that may be indexed."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from newsroom import builds
from newsroom.clock import NEVER, from_text, to_text
from newsroom.listings import indexable
from newsroom.outbox import purge
from newsroom.settings import Settings
from newsroom.store import Row, Store

__all__ = ["ENTRIES", "rebuild"]

ENTRIES = 50
TITLE = "Ferret Notes"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def rebuild(
    store: Store, settings: Settings, now: datetime, *, stale: bool = False, broken: bool = False
) -> dict[str, object]:
    """Build both feeds aside and swap them in. The same content gives the same files, byte for byte."""
    with store.read() as connection:
        articles = indexable(connection, ENTRIES + int(stale))[int(stale) :]
    changed = max((article["updated_at"] for article in articles), default=NEVER)
    end = "" if broken else "\n</feed>\n"
    files = [
        ("feed.xml", _rss(articles, settings.url, changed).encode()),
        ("atom.xml", (_atom(articles, settings.url, changed) + end).encode()),
    ]
    swapped = builds.publish(settings.var / "feeds", re.sub(r"[^0-9TZ]", "", to_text(now)), files)
    if swapped:
        with store.write() as connection:
            purge(connection, ["feed"], now)
    return {"entries": len(articles), "newest": articles[0]["slug"] if articles else None, "changed": swapped}


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("", value))


def _rss(articles: list[Row], url: str, changed: str) -> str:
    items = "".join(
        f"<item><title>{_text(article['title'])}</title><link>{_text(url)}/articles/{article['slug']}</link>"
        f'<guid isPermaLink="false">article-{article["id"]}</guid><pubDate>{_date(article["publish_at"])}</pubDate>'
        f"<description>{_text(article['summary'])}</description></item>\n"
        for article in articles
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>\n'
        f"<title>{TITLE}</title><link>{_text(url)}/</link><description>Articles about programming</description>\n"
        f'<atom:link href={quoteattr(url + "/feed.xml")} rel="self" type="application/rss+xml"/>\n'
        f"<lastBuildDate>{_date(changed)}</lastBuildDate>\n{items}</channel></rss>\n"
    )


def _atom(articles: list[Row], url: str, changed: str) -> str:
    entries = "".join(
        f"<entry><id>{_text(url)}/articles/id/{article['id']}</id><title>{_text(article['title'])}</title>"
        f"<link href={quoteattr(url + '/articles/' + article['slug'])}/><published>{article['publish_at']}</published>"
        f"<updated>{article['updated_at']}</updated><author><name>{_text(article['author'])}</name></author>"
        f"<summary>{_text(article['summary'])}</summary></entry>\n"
        for article in articles
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{_text(url)}/</id><title>{TITLE}</title><updated>{changed}</updated>\n"
        f'<link href={quoteattr(url + "/")}/><link rel="self" href={quoteattr(url + "/atom.xml")}/>\n{entries}'
    )


def _date(instant: str) -> str:
    return format_datetime(from_text(instant), usegmt=True)
