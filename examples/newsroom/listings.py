"""What the pages read: lists of live articles, tags and an article's surroundings."""

from __future__ import annotations

import apsw

from newsroom.store import Row, count, one, rows

__all__ = ["PAGE", "indexable", "latest", "of_tag", "pages", "pictures", "related", "tag", "tags"]

PAGE = 20  # articles on a page

_CARD = "article.id, slug, title, summary, publish_at, generated, author_id, author.name AS author"


def pages(articles: int) -> int:
    """How many pages that many articles fill; an empty list has one.

    >>> pages(0), pages(20), pages(21)
    (1, 1, 2)
    """
    return max(1, -(-articles // PAGE))


def latest(connection: apsw.Connection, page: int) -> list[Row]:
    """One page of live articles, newest first, each with its cover and tags."""
    found = rows(
        connection,
        f"""SELECT {_CARD} FROM article JOIN author ON author.id = author_id WHERE status = 'published'
            ORDER BY publish_at DESC, article.id DESC LIMIT ? OFFSET ?""",
        (PAGE, (page - 1) * PAGE),
    )
    return _with_surroundings(connection, found)


def live_count(connection: apsw.Connection) -> int:
    return count(connection, "SELECT count(*) FROM article WHERE status = 'published'")


def of_tag(connection: apsw.Connection, name: str, page: int) -> list[Row]:
    """One page of a tag's live articles, newest first."""
    found = rows(
        connection,
        f"""SELECT {_CARD} FROM article_tag JOIN article ON article.id = article_id JOIN author ON author.id = author_id
            WHERE tag = ? AND live_at IS NOT NULL ORDER BY live_at DESC, article_id DESC LIMIT ? OFFSET ?""",
        (name, PAGE, (page - 1) * PAGE),
    )
    return _with_surroundings(connection, found)


def of_ids(connection: apsw.Connection, ids: list[int]) -> list[Row]:
    """Live articles by id, in the order asked for, with their text."""
    marks = ",".join("?" * len(ids))
    found = rows(
        connection,
        f"""SELECT {_CARD}, body FROM article JOIN author ON author.id = author_id
            WHERE article.id IN ({marks}) AND status = 'published'""",
        ids,
    )
    return _with_surroundings(connection, sorted(found, key=lambda row: ids.index(row["id"])))


def tag(connection: apsw.Connection, name: str) -> Row | None:
    return one(connection, "SELECT name, label, live FROM tag WHERE name = ? AND live > 0", (name,))


def tags(connection: apsw.Connection, limit: int) -> list[Row]:
    """The tags with most live articles."""
    return rows(
        connection,
        "SELECT name, label, live FROM tag WHERE live > 0 ORDER BY live DESC, name LIMIT ?",
        (limit,),
    )


def related(connection: apsw.Connection, article_id: int) -> list[Row]:
    """Similar articles that are live now, whatever was live when they were computed."""
    return rows(
        connection,
        f"""SELECT {_CARD} FROM related JOIN article ON article.id = other_id JOIN author ON author.id = author_id
            WHERE article_id = ? AND status = 'published' ORDER BY rank""",
        (article_id,),
    )


def pictures(connection: apsw.Connection, article_id: int) -> list[Row]:
    """An article's pictures in order, with the widths that are ready; the first is its cover."""
    return rows(
        connection,
        """SELECT image.sha, alt, width, height, state,
                  (SELECT group_concat(d.width, ',' ORDER BY d.width) FROM derivative d WHERE d.sha = image.sha) AS widths
             FROM image JOIN image_file USING (sha)
            WHERE article_id = ? AND state IN ('pending', 'ok') ORDER BY image.id""",
        (article_id,),
    )


def indexable(connection: apsw.Connection, limit: int) -> list[Row]:
    """The newest articles that feeds may carry."""
    return rows(
        connection,
        f"""SELECT {_CARD}, updated_at, rev FROM article JOIN author ON author.id = author_id
            WHERE status = 'published' AND reviewed_at IS NOT NULL AND noindex = 0
            ORDER BY publish_at DESC, article.id DESC LIMIT ?""",
        (limit,),
    )


def _with_surroundings(connection: apsw.Connection, articles: list[Row]) -> list[Row]:
    """The same articles, each with ``tags`` (name and label) and ``cover`` (a picture or None)."""
    for article in articles:
        article["tags"] = rows(
            connection,
            "SELECT tag AS name, label FROM article_tag JOIN tag ON tag.name = tag WHERE article_id = ? ORDER BY tag.live DESC, tag LIMIT 4",
            (article["id"],),
        )
        article["cover"] = next(iter(pictures(connection, article["id"])), None)
    return articles
