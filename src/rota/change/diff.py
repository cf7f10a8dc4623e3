"""What differs between two rotas: by task and by field. Pure, over their canonical JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rota.define.canonical import canonical_text

__all__ = ["Diff", "FieldChange", "TaskChange", "diff"]

_TARGETS = ("run", "command", "request")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One key, dotted; before and after as JSON, None where it is not there."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What becomes of one task. ``was`` is its name before, and ``evidence`` why it is taken for the same, of one that
    got another name."""

    name: str
    sort: Literal["added", "changed", "removed", "renamed"]
    fields: tuple[FieldChange, ...] = ()
    was: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """All of it; ``others`` are the queues and the alerts."""

    tasks: tuple[TaskChange, ...]
    others: tuple[FieldChange, ...]

    def __bool__(self) -> bool:
        return bool(self.tasks or self.others)


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> Diff:
    """From one rota to another, as `rota.define.canonical.rota_as_json` gives them; an empty one is ``{}``.

    >>> found = diff({}, {"tasks": {"tidy": {"run": "site:tidy"}}})
    >>> [(one.name, one.sort) for one in found.tasks]
    [('tidy', 'added')]
    """
    old, new = before.get("tasks", {}), after.get("tasks", {})
    renamed = dict(_renamed(old, new))
    taken = {was for was, _ in renamed.values()}
    tasks = [
        *(_renaming(name, renamed[name], old, new) for name in new if name in renamed),
        *(TaskChange(name, "added", _fields({}, new[name])) for name in new.keys() - old.keys() - renamed.keys()),
        *(TaskChange(name, "removed", _fields(old[name], {})) for name in old.keys() - new.keys() - taken),
        *(TaskChange(name, "changed", _fields(old[name], new[name])) for name in old.keys() & new.keys() if old[name] != new[name]),
    ]  # fmt: skip
    others = [
        change
        for key in ("queues", "alerts")
        for change in _fields({key: before.get(key, {})}, {key: after.get(key, {})})
    ]
    return Diff(tuple(sorted(tasks, key=lambda one: one.name)), tuple(others))


def _renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """New name -> the old one, and the evidence: what is run and when is the same, and of no other task."""
    gone = {name: _marks(old[name]) for name in sorted(old.keys() - new.keys())}
    for name in sorted(new.keys() - old.keys()):
        marks = _marks(new[name])
        same = [was for was, theirs in gone.items() if theirs == marks]
        rivals = [other for other in new.keys() - old.keys() if other != name and _marks(new[other]) == marks]
        if len(same) == 1 and not rivals:
            yield name, (same[0], "what it runs and its schedule are the same")


def _marks(task: Mapping[str, Any]) -> str:
    """What a task is known by under another name."""
    return canonical_text({key: task[key] for key in (*_TARGETS, "schedule", "args") if key in task})


def _renaming(
    name: str, found: tuple[str, str], old: Mapping[str, Any], new: Mapping[str, Any]
) -> TaskChange:
    was, evidence = found
    fields = _fields({**old[was], "name": was}, new[name])
    return TaskChange(name, "renamed", fields, was, evidence)


def _fields(before: Mapping[str, Any], after: Mapping[str, Any], under: str = "") -> tuple[FieldChange, ...]:
    """The keys that differ, tables taken apart."""
    return tuple(_differing(before, after, under))


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], under: str) -> Iterator[FieldChange]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old or new, Mapping) and isinstance(new or old, Mapping):
            yield from _differing(old or {}, new or {}, f"{under}{key}.")
        else:
            yield FieldChange(f"{under}{key}", _text(old), _text(new))


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
