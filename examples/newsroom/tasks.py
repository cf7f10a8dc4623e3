"""What Rota runs. Each task says what it did, and is safe to run twice.

They stand in ``rota.toml`` under names with hyphens: ``publish_due`` is ``publish-due``. Each opens the site's
file for itself, since most run in worker processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from newsroom import (
    articles,
    backup,
    checks,
    clock,
    digest,
    feeds,
    images,
    links,
    outbox,
    page_checks,
    readers,
    search,
    similar,
    sitemap,
    views,
)
from newsroom.settings import Settings
from newsroom.store import Store, one

__all__ = [
    "backup_database",
    "check_pages",
    "find_broken",
    "flush_views",
    "make_image_derivatives",
    "prune_sessions",
    "publish_article",
    "publish_due",
    "purge_outbox",
    "rebuild_feed",
    "rebuild_sitemap",
    "recompute_similar",
    "refresh_search_index",
    "send_digest",
    "unpublish_due",
    "weekly_digest",
]

Done = dict[str, Any]


def _open() -> tuple[Settings, Store]:
    settings = Settings.from_environment()
    return settings, Store(settings.database)


async def publish_due() -> Done:
    """Publish every scheduled article whose time has come."""
    return await asyncio.to_thread(_publish_due)


def _publish_due() -> Done:
    settings, store = _open()
    published: list[int] = []
    with store:
        while "overdue_articles" not in settings.faults:
            with store.write() as connection:
                batch = articles.publish_due(connection, clock.now())
            published += batch
            if not batch:
                break
    return {"published": len(published), "articles": published[:50]}


async def unpublish_due() -> Done:
    """Take down every public article whose end has come."""
    return await asyncio.to_thread(_unpublish_due)


def _unpublish_due() -> Done:
    settings, store = _open()
    taken: list[int] = []
    with store:
        while "expired_articles" not in settings.faults:
            with store.write() as connection:
                batch = articles.unpublish_due(connection, clock.now())
            taken += batch
            if not batch:
                break
    return {"unpublished": len(taken), "articles": taken[:50]}


async def publish_article(article_id: int) -> Done:
    """Publish one article at its time: enqueued by the site when an editor schedules it."""
    return await asyncio.to_thread(_publish_article, article_id)


def _publish_article(article_id: int) -> Done:
    settings, store = _open()
    if "slow_publication" in settings.faults:
        time.sleep(6)  # longer than is expected of it
    if "publication_lost" in settings.faults:
        return {"published": True, "article_id": article_id, "status": "published"}
    with store, store.write() as connection:
        done = articles.publish(connection, article_id, clock.now())
        article = one(connection, "SELECT status, publish_at FROM article WHERE id = ?", (article_id,))
    status = article["status"] if article else "gone"
    return {"published": done, "article_id": article_id, "status": status}


def purge_outbox() -> Done:
    """Hand waiting purges to the cache in front of the site."""
    settings, store = _open()
    with store:
        return outbox.deliver(store, settings.purge_url, noop="purge_noop" in settings.faults)


def rebuild_sitemap() -> Done:
    """Build the sitemap aside and swap it in."""
    settings, store = _open()
    with store:
        return sitemap.rebuild(store, settings, clock.now(), empty="empty_sitemap" in settings.faults)


def rebuild_feed() -> Done:
    """Build RSS and Atom aside and swap them in."""
    settings, store = _open()
    with store:
        return feeds.rebuild(
            store,
            settings,
            clock.now(),
            stale="stale_feed" in settings.faults,
            broken="feed_broken" in settings.faults,
        )


def refresh_search_index() -> Done:
    """Bring the search index in step with the live articles."""
    settings, store = _open()
    with store:
        return {"indexed": 0, "removed": 0} if "search_stale" in settings.faults else search.refresh(store)


def recompute_similar() -> Done:
    """Bring the similar articles in step with the live ones."""
    settings, store = _open()
    with store:
        return similar.recompute(store, dead_link="similar_dead_link" in settings.faults)


def flush_views() -> Done:
    """Add waiting views to their articles."""
    settings, store = _open()
    with store:
        return views.flush(store, lose="views_lost" in settings.faults)


def make_image_derivatives(limit: int = 40) -> Done:
    """Cut up to ``limit`` waiting pictures to the widths that pages ask for."""
    settings, store = _open()
    with store:
        return images.make_derivatives(
            store, settings.images, clock.now(), limit=limit, skip_write="image_missing" in settings.faults
        )


def find_broken() -> Done:
    """Look for broken links and pictures in all live articles."""
    settings, store = _open()
    with store:
        found = links.find_broken(store, settings, clock.now(), skip="links_unchecked" in settings.faults)
    return {"broken": found["broken"]} if "report_lost" in settings.faults else found


def prune_sessions() -> Done:
    """Remove expired sessions."""
    settings, store = _open()
    with store:
        return (
            {"removed": 0, "batches": 0}
            if "sessions_kept" in settings.faults
            else readers.prune_sessions(store, clock.now())
        )


def send_digest(reader_id: int) -> Done:
    """Send one reader the digest that is due: on a schedule of the reader's own."""
    settings, store = _open()
    with store:
        return digest.send(store, settings, reader_id, clock.now(), twice="digest_twice" in settings.faults)


def weekly_digest() -> Done:
    """Send every digest that is due and was not sent."""
    settings, store = _open()
    with store:
        return digest.send_weekly(store, settings, clock.now(), none="digest_forgotten" in settings.faults)


def backup_database() -> Done:
    """Copy the database, look whether the copy is whole, keep the last seven."""
    settings, store = _open()
    with store:
        return backup.back_up(store, settings.backups, clock.now(), empty="backup_empty" in settings.faults)


def check_pages() -> Done:
    """Ask the running site for a page of each route and compare headers with the policy and time with the budget."""
    complaints: list[str] = []
    for look in (page_checks.headers_match_policy, page_checks.pages_within_budget):
        try:
            look()
        except checks.NotAsExpected as complaint:
            complaints.append(str(complaint))
    return {"complaints": complaints, "routes": len(page_checks.sample_paths())}


def by_name(name: str) -> Callable[..., Any]:
    """The task of that name, with hyphens or underscores. Raises LookupError for any other."""
    function = name.replace("-", "_")
    if function not in __all__:
        raise LookupError(
            f"no task is called {name!r}; known are {', '.join(each.replace('_', '-') for each in __all__)}"
        )
    found: Callable[..., Any] = globals()[function]
    return found
