"""Rota runs the scheduled tasks of Python services: on time, once, and with a name on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.embed import Rota
    from rota.errors import RotaError
    from rota.execute.handle import Run
    from rota.execute.signals import GiveUp, Retry
    from rota.timing import occurrences

__version__ = "0.1.0"

__all__ = ["GiveUp", "Retry", "Rota", "RotaError", "Run", "__version__", "occurrences"]


def __getattr__(name: str) -> Any:
    """Public names are loaded when they are first asked for: a worker process and `rota --help` need few of them."""
    from importlib import import_module

    homes = {
        "GiveUp": "rota.execute.signals",
        "Retry": "rota.execute.signals",
        "Rota": "rota.embed",
        "RotaError": "rota.errors",
        "Run": "rota.execute.handle",
        "occurrences": "rota.timing",
    }
    if name not in homes:
        raise AttributeError(f"module 'rota' has no attribute {name!r}")
    return getattr(import_module(homes[name]), name)
