"""Completions for the shell. They are quick and silent: what cannot be read completes to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from rota.cli.session import Session

__all__ = ["items", "run_ids", "task_names"]


def items(found: Sequence[tuple[str, str]]) -> list[Any]:
    """Completions with their help, as typer's shells want them."""
    item = _completion_item()
    return [item(name, help=help) for name, help in found]


def _completion_item() -> Any:
    """Newer versions of typer carry a copy of click."""
    from importlib import import_module

    try:
        return import_module("typer._click.shell_completion").CompletionItem
    except ImportError:
        return import_module("click.shell_completion").CompletionItem


def task_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The names of tasks that begin so: from the file at hand, else from the ledger."""
    session = context.find_object(Session)
    if session is None:
        return []
    try:
        return [(name, owner) for name, owner in _tasks(session) if name.startswith(incomplete)]
    except Exception:  # a shell that completes is no place for a message
        return []


def run_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The latest runs whose number begins so."""
    session = context.find_object(Session)
    if session is None:
        return []
    try:
        from rota.ledger.records import RunFilter

        with session.ledger() as ledger:
            runs = ledger.runs(RunFilter(limit=50))
        return [
            (str(run.id), f"{run.task} {run.state.value}")
            for run in runs
            if str(run.id).startswith(incomplete)
        ]
    except Exception:  # as above
        return []


def _tasks(session: Session) -> list[tuple[str, str]]:
    from rota.cli.quick import names_in_file

    named = names_in_file(session.options.get("config"))
    if named:
        return named
    with session.ledger() as ledger:
        return [(task.name, task.service) for task in ledger.tasks()]
