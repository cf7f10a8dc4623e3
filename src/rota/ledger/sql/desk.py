"""The judged half of `rota.ledger.sql.ledger.SqlLedger`: see `rota.ledger.judged.Judged`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rota.clock import Instant
from rota.ledger import judging as j
from rota.ledger.records import Change
from rota.ledger.sql import judge
from rota.ledger.sql.connection import Connection

__all__ = ["Desk"]

T = TypeVar("T")


class Desk:
    """Verdicts, incidents and messages. Each method is one transaction."""

    _sql: dict[str, str]

    def _now(self, connection: Connection) -> Instant:
        raise NotImplementedError

    def _write(
        self, work: Callable[[Connection], T], *, alone: bool = False, within: float | None = None
    ) -> T:
        raise NotImplementedError

    def _read(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    # -- verdicts

    def report(self, reports: Sequence[j.Report]) -> None:
        self._write(lambda c: judge.report(c, self._sql, reports, self._now(c)))

    def verdicts(self, service: str | None = None) -> list[j.VerdictRecord]:
        return self._read(
            lambda c: [
                judge.verdict_of(row) for row in c.rows(self._sql["verdicts_all"], {"service": service})
            ]
        )

    # -- the judge

    def to_judge(self, limit: int = 200) -> list[j.Watch]:
        return self._read(lambda c: judge.to_judge(c, self._sql, self._now(c), limit))

    def bad_runs(self, task_id: int) -> list[j.BadRun]:
        return self._read(
            lambda c: [j.BadRun(*row) for row in c.rows(self._sql["bad_runs"], {"task_id": task_id})]
        )

    def successes(self, task_id: int, since: Instant, limit: int = 2000) -> list[Instant]:
        given = {"task_id": task_id, "since": since, "limit": limit}
        return self._read(lambda c: [Instant(row[0]) for row in c.rows(self._sql["successes"], given)])

    def hours(self, task_id: int, since: Instant, late: int | None) -> list[tuple[Instant, j.Tally]]:
        return self._write(lambda c: judge.hours(c, self._sql, task_id, since, late, self._now(c)))

    def tally(self, task_id: int, since: Instant, until: Instant, late: int | None) -> j.Tally:
        return self._read(lambda c: judge.tally(c, self._sql, task_id, since, until, late))

    def judged(self, judgements: Sequence[j.Judgement]) -> list[list[int] | None]:
        return self._write(lambda c: [judge.judged(c, self._sql, one, self._now(c)) for one in judgements])

    # -- incidents

    def incidents(self, where: j.IncidentFilter) -> list[j.Incident]:
        return self._read(lambda c: judge.incidents(c, self._sql, where))

    def acknowledge(self, incident_id: int, change: Change, until: Instant | None) -> bool:
        return self._write(
            lambda c: judge.acknowledge(c, self._sql, incident_id, change, until, self._now(c))
        )

    def mute(self, task_id: int, change: Change, until: Instant | None) -> None:
        self._write(lambda c: judge.mute(c, self._sql, task_id, change, until, self._now(c)))

    def mutes(self) -> dict[int, tuple[Instant, str, str]]:
        return self._read(
            lambda c: {
                row[0]: (Instant(row[1]), row[2] or "", row[3] or "")
                for row in c.rows(self._sql["mutes"], {"now": self._now(c)})
            }
        )

    # -- messages

    def letters(self, limit: int = 1000) -> list[j.DueLetter]:
        def work(c: Connection) -> list[j.DueLetter]:
            c.run(self._sql["lapse_notices"], {"now": self._now(c)})
            return judge.letters(c, self._sql, limit, self._now(c))

        found = self._read(lambda c: judge.letters(c, self._sql, limit, self._now(c)))
        return self._write(work) if found else found

    def take_letter(self, owner: str, channel: str, service: str, lease: int) -> j.Letter | None:
        return self._write(
            lambda c: judge.take_letter(c, self._sql, owner, channel, service, lease, self._now(c))
        )

    def letter_sent(self, claim: str) -> int:
        return self._write(lambda c: c.run(self._sql["letter_sent"], {"claim": claim, "now": self._now(c)}))

    def letter_failed(self, claim: str, again: Instant, error: str) -> int:
        given = {"claim": claim, "again": again, "error": error}
        return self._write(lambda c: c.run(self._sql["letter_failed"], given))

    def add_notice(self, service: str, notice: j.NewNotice) -> int:
        return self._write(lambda c: judge.add_notice(c, self._sql, service, notice, self._now(c)))

    def notice(self, notice_id: int) -> j.NoticeRecord | None:
        rows = self._read(lambda c: c.rows(self._sql["notice"], {"id": notice_id}))
        return judge.notice_of(rows[0]) if rows else None

    def notices(self, incident_id: int | None = None, limit: int = 200) -> list[j.NoticeRecord]:
        name = "notices_waiting" if incident_id is None else "notices_of"
        given = {"limit": limit} if incident_id is None else {"id": incident_id}
        return self._read(lambda c: [judge.notice_of(row) for row in c.rows(self._sql[name], given)])
