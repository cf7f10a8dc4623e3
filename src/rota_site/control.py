"""Cache-Control as a value (RFC 9111 section 5.2), and what it lets a shared cache do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from rota_site.fetch import Reply

__all__ = ["Control", "control_of", "differs", "directives"]

_DIRECTIVE = re.compile(r'\s*([^\s=,;"]+)\s*(=\s*("(?:[^"\\]|\\.)*"|[^,]*))?\s*(?:,|$)')
SECONDS = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})
HEURISTIC = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""What may be kept without being told for how long (RFC 9110 section 15.1)."""


def directives(text: str | None) -> list[tuple[str, str | None]]:
    """Each directive with its argument, in order; names in lower case, quotes taken off.

    >>> directives('public, max-age=60, no-cache="Set-Cookie"')
    [('public', None), ('max-age', '60'), ('no-cache', 'Set-Cookie')]
    """
    return [
        (found[1].lower(), None if found[2] is None else found[3].strip().strip('"'))
        for found in _DIRECTIVE.finditer(text or "")
    ]


def differs(declared: str, found: str | None) -> bool:
    """Whether two Cache-Control texts say different things; order and case do not matter.

    >>> differs("max-age=60, public", "Public,max-age=60"), differs("no-store", None)
    (False, True)
    """
    return sorted(directives(declared), key=str) != sorted(directives(found), key=str)


@dataclass(frozen=True, slots=True)
class Control:
    """What a reply says to a shared cache. ``lifetime`` is in seconds; None: nothing is said.

    ``problems`` are directives that cannot be read, as they stand.
    """

    names: frozenset[str]
    lifetime: int | None
    stale: int
    is_storable: bool
    problems: tuple[str, ...]

    @property
    def is_explicit(self) -> bool:
        """Whether it says how long the reply is fresh, or that it is not to be kept."""
        return self.lifetime is not None or bool(self.names & {"no-store", "no-cache", "private"})


def control_of(reply: Reply) -> Control:
    """What a reply lets a shared cache do: RFC 9111 section 3, with targeted fields (RFC 9213 section 2.2) before the general.

    >>> from rota_site.fetch import Ask
    >>> told = lambda *headers: control_of(Reply(Ask("/"), "", 200, headers, b"", True, 0, 0, 0))
    >>> told(("Cache-Control", "public, max-age=60, s-maxage=600")).lifetime
    600
    >>> told(("Cache-Control", "private")).is_storable, told().is_storable
    (False, True)
    >>> told(("Cache-Control", "no-store"), ("CDN-Cache-Control", "max-age=9")).lifetime
    9
    """
    targeted = reply.get("cdn-cache-control")
    said = directives(targeted if targeted is not None else reply.get("cache-control"))
    names = frozenset(name for name, _ in said)
    numbers = {
        name: int(value) for name, value in said if name in SECONDS and value is not None and value.isdigit()
    }
    lifetime = numbers.get("s-maxage", numbers.get("max-age"))
    if lifetime is None and targeted is None:
        lifetime = _expires(reply)
    denied = bool(names & {"no-store", "private"})
    asked_with_name = any(name.lower() == "authorization" for name in reply.ask.headers)
    allowed = not asked_with_name or bool(names & {"public", "must-revalidate", "s-maxage"})
    has_life = lifetime is not None or "public" in names or reply.status in HEURISTIC
    return Control(
        names,
        lifetime,
        max(numbers.get("stale-while-revalidate", 0), numbers.get("stale-if-error", 0)),
        not denied and allowed and has_life,
        tuple(_unreadable(said)),
    )


def _unreadable(said: list[tuple[str, str | None]]) -> list[str]:
    wrong = [f"{name}={value}" for name, value in said if name in SECONDS and not (value or "").isdigit()]
    first: dict[str, str | None] = {}
    for name, value in said:
        if name in first and first[name] != value:
            wrong.append(f"{name} twice, {first[name]} and {value}")
        first.setdefault(name, value)
    return wrong


def _expires(reply: Reply) -> int | None:
    """The lifetime by Expires and Date (RFC 9111 section 5.3); what is no date is in the past."""
    expires = reply.get("expires")
    if expires is None:
        return None
    try:
        ends = parsedate_to_datetime(expires).timestamp()
        begins = parsedate_to_datetime(reply.get("date") or "").timestamp() if reply.get("date") else reply.at
    except ValueError:
        return 0
    return max(0, round(ends - begins))
