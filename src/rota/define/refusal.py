"""How a value of a definition is refused: with what is wrong, what was expected and what was found.

Pydantic carries these in the context of a custom error of type ``rota``; `rota.define.problems` turns that
into a `DefinitionError` with its place.
"""

from __future__ import annotations

from pydantic_core import PydanticCustomError

__all__ = ["refused", "shown"]


def shown(value: object, limit: int = 80) -> str:
    """A value as a problem quotes it: its repr, cut at ``limit`` characters.

    >>> shown("Europe/Berln")
    "'Europe/Berln'"
    """
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def refused(
    what: str,
    *,
    expected: str,
    found: object = None,
    hint: str | None = None,
    inside: tuple[str | int, ...] = (),
) -> PydanticCustomError:
    """The error to raise for a value that is not accepted. ``inside`` leads to the part of it that is at fault."""
    context = {"what": what, "expected": expected, "found": found, "hint": hint, "inside": inside}
    return PydanticCustomError("rota", "{what}", context)
