"""Faults to switch on one by one: each breaks the expected result of one task, and its owner hears of it once.

Nothing is on by default. ``NEWSROOM_FAULT=empty_sitemap,views_lost`` switches on two.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

from newsroom.spoil import SITE_FAULTS

__all__ = ["FAULTS", "Fault", "parse"]


class Fault(NamedTuple):
    """What a fault breaks and who notices: nobody else does."""

    task: str  # whose expected result it breaks, as rota.toml names it
    noticed_by: str  # the check of the task's expectation: result, output, max-duration or verify
    check: str | None  # the function of ``newsroom.checks`` that complains, also where it runs alone
    does: str


FAULTS = {
    "overdue_articles": Fault("publish-due", "verify", "no_overdue_articles", "nothing is published"),
    "expired_articles": Fault("unpublish-due", "verify", "no_expired_articles", "nothing is taken down"),
    "publication_lost": Fault(
        "publish-article", "verify", "not_left_waiting", "an article is called published and is not"
    ),
    "slow_publication": Fault(
        "publish-article", "max-duration", None, "publishing an article takes six seconds"
    ),
    "purge_noop": Fault("purge-outbox", "verify", "purges_done", "purges are reported as done and are not"),
    "empty_sitemap": Fault(
        "rebuild-sitemap", "verify", "sitemap_matches", "the sitemap is without addresses"
    ),
    "feed_broken": Fault("rebuild-feed", "verify", "feed_is_fresh", "the feed is not well-formed"),
    "stale_feed": Fault("rebuild-feed", "verify", "feed_is_fresh", "the feed lacks the newest article"),
    "search_stale": Fault(
        "refresh-search-index", "verify", "search_in_step", "the search index is not refreshed"
    ),
    "similar_dead_link": Fault(
        "recompute-similar",
        "verify",
        "similar_links_live",
        "an article that is not public is named as similar",
    ),
    "views_lost": Fault("flush-views", "verify", "views_conserved", "views are removed and not counted"),
    "image_missing": Fault(
        "make-image-derivatives", "verify", "images_complete", "a picture is recorded and not written"
    ),
    "links_unchecked": Fault("find-broken", "verify", "links_checked", "no article is looked at"),
    "report_lost": Fault("find-broken", "output", None, "the report does not say how much was looked at"),
    "public_me": Fault(
        "check-pages", "result", "headers_match_policy", "readers' pages say that shared caches may keep them"
    ),
    "setcookie_public": Fault("check-pages", "result", "headers_match_policy", "public pages set a cookie"),
    "no_header": Fault(
        "check-pages", "result", "headers_match_policy", "readers' pages come without Cache-Control"
    ),
    "vary_missing": Fault(
        "check-pages", "result", "headers_match_policy", "readers' pages come without Vary: Cookie"
    ),
    "slow_tag": Fault(
        "check-pages", "result", "pages_within_budget", "pages of a tag take longer than their budget"
    ),
    "not_ready": Fault("check-pages", "verify", None, "the site says that it is not ready"),
    "sessions_kept": Fault("prune-sessions", "verify", "no_expired_sessions", "expired sessions stay"),
    "digest_twice": Fault("send-digest", "verify", "digests_sent_once", "a reader gets a digest twice"),
    "digest_forgotten": Fault(
        "weekly-digest", "verify", "no_digest_left_over", "digests that are due are not sent"
    ),
    "backup_empty": Fault("backup-database", "result", "backup_is_whole", "the backup has no bytes"),
}


def parse(names: str) -> frozenset[str]:
    """Comma-separated fault names as a set.

    >>> sorted(parse("stale_feed, no_header"))
    ['no_header', 'stale_feed']
    >>> parse("empty_sitemaps")
    Traceback (most recent call last):
    ValueError: NEWSROOM_FAULT: no fault is called 'empty_sitemaps'; did you mean empty_sitemap?
    """
    wanted = frozenset(name.strip() for name in names.split(",") if name.strip())
    known = FAULTS.keys() | SITE_FAULTS.keys()
    for name in sorted(wanted - known):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "known are " + ", ".join(sorted(known))
        raise ValueError(f"NEWSROOM_FAULT: no fault is called {name!r}; {hint}")
    return wanted
