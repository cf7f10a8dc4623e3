"""What a definition only refers to, so that it need not stand in a file: ``env:NAME`` is a variable of the node."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["looked_up"]

_PREFIX = "env:"


def looked_up(text: str, environment: Mapping[str, str]) -> str:
    """The text itself, or the value of the variable to which it refers. Raises ValueError where there is none.

    >>> looked_up("env:CACHE_TOKEN", {"CACHE_TOKEN": "s3cret"}), looked_up("no-store", {})
    ('s3cret', 'no-store')
    """
    if not text.startswith(_PREFIX):
        return text
    name = text.removeprefix(_PREFIX)
    if name not in environment:
        raise ValueError(f"expected the environment variable {name}, to which {text} refers; found none")
    return environment[name]
