"""Changing the rota: planned, applied, rolled back, and what was changed before."""

from __future__ import annotations

import json as _json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.change.plan import Plan
    from rota.cli.session import Session
    from rota.define.loaded import LoadedRota
    from rota.ledger.protocol import Ledger
    from rota.ledger.records import Applied
    from rota.model.revision import Origin

__all__ = ["apply_", "plan_", "rollback_"]

CHANGES = 3

Reason = Annotated[
    str, typer.Option("--reason", "-m", metavar="WHY", help="Why: it stays with the revision.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Service = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The service. Default: the only one, or the file's.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plan_(
    context: typer.Context,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write the plan, for rota apply FILE.", show_default=False
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 if there is something to apply.")
    ] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Show what applying the rota would change: tasks, occurrences, runs, and what it may run into."""
    from rota.change.plan import plan_as_json
    from rota.cli.plans import print_plan
    from rota.read.shape import as_json

    session = session_of(context)
    loaded = session.load(import_code=True)
    with session.ledger() as ledger:
        plan = _planned(session, ledger, loaded)
    if out is not None:
        written = plan_as_json(plan, _origin(session))
        Path(out).write_text(_json.dumps(written, indent=2, ensure_ascii=False) + "\n", "utf-8")
    shown = session.output(json)
    if json:
        shown.document({"plan": as_json(plan)})
    else:
        print_plan(shown, plan)
        if plan.changes:
            shown.line("next: rota apply " + (f"{out} -m WHY" if out else "-m WHY"))
    if exit_code and plan.changes:
        raise typer.Exit(CHANGES)


def apply_(
    context: typer.Context,
    reason: Reason,
    plan: Annotated[
        str | None,
        typer.Argument(
            metavar="PLAN", help="A plan that was written by rota plan --out. Default: the rota at hand.", show_default=False
        ),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What this takes for granted; kept with it. May be repeated.", show_default=False),
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Try it: tasks that change and say canary = true run once; it stays if they do what is expected, else it is put back.")] = False,
    canary: Annotated[
        list[str] | None,
        typer.Option(metavar="TASK", help="With --verify: try it with this task. May be repeated.", show_default=False),
    ] = None,
    within: Annotated[str, typer.Option(metavar="TIME", help="With --verify: how long it may take.")] = "5m",
    without_rehearsal: Annotated[
        str | None,
        typer.Option(metavar="WHY", help="In production: apply it though it was not rehearsed; why, is kept with it.", show_default=False),
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Make the rota at hand the current revision, in one transaction.

    Shows the plan and asks. With a plan's file exactly that is applied, and nothing if the ledger has moved on since.
    With --verify it has to be confirmed by what its canaries do, or the nodes put the revision before back, also if this
    command is gone by then.
    """
    from dataclasses import replace

    from rota import __version__
    from rota.change.apply import apply
    from rota.change.irreversible import check_irreversible
    from rota.change.plan import check_base, read_plan
    from rota.change.rehearsals import check_rehearsed
    from rota.cli.ask import ask
    from rota.cli.output import talk
    from rota.cli.plans import print_plan
    from rota.cli.times import span
    from rota.cli.verifying import verified
    from rota.errors import UsageError

    session = session_of(context)
    if not reason.strip():
        raise UsageError("a revision needs a reason", expected="why, in a few words", found="nothing", where="--reason")  # fmt: skip
    if without_rehearsal is not None and not without_rehearsal.strip():
        raise UsageError("it is not said why there is no rehearsal", expected="why, in a few words", found="nothing", where="--without-rehearsal")  # fmt: skip
    reviewed = None if plan is None else read_plan(_read(plan), plan)
    loaded = session.load(import_code=True) if reviewed is None else reviewed.rota
    unrehearsed = () if without_rehearsal is None else (f"not rehearsed: {without_rehearsal}",)
    origin = replace(
        _origin(session) if reviewed is None else reviewed.origin,
        assumptions=(*(assume or ()), *unrehearsed),
        tool=__version__,
    )
    out = session.output(json)
    with session.ledger() as ledger:
        if reviewed is not None:
            check_base(ledger, reviewed)
        found = _planned(session, ledger, loaded)
        if not json:
            print_plan(out, found)
        against = found.base if reviewed is None else reviewed.base
        if found.changes and without_rehearsal is None:
            check_irreversible(ledger, found)
            if session.settings().production:
                check_rehearsed(ledger, found.service, against, found.digest)
        if found.changes and against == found.base:
            ask(f"apply it to {found.service}?", yes)
        if verify and not found.base:
            talk("a first revision has nothing to go back to: it is applied without being tried")
        if verify and found.changes and found.base:
            seconds = span(within, where="--within").total_seconds()
            raise typer.Exit(
                verified(
                    session, ledger, loaded, found, origin, reason=reason, base=against, within=seconds, named=canary or ()
                )
            )  # fmt: skip
        done = apply(
            ledger, loaded, author=session.actor, reason=reason, origin=origin, base=against
        )  # fmt: skip
    _say(session, json, loaded.service, done)


def rollback_(
    context: typer.Context,
    reason: Reason,
    number: Annotated[
        int | None,
        typer.Argument(metavar="REVISION", min=1, help="Whose content to bring back. Default: the one before.", show_default=False),
    ] = None,
    service: Service = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Bring an earlier revision back, in one transaction and without its files.

    It becomes a new revision with the old content, so going back twice leads to where you were.
    """
    from rota import __version__
    from rota.change.plan import plan_of
    from rota.change.rollback import earlier, roll_back
    from rota.cli.ask import ask
    from rota.cli.plans import print_plan
    from rota.read.shape import as_json

    session = session_of(context)
    out = session.output(json)
    with session.ledger() as ledger:
        current, target = earlier(ledger, the_service(session, ledger, service), number)
        plan = plan_of(ledger, target.service, target.definition)
        if json and dry_run:
            out.document({"restores": target.number, "plan": as_json(plan)})
        elif not json:
            out.line(f"back to revision {target.number}: {target.reason} ({target.author})")
            print_plan(out, plan)
        if dry_run:
            return
        ask(f"roll {current.service} back to revision {target.number}?", yes)
        done = roll_back(ledger, current, target, author=session.actor, reason=reason, tool=__version__)
    _say(session, json, current.service, done)


def the_service(session: Session, ledger: Ledger, asked: str | None) -> str:
    """The service that is meant: the one asked for, else the only one, else that of the rota at hand."""
    from rota.errors import UnknownName, UsageError

    known = ledger.services()
    if asked is not None:
        if asked not in known:
            raise UnknownName("service", asked, known)
        return asked
    if len(known) == 1:
        return known[0]
    loaded = session.load_if_there()
    if loaded is not None and (loaded.service in known or not known):
        return loaded.service
    raise UsageError(
        "it is not said which service is meant",
        expected=f"--service, one of {', '.join(known)}" if known else "a ledger to which a rota was applied",
        found="no --service",
    )


def _planned(session: Session, ledger: Ledger, loaded: LoadedRota) -> Plan:
    from dataclasses import replace

    from rota.change.irreversible import irreversible
    from rota.change.plan import make_plan
    from rota.engine.crews import slots_of

    plan = make_plan(ledger, loaded, slots_of(session.settings()))
    return replace(plan, hazards=(*plan.hazards, *irreversible(ledger, plan)))


def _origin(session: Session) -> Origin:
    """What the rota at hand is made from."""
    from rota.change.origin import origin_of

    return origin_of(Path(session.settings().config).resolve().parent)


def _read(plan: str) -> str:
    from rota.errors import UsageError

    try:
        return Path(plan).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the plan cannot be read", expected="a file that rota plan --out has written", found=str(error), where=plan) from None  # fmt: skip


def _say(session: Session, json: bool, service: str, done: Applied) -> None:
    out = session.output(json)
    if json:
        out.document({"service": service, "revision": done.number, "changed": done.changed})
    elif done.changed:
        out.line(f"{service} is revision {done.number} now; back: rota rollback -m WHY")
