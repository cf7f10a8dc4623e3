"""Pages that other packages add, by entry points of the group ``rota.pages``: a function that returns `AddedPages`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from fastapi import APIRouter

from rota.web.context import WebContext

__all__ = ["GROUP", "AddedPages", "added_pages"]

GROUP = "rota.pages"


@dataclass(frozen=True, slots=True)
class AddedPages:
    """Pages of another package: their name and address in the navigation, their routes, and the folder of their templates.

    ``is_shown`` says whether the navigation names them, such as where the rota has a task that they are about.
    """

    label: str
    path: str
    router: APIRouter
    templates: Path
    is_shown: Callable[[WebContext], bool] = lambda context: True


def added_pages() -> list[AddedPages]:
    """What the installed packages add, in the order of their names."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    return [found[name].load()() for name in sorted(found)]
