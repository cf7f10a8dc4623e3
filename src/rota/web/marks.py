"""Status marks: each status has a shape, a word and a tone, so that none is told by its colour alone."""

from __future__ import annotations

from markupsafe import Markup

__all__ = ["LOOKS", "mark", "tone"]

_SHAPES = {
    "check": '<circle cx="8" cy="8" r="7"/><path class="cut" d="M4.6 8.3l2.3 2.3 4.4-4.8"/>',
    "clock": '<circle class="line" cx="8" cy="8" r="6.2"/><path class="line" d="M8 4.4V8l2.6 1.8"/>',
    "cross": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="cut" d="M5.4 5.4l5.2 5.2m0-5.2l-5.2 5.2"/>',
    "skip": '<path class="line" d="M3 4l4 4-4 4m5-8l4 4-4 4"/>',
    "gap": '<rect class="line dashed" x="2" y="2" width="12" height="12" rx="1.5"/><path class="line" d="M5 8h6"/>',
    "play": '<circle class="line" cx="8" cy="8" r="6.2"/><path d="M6.3 4.9v6.2L11.4 8z"/>',
    "dots": '<circle cx="3" cy="8" r="1.6"/><circle cx="8" cy="8" r="1.6"/><circle cx="13" cy="8" r="1.6"/>',
    "again": '<path class="line" d="M13.4 8a5.4 5.4 0 1 1-1.7-3.9"/><path d="M14.4 1.6v4.6H9.8z"/>',
    "stop": '<rect x="2" y="2" width="12" height="12" rx="2"/><path class="cut" d="M5 8h6"/>',
    "link": '<circle class="line" cx="8" cy="8" r="6.2"/><circle cx="8" cy="8" r="2.6"/>',
    "query": '<path d="M8 .8L15.2 8 8 15.2.8 8z"/><path class="cut" d="M8 4.6v4.1m0 2.1v.4"/>',
    "pause": '<rect x="3" y="2" width="3.6" height="12" rx="1"/><rect x="9.4" y="2" width="3.6" height="12" rx="1"/>',
    "ring": '<circle class="line" cx="8" cy="8" r="6.2"/>',
    "off": '<circle class="line" cx="8" cy="8" r="6.2"/><path class="line" d="M3.8 12.2l8.4-8.4"/>',
    "warn": '<path d="M8 1l7.4 13.4H.6z"/><path class="cut" d="M8 6v4m0 1.9v.4"/>',
}

LOOKS = {
    # what became of an occurrence
    "on-time": ("check", "good", "on time"),
    "late": ("clock", "warn", "late"),
    "failed": ("cross", "bad", "failed"),
    "skipped": ("skip", "quiet", "skipped"),
    "missed": ("gap", "bad", "missed"),
    "covered": ("link", "quiet", "covered"),
    "running": ("play", "busy", "running"),
    "waiting": ("dots", "quiet", "waiting"),
    "retrying": ("again", "warn", "retrying"),
    "cancelled": ("stop", "quiet", "cancelled"),
    "unrecorded": ("query", "bad", "not recorded"),
    # the condition of a task, and what needs attention
    "as-expected": ("check", "good", "as expected"),
    "failing": ("cross", "bad", "failing"),
    "stale": ("warn", "bad", "stale"),
    "stuck": ("warn", "bad", "stuck"),
    "paused": ("pause", "warn", "paused"),
    "disabled": ("off", "quiet", "disabled"),
    "retired": ("off", "quiet", "retired"),
    "expired": ("off", "warn", "expired"),
    "on-request": ("ring", "quiet", "on request"),
    "new": ("ring", "quiet", "new"),
    "node-lost": ("cross", "bad", "node lost"),
    "no-node": ("warn", "bad", "no node"),
    "incident": ("warn", "bad", "incident"),
    "undelivered": ("cross", "bad", "not delivered"),
    # checks and incidents
    "met": ("check", "good", "met"),
    "unmet": ("cross", "bad", "unmet"),
    "unknown": ("query", "quiet", "unknown"),
    "open": ("cross", "bad", "open"),
    "acknowledged": ("pause", "warn", "acknowledged"),
    "recovering": ("again", "warn", "recovering"),
    "clear": ("check", "good", "resolved"),
    # how an attempt ended
    "succeeded": ("check", "good", "succeeded"),
    "error": ("cross", "bad", "error"),
    "timeout": ("clock", "bad", "timed out"),
    "crashed": ("cross", "bad", "crashed"),
    "rejected": ("cross", "bad", "rejected"),
    "gave-up": ("cross", "bad", "gave up"),
    "retry": ("again", "warn", "asked for a retry"),
    "handed-back": ("skip", "quiet", "handed back"),
    # nodes
    "live": ("check", "good", "live"),
    "silent": ("clock", "warn", "silent"),
    "left": ("off", "quiet", "left"),
    "lost": ("cross", "bad", "lost"),
}
"""Status -> shape, tone, word."""


def tone(status: str) -> str:
    return LOOKS.get(status, ("ring", "quiet", status))[1]


def mark(status: str, word: str | None = None) -> Markup:
    """A status as shape and word; ``word`` in place of the usual one."""
    shape, colour, usual = LOOKS.get(status, ("ring", "quiet", status))
    return Markup(
        '<span class="mark tone-{}"><svg class="shape" viewBox="0 0 16 16" aria-hidden="true">{}</svg>'
        '<span class="word">{}</span></span>'
    ).format(colour, Markup(_SHAPES[shape]), usual if word is None else word)
