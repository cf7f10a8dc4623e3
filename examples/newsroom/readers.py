"""Readers: accounts, sessions, bookmarks and their wish for a digest."""

from __future__ import annotations

import functools
import hashlib
import secrets
import zoneinfo
from datetime import datetime
from typing import Any

import apsw

from newsroom.clock import to_text
from newsroom.duties import NOBODY, Duties
from newsroom.security import SESSION, hash_password, verify_password
from newsroom.store import Row, Store, one, rows

__all__ = [
    "bookmarks",
    "by_token",
    "log_in",
    "log_out",
    "note",
    "prune_sessions",
    "register",
    "set_digest",
    "set_note",
    "toggle_bookmark",
]

SHORTEST_PASSWORD = 10
PRUNED_AT_ONCE = 5_000


def register(
    connection: apsw.Connection, name: str, password: str, now: datetime, *, editor: bool = False
) -> int:
    """Make an account; its id. Raises ValueError, for the reader to read, when name or password will not do."""
    name = " ".join(name.split())
    if not 2 <= len(name) <= 40:
        raise ValueError("A name has 2 to 40 characters.")
    if len(password) < SHORTEST_PASSWORD:
        raise ValueError(f"A password has at least {SHORTEST_PASSWORD} characters.")
    try:
        connection.execute(
            "INSERT INTO reader (name, password, editor, created_at) VALUES (?, ?, ?, ?)",
            (name, hash_password(password), int(editor), to_text(now)),
        )
    except apsw.ConstraintError:
        raise ValueError("That name is taken.") from None
    return connection.last_insert_rowid()


def check(connection: apsw.Connection, name: str, password: str) -> int | None:
    """The id of the reader with that name and password, or None."""
    reader = one(connection, "SELECT id, password FROM reader WHERE name = ?", (" ".join(name.split()),))
    fits = verify_password(password, reader["password"] if reader else _nobody())
    return int(reader["id"]) if reader and fits else None


def log_in(connection: apsw.Connection, reader_id: int, now: datetime) -> str:
    """Open a session; the token for its cookie. Only the token's hash is stored."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO session VALUES (?, ?, ?)", (_hash(token), reader_id, to_text(now + SESSION))
    )
    return token


def log_out(connection: apsw.Connection, token: str) -> None:
    connection.execute("DELETE FROM session WHERE token_hash = ?", (_hash(token),))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def by_token(connection: apsw.Connection, token: str, now: datetime) -> Row | None:
    """The reader whose session a token opens, unless it has expired."""
    return one(
        connection,
        """SELECT reader.id, name, editor, timezone, digest_hour, digest_since FROM session JOIN reader ON reader.id = reader_id
            WHERE token_hash = ? AND expires_at > ?""",
        (_hash(token), to_text(now)),
    )


def toggle_bookmark(connection: apsw.Connection, reader_id: int, article_id: int, now: datetime) -> bool:
    """Keep an article, or let go of one that is kept; whether it is kept now."""
    connection.execute("DELETE FROM bookmark WHERE reader_id = ? AND article_id = ?", (reader_id, article_id))
    if connection.changes():
        return False
    connection.execute(
        "INSERT INTO bookmark SELECT ?, id, ? FROM article WHERE id = ? AND status = 'published'",
        (reader_id, to_text(now), article_id),
    )
    return bool(connection.changes())


def bookmarks(connection: apsw.Connection, reader_id: int) -> list[Row]:
    return rows(
        connection,
        """SELECT article.id, slug, title, summary, at FROM bookmark JOIN article ON article.id = article_id
            WHERE reader_id = ? AND status = 'published' ORDER BY at DESC, article.id DESC""",
        (reader_id,),
    )


def note(connection: apsw.Connection, reader_id: int) -> str:
    """What a reader noted for himself."""
    found = one(connection, "SELECT note FROM reader_note WHERE reader_id = ?", (reader_id,))
    return str(found["note"]) if found else ""


def set_note(connection: apsw.Connection, reader_id: int, note: str) -> None:
    """Note something; an empty text takes it away."""
    connection.execute("DELETE FROM reader_note WHERE reader_id = ?", (reader_id,))
    if note.strip():
        connection.execute("INSERT INTO reader_note VALUES (?, ?)", (reader_id, note.strip()))


def set_digest(
    connection: apsw.Connection,
    reader_id: int,
    *,
    wanted: bool,
    hour: int,
    timezone: str,
    now: datetime,
    duties: Duties = NOBODY,
) -> None:
    """Set whether, when and where a reader wants the weekly digest. Raises ValueError for an unknown zone or hour."""
    if timezone not in zoneinfo.available_timezones():
        raise ValueError(f"There is no time zone called {timezone!r}; one is Europe/Berlin.")
    if not 0 <= hour <= 23:
        raise ValueError("An hour is between 0 and 23.")
    connection.execute(
        """UPDATE reader SET timezone = ?, digest_hour = ?, digest_since = CASE WHEN ? THEN coalesce(digest_since, ?) END
            WHERE id = ?""",
        (timezone, hour, int(wanted), to_text(now), reader_id),
    )
    reader = one(connection, "SELECT * FROM reader WHERE id = ?", (reader_id,))
    if reader is not None:
        (duties.schedule_digest if wanted else duties.cancel_digest)(connection, reader)


def prune_sessions(store: Store, now: datetime) -> dict[str, Any]:
    """Remove expired sessions, a batch to a transaction."""
    removed = batches = 0
    while True:
        with store.write() as connection:
            connection.execute(
                """DELETE FROM session WHERE token_hash IN
                   (SELECT token_hash FROM session WHERE expires_at <= ? LIMIT ?)""",
                (to_text(now), PRUNED_AT_ONCE),
            )
            batch = connection.changes()
        removed, batches = removed + batch, batches + 1
        if batch < PRUNED_AT_ONCE:
            return {"removed": removed, "batches": batches}


@functools.cache
def _nobody() -> str:
    """A hash to compare with when a name is unknown, so that this takes as long as a wrong password."""
    return hash_password("nobody has this password")
