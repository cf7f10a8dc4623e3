"""Budgets of a rehearsal as flags state them: the keys of ``[rehearsal.budget]``, by the same model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from rota.define.problems import problems_of
from rota.define.rehearsal import BudgetEntry
from rota.errors import UsageError
from rota.model.rehearsal import Budget

__all__ = ["budget_of"]


def budget_of(stated: Budget, flags: Sequence[str]) -> Budget:
    """The budget with what flags say of it: ``max_lateness=1m``, ``no_skips``. Raises `UsageError`."""
    said: dict[str, Any] = {}
    for flag in flags:
        name, equals, value = flag.partition("=")
        said[name] = _value(name, value) if equals else True
    try:
        entry = BudgetEntry.model_validate(said)
    except ValidationError as error:
        problem = problems_of(error, BudgetEntry, lambda path: (None, None, None))[0]
        raise UsageError(
            f"--budget is not usable: {problem.what}"
            + (f" (did you mean {problem.hint}?)" if problem.hint else ""),
            expected=problem.expected or f"one of {', '.join(BudgetEntry.model_fields)}",
            found=problem.found or ", ".join(flags),
            where="--budget",
            next=("rota rehearse --budget max_lateness=1m --budget no_skips",),
        ) from None
    given = {name: getattr(entry, name) for name in said}
    return Budget(**{**{name: getattr(stated, name) for name in BudgetEntry.model_fields}, **given})


def _value(name: str, text: str) -> Any:
    """A flag's value as the file would have it: numbers and yes or no without quotes."""
    if name.startswith("no_"):
        return {"true": True, "false": False}.get(text, text)
    try:
        return int(text) if name == "max_slots" else float(text) if name == "max_failures" else text
    except ValueError:
        return text
