"""A table of the file, as a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Table", "unset"]


class Table(BaseModel):
    """Strict about its keys and about the types of their values."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


Some = TypeVar("Some", bound=Table)


def unset(model: type[Some]) -> Callable[[], Some]:
    """Makes a table in which nothing is stated; not made before it is needed, since that builds its checks."""
    return lambda: model.model_validate({})
