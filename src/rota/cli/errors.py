"""Errors that are not Rota's own, said as Rota says them."""

from __future__ import annotations

import errno
import os
from typing import Any

import typer

from rota.errors import LedgerUnreachable, Retriable, RotaError, UsageError, nearest

__all__ = ["WRONG_USAGE", "as_rota_error"]

# Typer carries a copy of click in newer versions, so its errors are known by what typer itself exports.
WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[1]
_COMMAND_ERROR: type[Exception] = typer.BadParameter.__mro__[2]


def as_rota_error(error: Exception) -> RotaError:
    """What an error means to whoever typed the command."""
    if isinstance(error, _COMMAND_ERROR):
        return _usage(error)
    if isinstance(error, OSError):
        return _of_system(error)
    return RotaError(
        f"Rota itself failed: {type(error).__name__}: {error}",
        retry=Retriable("after-check", "part of it may be done"),
        next=("rota status", "repeat it with ROTA_TRACEBACK=1 and report what it shows"),
    )


def _usage(error: Any) -> RotaError:
    """Wrong usage as the parser found it, with the nearest option and the help to read."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "rota"
    message = error.format_message().rstrip(".")
    unknown = getattr(error, "option_name", None) if hasattr(error, "possibilities") else None
    if unknown is not None and context is not None:
        near = nearest(unknown, _options(context.command))
        message = f"there is no option {unknown}" + (f" (did you mean {near}?)" if near else "")
    return UsageError(
        f"{path}: {message[:1].lower()}{message[1:]}",
        expected=None if context is None else _usage_line(context),
        next=(f"{path} --help",),
    )


def _options(command: Any) -> list[str]:
    names = [name for param in command.params for name in (*param.opts, *param.secondary_opts)]
    return [name for name in names if name.startswith("-")]


def _usage_line(context: Any) -> str:
    """How the command is used: what has to be there, in one line."""
    required = [
        f"{param.opts[0]} {param.metavar or 'VALUE'}"
        for param in context.command.params
        if param.required and param.opts[0].startswith("-")
    ]
    pieces = [piece.strip("{}") for piece in context.command.collect_usage_pieces(context)]
    return " ".join([context.command_path, *required, *pieces])


def _of_system(error: OSError) -> RotaError:
    """A fault of the system, such as a folder that may not be written to."""
    said = os.strerror(error.errno) if error.errno is not None else str(error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    kind = LedgerUnreachable if full else RotaError
    return kind(
        f"the system refused: {said[:1].lower()}{said[1:]}",
        found=said,
        where=None if error.filename is None else str(error.filename),
        retry=Retriable("after-check", "once that is mended"),
    )
