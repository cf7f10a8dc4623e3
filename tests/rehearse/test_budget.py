"""Each budget in both directions, with the evidence of the one that is broken."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.rehearse.stage import BEGIN, Stage, duty, takes

from rota.app import open_scratch
from rota.define.budgets import budget_of
from rota.define.loaded import LoadedRota
from rota.errors import UsageError
from rota.model.rehearsal import Budget, Rehearsal
from rota.rehearse.budget import Verdict
from rota.rehearse.copies import Copy
from rota.rehearse.rehearse import Asked, rehearse
from rota.settings import Settings

CASES = {
    "max_lateness": (timedelta(minutes=2), timedelta(seconds=30), "late"),
    "max_slots": (2, 1, "2 slots in use at 2026-11-02"),
    "max_failures": (100.0, 0.0, "failed"),
    "no_skips": (False, True, "slow: the occurrence of"),
    "no_missed": (False, True, "t1: the occurrence of"),
    "no_waiting": (False, True, "all async slots were in use"),
}


def verdicts(stage: Stage, **stated: object) -> dict[str, Verdict]:
    """Two hours with two slots: too little for three tasks of which one takes longer than its interval, and one fails."""
    tasks = [
        duty("slow", "*/20 * * * *"),
        duty("t0", "30 * * * *"),
        duty("t1", "30 * * * *", deadline=timedelta(seconds=20)),
        duty("t2", "30 * * * *"),
    ]
    estimates = {"slow": takes(25 * 60), "t0": takes(60, failures=1.0), "t1": takes(60), "t2": takes(60)}
    budget = Budget(**stated)  # type: ignore[arg-type]  # as given
    loaded = LoadedRota("web", {one.name: one for one in tasks})
    asked = Asked(
        Copy("web", BEGIN),
        loaded,
        Rehearsal(days=0.1, tasks=estimates, budget=budget),
        Settings(slots=2),
        what_if=False,
    )
    return {one.name: one for one in rehearse(asked, open_scratch).budget}


def test_a_broken_budget_has_its_evidence(stage: Stage) -> None:
    broken = {name: limit for name, (_, limit, _) in CASES.items() if limit is not None}
    found = verdicts(stage, **broken)
    assert set(found) == set(broken)
    for name, (_, _, said) in CASES.items():
        if name in found:
            assert not found[name].holds, name
            assert said in found[name].evidence[0]


def test_a_budget_that_is_kept_says_so(stage: Stage) -> None:
    found = verdicts(stage, max_slots=2, max_failures=100.0, max_lateness=timedelta(hours=3))
    assert [(one.holds, one.evidence) for one in found.values()] == [(True, ())] * 3


def test_flags_go_before_the_file() -> None:
    stated = Budget(max_slots=5, no_skips=True)
    found = budget_of(stated, ["max_slots=8", "max_lateness=1m", "no_missed"])
    assert found == Budget(max_slots=8, no_skips=True, no_missed=True, max_lateness=timedelta(minutes=1))
    assert not budget_of(stated, ["no_skips=false"]).no_skips
    for wrong in ("max_slots", "no_skip", "max_lateness=soon", "no_skips=perhaps"):
        with pytest.raises(UsageError):
            budget_of(stated, [wrong])
