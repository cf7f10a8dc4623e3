"""Purges: what a cache in front of the site must forget, by surrogate key.

A purge is written in the transaction that changed the content, so that neither is without the other, and handed
to the cache by a task. Handing it over twice is harmless.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import apsw

from newsroom.clock import to_text
from newsroom.store import Store, rows

__all__ = ["BATCH", "deliver", "purge"]

BATCH = 500


def purge(connection: apsw.Connection, tags: Iterable[str], now: datetime) -> None:
    """Note surrogate keys to purge, in the caller's transaction."""
    at = to_text(now)
    connection.executemany(
        "INSERT INTO purge_outbox (tag, at) VALUES (?, ?)", [(tag, at) for tag in dict.fromkeys(tags)]
    )


def deliver(store: Store, purge_url: str | None, *, noop: bool = False) -> dict[str, object]:
    """Hand all waiting purges to the cache at ``purge_url`` and forget them; with no cache, only forget them.

    Purges of one key are sent once. Raises OSError when the cache cannot be reached or refuses: nothing of that
    batch is forgotten.
    """
    purged, batches = 0, 0
    while True:
        with store.read() as connection:
            waiting = rows(connection, "SELECT id, tag FROM purge_outbox ORDER BY id LIMIT ?", (BATCH,))
        if not waiting:
            break
        tags = list(dict.fromkeys(row["tag"] for row in waiting))
        purged, batches = purged + len(tags), batches + 1
        if noop:
            break
        if purge_url:
            _send(purge_url, tags)
        with store.write() as connection:  # by id, not by "up to": a smaller id may still be on its way in
            connection.executemany("DELETE FROM purge_outbox WHERE id = ?", [(row["id"],) for row in waiting])
    return {"purged": purged, "batches": batches, "cache": purge_url or "none"}


def _send(purge_url: str, tags: Sequence[str]) -> None:
    address = urlsplit(purge_url)
    if address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise OSError(f"expected a cache on this machine, found {purge_url}; retry: safe, nothing was purged")
    connection = http.client.HTTPConnection(address.hostname, address.port or 80, timeout=5)
    try:
        connection.request("PURGE", address.path or "/", headers={"Surrogate-Key": " ".join(tags)})
        answer = connection.getresponse()
        if answer.status >= 300:
            raise OSError(
                f"the cache at {purge_url} answered {answer.status}, expected 2xx; retry: safe, a purge is harmless"
            )
    finally:
        connection.close()
