"""Where the site hands duties to Rota: the only module that knows ``rota.enqueue`` and ``rota.schedule``.

Each is called inside the transaction that changes the content, with that transaction's connection, so that a duty
and the change that asks for it are committed together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import apsw

from newsroom.clock import from_text
from newsroom.store import Row, Store, rows

if TYPE_CHECKING:
    from rota import Rota

__all__ = ["NOBODY", "Duties", "HandedToRota", "hand_over_all"]

MONDAY = 1


class Duties(Protocol):
    """What the site asks to be done later."""

    def schedule_publication(self, connection: apsw.Connection, article: Row) -> None:
        """Have an article published at its ``publish_at``; asked again, at its new one."""

    def schedule_digest(self, connection: apsw.Connection, reader: Row) -> None:
        """Send a reader the weekly digest at their own hour in their own time zone."""

    def cancel_digest(self, connection: apsw.Connection, reader: Row) -> None:
        """Send a reader no more digests."""


class _Nobody:
    """A site without Rota, as in the tests of its pages: ``publish_due`` and ``weekly_digest`` still do the work."""

    def schedule_publication(self, connection: apsw.Connection, article: Row) -> None:
        pass

    def schedule_digest(self, connection: apsw.Connection, reader: Row) -> None:
        pass

    def cancel_digest(self, connection: apsw.Connection, reader: Row) -> None:
        pass


NOBODY: Duties = _Nobody()


@dataclass(frozen=True, slots=True)
class HandedToRota:
    """Duties recorded in Rota's ledger, which stands in the site's own file.

    A publication that is called off needs no word to Rota: ``publish_article`` looks whether the article is still
    scheduled, and says in its result when it is not.
    """

    rota: Rota

    def schedule_publication(self, connection: apsw.Connection, article: Row) -> None:
        self.rota.enqueue_sync(
            "publish-article",
            at=from_text(article["publish_at"]),
            key=f"publish:{article['id']}",
            args={"article_id": article["id"]},
            connection=connection,
        )

    def schedule_digest(self, connection: apsw.Connection, reader: Row) -> None:
        self.rota.schedule_sync(
            "send-digest",
            key=f"reader:{reader['id']}",
            cron=f"0 {reader['digest_hour']} * * {MONDAY}",
            timezone=reader["timezone"],
            args={"reader_id": reader["id"]},
            connection=connection,
        )

    def cancel_digest(self, connection: apsw.Connection, reader: Row) -> None:
        self.rota.unschedule_sync("send-digest", key=f"reader:{reader['id']}", connection=connection)


def hand_over_all(store: Store, duties: Duties) -> dict[str, int]:
    """Hand over every duty that follows from the content as it stands: at each start, and after a restored backup.

    Duties have keys, so handing one over again changes nothing.
    """
    with store.write() as connection:
        waiting = rows(
            connection,
            "SELECT * FROM article WHERE status = 'scheduled' AND NOT generated ORDER BY publish_at",
        )
        for article in waiting:
            duties.schedule_publication(connection, article)
        wanting = rows(connection, "SELECT * FROM reader WHERE digest_since IS NOT NULL ORDER BY id")
        for reader in wanting:
            duties.schedule_digest(connection, reader)
    return {"publications": len(waiting), "digests": len(wanting)}
