"""A request as the ``curl`` line that shows it again, with secrets left out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from rota_site.fetch import Ask

__all__ = ["curl"]

_SECRET = frozenset({"cookie", "authorization", "x-staging"})


def curl(ask: Ask, url: str, who: str = "") -> str:
    """The line. Values of headers that carry a secret stand as ``$NAME``, to be filled in.

    >>> curl(Ask("/me", headers={"Cookie": "session=s3cret"}), "http://127.0.0.1/me", "ada")
    'curl -si --path-as-is -H "Cookie: $ADA_COOKIE" http://127.0.0.1/me'
    """
    parts = ["curl -si --path-as-is"]
    if ask.method == "HEAD":
        parts.append("--head")
    elif ask.method != "GET":
        parts.append(f"-X {ask.method}")
    parts += _headers(ask.headers, who)
    return " ".join([*parts, shlex.quote(url)])


def _headers(headers: Mapping[str, str], who: str) -> list[str]:
    told = []
    for name, value in headers.items():
        if name.lower() in _SECRET:
            variable = f"{who or 'secret'}_{name}".upper().replace("-", "_")
            told.append(f'-H "{name}: ${variable}"')
        else:
            told.append(f"-H {shlex.quote(f'{name}: {value}')}")
    return told
