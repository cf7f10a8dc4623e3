"""A change is tried: its canaries are waited for, and it stays or is put back."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rota.cli.session import session_of

if TYPE_CHECKING:
    from rota.change.plan import Plan
    from rota.change.verify import Outcome
    from rota.cli.session import Session
    from rota.clock import Instant
    from rota.define.loaded import LoadedRota
    from rota.ledger.protocol import Ledger
    from rota.model.revision import Origin

__all__ = ["confirm_", "verified"]

FAILED, UNDECIDED, INTERRUPTED = 1, 3, 130

MARGIN = 60.0
"""Seconds beyond the time of the trial after which nodes put a change back that nobody has decided about."""

STEP = 0.3


def confirm_(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", "-m", metavar="WHY", help="Why: it stays with the change.")],
    service: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The service. Default: the only one, or the file's.", show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Have a revision stay that is being verified, and that the nodes would put back."""
    from rota.change.verify import confirm
    from rota.cli.change import the_service

    session = session_of(context)
    with session.ledger() as ledger:
        name = the_service(session, ledger, service)
        number = ledger.current(name)
        confirm(ledger, name, number, actor=session.actor, reason=reason)
    session.output().line(f"revision {number} of {name} stays")


def verified(
    session: Session,
    ledger: Ledger,
    loaded: LoadedRota,
    plan: Plan,
    origin: Origin,
    *,
    reason: str,
    base: int,
    within: float,
    named: Sequence[str],
) -> int:
    """Apply a change, try it, and have it stay or put it back; returns the exit code.

    The deadline is in the ledger before anything is tried: if this process dies, the nodes put the change back.
    """
    from rota.change.apply import apply
    from rota.change.verify import canaries, start_canaries
    from rota.cli.output import talk
    from rota.clock import SECOND, Instant

    names = canaries(plan.diff, loaded, named)
    by = Instant(ledger.now() + int((within + MARGIN) * SECOND))
    done = apply(
        ledger, loaded, author=session.actor, reason=reason, origin=_with_measures(ledger, plan, origin), base=base, confirm_by=by
    )  # fmt: skip
    if not done.changed:
        return 0
    talk(f"{plan.service} is revision {done.number} for now; trying {', '.join(names) or 'nothing'}")
    try:
        runs = start_canaries(ledger, plan.service, done.number, names, actor=session.actor)
        outcome = _waited(ledger, runs, within)
    except KeyboardInterrupt:
        return _interrupted(session, ledger, plan, done.number)
    return _decided(session, ledger, plan, done.number, outcome, by)


def _with_measures(ledger: Ledger, plan: Plan, origin: Origin) -> Origin:
    import json
    from dataclasses import replace

    from rota.change.verify import measured

    names = [one.change.was or one.change.name for one in plan.effects if one.change.sort != "added"]
    return replace(origin, measures=json.dumps(measured(ledger, plan.service, names)))


def _waited(ledger: Ledger, runs: dict[str, int], within: float) -> Outcome:
    from rota.change.verify import judge

    deadline = time.monotonic() + within
    while True:
        found = {name: ledger.run(run_id) for name, run_id in runs.items()}
        outcome = judge(found, is_over=time.monotonic() >= deadline)
        if outcome is not None:
            return outcome
        time.sleep(STEP)  # the canaries run on the nodes; there is nothing to be told by but the ledger


def _decided(session: Session, ledger: Ledger, plan: Plan, number: int, outcome: Outcome, by: Instant) -> int:
    from rota.change.verify import confirm
    from rota.cli.marks import utc

    out = session.output()
    out.line(f"{outcome.verdict}: {outcome.words}")
    if outcome.verdict == "pass":
        confirm(ledger, plan.service, number, actor=session.actor, reason=outcome.words)
        out.line(f"{plan.service} is revision {number} now; back: rota rollback -m WHY")
        return 0
    if outcome.verdict == "fail":
        _put_back(session, ledger, plan, number, f"its canary failed: {outcome.words}")
        return FAILED
    if _asked(f"keep revision {number}?"):
        confirm(ledger, plan.service, number, actor=session.actor, reason=f"kept by hand: {outcome.words}")
        out.line(f"revision {number} of {plan.service} stays")
        return 0
    out.line(
        f"it is put back at {utc(by)} unless it is confirmed; next: rota confirm -m WHY or rota rollback -m WHY"
    )
    return UNDECIDED


def _interrupted(session: Session, ledger: Ledger, plan: Plan, number: int) -> int:
    """Ctrl-C asks what is to become of it; where nobody can answer, it is put back."""
    from rota.change.verify import confirm

    if _asked(f"interrupted; keep revision {number}? Else it is put back"):
        confirm(
            ledger, plan.service, number, actor=session.actor, reason="kept by hand, not verified to its end"
        )
    else:
        _put_back(session, ledger, plan, number, "its verification was interrupted")
    return INTERRUPTED


def _put_back(session: Session, ledger: Ledger, plan: Plan, number: int, why: str) -> None:
    from rota.change.rollback import roll_back, the_revision

    current = the_revision(ledger, plan.service, number)
    target = the_revision(ledger, plan.service, number - 1)
    done = roll_back(ledger, current, target, author=session.actor, reason=why)
    session.output().line(
        f"put back: {plan.service} is revision {done.number} now, with the content of {target.number}"
    )


def _asked(question: str) -> bool:
    """Yes, from somebody at a terminal; no where there is nobody."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
