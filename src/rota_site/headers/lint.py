"""What httplint knows of a reply, as findings: only what it calls bad; what it merely advises against is left to it.

Its rules have names of their own; here they stand as ``L:NAME``, with the document that their category rests on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from rota_site.fetch import Reply
from rota_site.finding import Finding
from rota_site.model import Route

__all__ = ["findings", "is_there"]

OURS = frozenset({"CC_BAD_VALUE_TYPE", "CC_CONFLICTING", "BAD_DATE_SYNTAX", "DATE_INCORRECT", "AGE_NOT_INT"})
"""What our own rules say with more: C07, C08, C14."""
RESTS_ON = {
    "caching": "RFC 9111",
    "cookies": "RFC 6265",
    "cors": "WHATWG Fetch",
    "security": "WHATWG Fetch; W3C CSP 3",
}


@lru_cache(maxsize=1)
def is_there() -> bool:
    """Whether httplint is installed: it comes with the extra ``rota[site]``."""
    return find_spec("httplint") is not None


def findings(route: Route, reply: Reply) -> Iterator[Finding]:
    """Each note of the level *bad*, once."""
    if not is_there():
        return
    told = set()
    for note in _notes(reply):
        name = type(note).__name__
        if name in OURS or name in told or note.level.name != "BAD":
            continue
        told.add(name)
        section = RESTS_ON.get(note.category.name.lower(), "RFC 9110")
        yield Finding(
            f"L:{name}", "error", route.name, reply.url, str(note.summary), "a message as HTTP defines it",
            str(note.subject).replace("field-", "the field "), f"{section}, by httplint", "", "application",
        )  # fmt: skip


def _notes(reply: Reply) -> Any:
    from httplint import HttpResponseLinter

    linter = HttpResponseLinter()
    linter.process_response_topline(b"HTTP/1.1", str(reply.status).encode(), b"")
    linter.process_headers(
        [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    )
    if reply.is_whole and reply.ask.method != "HEAD":
        linter.feed_content(reply.raw)
    linter.finish_content(reply.is_whole)
    return linter.notes
