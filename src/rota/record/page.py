"""The page of a change, in Markdown: the same for the same ledger, so that it can be kept beside the code."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rota.change.diff import FieldChange, diff
from rota.change.effects import Effect, effects
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.revision import Revision
from rota.model.run import CANARY, RunRecord
from rota.read.markdown import at, bullets, plain, table
from rota.record.measures import ALPHA, LEAST, RECENT, Measure, measures

__all__ = ["record"]

LONGEST = 120
SHOWN = 3
FOLLOWING = 100
"""Revisions after it in which is looked for what became of it."""


def record(ledger: Ledger, revision: Revision) -> str:
    """The page of a revision. Raises `LedgerError`."""
    before = next(iter(ledger.revisions(revision.service, 1, number=revision.number - 1)), None)
    later = [one for one in ledger.revisions(revision.service, FOLLOWING) if one.number > revision.number]
    following = min(later, key=lambda one: one.number, default=None)
    old = json.loads(before.definition) if before else {}
    new = json.loads(revision.definition)
    found = diff(old, new)
    told = effects({}, revision.service, found.tasks, old.get("tasks", {}), new["tasks"], revision.applied_at)
    touched = [one.name for one in found.tasks if one.sort != "removed"]
    end = following.applied_at if following else None
    measured = measures(ledger, revision.service, touched, revision.applied_at, end)
    canaries = ledger.runs(
        RunFilter(revision.service, key=f"{CANARY}{revision.number}", order="oldest", limit=200)
    )
    sections = [
        f"# {revision.service}: revision {revision.number}",
        _who(revision, before),
        "## Why\n\n" + plain(revision.reason),
        "## Assumptions\n\n" + (bullets(revision.origin.assumptions) or "None was stated."),
        "## What changes\n\n" + _changes(told, found.others),
        "## Verification\n\n" + _verification(revision, canaries, later),
        _site(canaries),
        "## Measures\n\n" + _measures(measured),
        "## Do it again\n\n" + _again(revision, bool(canaries)),
        "## Go back\n\n" + _back(revision, before),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _who(revision: Revision, before: Revision | None) -> str:
    origin = revision.origin
    commit = (
        ""
        if origin.commit is None
        else origin.commit + (", with changes that are not in it" if origin.dirty else "")
    )
    rows = [
        ("By", revision.author),
        ("Applied", at(revision.applied_at)),
        ("After", "nothing" if before is None else f"revision {before.number}: {before.reason}"),
        ("Commit", commit),
        ("Brings back", "" if origin.restores is None else f"revision {origin.restores}"),
        ("Made with", "" if origin.tool is None else f"rota {origin.tool}"),
        ("Digest", f"`{revision.digest}`"),
    ]
    return table(("", ""), [(f"**{label}**", text) for label, text in rows if text])


def _changes(told: Sequence[Effect], others: Sequence[FieldChange]) -> str:
    rows = [row for one in told for row in _of_task(one)]
    rows += [("queues and alerts", other.key, _cut(other.before), _cut(other.after)) for other in others]
    return table(("task", "what", "before", "after"), rows) if rows else "Nothing: the rota is as it was."


def _of_task(one: Effect) -> Iterator[tuple[str, str, str, str]]:
    change = one.change
    if change.sort in ("added", "removed"):
        yield (
            change.name,
            change.sort,
            "" if change.sort == "added" else "there",
            "there" if change.sort == "added" else "",
        )
    if change.was is not None:
        yield change.name, "renamed", change.was, f"{change.name} ({change.evidence})"
    for field in change.fields:
        if change.sort in ("changed", "renamed") and field.key != "name":
            yield change.name, field.key, _cut(field.before), _cut(field.after)
    if one.before != one.after:
        yield change.name, "next occurrences", _dues(one.before), _dues(one.after)
    if one.gained or one.lost:
        yield change.name, f"occurrences until {at(one.until)}", f"{one.lost} lost", f"{one.gained} gained"


def _verification(revision: Revision, canaries: Sequence[RunRecord], later: Sequence[Revision]) -> str:
    back = next(
        (
            one
            for one in reversed(later)
            if one.origin.restores is not None and one.number == revision.number + 1
        ),
        None,
    )
    lines = [f"{run.task}, run {run.id}: {run.state.value}{_found(run)}" for run in canaries]
    if not canaries:
        lines.append("It was applied without a canary.")
    if back is not None:
        lines.append(f"Revision {back.number} brought revision {back.origin.restores} back: {back.reason}")
    elif revision.confirm_by is not None:
        lines.append(f"It is not confirmed yet; unless it is, it is put back at {at(revision.confirm_by)}.")
    elif canaries:
        lines.append("It was confirmed, and stayed.")
    return bullets(lines)


def _found(run: RunRecord) -> str:
    if not run.error:
        return ""
    error = json.loads(run.error)
    return f", {_cut(str(error.get('message', run.error)))}"


def _site(canaries: Sequence[RunRecord]) -> str:
    """What checks of a site said when they ran as canaries: a result with ``check``, and ``routes`` with a verdict each."""
    rows = [row for run in canaries for row in _checked(run)]
    if not rows:
        return ""
    return "## The site\n\n" + table(("check", "route", "verdict", "rules"), rows)


def _checked(run: RunRecord) -> Iterator[tuple[str, str, str, str]]:
    value: Any = json.loads(run.result) if run.result else None
    if not isinstance(value, Mapping) or "check" not in value:
        return
    for route in value.get("routes", ()):
        rules = ", ".join(f"{name} {count}" for name, count in route.get("rules", {}).items())
        yield str(value["check"]), str(route.get("route", "")), str(route.get("verdict", "")), rules


def _measures(measured: Sequence[Measure]) -> str:
    if not measured:
        return "No task of it runs."
    told = (
        f"Of each task the latest {RECENT} runs before and the first {RECENT} after, while it held. Successes are compared by "
        f"Fisher's exact test, since counts may be small; durations and lateness by Mann and Whitney's, two-sided, since they "
        f"have a long tail and no known shape. A difference counts from p < {ALPHA}; with fewer than {LEAST} runs on a side "
        f"nothing is said."
    )
    rows = [(one.task, one.what, one.before, one.after, one.verdict) for one in measured]
    return f"{told}\n\n{table(('task', 'what', 'before', 'after', 'difference'), rows)}"


def _again(revision: Revision, verified: bool) -> str:
    origin = revision.origin
    assumed = "".join(f" --assume {shlex.quote(text)}" for text in origin.assumptions)
    lines = [
        "" if origin.commit is None else f"git checkout {origin.commit}",
        "rota plan --out plan.json",
        "rota rehearse",
        f"rota apply plan.json -m {shlex.quote(revision.reason)}{assumed}{' --verify' if verified else ''}",
    ]
    return "```console\n" + "\n".join(f"$ {line}" for line in lines if line) + "\n```"


def _back(revision: Revision, before: Revision | None) -> str:
    if before is None:
        return "It is the first: there is nothing to go back to. `rota pause TASK --reason WHY` stops a task."
    lines = [f"rota rollback {before.number} -m WHY --dry-run", f"rota rollback {before.number} -m WHY"]
    return "```console\n" + "\n".join(f"$ {line}" for line in lines) + "\n```"


def _dues(due: Sequence[Any]) -> str:
    return ", ".join(at(one) for one in due[:SHOWN]) or "never"


def _cut(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
