"""Beginning: a first rota, its validation, and the schema for editors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.define.loaded import LoadedRota
    from rota.errors import DefinitionError

__all__ = ["check_", "init_", "schema_"]

Format = Literal["text", "json", "github"]


def init_(
    context: typer.Context,
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Where to write them.", show_default=False)
    ] = ".",
    service: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The service that the tasks belong to. Default: the folder's name.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a commented rota.toml and an example task.

    Files that are there already are left alone: then nothing is written, and that is said.
    """
    from rota.cli.templates import service_name, write_templates

    place = Path(folder)
    named = service or service_name(place.resolve().name)
    written = write_templates(place, named)
    out = session_of(context).output()
    for path, what in written:
        out.line(f"wrote {path}: {what}")
    out.line("next: rota check, then rota next, then rota run")


def check_(
    context: typer.Context,
    output_format: Annotated[
        Format, typer.Option(help="github: annotations on the lines of a pull request.", show_default=True)
    ] = "text",
) -> None:
    """Validate the rota and the code behind it; all problems at once.

    Every function that a task names is imported and looked at. Exit code 1 where there are problems.
    """
    from rota.errors import DefinitionError, DefinitionErrors

    session = session_of(context)
    settings = session.settings()
    try:
        loaded = session.load(import_code=True)
    except (DefinitionError, DefinitionErrors) as error:
        if output_format == "text":
            raise
        found = error.problems if isinstance(error, DefinitionErrors) else (error,)
        _report(context, output_format, found)
        raise typer.Exit(error.exit_code) from None
    where = settings.app or settings.config
    if output_format == "json":
        session.output(json=True).document(
            {"service": loaded.service, "tasks": len(loaded.tasks), "problems": []}
        )
    elif output_format == "text":
        session.output().line(f"{where}: {_count(loaded)} of {loaded.service}, nothing to mend")


def schema_(context: typer.Context) -> None:
    """Print the JSON Schema of rota.toml, for editors.

    Save it and name it in the file's first line, #:schema ./rota.schema.json: editors with TOML support then
    complete and check as you type.
    """
    import json

    from rota.define.jsonschema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _report(context: typer.Context, output_format: Format, problems: tuple[DefinitionError, ...]) -> None:
    if output_format == "json":
        told = [problem.as_problem() for problem in problems]
        session_of(context).output(json=True).document({"problems": told})
        return
    for problem in problems:
        print(_annotation(problem))


def _annotation(problem: DefinitionError) -> str:
    """A problem as GitHub Actions read it from a log."""
    first, *rest = problem.lines()
    place = {"file": problem.file, "line": problem.line, "title": first}
    said = ",".join(
        f"{name}={_escaped(str(value), True)}" for name, value in place.items() if value is not None
    )
    return f"::error {said}::{_escaped(chr(10).join(rest))}"


def _escaped(text: str, property: bool = False) -> str:
    """Text for a workflow command, whose own marks are percent-encoded.

    >>> _escaped("100%, a:b", True)
    '100%25%2C a%3Ab'
    """
    marks = {"%": "%25", "\r": "%0D", "\n": "%0A"} | ({":": "%3A", ",": "%2C"} if property else {})
    return "".join(marks.get(char, char) for char in text)


def _count(loaded: LoadedRota) -> str:
    from rota.read.words import count

    return count(len(loaded.tasks), "task")
