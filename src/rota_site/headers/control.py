"""Cache-Control as a value (RFC 9111 section 5.2)."""

from __future__ import annotations

import re

__all__ = ["differs", "directives"]

_DIRECTIVE = re.compile(r'\s*([^\s=,;"]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^,]*))?\s*(?:,|$)')


def directives(text: str | None) -> list[tuple[str, str | None]]:
    """Each directive with its argument, in order; names in lower case, quotes taken off.

    >>> directives('public, max-age=60, no-cache="Set-Cookie"')
    [('public', None), ('max-age', '60'), ('no-cache', 'Set-Cookie')]
    """
    return [
        (name.lower(), None if argument == "" and "=" not in whole else argument.strip().strip('"'))
        for name, argument, whole in (
            (found[1], found[2] or "", found[0]) for found in _DIRECTIVE.finditer(text or "")
        )
    ]


def differs(declared: str, found: str | None) -> bool:
    """Whether two Cache-Control texts say different things; order and case do not matter.

    >>> differs("max-age=60, public", "Public,max-age=60"), differs("no-store", None)
    (False, True)
    """
    return sorted(directives(declared), key=str) != sorted(directives(found), key=str)
