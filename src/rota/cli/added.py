"""Verbs that other packages add, by entry points of the group ``rota.verbs``: a verb's name, and a `typer.Typer`.

They are looked for when a verb is asked for that is not ours, and for the help; a quick verb does not pay for them.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

__all__ = ["GROUP", "added_command", "added_help", "added_verbs"]

GROUP = "rota.verbs"


def added_verbs() -> dict[str, EntryPoint]:
    """The verbs of other packages, by name."""
    return {each.name: each for each in entry_points(group=GROUP)}


def added_command(entry: EntryPoint) -> Any:
    """The command of an added verb, ready to run."""
    import typer

    command = typer.main.get_command(entry.load())
    command.name = entry.name
    return command


def added_help() -> list[tuple[str, str]]:
    """Each added verb with the first line of its help."""
    return [(name, added_command(entry).get_short_help_str(80)) for name, entry in added_verbs().items()]
