"""Keeps secrets out of logs, and keeps what a task prints from forging lines of its log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["HIDDEN", "SECRET_NAMES", "Redactor", "escaped"]

HIDDEN = "[hidden]"
SECRET_NAMES = re.compile(
    r"PASSW|PASSPHRASE|SECRET|TOKEN|(^|_)KEY|APIKEY|DSN|CREDENTIAL|(^|_)AUTH($|_)|_URI$|DATABASE_URL|PRIVATE",
    re.IGNORECASE,
)
_SHORTEST = 6  # a shorter value would hide words that are no secret

_USERINFO = re.compile(
    r"(?P<kept>\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s/@:'\"]{0,200}:)[^\s/@'\"]{1,500}(?=@)"
)
_AUTHORIZATION = re.compile(
    r"(?P<kept>\b(?:proxy-)?authorization\b['\"]?\s*[:=]\s*['\"]?)(?:(?:basic|bearer|token|digest)\s+)?[^\s'\",;]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<kept>\bbearer\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<kept>(?:passw(?:or)?d|secret|token|(?:api|access|private|signing)[_-]?key)['\"]?\s*[:=]\s*)"
    r"(?:\"[^\"]{3,}(?:\"|$)|'[^']{3,}(?:'|$)|[^\s'\",;&]{3,})",
    re.IGNORECASE,
)
_PATTERNS = (_USERINFO, _AUTHORIZATION, _BEARER, _NAMED)
_TELLTALE = re.compile(r"://|authorization|bearer|passw|secret|token|key", re.IGNORECASE)

_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


class Redactor:
    """Replaces secrets in text by ``[hidden]``.

    Hidden are: the secrets handed in, the values of environment variables whose name says so (`SECRET_NAMES`),
    passwords in URLs, values of ``Authorization`` headers, bearer tokens, and what follows ``password=`` and kin.

    >>> Redactor(["hunter22"])("psql postgresql://me:pass@db/x said hunter22")
    'psql postgresql://me:[hidden]@db/x said [hidden]'
    """

    def __init__(self, secrets: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> None:
        named = (value for name, value in (environment or {}).items() if SECRET_NAMES.search(name))
        wanted = {*secrets, *(value for value in named if _is_telling(value))}
        lines = {line.strip() for value in wanted for line in value.splitlines()}
        known = sorted((line for line in lines if len(line) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        if _TELLTALE.search(text):
            for pattern in _PATTERNS:
                text = pattern.sub(_hide, text)
        return text


def _hide(match: re.Match[str]) -> str:
    return match["kept"] + HIDDEN


def _is_telling(value: str) -> bool:
    """Whether a variable's value is worth hiding: not a number, a switch or a path."""
    return len(value) >= _SHORTEST and not value.isdigit() and not value.startswith(("/", "./"))


def escaped(text: str) -> str:
    r"""``text`` as one line: control characters, newlines and marks that turn the reading direction are spelt out.

    >>> escaped("done\n2026-01-01 INFO all is well")
    'done\\n2026-01-01 INFO all is well'
    """
    if text.isprintable():
        return text
    if "\x1b[" in text:
        text = _COLOUR.sub("", text)
    return _UNSAFE.sub(_spelt, text)


def _spelt(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or (
        f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}"
    )


_SHORT = {"\n": "\\n", "\r": "\\r"}
