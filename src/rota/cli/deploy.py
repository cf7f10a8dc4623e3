"""Before a build is put in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.change.deployable import Answer
    from rota.cli.session import Session

__all__ = ["deploy_check_"]

NOT_AS_IT_SHOULD_BE = 3


def deploy_check_(
    context: typer.Context,
    then_apply: Annotated[
        bool,
        typer.Option(
            "--then-apply",
            help="The rota at hand is applied before this build serves alone: ask for the code of its tasks only.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether this build can serve the ledger: schema, code, waiting runs, revision.

    For a deploy script, before the old build stops. Changes nothing; exits with 3 where it cannot.
    """
    from rota.cli.output import Cell
    from rota.read.shape import as_json

    session = session_of(context)
    found = _answers(session, then_apply)
    out = session.output(json)
    if json:
        out.document({"answers": as_json(found)})
    else:
        looks = {True: Cell("good", "green"), None: Cell("note", "yellow"), False: Cell("bad", "bold red")}
        rows = [
            (looks[one.is_well], one.asked, one.found + (f"; {one.advice}" if one.advice else ""))
            for one in found
        ]
        out.table(("VERDICT", "QUESTION", "FOUND"), rows)
    if any(one.is_well is False for one in found):
        raise typer.Exit(NOT_AS_IT_SHOULD_BE)


def _answers(session: Session, then_apply: bool) -> list[Answer]:
    """The ledger is opened as it is: of another version, too."""
    from rota.change.deployable import deployable, does_not_load, schema_answer
    from rota.cli.ledgers import must_exist
    from rota.errors import DefinitionError, DefinitionErrors

    settings = session.settings()
    must_exist(settings)
    ledger = session.wiring.open_ledger(settings, migrate=False)
    try:
        schema = schema_answer(ledger)
        loaded = session.load(import_code=True)
        return [schema, *(deployable(ledger, loaded, then_apply=then_apply) if schema.is_well else ())]
    except (DefinitionError, DefinitionErrors) as error:
        return [schema, does_not_load(error)]
    finally:
        ledger.close()
