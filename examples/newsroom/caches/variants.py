"""Faults of the caches, to play with: ``NEWSROOM_CACHE_FAULT=keep_private make demo-site``."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CACHE_FAULTS"]

CACHE_FAULTS: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("varnish", "keep_private"): ("readers", "R03", "readers' own pages are kept"),
    ("varnish", "suffix_is_static"): ("readers", "R06", "whatever ends like a file is kept"),
    ("varnish", "forwarded_host"): (
        "readers",
        "R09",
        "X-Forwarded-Host reaches the site and is not in the key",
    ),
    ("varnish", "pass_everything"): ("readers", "R10", "nothing is kept"),
    ("varnish", "query_ignored"): ("headers", "C22", "the query is not in the key"),
    ("varnish", "tracking_in_key"): ("headers", "C23", "where a visitor came from is in the key"),
    ("varnish", "keep_errors"): ("headers", "C15", "errors are kept for an hour"),
    ("varnish", "age_too_great"): ("headers", "C14", "replies are older than they may be"),
    ("varnish", "keys_visible"): ("headers", "S07", "surrogate keys are shown to the public"),
    ("varnish", "no_cache_status"): ("purge", "cannot tell", "nothing says what the cache has"),
    ("varnish", "purge_noop"): ("purge", "U01", "a purge is answered and not done"),
    ("varnish", "sloppy_ban"): ("purge", "U02", "a ban of /articles/1 takes /articles/10"),
    ("varnish", "sloppy_keys"): ("purge", "U02", "a purge of article-1 takes article-10"),
    ("nginx", "keep_private"): ("readers", "R01", "readers' own pages are kept"),
    ("nginx", "no_header_kept"): ("readers", "R01", "what says nothing to caches is kept"),
    ("nginx", "suffix_is_static"): ("readers", "R06", "whatever ends like a file is kept"),
    ("nginx", "forwarded_host"): (
        "readers",
        "R09",
        "X-Forwarded-Host reaches the site and is not in the key",
    ),
    ("nginx", "query_ignored"): ("headers", "C22", "the query is not in the key"),
    ("nginx", "tracking_in_key"): ("headers", "C23", "where a visitor came from is in the key"),
    ("nginx", "keep_errors"): ("headers", "C15", "errors are kept for an hour"),
    ("nginx", "age_too_great"): ("headers", "C14", "replies are older than they may be"),
    ("nginx", "keys_visible"): ("headers", "S07", "surrogate keys are shown to the public"),
    ("nginx", "server_version"): ("headers", "S07", "the version of the server is shown"),
    ("nginx", "no_cache_status"): ("purge", "cannot tell", "nothing says what the cache has"),
    ("nginx", "purge_noop"): ("purge", "U01", "a purge is answered and not done"),
}
"""By cache and name: the check that finds it, the rule or verdict, and what it does."""
