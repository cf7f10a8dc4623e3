"""Asking before something is done that is not easily undone."""

from __future__ import annotations

import sys

import typer

from rota.errors import UsageError

__all__ = ["ask"]

REFUSED = 130


def ask(question: str, yes: bool) -> None:
    """Go on only if the answer is yes. Where nobody can be asked, that has to be said beforehand."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked here, so nothing was done",
            expected="--yes, where the command is not typed by hand",
            found="no terminal to ask at",
            next=("add --yes",),
        )
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        print("nothing was done", file=sys.stderr)
        raise typer.Exit(REFUSED)
