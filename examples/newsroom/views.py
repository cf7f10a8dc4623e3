"""View counts: noted one by one as they come in, added up by a task.

A view is an event and a tick of the tally in one transaction; a flush adds events to their articles and removes
them in one transaction. So at any instant the views of all articles plus the waiting events are the tally.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import apsw

from newsroom.clock import to_text
from newsroom.store import Store, count, rows, value

__all__ = ["flush", "note", "recount"]

BATCH = 10_000


def note(connection: apsw.Connection, article_id: int, now: datetime) -> bool:
    """Note one view of a live article, in the caller's transaction; False for an article that is not live."""
    if not count(connection, "SELECT 1 FROM article WHERE id = ? AND status = 'published'", (article_id,)):
        return False
    connection.execute("INSERT INTO view_event (article_id, at) VALUES (?, ?)", (article_id, to_text(now)))
    connection.execute("UPDATE tally SET value = value + 1 WHERE name = 'views_received'")
    return True


def flush(store: Store, *, lose: bool = False) -> dict[str, Any]:
    """Add all waiting views to their articles, batch by batch; how many views of how many articles."""
    views, articles = 0, set[int]()
    while True:
        with store.write() as connection:
            last = value(
                connection, "SELECT max(id) FROM (SELECT id FROM view_event ORDER BY id LIMIT ?)", (BATCH,)
            )
            if last is None:
                return {"views": views, "articles": len(articles)}
            found = rows(
                connection,
                "SELECT article_id, count(*) AS n FROM view_event WHERE id <= ? GROUP BY article_id",
                (last,),
            )
            if not lose:
                connection.executemany(
                    "UPDATE article SET views = views + ? WHERE id = ?",
                    [(row["n"], row["article_id"]) for row in found],
                )
            connection.execute("DELETE FROM view_event WHERE id <= ?", (last,))
        views += sum(row["n"] for row in found)
        articles |= {row["article_id"] for row in found}


def recount(connection: apsw.Connection) -> int:
    """Accept that views are lost: the tally becomes what is counted and waiting. How many were lost."""
    there = "(SELECT total(views) FROM article) + (SELECT count(*) FROM view_event)"
    lost = value(connection, f"SELECT value - ({there}) FROM tally WHERE name = 'views_received'")
    connection.execute(f"UPDATE tally SET value = {there} WHERE name = 'views_received'")
    return int(lost)
