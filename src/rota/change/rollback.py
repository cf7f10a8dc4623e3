"""Back to an earlier revision's content, as a new revision: without the files, in one transaction."""

from __future__ import annotations

from rota.change.apply import apply_definition
from rota.errors import Conflict, Retriable, UnknownName
from rota.ledger.protocol import Ledger
from rota.ledger.records import Applied
from rota.model.revision import Origin, Revision

__all__ = ["earlier", "roll_back", "the_revision"]


def the_revision(ledger: Ledger, service: str, number: int) -> Revision:
    """A service's revision of that number. Raises `UnknownName`."""
    found = ledger.revisions(service, 1, number=number)
    if not found:
        known = [str(one.number) for one in ledger.revisions(service, 20)]
        raise UnknownName("revision", str(number), known, next=("rota revisions",))
    return found[0]


def earlier(ledger: Ledger, service: str, number: int | None) -> tuple[Revision, Revision]:
    """The current revision, and the one to go back to: of that number, or the one before. Going back twice by default
    leads to where one was, since a rollback is a revision too.

    Raises `Conflict` where there is none before, or it is the current one; `UnknownName` for a number there is not.
    """
    found = ledger.revisions(service, 1)
    if not found:
        raise _nothing(service, "no revision", "at least two revisions")
    current = found[0]
    if number is None and current.number == 1:
        raise _nothing(service, "revision 1 alone", "a revision before the current one")
    target = the_revision(ledger, service, current.number - 1 if number is None else number)
    if target.digest == current.digest:
        raise _nothing(
            service,
            f"revision {current.number}, which is the current one or the same",
            "a revision that differs",
        )
    return current, target


def _nothing(service: str, found: str, expected: str) -> Conflict:
    return Conflict(
        f"there is nothing to roll {service} back to",
        expected=expected,
        found=found,
        retry=Retriable(True, "nothing was changed"),
        next=("rota revisions",),
    )


def roll_back(
    ledger: Ledger, current: Revision, target: Revision, *, author: str, reason: str, tool: str | None = None
) -> Applied:
    """Make ``target``'s content the current revision, if ``current`` still is that. Run-time schedules that went with a
    removed task come back with it; what fell due meanwhile is made up for as the tasks' catch_up says.

    Raises `Conflict` where somebody changed the rota meanwhile.
    """
    origin = Origin(tool=tool, restores=target.number)
    return apply_definition(
        ledger, target.service, target.definition, author=author, reason=reason, origin=origin, base=current.number
    )  # fmt: skip
