"""What was changed before: the revisions, one of them, and how two differ."""

from __future__ import annotations

import json as _json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rota.cli.change import the_service
from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.change.diff import Diff
    from rota.change.effects import Effect
    from rota.cli.output import Output
    from rota.cli.session import Session
    from rota.ledger.protocol import Ledger
    from rota.model.revision import Revision

__all__ = ["diff_", "record_", "revision_", "revisions_"]

DIFFERENT = 3

Service = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The service. Default: the only one, or the file's.", show_default=False),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def revisions_(
    context: typer.Context,
    service: Service = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="At most so many.")] = 20,
    json: Json = False,
) -> None:
    """List the revisions of the rota, newest first: who changed it, when and why."""
    from rota.read.shape import as_json
    from rota.read.words import relative

    session = session_of(context)
    with session.ledger() as ledger:
        found = ledger.revisions(service, limit)
        now = ledger.now()
    out = session.output(json)
    if json:
        out.document({"revisions": [_without_definition(as_json(one)) for one in found]})
        return
    out.table(
        ("SERVICE", "REVISION", "APPLIED", "BY", "COMMIT", "WHY"),
        [
            (one.service, str(one.number), relative(one.applied_at, now), one.author, _commit(one), _why(one))
            for one in found
        ],
        empty="no rota was applied yet; next: rota plan",
        spare=("COMMIT", "SERVICE"),
    )


def revision_(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="REVISION", min=1, help="Its number.")],
    service: Service = None,
    json: Json = False,
) -> None:
    """Show one revision: who, why, from which commit, with which assumptions, and what it changed."""
    from rota.change.rollback import the_revision
    from rota.cli.marks import utc
    from rota.read.shape import as_json

    session = session_of(context)
    with session.ledger() as ledger:
        one = the_revision(ledger, the_service(session, ledger, service), number)
        before = ledger.revisions(one.service, 1, number=number - 1)
        old = before[0].definition if before else "{}"
        out = session.output(json)
        if json:
            shown = _without_definition(as_json(one))
            whole = {**shown, "definition": _json.loads(one.definition)}
            out.document(
                {"revision": whole, **_as_json(*_difference(ledger, old, one.definition, one.service))}
            )
            return
        out.line(f"{one.service} revision {one.number}", "bold")
        restores = one.origin.restores
        out.pairs([
            ("why", one.reason), ("by", one.author), ("applied", utc(one.applied_at)),
            ("assumes", "\n".join(one.origin.assumptions)), ("commit", _commit(one)),
            ("restores", "" if restores is None else f"revision {restores}"),
            ("made with", "" if one.origin.tool is None else f"rota {one.origin.tool}"), ("digest", one.digest),
        ])  # fmt: skip
        _print(out, ledger, *_difference(ledger, old, one.definition, one.service))
        out.line(f"next: rota rollback {one.number} -m WHY brings it back")


def record_(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="REVISION", min=1, help="Its number.")],
    service: Service = None,
    html: Annotated[bool, typer.Option("--html", help="As one HTML page.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write it there.", show_default=False)
    ] = None,
) -> None:
    """Print the record of a change, in Markdown: why, what, measures before and after, verification, the way back.

    The same ledger gives the same page, so that it can be kept beside the code.
    """
    from pathlib import Path

    from rota.change.rollback import the_revision
    from rota.read.markdown import to_html
    from rota.record.page import record

    session = session_of(context)
    with session.ledger() as ledger:
        one = the_revision(ledger, the_service(session, ledger, service), number)
        page = record(ledger, one)
    if html:
        page = to_html(page, f"{one.service}: revision {one.number}")
    if out is None:
        print(page, end="")
        return
    Path(out).write_text(page, "utf-8")
    session.output().line(f"wrote {out}")


def diff_(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="A revision's number, or file: the rota at hand.")],
    after: Annotated[
        str, typer.Argument(metavar="B", help="The same. Default: the current revision.", show_default=False)
    ] = "current",
    service: Service = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Show how two revisions differ, by task and by field, and in the occurrences of the next days.

    Exits with 3 where they do.
    """
    session = session_of(context)
    out = session.output(json)
    with session.ledger() as ledger:
        name = the_service(session, ledger, service)
        first, second = (_definition(session, ledger, name, one) for one in (before, after))
        found = _difference(ledger, first, second, name)
        if json:
            out.document(_as_json(*found))
        else:
            _print(out, ledger, *found)
    if first != second:
        raise typer.Exit(DIFFERENT)


def _definition(session: Session, ledger: Ledger, service: str, asked: str) -> str:
    """The canonical JSON of what somebody names."""
    from rota.change.rollback import the_revision
    from rota.define.canonical import canonical_text, rota_as_json
    from rota.errors import UsageError

    if asked == "file":
        return canonical_text(rota_as_json(session.load(import_code=True)))
    if asked == "current":
        found = ledger.revisions(service, 1)
        return found[0].definition if found else "{}"
    if not asked.isdigit():
        raise UsageError("this is no revision", expected="a number, current, or file", found=repr(asked))
    return the_revision(ledger, service, int(asked)).definition


def _difference(ledger: Ledger, before: str, after: str, service: str) -> tuple[Diff, tuple[Effect, ...]]:
    """By task and by field, and what that does to the occurrences of the next days."""
    from rota.change.diff import diff
    from rota.change.effects import effects

    old, new = _json.loads(before), _json.loads(after)
    found, met = diff(old, new), ledger.touched(service)
    return found, effects(met, service, found.tasks, old.get("tasks", {}), new.get("tasks", {}), ledger.now())


def _as_json(found: Diff, shown: tuple[Effect, ...]) -> dict[str, Any]:
    from rota.read.shape import as_json

    return {"diff": as_json(found), "effects": as_json(shown)}


def _print(out: Output, ledger: Ledger, found: Diff, shown: tuple[Effect, ...]) -> None:
    from rota.cli.plans import print_effects, summary

    print_effects(out, shown, found.others, ledger.now())
    out.line(summary(shown, found.others))


def _commit(one: Revision) -> str:
    if one.origin.commit is None:
        return ""
    return one.origin.commit[:12] + (" with changes" if one.origin.dirty else "")


def _why(one: Revision) -> str:
    return one.reason if one.origin.restores is None else f"back to {one.origin.restores}: {one.reason}"


def _without_definition(shown: Any) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key != "definition"}
