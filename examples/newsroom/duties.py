"""Where the site hands duties to Rota: the only module that will call ``rota.enqueue`` and ``rota.schedule``.

Each function is called inside the transaction that changes the content, with that transaction's connection, so
that a duty and the change that asks for it are committed together or not at all.
"""

from __future__ import annotations

from datetime import datetime

import apsw

from newsroom.outbox import purge
from newsroom.store import Row

__all__ = ["cancel_digest", "cancel_publication", "schedule_digest", "schedule_publication"]


def schedule_publication(connection: apsw.Connection, article: Row, now: datetime) -> None:
    """Have an article published at its ``publish_at``."""
    # WIRE HERE: rota.enqueue("publish-article", at=from_text(article["publish_at"]), connection=connection,
    #                         key=f"publish:{article['id']}", args={"article_id": article["id"]})
    purge(connection, [f"article:{article['id']}"], now)


def cancel_publication(connection: apsw.Connection, article: Row) -> None:
    """Forget a publication that was scheduled. The task itself also looks before it publishes."""
    # WIRE HERE: cancel the waiting run with key f"publish:{article['id']}"


def schedule_digest(connection: apsw.Connection, reader: Row) -> None:
    """Send a reader the weekly digest at their own hour in their own time zone."""
    # WIRE HERE: rota.schedule("send-digest", key=f"reader:{reader['id']}", cron=f"0 {reader['digest_hour']} * * 1",
    #                          timezone=reader["timezone"], args={"reader_id": reader["id"]}, connection=connection)


def cancel_digest(connection: apsw.Connection, reader: Row) -> None:
    """Send a reader no more digests."""
    # WIRE HERE: rota.unschedule("send-digest", key=f"reader:{reader['id']}", connection=connection)
