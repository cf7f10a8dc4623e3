"""``[rehearsal]``: what it gives, what is refused, and that it is no part of a revision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rota.define.canonical import digest
from rota.model.rehearsal import Budget, Estimate, Rehearsal

ROTA = 'service = "web"\n{}\n[[task]]\nname = "tidy"\ncommand = ["true"]\n{}'
FULL = """
[rehearsal]
days = 7
nodes = 2
cost_per_slot_hour = 0.05
assumed = { duration = "3s" }

[rehearsal.task.tidy]
duration = "30s"
most = "5m"
failures = 0.1

[rehearsal.budget]
max_lateness = "1m"
max_failures = 2
no_skips = true
"""


def test_it_is_read(folder, duty) -> None:
    rota = folder.load(ROTA.format(FULL, duty))
    three, half = timedelta(seconds=3), timedelta(seconds=30)
    assert rota.rehearsal == Rehearsal(
        days=7,
        nodes=2,
        price=0.05,
        assumed=Estimate(three, three, three),
        tasks={"tidy": Estimate(half, half, timedelta(minutes=5), 0.1)},
        budget=Budget(max_lateness=timedelta(minutes=1), max_failures=2.0, no_skips=True),
    )


def test_it_is_no_part_of_a_revision(folder, duty) -> None:
    assert digest(folder.load(ROTA.format(FULL, duty))) == digest(folder.load(ROTA.format("", duty)))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[rehearsal.task.tidi]\nduration = "1s"', "tidy"),
        ('[rehearsal.task.tidy]\nduration = "1m"\nmost = "10s"', "not in order"),
        ('[rehearsal.task.tidy]\nduration = "1m"\nfailures = 1.5', "failures"),
        ("[rehearsal.budget]\nmax_slots = 0", "max_slots"),
        ("[rehearsal]\ndays = 0", "days"),
        ("[rehearsal]\nday = 3", "days"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(folder, duty, table: str, said: str) -> None:
    problems = folder.problems(ROTA.format(table, duty))
    assert len(problems) == 1
    told = "\n".join(problems[0].lines())
    assert said in told
    assert problems[0].line is not None
