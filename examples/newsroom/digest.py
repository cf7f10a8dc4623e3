"""The weekly digest: one mail a reader and week, at the reader's own hour on Monday.

The row in ``digest_sent`` is unique per reader and week and is committed with the mail already on disk under a
name that holds both. A crash in between leaves a file that the next try writes again: no reader gets two.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import apsw

from newsroom.clock import from_text, to_text
from newsroom.images import write
from newsroom.settings import Settings
from newsroom.store import Row, Store, count, one, rows

__all__ = ["due", "is_mail_name", "mail_name", "send", "send_weekly"]


def due(now: datetime, timezone: str, hour: int) -> tuple[datetime, str]:
    """The last instant at which a reader's digest fell due, and the ISO week that it is for.

    >>> from datetime import UTC
    >>> due(datetime(2026, 11, 23, 7, tzinfo=UTC), "Europe/Berlin", 8)
    (datetime.datetime(2026, 11, 23, 8, 0, tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin')), '2026-W48')
    """
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    instant = datetime.combine(monday, time(hour), zone)
    if instant > now:
        monday -= timedelta(days=7)
        instant = datetime.combine(monday, time(hour), zone)
    year, week, _ = monday.isocalendar()
    return instant, f"{year}-W{week:02}"


def mail_name(period: str, reader_id: int) -> str:
    return f"{period}-reader-{reader_id}.eml"


def is_mail_name(name: str) -> bool:
    """Whether a file is named as a digest is."""
    return re.fullmatch(r"\d{4}-W\d\d-reader-\d+\.eml", name) is not None


def send(
    store: Store, settings: Settings, reader_id: int, now: datetime, *, twice: bool = False
) -> dict[str, Any]:
    """Send one reader the digest that is due, unless it was sent. Says why when it sends nothing."""
    with store.write() as connection:
        reader = one(connection, "SELECT * FROM reader WHERE id = ?", (reader_id,))
        if reader is None:
            return {"sent": False, "reason": "no such reader"}
        if reader["digest_since"] is None:
            return {"sent": False, "reason": "the reader wants no digest"}
        instant, period = due(now, reader["timezone"], reader["digest_hour"])
        if from_text(reader["digest_since"]) > instant:
            return {"sent": False, "reason": "the first digest is not due yet"}
        if count(
            connection, "SELECT 1 FROM digest_sent WHERE reader_id = ? AND period = ?", (reader_id, period)
        ):
            return {"sent": False, "reason": "it was sent already", "period": period}
        connection.execute("INSERT INTO digest_sent VALUES (?, ?, ?)", (reader_id, period, to_text(now)))
        mail = _mail(reader, period, _articles(connection, instant), settings).as_bytes()
        write(settings.mail / mail_name(period, reader_id), mail)
        if twice:
            write(settings.mail / mail_name(period, reader_id).replace(".eml", "-again.eml"), mail)
    return {"sent": True, "period": period}


def _articles(connection: apsw.Connection, instant: datetime) -> list[Row]:
    """The most read articles of the week before an instant; in a week without any, the newest."""
    parameters = (to_text(instant - timedelta(days=7)), to_text(instant))
    week = "SELECT slug, title, summary FROM article WHERE status = 'published' AND publish_at > ? AND publish_at <= ?"
    return rows(connection, f"{week} ORDER BY views DESC, publish_at DESC LIMIT 10", parameters) or rows(
        connection,
        "SELECT slug, title, summary FROM article WHERE status = 'published' ORDER BY publish_at DESC LIMIT 5",
    )


def _mail(reader: Row, period: str, articles: list[Row], settings: Settings) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ferret Notes <digest@example.org>"
    mail["To"] = f"reader-{reader['id']}@example.org"
    mail["Subject"] = f"Ferret Notes, week {period}"
    mail["Message-ID"] = f"<{mail_name(period, reader['id'])}@example.org>"
    lines = [f"Dear {reader['name']},", "", "this week on Ferret Notes:", ""]
    for article in articles:
        lines += [
            article["title"],
            f"  {article['summary']}",
            f"  {settings.url}/articles/{article['slug']}",
            "",
        ]
    mail.set_content("\n".join([*lines, f"To stop these mails: {settings.url}/me"]))
    return mail


def send_weekly(store: Store, settings: Settings, now: datetime, *, none: bool = False) -> dict[str, Any]:
    """Send every digest that is due and not sent: what the readers' own schedules have left over.

    One reader's trouble does not keep the digest from the others; it is named in the answer.
    """
    with store.read() as connection:
        wanting = rows(connection, "SELECT id FROM reader WHERE digest_since IS NOT NULL ORDER BY id")
    sent, problems = 0, {}
    for reader in [] if none else wanting:
        try:
            sent += bool(send(store, settings, reader["id"], now)["sent"])
        except (OSError, ValueError) as error:
            problems[str(reader["id"])] = f"{type(error).__name__}: {error}"
    return {"readers": len(wanting), "sent": sent, "problems": problems}
