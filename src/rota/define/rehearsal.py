"""``[rehearsal]``: how long is played, what tasks without a history are like, and what the rehearsed days must keep to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from rota.define.refusal import refused, shown
from rota.define.table import Table, unset
from rota.define.texts import Name
from rota.define.times import Duration, PositiveDuration
from rota.errors import DefinitionError, nearest
from rota.model.rehearsal import Budget, Estimate, Rehearsal

__all__ = ["BudgetEntry", "RehearsalEntry", "check_rehearsal", "rehearsal_of"]

Share = Annotated[float, Field(ge=0, le=1, strict=False)]
Percent = Annotated[float, Field(ge=0, le=100, strict=False)]
Count = Annotated[int, Field(ge=1)]


class EstimateEntry(Table):
    """What a task is like of which there is no history yet, or which is about to change."""

    duration: PositiveDuration = Field(description="How long a run usually takes: half of them take less.")
    least: PositiveDuration | None = Field(None, description="The shortest; none: as usual.")
    most: PositiveDuration | None = Field(None, description="The longest; none: as usual.")
    failures: Share = Field(0.0, description="The share of tries that fail, from 0 to 1.")

    @model_validator(mode="after")
    def _in_order(self) -> EstimateEntry:
        least, most = self.least or self.duration, self.most or self.duration
        if not least <= self.duration <= most:
            raise refused(
                "the lengths of an estimate are not in order",
                expected="least, duration and most, each at least as long as the one before",
                found=shown([str(one) for one in (least, self.duration, most)]),
            )
        return self

    def estimate(self) -> Estimate:
        """As a value."""
        return Estimate(self.least or self.duration, self.duration, self.most or self.duration, self.failures)


class BudgetEntry(Table):
    """What the rehearsed days must keep to; where one is broken, rota rehearse exits with 3 and says where."""

    max_lateness: Duration | None = Field(
        None, description="No run begins later than this after its instant."
    )
    max_slots: Count | None = Field(None, description="At most so many runs at once, over all nodes.")
    max_failures: Percent | None = Field(None, description="At most so many percent of the runs fail.")
    no_skips: bool = Field(False, description="No occurrence is skipped since the run before has not ended.")
    no_missed: bool = Field(False, description="No occurrence is past its deadline.")
    no_waiting: bool = Field(False, description="Nothing that is due waits since all slots are in use.")


class RehearsalEntry(Table):
    """What rota rehearse goes by. It changes no run, and no revision."""

    days: Annotated[float, Field(gt=0, le=3660, strict=False)] = Field(
        30, description="How many days are played."
    )
    nodes: Count | None = Field(
        None, description="How many nodes there are; none stated: as many as the ledger has, at least one."
    )
    cost_per_slot_hour: Annotated[float, Field(ge=0, strict=False)] | None = Field(
        None, description="What a slot costs that is in use for an hour, for the cost by task."
    )
    assumed: EstimateEntry | None = Field(
        None,
        description="What tasks are like of which nothing is known; none stated: 10 s, from 1 s to 1 m, in proportion less where a task comes more often than every 5 m or allows itself less, no failures.",
    )
    task: dict[Name, EstimateEntry] = Field(
        default_factory=dict, description="Estimates by task, which go before its history."
    )
    budget: BudgetEntry = Field(default_factory=unset(BudgetEntry), description="What must hold.")


def rehearsal_of(entry: RehearsalEntry) -> Rehearsal:
    """The values of the table."""
    return Rehearsal(
        days=entry.days,
        nodes=entry.nodes,
        price=entry.cost_per_slot_hour,
        tasks={name: one.estimate() for name, one in entry.task.items()},
        budget=Budget(**{name: getattr(entry.budget, name) for name in BudgetEntry.model_fields}),
        assumed=None if entry.assumed is None else entry.assumed.estimate(),
    )


def check_rehearsal(
    raw: Mapping[str, Any], tasks: set[str]
) -> Iterator[tuple[tuple[str | int, ...], DefinitionError]]:
    """Estimates for names that are nearly a task's. One that is like none may be of a task which a program defines."""
    stated = raw.get("task")
    for name in stated if isinstance(stated, Mapping) else ():
        near = None if name in tasks else nearest(name, sorted(tasks))
        if near is not None:
            yield (
                ("task", name),
                DefinitionError(
                    f"there is no task {name!r}", expected="the name of a task", found=repr(name), hint=near
                ),
            )
