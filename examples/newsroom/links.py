"""Broken links and pictures, found in what the articles show. Only this site is looked at, never another host."""

from __future__ import annotations

import json
import re
from datetime import datetime
from html import unescape
from typing import Any

import apsw

from newsroom.clock import to_text
from newsroom.settings import Settings
from newsroom.store import Row, Store, rows

__all__ = ["find_broken"]

CHUNK = 500
_LINK = re.compile(r'(?:href|src)="(/[^"#?]*)')


def find_broken(store: Store, settings: Settings, now: datetime, *, skip: bool = False) -> dict[str, Any]:
    """Look at every live article's links and pictures and record what is broken, per article.

    The answer names at most twenty of the broken; ``link_check`` holds all of them.
    """
    with store.read() as connection:
        known = _known(connection)
        live = [
            row["id"]
            for row in rows(connection, "SELECT id FROM article WHERE status = 'published' ORDER BY id")
        ]
    on_disk = {path.name for path in settings.images.iterdir()} if settings.images.is_dir() else set()
    broken: list[str] = []
    links = 0
    for at in range(0, 0 if skip else len(live), CHUNK):
        with store.write() as connection:
            for article in _with_links(connection, live[at : at + CHUNK]):
                wrong = sorted(
                    {each for each in article["links"] if not _leads_somewhere(each, known, on_disk)}
                )
                links += len(article["links"])
                broken += [f"/articles/{article['slug']} -> {each}" for each in wrong]
                connection.execute(
                    "INSERT OR REPLACE INTO link_check VALUES (?, ?, ?, ?)",
                    (article["id"], article["rev"], to_text(now), json.dumps(wrong)),
                )
    return {"articles": 0 if skip else len(live), "links": links, "broken": len(broken), "first": broken[:20]}


def _known(connection: apsw.Connection) -> set[str]:
    """Every address that leads somewhere."""
    slugs = rows(connection, "SELECT slug FROM article WHERE status = 'published'")
    old = rows(connection, "SELECT old_slug FROM redirect")
    tags = rows(connection, "SELECT name FROM tag WHERE live > 0")
    return (
        {"/", "/tags", "/search", "/feed.xml", "/atom.xml", "/sitemap.xml", "/login", "/register", "/me"}
        | {f"/articles/{row['slug']}" for row in slugs}
        | {f"/articles/{row['old_slug']}" for row in old}
        | {f"/tags/{row['name']}" for row in tags}
    )


def _with_links(connection: apsw.Connection, ids: list[int]) -> list[Row]:
    """Articles with the addresses that their pages name: in the text, and of their pictures."""
    marks = ",".join("?" * len(ids))
    found = rows(
        connection,
        f"SELECT id, slug, rev, html FROM article WHERE id IN ({marks}) AND status = 'published'",
        ids,
    )
    shown: dict[int, list[str]] = {}
    for row in rows(
        connection,
        f"""SELECT article_id, image.sha, d.width FROM image JOIN image_file f USING (sha)
            LEFT JOIN derivative d ON d.sha = image.sha WHERE article_id IN ({marks}) AND state IN ('pending', 'ok', 'missing')""",
        ids,
    ):
        name = f"{row['sha']}-{row['width']}.webp" if row["width"] else f"{row['sha']}.png"
        shown.setdefault(row["article_id"], []).append(f"/images/{name}")
    for article in found:
        article["links"] = [unescape(each) for each in _LINK.findall(article.pop("html"))] + shown.get(
            article["id"], []
        )
    return found


def _leads_somewhere(address: str, known: set[str], on_disk: set[str]) -> bool:
    if address.startswith("/images/"):
        return address.removeprefix("/images/") in on_disk
    return address in known
