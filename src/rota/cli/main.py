"""The root command, and the one place where a command's end becomes an exit code and a message."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from rota.cli.session import Session, session_of
from rota.cli.verbs import Verbs
from rota.cli.wiring import Wiring
from rota.errors import RotaError

__all__ = ["build", "main"]

INTERRUPTED = 130
_SHARED = ("--config", "--app", "--database-url", "--color")


def build(wiring: Wiring) -> typer.Typer:
    """The command line, working on what ``wiring`` gives it."""
    app = typer.Typer(
        name="rota",
        cls=Verbs,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"obj": Session(wiring), "help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=_EPILOG)(_root)
    return app


_EPILOG = """\b
Exit codes: 0 as it should be; 1 failed; 2 wrong usage; 3 what was asked about
is not as it should be; 4 the ledger cannot be reached; 130 interrupted.
Help on a command: rota COMMAND --help"""


def _version(wanted: bool) -> None:
    if wanted:
        from rota import __version__

        print(f"rota {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The file that holds the rota (ROTA_CONFIG). Default: rota.toml."),
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:NAME", help="A Rota object in a program, in place of a file (ROTA_APP)."
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where the ledger is (ROTA_DATABASE_URL). Default: sqlite:///var/rota.db."
        ),
    ] = None,
    color: Annotated[
        Literal["auto", "always", "never"],
        typer.Option(help="Colours. auto: on a terminal, unless NO_COLOR is set.", show_default=False),
    ] = "auto",
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Rota runs the scheduled tasks of Python services: on time, once, and with a name on each."""
    session = session_of(context)
    session.options = {"config": config, "app": app, "database_url": database_url}
    session.color = color


def main(wiring: Wiring, argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; returns its exit code. Whatever goes wrong is told here, in at most three lines."""
    args = _shared_first(sys.argv[1:] if argv is None else list(argv)) or ["--help"]
    command = typer.main.get_command(build(wiring))
    _forgiving_streams()
    if "_ROTA_COMPLETE" in os.environ:
        command.main(args=args, prog_name="rota", standalone_mode=False)
        return 0
    try:
        code = _carry_out(command, args)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()  # the reader had enough, as in `rota runs | head`
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("ROTA_TRACEBACK") == "1":
            raise
        return _tell(error)
    return code


def _carry_out(command: Any, args: list[str]) -> int:
    try:
        with command.make_context("rota", args) as context:
            done = command.invoke(context)
    except typer.Exit as exit:
        return exit.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    return done if isinstance(done, int) else 0


def _tell(error: Exception) -> int:
    """Print what went wrong, and return the exit code for it."""
    from rota.cli.errors import as_rota_error

    told = error if isinstance(error, RotaError) else as_rota_error(error)
    try:
        sys.stdout.flush()
        print("\n".join(_printable(told.lines())), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _discard_output()
    return told.exit_code


def _printable(lines: Sequence[str]) -> list[str]:
    from rota.cli.output import printable

    return [printable(line) for line in lines]


def _shared_first(args: list[str]) -> list[str]:
    """The options that every verb shares are taken wherever they stand.

    >>> _shared_first(["next", "--config", "web.toml", "--count=3", "--color=never"])
    ['--config', 'web.toml', '--color=never', 'next', '--count=3']
    """
    shared: list[str] = []
    rest: list[str] = []
    left = iter(args)
    for arg in left:
        if arg == "--":
            rest += [arg, *left]
        elif arg in _SHARED:
            shared += [arg, *([value] if (value := next(left, None)) is not None else [])]
        elif arg.partition("=")[0] in _SHARED:
            shared.append(arg)
        else:
            rest.append(arg)
    return shared + rest


def _forgiving_streams() -> None:
    """A character that the terminal cannot show is escaped, not an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Nothing more can be written: keep the interpreter from trying, and complaining, at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is no file, as under a test
        pass
    finally:
        os.close(nowhere)
