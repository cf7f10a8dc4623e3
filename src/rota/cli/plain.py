"""Reads the values of options and arguments without pydantic.

Typer does it by pydantic in newer versions, and the import alone takes longer than `rota next` may take in all. The
command line needs texts, numbers, choices and lists of texts; anything else is left to typer.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import typer

from rota.errors import nearest

__all__ = ["Plain", "read_plainly"]


def read_plainly(params: list[Any]) -> list[Any]:
    """The same parameters of a command, which now read their values here if they are of a kind that is known here."""
    for param in params:
        described = getattr(param, "type_descriptor", None)  # typer before it used pydantic has none
        if described is not None and _is_known(described.annotation):
            reader = Plain(described.annotation, described.parameter_info.min, described.parameter_info.max)
            param.get_runtime_param = lambda reader=reader: reader
    return params


class Plain:
    """The reader of one parameter; ``least`` and ``most`` bound a number."""

    def __init__(self, annotation: Any, least: float | None = None, most: float | None = None) -> None:
        self._many = get_origin(annotation) is list
        self._kind = get_args(annotation)[0] if self._many else annotation
        self._least = least
        self._most = most

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """A value as the command takes it. Raises `typer.BadParameter`."""
        if self._many:
            return tuple(self._one(item, param, ctx) for item in value or ())
        return None if value is None else self._one(value, param, ctx)

    def _one(self, value: Any, param: Any, ctx: Any) -> Any:
        if self._kind in (int, float):
            return self._number(value, param, ctx)
        text = str(value)
        choices = get_args(self._kind) if get_origin(self._kind) is Literal else ()
        if choices and text not in choices:
            near = nearest(text, choices)
            hint = f" (did you mean {near}?)" if near else ""
            raise typer.BadParameter(
                f"{text!r} is not one of {', '.join(choices)}{hint}", ctx=ctx, param=param
            )
        return value if self._kind is bool else text

    def _number(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            found = self._kind(value)
        except (ValueError, OverflowError):
            kind = "a whole number" if self._kind is int else "a number"
            raise typer.BadParameter(f"{value!r} is not {kind}", ctx=ctx, param=param) from None
        low = self._least is not None and not found >= self._least
        high = self._most is not None and not found <= self._most
        if low or high:
            bounds = (
                f"{self._least:g} or more"
                if self._most is None
                else f"{self._least or 0:g} to {self._most:g}"
            )
            raise typer.BadParameter(f"{value} is out of range: {bounds}", ctx=ctx, param=param)
        return found


def _is_known(annotation: Any) -> bool:
    kind = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    return kind in (str, int, float, bool) or get_origin(kind) is Literal
