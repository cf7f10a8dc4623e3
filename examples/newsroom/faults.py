"""Faults that tests switch on one by one: each breaks one promise, and exactly one check must notice it.

Nothing is on by default. ``NEWSROOM_FAULT=empty_sitemap,views_lost`` switches on two.
"""

from __future__ import annotations

import difflib

__all__ = ["FAULTS", "parse"]

# Fault -> the check of ``newsroom.checks`` that must notice it.
FAULTS = {
    "public_me": "headers_match_policy",  # reader pages say that shared caches may keep them
    "setcookie_public": "headers_match_policy",  # public pages set a cookie
    "no_header": "headers_match_policy",  # reader pages come without Cache-Control
    "vary_missing": "headers_match_policy",  # reader pages come without Vary: Cookie
    "slow_tag": "pages_within_budget",  # tag pages take longer than their budget
    "overdue_articles": "no_overdue_articles",  # publish_due does nothing
    "expired_articles": "no_expired_articles",  # unpublish_due does nothing
    "empty_sitemap": "sitemap_matches",  # the sitemap is built without URLs
    "feed_broken": "feed_is_fresh",  # the feed is not well-formed
    "stale_feed": "feed_is_fresh",  # the newest article is left out of the feed
    "search_stale": "search_in_step",  # the search index is not refreshed
    "similar_dead_link": "similar_links_live",  # a similar article is one that is not public
    "views_lost": "views_conserved",  # views are removed without being counted
    "image_missing": "images_complete",  # a derivative is recorded but not written
    "links_unchecked": "links_checked",  # the link check skips most articles
    "sessions_kept": "no_expired_sessions",  # expired sessions stay
    "digest_twice": "digests_sent_once",  # a reader gets the same digest twice
    "backup_empty": "backup_is_whole",  # the backup has no bytes
    "purge_noop": "purges_done",  # purges are reported as done and are not
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
    for name in sorted(wanted - FAULTS.keys()):
        near = difflib.get_close_matches(name, FAULTS, n=1)
        hint = f"did you mean {near[0]}?" if near else "known are " + ", ".join(sorted(FAULTS))
        raise ValueError(f"NEWSROOM_FAULT: no fault is called {name!r}; {hint}")
    return wanted
