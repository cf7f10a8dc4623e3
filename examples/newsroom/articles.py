"""The content's rules: how an article is written, scheduled, published, reviewed and taken down.

Every function that changes something runs inside the caller's transaction and writes, in the same transaction,
the purges that follow from the change. Live means ``status = 'published'``; indexable means live, reviewed and
not ``noindex``: only indexable articles stand in sitemap and feed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import apsw

from newsroom import metadata
from newsroom.clock import to_text
from newsroom.duties import NOBODY, Duties
from newsroom.outbox import purge
from newsroom.render import markdown_to_html
from newsroom.store import Row, count, one, rows, value

__all__ = [
    "INDEXABLE",
    "Draft",
    "by_id",
    "by_slug",
    "create",
    "publish",
    "review",
    "schedule",
    "tag_name",
    "unpublish",
]

INDEXABLE = "status = 'published' AND reviewed_at IS NOT NULL AND noindex = 0"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an article needs to be written."""

    slug: str
    title: str
    body: str
    author: str
    summary: str = ""
    meta: object = field(default_factory=dict)
    reviewed: bool = True
    noindex: bool = False
    unpublish_at: datetime | None = None


def tag_name(label: str) -> str:
    """A tag as part of its address: ASCII, never empty, the same for the same label.

    >>> tag_name("Type checking"), tag_name("🦦")
    ('type-checking', 'tag-85c809')
    """
    return metadata.slug(label) or f"tag-{hashlib.sha256(label.encode()).hexdigest()[:6]}"


def create(connection: apsw.Connection, draft: Draft, now: datetime) -> int:
    """Write a draft; its id. Raises apsw.ConstraintError when the slug is taken."""
    meta = metadata.clean(draft.meta)
    connection.execute("INSERT OR IGNORE INTO author (name) VALUES (?)", (draft.author,))
    at = to_text(now)
    connection.execute(
        """INSERT INTO article (slug, title, summary, body, html, meta, author_id, status, unpublish_at,
                                reviewed_at, noindex, created_at, updated_at)
           SELECT ?, ?, ?, ?, ?, ?, id, 'draft', ?, ?, ?, ?, ? FROM author WHERE name = ?""",
        (
            draft.slug,
            draft.title,
            draft.summary,
            draft.body,
            markdown_to_html(draft.body),
            json.dumps(meta, ensure_ascii=False),
            to_text(draft.unpublish_at) if draft.unpublish_at else None,
            at if draft.reviewed else None,
            int(draft.noindex),
            at,
            at,
            draft.author,
        ),
    )
    article_id = connection.last_insert_rowid()
    set_tags(connection, article_id, [metadata.item_text(item) for item in meta.get("tags", [])])
    return article_id


def set_tags(connection: apsw.Connection, article_id: int, labels: Iterable[str]) -> None:
    """Give a draft its tags."""
    named = {tag_name(label): label for label in labels}
    connection.executemany("INSERT OR IGNORE INTO tag (name, label) VALUES (?, ?)", list(named.items()))
    connection.executemany(
        "INSERT OR IGNORE INTO article_tag (article_id, tag) VALUES (?, ?)",
        [(article_id, name) for name in named],
    )


def schedule(
    connection: apsw.Connection,
    article_id: int,
    publish_at: datetime,
    now: datetime,
    duties: Duties = NOBODY,
) -> bool:
    """Have a draft (or one scheduled for another time, or taken down) published at an instant.

    False when the article does not exist or is public already.
    """
    connection.execute(
        """UPDATE article SET status = 'scheduled', publish_at = ?, updated_at = ?, rev = rev + 1,
                  unpublish_at = CASE WHEN unpublish_at <= ? THEN NULL ELSE unpublish_at END
            WHERE id = ? AND status IN ('draft', 'scheduled', 'unpublished')""",
        (to_text(publish_at), to_text(now), to_text(publish_at), article_id),
    )
    if not connection.changes():
        return False
    article = by_id(connection, article_id)
    assert article is not None
    duties.schedule_publication(connection, article)
    purge(connection, [f"article:{article_id}"], now)
    return True


def publish(connection: apsw.Connection, article_id: int, now: datetime) -> bool:
    """Make a scheduled article public if its time has come. False when there is nothing to do: safe to repeat."""
    connection.execute(
        """UPDATE article SET status = 'published', updated_at = ?, rev = rev + 1
            WHERE id = ? AND status = 'scheduled' AND publish_at <= ?""",
        (to_text(now), article_id, to_text(now)),
    )
    if not connection.changes():
        return False
    connection.execute(
        "UPDATE article_tag SET live_at = (SELECT publish_at FROM article WHERE id = article_id) WHERE article_id = ?",
        (article_id,),
    )
    _count_tags(connection, article_id)
    purge(connection, touched(connection, article_id), now)
    return True


def unpublish(connection: apsw.Connection, article_id: int, now: datetime) -> bool:
    """Take a public article down; cancel a scheduled one. False when there is nothing to do: safe to repeat."""
    tags = touched(connection, article_id)  # before: what links to it must be purged too
    connection.execute(
        """UPDATE article SET status = 'unpublished', updated_at = ?, rev = rev + 1
            WHERE id = ? AND status IN ('published', 'scheduled')""",
        (to_text(now), article_id),
    )
    if not connection.changes():
        return False
    connection.execute("UPDATE article_tag SET live_at = NULL WHERE article_id = ?", (article_id,))
    _count_tags(connection, article_id)
    purge(connection, tags, now)
    return True


def review(connection: apsw.Connection, article_id: int, now: datetime) -> bool:
    """Mark an article as reviewed: search engines may have it. False when it was reviewed already."""
    connection.execute(
        "UPDATE article SET reviewed_at = ?, updated_at = ?, rev = rev + 1 WHERE id = ? AND reviewed_at IS NULL",
        (to_text(now), to_text(now), article_id),
    )
    if not connection.changes():
        return False
    purge(connection, [f"article:{article_id}", "feed", "sitemap"], now)
    return True


def touched(connection: apsw.Connection, article_id: int) -> list[str]:
    """The surrogate keys of every page that shows an article, for when it appears or goes away."""
    tags = [f"article:{article_id}", "home", "list", "feed", "sitemap", "search"]
    tags += [
        f"tag:{row['tag']}"
        for row in rows(connection, "SELECT tag FROM article_tag WHERE article_id = ?", (article_id,))
    ]
    neighbours = rows(connection, "SELECT article_id FROM related WHERE other_id = ?", (article_id,))
    tags += [f"article:{row['article_id']}" for row in neighbours]
    author = value(connection, "SELECT author_id FROM article WHERE id = ?", (article_id,))
    return [*tags, f"author:{author}"] if author else tags


def _count_tags(connection: apsw.Connection, article_id: int) -> None:
    connection.execute(
        """UPDATE tag SET live = (SELECT count(*) FROM article_tag t WHERE t.tag = tag.name AND t.live_at IS NOT NULL)
            WHERE name IN (SELECT tag FROM article_tag WHERE article_id = ?)""",
        (article_id,),
    )


def by_id(connection: apsw.Connection, article_id: int) -> Row | None:
    return one(connection, "SELECT * FROM article WHERE id = ?", (article_id,))


def by_slug(connection: apsw.Connection, slug: str) -> Row | None:
    """The article with its author's name, whatever its status."""
    return one(
        connection,
        """SELECT article.*, author.name AS author FROM article JOIN author ON author.id = author_id WHERE slug = ?""",
        (slug,),
    )


def moved_to(connection: apsw.Connection, old_slug: str) -> str | None:
    """The present slug of an article that had another one."""
    found = value(
        connection,
        "SELECT slug FROM redirect JOIN article ON id = article_id WHERE old_slug = ?",
        (old_slug,),
    )
    return str(found) if found else None


def rename(connection: apsw.Connection, article_id: int, slug: str, now: datetime) -> None:
    """Give an article a new address; the old one leads there."""
    old = value(connection, "SELECT slug FROM article WHERE id = ?", (article_id,))
    connection.execute("DELETE FROM redirect WHERE old_slug = ?", (slug,))
    connection.execute("INSERT OR REPLACE INTO redirect VALUES (?, ?)", (old, article_id))
    connection.execute(
        "UPDATE article SET slug = ?, updated_at = ?, rev = rev + 1 WHERE id = ?",
        (slug, to_text(now), article_id),
    )
    purge(connection, touched(connection, article_id), now)


def publish_due(connection: apsw.Connection, now: datetime) -> list[int]:
    """Publish every scheduled article whose time has come; their ids, earliest first."""
    due = rows(
        connection,
        "SELECT id FROM article WHERE status = 'scheduled' AND publish_at <= ? ORDER BY publish_at, id LIMIT 500",
        (to_text(now),),
    )
    return [row["id"] for row in due if publish(connection, row["id"], now)]


def unpublish_due(connection: apsw.Connection, now: datetime) -> list[int]:
    """Take down every public article whose end has come; their ids."""
    due = rows(
        connection,
        "SELECT id FROM article WHERE status = 'published' AND unpublish_at <= ? ORDER BY unpublish_at, id LIMIT 500",
        (to_text(now),),
    )
    return [row["id"] for row in due if unpublish(connection, row["id"], now)]


def indexable_count(connection: apsw.Connection) -> int:
    return count(connection, f"SELECT count(*) FROM article WHERE {INDEXABLE}")
