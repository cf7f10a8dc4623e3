"""How the machine knows that a task did what is expected of it. Each check is silent, or raises ``NotAsExpected``.

They stand in ``rota.toml`` as ``verify = "newsroom.checks:feed_is_fresh"`` and run after the task. They look at
the result and not at the task, so they also run alone: ``python -m newsroom check``.

What changed within the last two minutes is not yet held against sitemap, feed and search: those follow content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from newsroom import backup, builds, clock, digest, images, search, sitemap
from newsroom.articles import INDEXABLE
from newsroom.clock import to_text
from newsroom.settings import Settings
from newsroom.store import Store, count, one, rows, value

__all__ = ["CHECKS", "NotAsExpected", "the_site"]

GRACE = timedelta(minutes=2)


class NotAsExpected(AssertionError):
    """What was expected, what was found, and where."""

    def __init__(self, expected: str, found: object, where: str) -> None:
        super().__init__(f"expected {expected}; found {found}; at {where}")


@contextmanager
def the_site() -> Iterator[tuple[Settings, Store, datetime]]:
    """The site that the environment names, and the time."""
    settings = Settings.from_environment()
    with Store(settings.database) as store:
        yield settings, store, clock.now()


def no_overdue_articles() -> None:
    """No scheduled article is two minutes past its time."""
    with the_site() as (_, store, now), store.read() as connection:
        late = "SELECT id, publish_at FROM article WHERE status = 'scheduled' AND publish_at < ? ORDER BY publish_at LIMIT 5"
        if found := rows(connection, late, (to_text(now - GRACE),)):
            raise NotAsExpected("no article waiting past its time", found, "article.publish_at")


def no_expired_articles() -> None:
    """No public article is two minutes past its end."""
    with the_site() as (_, store, now), store.read() as connection:
        late = "SELECT id, unpublish_at FROM article WHERE status = 'published' AND unpublish_at < ? LIMIT 5"
        if found := rows(connection, late, (to_text(now - GRACE),)):
            raise NotAsExpected("no article public past its end", found, "article.unpublish_at")


def not_left_waiting(result: Mapping[str, Any]) -> None:
    """The article of a run does not wait for a time that has come: whatever the run says of it."""
    with the_site() as (_, store, now), store.read() as connection:
        found = one(
            connection,
            "SELECT id, publish_at FROM article WHERE id = ? AND status = 'scheduled' AND publish_at <= ?",
            (result["article_id"], to_text(now)),
        )
        if found:
            raise NotAsExpected("the article to be public, or not due", found, "article.publish_at")


def sitemap_matches() -> None:
    """The sitemap is well-formed, within its limits, and lists exactly the indexable articles, each once."""
    with the_site() as (settings, store, now):
        where = str(settings.var / "sitemaps")
        try:
            listed = [each.rsplit("/", 1)[1] for each in sitemap.addresses(settings.var / "sitemaps")]
        except ValueError as error:
            raise NotAsExpected("a sitemap that can be read", error, where) from error
        missing, foreign = _differ(store, listed, now, None)
        if missing or foreign or len(listed) != len(set(listed)):
            found = (
                f"{len(missing)} missing {missing[:3]}, {len(foreign)} that may not be there {foreign[:3]}"
            )
            raise NotAsExpected("every indexable article once", found, where)


def feed_is_fresh() -> None:
    """Both feeds are well-formed and hold the newest indexable articles and nothing else."""
    from newsroom.feeds import ENTRIES

    with the_site() as (settings, store, now):
        build = builds.current(settings.var / "feeds")
        if build is None:
            raise NotAsExpected("a feed", "none", str(settings.var / "feeds"))
        for name, mark in (("feed.xml", "item/link"), ("atom.xml", "{*}entry/{*}link")):
            listed = [each.rsplit("/", 1)[1] for each in _feed_links(build / name, mark)]
            missing, foreign = _differ(store, listed, now, ENTRIES)
            if missing or foreign:
                raise NotAsExpected(
                    f"the newest {ENTRIES}",
                    f"missing {missing[:3]}, foreign {foreign[:3]}",
                    str(build / name),
                )


def _feed_links(path: object, mark: str) -> list[str]:
    try:
        root = ElementTree.parse(str(path)).getroot()
    except (ElementTree.ParseError, OSError) as error:
        raise NotAsExpected("well-formed XML", error, str(path)) from error
    return [node.get("href") or node.text or "" for node in root.findall(f".//{mark}")]


def _differ(
    store: Store, listed: list[str], now: datetime, newest: int | None
) -> tuple[list[str], list[str]]:
    """Slugs that should be listed and are not, and that are and should not; what changed just now is left out."""
    settled = to_text(now - GRACE)
    with store.read() as connection:
        found = rows(
            connection,
            f"SELECT slug, updated_at <= ? AS settled FROM article WHERE {INDEXABLE} ORDER BY publish_at DESC, id DESC",
            (settled,),
        )
        moving = {
            row["slug"]
            for row in rows(connection, "SELECT slug FROM article WHERE updated_at > ?", (settled,))
        }
    wanted = found[:newest] if newest else found
    have = set(listed)
    missing = [row["slug"] for row in wanted if row["settled"] and row["slug"] not in have]
    foreign = have - {row["slug"] for row in found} - moving
    return missing, sorted(foreign)


def search_in_step() -> None:
    """The index holds the present text of every live article and of no other, and finds the newest by its title."""
    with the_site() as (_, store, now), store.read() as connection:
        missing, gone = search.behind(connection)
        settled = to_text(now - GRACE)
        stale = [
            each
            for each in (*missing, *gone)
            if count(connection, "SELECT 1 FROM article WHERE id = ? AND updated_at <= ?", (each, settled))
        ]
        if stale:
            raise NotAsExpected(
                "every live article in the index", f"{len(stale)} behind, such as {stale[:3]}", "search_state"
            )
        newest = one(
            connection,
            """SELECT title, id FROM article JOIN search_state ON article_id = id
                WHERE status = 'published' ORDER BY publish_at DESC LIMIT 1""",
        )
        if newest and not search.find(connection, newest["title"])[1]:
            raise NotAsExpected(f"to find {newest['title']!r}", "nothing", "article_fts")


def similar_links_live() -> None:
    """No article names one that was taken down as similar, and 95 of 100 name at least one."""
    with the_site() as (_, store, now), store.read() as connection:
        dead = rows(
            connection,
            """SELECT article_id, other_id FROM related JOIN article other ON other.id = other_id
                WHERE other.status <> 'published' AND other.updated_at <= ? LIMIT 5""",
            (to_text(now - GRACE),),
        )
        if dead:
            raise NotAsExpected("only live articles", dead, "related")
        live = count(connection, "SELECT count(*) FROM article WHERE status = 'published'")
        covered = count(
            connection,
            "SELECT count(DISTINCT article_id) FROM related JOIN article ON id = article_id WHERE status = 'published'",
        )
        if live > 1 and covered < 0.95 * live:
            raise NotAsExpected("similar articles for 95 of 100", f"{covered} of {live}", "related")


def views_conserved() -> None:
    """Every view that was ever received is counted in an article or waits to be."""
    with the_site() as (_, store, _now), store.read() as connection:
        sums = one(
            connection,
            """SELECT (SELECT value FROM tally WHERE name = 'views_received') AS received,
                      (SELECT total(views) FROM article) AS counted, (SELECT count(*) FROM view_event) AS waiting""",
        )
        assert sums is not None
        if sums["received"] != int(sums["counted"]) + sums["waiting"]:
            raise NotAsExpected("views received = counted + waiting", sums, "article.views")


def images_complete() -> None:
    """Every derivative is on disk with all its bytes, none waits for an hour, and what is corrupt is named."""
    with the_site() as (settings, store, now), store.read() as connection:
        made = rows(
            connection,
            "SELECT d.sha, d.width, d.bytes FROM derivative d JOIN image_file USING (sha) WHERE state = 'ok'",
        )
        for each in made:
            path = settings.images / f"{each['sha']}-{each['width']}.webp"
            size = path.stat().st_size if path.is_file() else None
            if size != each["bytes"]:
                raise NotAsExpected(
                    f"{each['bytes']} bytes", "no file" if size is None else f"{size} bytes", str(path)
                )
        whole = "SELECT count(*) FROM derivative d WHERE d.sha = f.sha"
        part = rows(
            connection,
            f"SELECT sha FROM image_file f WHERE state = 'ok' AND ({whole}) <> ? LIMIT 5",
            (len(images.WIDTHS),),
        )
        late = "SELECT sha FROM image_file WHERE state = 'pending' AND created_at < ? LIMIT 5"
        waiting = rows(connection, late, (to_text(now - timedelta(hours=1)),))
        unnamed = rows(
            connection,
            "SELECT sha FROM image_file WHERE state IN ('corrupt', 'missing') AND problem IS NULL LIMIT 5",
        )
        if part or waiting or unnamed:
            raise NotAsExpected(
                "all derivatives", f"in part {part}, waiting {waiting}, unexplained {unnamed}", "image_file"
            )


def links_checked() -> None:
    """At least 95 of 100 live articles were looked at as they are now."""
    with the_site() as (_, store, now), store.read() as connection:
        live = count(
            connection,
            "SELECT count(*) FROM article WHERE status = 'published' AND updated_at <= ?",
            (to_text(now - GRACE),),
        )
        looked = count(
            connection,
            """SELECT count(*) FROM link_check l JOIN article a ON a.id = l.article_id AND a.rev = l.rev
                WHERE status = 'published' AND updated_at <= ?""",
            (to_text(now - GRACE),),
        )
        if looked < 0.95 * live:
            raise NotAsExpected("95 of 100 articles looked at", f"{looked} of {live}", "link_check")


def no_expired_sessions() -> None:
    """No session is an hour past its end."""
    with the_site() as (_, store, now), store.read() as connection:
        kept = count(
            connection,
            "SELECT count(*) FROM session WHERE expires_at < ?",
            (to_text(now - timedelta(hours=1)),),
        )
        if kept:
            raise NotAsExpected("no expired sessions", kept, "session.expires_at")


def digests_sent_once() -> None:
    """Each digest that was recorded is one mail, and each mail was recorded."""
    with the_site() as (settings, store, now), store.read() as connection:
        sent = rows(connection, "SELECT reader_id, period FROM digest_sent")
        wanted = {digest.mail_name(row["period"], row["reader_id"]) for row in sent}
        mails = {path.name for path in settings.mail.glob("*-reader-*.eml") if _settled(path, now)}
        missing = [name for name in wanted if not (settings.mail / name).is_file()]
        if mails - wanted or missing:
            found = f"too many {sorted(mails - wanted)[:3]}, missing {sorted(missing)[:3]}"
            raise NotAsExpected(
                f"{len(wanted)} mails, one for each reader and week", found, str(settings.mail)
            )


def no_digest_left_over(result: Mapping[str, Any] | None = None) -> None:
    """Right after the run that sends what is left over, nothing is, but for the readers whom it names; else nothing a day late."""
    named = set() if result is None else set(result["problems"])
    with the_site() as (_, store, now), store.read() as connection:
        late = now - (timedelta(days=1) if result is None else GRACE)
        have = {
            (row["reader_id"], row["period"])
            for row in rows(connection, "SELECT reader_id, period FROM digest_sent")
        }
        for reader in rows(
            connection,
            "SELECT id, timezone, digest_hour, digest_since FROM reader WHERE digest_since IS NOT NULL",
        ):
            instant, period = digest.due(now, reader["timezone"], reader["digest_hour"])
            is_due = clock.from_text(reader["digest_since"]) <= instant < late
            if is_due and (reader["id"], period) not in have and str(reader["id"]) not in named:
                raise NotAsExpected(f"the digest of {period}", "none", f"reader {reader['id']}")


def _settled(mail: Path, now: datetime) -> bool:
    """Whether a mail counts: one of the last minute may be of a transaction that is not committed yet."""
    one_of_a_kind = digest.is_mail_name(mail.name)
    return not one_of_a_kind or mail.stat().st_mtime < (now - timedelta(minutes=1)).timestamp()


def backup_is_whole() -> None:
    """The newest backup can be read, is whole, and holds nine in ten of the articles that there are."""
    with the_site() as (settings, store, _now):
        path = backup.newest(settings.backups)
        if path is None:
            raise NotAsExpected("a backup", "none", str(settings.backups))
        try:
            held = backup.verify(path)
        except ValueError as error:
            raise NotAsExpected("a whole backup", error, str(path)) from error
        with store.read() as connection:
            there = count(connection, "SELECT count(*) FROM article")
        if held < 0.9 * there:
            raise NotAsExpected(f"about {there} articles", held, str(path))


def purges_done() -> None:
    """No purge has waited for a minute."""
    with the_site() as (_, store, now), store.read() as connection:
        oldest = value(
            connection,
            "SELECT min(at) FROM purge_outbox WHERE at < ?",
            (to_text(now - timedelta(minutes=1)),),
        )
        if oldest:
            raise NotAsExpected("no purge older than a minute", f"one of {oldest}", "purge_outbox")


# Those that stand alone: ``not_left_waiting`` is about the article of one run.
CHECKS: dict[str, Callable[[], None]] = {
    check.__name__: check
    for check in (
        no_overdue_articles,
        no_expired_articles,
        sitemap_matches,
        feed_is_fresh,
        search_in_step,
        similar_links_live,
        views_conserved,
        images_complete,
        links_checked,
        no_expired_sessions,
        digests_sent_once,
        no_digest_left_over,
        backup_is_whole,
        purges_done,
    )
}
