"""Search over live articles with SQLite's FTS5, kept in step with them revision by revision."""

from __future__ import annotations

import re
from typing import Any

import apsw

from newsroom import listings, metadata
from newsroom.render import excerpt, plain
from newsroom.store import Row, Store, count, rows

__all__ = ["behind", "find", "normalised", "rebuild", "refresh"]

CHUNK = 1_000  # articles in a transaction: other writers get their turn
RESULTS = 20
_LONGEST = 120  # characters of a query that are looked at


def normalised(query: str) -> str:
    """A query as caches should see it: lower case, one space between words.

    >>> normalised("  Type   CHECKING ")
    'type checking'
    """
    return " ".join(query.lower().split())[:_LONGEST]


def _words(query: str) -> list[str]:
    return re.findall(r"\w+", query)[:8]


def find(connection: apsw.Connection, query: str, page: int = 1) -> tuple[list[Row], int]:
    """One page of live articles that hold all words of a query (the last may be unfinished), and how many do."""
    words = _words(query)
    if not words:
        return [], 0
    match = " ".join(f'"{word}"' for word in words) + "*"
    found = count(connection, "SELECT count(*) FROM article_fts WHERE article_fts MATCH ?", (match,))
    hits = rows(
        connection,
        """SELECT rowid AS id FROM article_fts WHERE article_fts MATCH ?
            ORDER BY bm25(article_fts, 12.0, 5.0, 4.0, 1.0), rowid LIMIT ? OFFSET ?""",
        (match, RESULTS, (page - 1) * RESULTS),
    )
    articles = listings.of_ids(connection, [hit["id"] for hit in hits])
    for article in articles:
        article["excerpt"] = excerpt(plain(article.pop("body")), words)
    return articles, found


def behind(connection: apsw.Connection) -> tuple[list[int], list[int]]:
    """Ids of live articles whose present revision is not in the index, and of indexed ones that are not live."""
    missing = rows(
        connection,
        """SELECT a.id FROM article a LEFT JOIN search_state s ON s.article_id = a.id
            WHERE a.status = 'published' AND s.rev IS NOT a.rev ORDER BY a.id""",
    )
    gone = rows(
        connection,
        """SELECT article_id AS id FROM search_state s
            WHERE NOT EXISTS (SELECT 1 FROM article a WHERE a.id = s.article_id AND a.status = 'published')""",
    )
    return [row["id"] for row in missing], [row["id"] for row in gone]


def refresh(store: Store) -> dict[str, Any]:
    """Bring the index in step: new and changed articles in, others out. Readers see each chunk whole or not at all."""
    with store.read() as connection:
        missing, gone = behind(connection)
    for at in range(0, len(gone), CHUNK):
        with store.write() as connection:
            _forget(connection, gone[at : at + CHUNK])
    for at in range(0, len(missing), CHUNK):
        with store.write() as connection:
            _index(connection, missing[at : at + CHUNK])
    return {"indexed": len(missing), "removed": len(gone)}


def _forget(connection: apsw.Connection, ids: list[int]) -> None:
    connection.executemany("DELETE FROM article_fts WHERE rowid = ?", [(each,) for each in ids])
    connection.executemany("DELETE FROM search_state WHERE article_id = ?", [(each,) for each in ids])


def _index(connection: apsw.Connection, ids: list[int]) -> None:
    marks = ",".join("?" * len(ids))
    found = rows(
        connection,
        f"""SELECT id, rev, title, summary, body, meta FROM article WHERE id IN ({marks}) AND status = 'published'""",
        ids,
    )
    _forget(connection, ids)
    for article in found:
        lists = metadata.clean(article["meta"])
        words = " ".join(
            metadata.item_text(item) for key in ("tags", "tools", "versions") for item in lists.get(key, [])
        )
        connection.execute(
            "INSERT INTO article_fts (rowid, title, summary, tags, body) VALUES (?, ?, ?, ?, ?)",
            (article["id"], article["title"], article["summary"], words, plain(article["body"])),
        )
        connection.execute("INSERT INTO search_state VALUES (?, ?)", (article["id"], article["rev"]))


def rebuild(store: Store) -> dict[str, Any]:
    """Start the index over, in one transaction: readers search the old one until the new one is whole."""
    with store.write() as connection:
        connection.execute("DELETE FROM article_fts; DELETE FROM search_state")
        missing, _ = behind(connection)
        for at in range(0, len(missing), CHUNK):
            _index(connection, missing[at : at + CHUNK])
    return {"indexed": len(missing)}
