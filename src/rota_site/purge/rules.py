"""The rules of a purge as a table."""

from __future__ import annotations

from collections.abc import Mapping

from rota_site.rule import Rule

__all__ = ["RULES"]

RULES: Mapping[str, Rule] = {
    "U01": Rule("purge", "error", "the cache still has what it was to forget", "the proof of the purge", "purge again, which is safe; if it stays, look at the cache's key and at its rule for purges"),
    "U02": Rule("purge", "error", "the cache has forgotten more than it was to", "the proof of the purge", "anchor the pattern or the key of the purge: article-1 is not article-10"),
    "U03": Rule("purge", "error", "the cache did not take the purge", "the answer of the cache", "purge again, which is safe; look at address, token and rights"),
    "U04": Rule("purge", "warning", "the rules of site.toml and the surrogate keys of the replies disagree", "site.toml", "name the place under [[content.shown]], or give its replies the key"),
}  # fmt: skip
"""Every rule, by the name that findings carry; C21 stands with the rules of headers."""
