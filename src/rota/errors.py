"""Every error that Rota raises, in one tree.

::

    RotaError                 what failed, where, expected, found, retry, next
    ├── DefinitionError       a rota does not load: one problem
    │   └── ScheduleError     a schedule is not valid, or can never fire
    ├── DefinitionErrors      a rota does not load: all its problems at once
    ├── ArgumentsError        the arguments do not fit the task's signature
    ├── UnknownName           no such task, run, node or queue; names the nearest
    ├── Conflict              the ledger moved on, or the state forbids what was asked
    ├── Refused               not allowed: no token, or not on this kind of ledger
    ├── LedgerError           the ledger answered with a fault
    │   ├── LedgerUnreachable   it cannot be reached, opened or written to
    │   └── LedgerVersion       it is newer or older than this build can serve
    └── UsageError            wrong usage of the command line or of a function

The CLI prints an error in three lines and the API as RFC 9457 problem details; both only print
the fields that stand here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "ArgumentsError",
    "Conflict",
    "DefinitionError",
    "DefinitionErrors",
    "LedgerError",
    "LedgerUnreachable",
    "LedgerVersion",
    "Refused",
    "Retriable",
    "RotaError",
    "ScheduleError",
    "UnknownName",
    "UsageError",
    "nearest",
]


@dataclass(frozen=True, slots=True)
class Retriable:
    """Whether what failed can be tried again.

    ``safe`` is True (nothing was done, or doing it twice is harmless), False, or ``"after-check"``.
    ``after`` is in seconds from now, where a time is known.
    """

    safe: bool | Literal["after-check"]
    why: str
    after: float | None = None


class RotaError(Exception):
    """What failed, and what its reader needs to go on.

    >>> error = RotaError("cannot read the rota", expected="a TOML file", found="a folder", where="rota.toml")
    >>> print(error)
    cannot read the rota
    expected a TOML file; found a folder; at rota.toml
    retry: safe, nothing was changed
    """

    exit_code = 1
    status = 400
    kind = "error"

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        where: str | None = None,
        retry: Retriable | None = None,
        did: Literal["nothing", "part", "all"] = "nothing",
        next: Sequence[str] = (),
    ) -> None:
        self.what = what
        self.expected = expected
        self.found = found
        self.where = where
        self.retry = retry or Retriable(True, "nothing was changed")
        self.did = did
        self.next = tuple(next)
        super().__init__(what)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The three lines of the CLI: what failed; expected, found and where; retry and next command."""
        facts = [
            f"{label}{value}"
            for label, value in (("expected ", self.expected), ("found ", self.found), ("at ", self.where))
            if value is not None
        ]
        safe = {True: "safe", False: "not safe", "after-check": "check first"}[self.retry.safe]
        after = f" in {self.retry.after:g} s" if self.retry.after is not None else ""
        retry = f"retry: {safe}{after}, {self.retry.why}"
        if self.next:
            retry += "; next: " + " or ".join(self.next)
        return [self.what, *(["; ".join(facts)] if facts else []), retry]

    def as_problem(self) -> dict[str, Any]:
        """The error as an RFC 9457 problem, with Rota's extension members."""
        problem: dict[str, Any] = {
            "type": f"urn:rota:problem:{self.kind}",
            "title": self.what,
            "status": self.status,
            "detail": str(self),
            "expected": self.expected,
            "found": self.found,
            "where": self.where,
            "retry": {"safe": self.retry.safe, "after": self.retry.after, "why": self.retry.why},
            "did": self.did,
            "next": list(self.next),
        }
        return {name: value for name, value in problem.items() if value is not None}


class DefinitionError(RotaError):
    """One problem of a rota, with its place: file, line, task and key."""

    kind = "definition"
    status = 422

    def __init__(
        self,
        what: str,
        *,
        file: str | None = None,
        line: int | None = None,
        task: str | None = None,
        key: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
        next: Sequence[str] = (),
    ) -> None:
        self.file, self.line, self.task, self.key, self.hint = file, line, task, key, hint
        place = [f"{file}:{line}" if line else file] if file else []
        place += [f"task {task}"] if task else []
        place += [f"key {key}"] if key else []
        super().__init__(
            what,
            expected=expected,
            found=found,
            where=", ".join(place) or None,
            retry=Retriable(True, "once it is corrected; nothing was changed"),
            next=next,
        )

    def lines(self) -> list[str]:
        first, *rest = super().lines()
        return [f"{first} (did you mean {self.hint}?)" if self.hint else first, *rest]

    def located(
        self,
        *,
        file: str | None = None,
        line: int | None = None,
        task: str | None = None,
        key: str | None = None,
    ) -> DefinitionError:
        """The same problem with its place filled in where it was not known yet."""
        return type(self)(
            self.what,
            file=self.file or file,
            line=self.line or line,
            task=self.task or task,
            key=self.key or key,
            expected=self.expected,
            found=self.found,
            hint=self.hint,
            next=self.next,
        )


class ScheduleError(DefinitionError):
    """A schedule that is not valid, or that can never fire."""

    kind = "schedule"


class DefinitionErrors(RotaError):
    """All problems of a rota at once, so that one edit can mend them all."""

    kind = "definition"
    status = 422

    def __init__(self, problems: Sequence[DefinitionError]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        super().__init__(
            f"the rota does not load: {count}",
            retry=Retriable(True, "once they are corrected; nothing was changed"),
        )

    def lines(self) -> list[str]:
        return [self.what, *(line for problem in self.problems for line in problem.lines())]

    def as_problem(self) -> dict[str, Any]:
        return {**super().as_problem(), "problems": [problem.as_problem() for problem in self.problems]}


class ArgumentsError(RotaError):
    """The arguments that were handed in do not fit the task's signature; no run was made."""

    kind = "arguments"
    status = 422


class UnknownName(RotaError):
    """There is nothing by that name; the nearest known names are said."""

    kind = "unknown"
    status = 404

    def __init__(self, sort: str, name: str, known: Iterable[str] = (), *, next: Sequence[str] = ()) -> None:
        names = sorted(known)
        near = nearest(name, names)
        self.sort, self.name, self.near = sort, name, near
        expected = f"one of {', '.join(names)}" if 0 < len(names) <= 12 else f"a known {sort}"
        super().__init__(
            f"no {sort} is named {name!r}" + (f" (did you mean {near}?)" if near else ""),
            expected=expected,
            found=repr(name),
            retry=Retriable(
                False, f"unless {'an' if sort[0] in 'aeiou' else 'a'} {sort} of that name is added first"
            ),
            next=next,
        )


class Conflict(RotaError):
    """The state of things forbids what was asked, or the ledger moved on meanwhile."""

    kind = "conflict"
    status = 409


class Refused(RotaError):
    """Not allowed."""

    kind = "refused"
    status = 403


class LedgerError(RotaError):
    """The ledger answered with a fault."""

    kind = "ledger"
    status = 503
    exit_code = 4


class LedgerUnreachable(LedgerError):
    """The ledger cannot be reached, opened or written to; what was asked may be tried again."""

    kind = "ledger-unreachable"


class LedgerVersion(LedgerError):
    """The ledger's schema is not the one that this build serves."""

    kind = "ledger-version"


class UsageError(RotaError):
    """Wrong usage: of a command, or of a function."""

    kind = "usage"
    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to a misspelt one, if any is near enough.

    >>> nearest("Europe/Berln", ["Europe/Berlin", "Europe/Bern"])
    'Europe/Berlin'
    """
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
