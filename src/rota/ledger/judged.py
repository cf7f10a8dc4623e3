"""The part of a ledger that knows verdicts, incidents and messages: the seventh group of `rota.ledger.protocol.Ledger`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rota.clock import Instant
from rota.ledger.judging import (
    BadRun,
    DueLetter,
    Incident,
    IncidentFilter,
    Judgement,
    Letter,
    NewNotice,
    NoticeRecord,
    Report,
    Tally,
    VerdictRecord,
    Watch,
)
from rota.ledger.records import Change

__all__ = ["Judged"]


class Judged(Protocol):
    """Verdicts, incidents, messages."""

    # -- verdicts

    def report(self, reports: Sequence[Report]) -> None:
        """Record the latest verdicts of a node. An older one than is known changes nothing; a task that is not known is
        left out. What was not met is judged with the next look."""
        ...

    def verdicts(self, service: str | None = None) -> list[VerdictRecord]:
        """The latest verdict of each check of each task."""
        ...

    # -- the judge

    def to_judge(self, limit: int = 200) -> list[Watch]:
        """Tasks of which something is to be judged now, with their verdicts and open incidents."""
        ...

    def bad_runs(self, task_id: int) -> list[BadRun]:
        """The task's latest run that failed, and the latest that was missed."""
        ...

    def successes(self, task_id: int, since: Instant, limit: int = 2000) -> list[Instant]:
        """When runs succeeded, rising; of the task's ``limit`` newest runs, those that ended at or after ``since``."""
        ...

    def hours(self, task_id: int, since: Instant, late: int | None) -> list[tuple[Instant, Tally]]:
        """How the occurrences went, by the hour they were due in, from ``since`` on; hours in which none was due are
        left out. ``late`` is from how many microseconds on a success is none. An hour that has been over for long is
        counted once."""
        ...

    def tally(self, task_id: int, since: Instant, until: Instant, late: int | None) -> Tally:
        """How the occurrences that were due in [since, until) went."""
        ...

    def judged(self, judgements: Sequence[Judgement]) -> list[list[int] | None]:
        """Write all that follows of some looks, in one transaction. For each the ids of the incidents that were opened;
        None where another node judged the task meanwhile, and nothing of it was written."""
        ...

    # -- incidents

    def incidents(self, where: IncidentFilter) -> list[Incident]: ...

    def acknowledge(self, incident_id: int, change: Change, until: Instant | None) -> bool:
        """Somebody is at it; False where it is not open."""
        ...

    def mute(self, task_id: int, change: Change, until: Instant | None) -> None:
        """No messages about a task until an instant; None ends that."""
        ...

    def mutes(self) -> dict[int, tuple[Instant, str, str]]:
        """Which tasks are muted: until when, why, and by whom."""
        ...

    # -- messages

    def letters(self, limit: int = 1000) -> list[DueLetter]:
        """For whom a message is due that nobody delivers. What was only to be told if it were still so, and is not,
        lapses."""
        ...

    def take_letter(self, owner: str, channel: str, service: str, lease: int) -> Letter | None:
        """Take all that is due for an owner, channel and service, for ``lease`` microseconds; None where another was quicker."""
        ...

    def letter_sent(self, claim: str) -> int:
        """It went out. Returns how many notices it held."""
        ...

    def letter_failed(self, claim: str, again: Instant, error: str) -> int:
        """It did not; it may be taken again from ``again`` on."""
        ...

    def add_notice(self, service: str, notice: NewNotice) -> int:
        """A message that is about no incident. Returns its id."""
        ...

    def notice(self, notice_id: int) -> NoticeRecord | None: ...

    def notices(self, incident_id: int | None = None, limit: int = 200) -> list[NoticeRecord]:
        """What was told about an incident; None: what has not gone out yet, about any."""
        ...
