"""Verdicts, judgements, incidents and messages, over a dialect's statements."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rota.clock import SECOND, Instant
from rota.ledger.judging import (
    DueLetter,
    Incident,
    IncidentFilter,
    Judgement,
    Letter,
    Moved,
    NewNotice,
    NoticeRecord,
    Opened,
    Report,
    Tally,
    VerdictRecord,
    Watch,
)
from rota.ledger.records import Change
from rota.ledger.sql.connection import Connection, Row
from rota.model.incident import Notice, Status
from rota.model.verdict import Check, Standing, Verdict

__all__ = [
    "acknowledge",
    "add_notice",
    "hours",
    "incidents",
    "judged",
    "letters",
    "mute",
    "notice_of",
    "report",
    "take_letter",
    "tally",
    "to_judge",
    "verdict_of",
]

Sql = dict[str, str]

HOUR = 3600 * SECOND

SETTLED = 3 * HOUR
"""An hour that ended this long ago is counted once: what was due in it has come to an end, or is far too late."""


# ---- verdicts --------------------------------------------------------------------------------------


def report(connection: Connection, sql: Sql, reports: Sequence[Report], now: Instant) -> None:
    names = sorted({(one.service, one.task) for one in reports})
    rows = connection.rows(sql["task_ids"], {"names": json.dumps(names)})
    ids = {(service, name): id_ for id_, service, name in rows}
    known = [(ids[one.service, one.task], one.verdict) for one in reports if (one.service, one.task) in ids]
    _put_verdicts(connection, sql, known)
    news = sorted(
        {id_ for id_, one in known if one.check is Check.LATENESS and one.standing is Standing.UNMET}
    )
    if news:
        connection.run(sql["judge_soon"], {"tasks": json.dumps(news), "now": now})


def _put_verdicts(connection: Connection, sql: Sql, verdicts: Sequence[tuple[int, Verdict]]) -> None:
    rows = [
        [id_, one.check, one.standing, one.at, one.expected, one.found, one.run_id] for id_, one in verdicts
    ]
    if rows:
        rows.sort(key=lambda row: (row[0], row[1]))  # one order of locks for all
        connection.run(sql["put_verdicts"], {"verdicts": json.dumps(rows)})


def verdict_of(row: Row) -> VerdictRecord:
    values: list[Any] = [*row]
    values[3], values[4] = Check(row[3]), Standing(row[4])
    return VerdictRecord(*values)


# ---- the judge -------------------------------------------------------------------------------------


def to_judge(connection: Connection, sql: Sql, now: Instant, limit: int) -> list[Watch]:
    rows = connection.rows(sql["to_judge"], {"now": now, "limit": limit})
    if not rows:
        return []
    tasks = {"tasks": json.dumps([row[0] for row in rows])}
    verdicts = [verdict_of(row) for row in connection.rows(sql["verdicts_of"], tasks)]
    open_ = [_incident(row) for row in connection.rows(sql["open_incidents_of"], tasks)]
    return [_watch(row, verdicts, open_) for row in rows]


def _watch(row: Row, verdicts: Sequence[VerdictRecord], open_: Sequence[Incident]) -> Watch:
    values: list[Any] = [*row]
    values[5], values[6] = bool(row[5]), bool(row[6])
    values.append(tuple(one for one in verdicts if one.task_id == row[0]))
    values.append(tuple(one for one in open_ if one.task_id == row[0]))
    return Watch(*values)


def judged(connection: Connection, sql: Sql, one: Judgement, now: Instant) -> list[int] | None:
    given = {
        "task_id": one.task_id, "version": one.version, "revision": one.revision, "failed_seen": one.failed_seen,
        "missed_seen": one.missed_seen, "judge_at": one.judge_at, "fresh_from": one.fresh_from,
        "succeeded_at": one.succeeded_at,
    }  # fmt: skip
    if connection.run(sql["move_watch" if one.version else "make_watch"], given) != 1:
        return None  # another node judged it meanwhile: what it saw is as new as this
    _put_verdicts(connection, sql, [(one.task_id, verdict) for verdict in one.verdicts])
    service = connection.rows(sql["service_of"], {"id": one.task_id})[0][0]
    opened = [_open(connection, sql, one.task_id, service, new, now) for new in one.opened]
    for moved in one.moved:
        _move(connection, sql, service, moved, now)
    return [id_ for id_ in opened if id_ is not None]


def _open(
    connection: Connection, sql: Sql, task_id: int, service: str, new: Opened, now: Instant
) -> int | None:
    given = {
        "task_id": task_id, "check_name": new.check, "status": new.status, "since_at": new.since_at, "owner": new.owner,
        "expected": new.expected, "found": new.found, "run_id": new.run_id, "times": new.times, "met_at": new.met_at,
        "told_at": max((one.due_at for one in new.notices), default=now), "now": now,
    }  # fmt: skip
    made = connection.rows(sql["open_incident"], given)
    if not made:
        return None
    for notice in new.notices:
        add_notice(connection, sql, service, notice, now, made[0][0])
    return int(made[0][0])


def _move(connection: Connection, sql: Sql, service: str, moved: Moved, now: Instant) -> None:
    given = {
        "id": moved.id, "status": moved.status, "owner": moved.owner, "found": moved.found, "run_id": moved.run_id,
        "times": moved.times, "met_at": moved.met_at, "told_at": moved.told_at, "escalated_at": moved.escalated_at,
        "resolved_at": moved.resolved_at,
    }  # fmt: skip
    if connection.run(sql["move_incident"], given) == 1:
        for notice in moved.notices:
            add_notice(connection, sql, service, notice, now, moved.id)


def hours(
    connection: Connection, sql: Sql, task_id: int, since: Instant, late: int | None, now: Instant
) -> list[tuple[Instant, Tally]]:
    """Hours that are over come from what was counted before; those that are not counted yet, are, and kept."""
    first = since - since % HOUR
    rows = connection.rows(sql["tallies"], {"task_id": task_id, "since": first})
    kept = {row[0]: Tally(row[1], row[2]) for row in rows}
    found: list[tuple[Instant, Tally]] = []
    begin = max(kept) + HOUR if kept else first
    for hour in sorted(kept):
        found.append((Instant(hour), kept[hour]))
    for hour in range(begin, now + 1, HOUR):
        counted = tally(connection, sql, task_id, Instant(hour), Instant(hour + HOUR), late)
        if hour + HOUR + SETTLED <= now:
            given = {"task_id": task_id, "hour": hour, "good": counted.good, "bad": counted.bad}
            connection.run(sql["put_tally"], given)
        found.append((Instant(hour), counted))
    return [(hour, one) for hour, one in found if one.good or one.bad]


def tally(
    connection: Connection, sql: Sql, task_id: int, since: Instant, until: Instant, late: int | None
) -> Tally:
    given = {"task_id": task_id, "since": since, "until": until, "late": late}
    good, bad = connection.rows(sql["hour_of"], given)[0]
    return Tally(int(good), int(bad))


# ---- incidents -------------------------------------------------------------------------------------


def incidents(connection: Connection, sql: Sql, where: IncidentFilter) -> list[Incident]:
    """Conditions are put together from fixed texts; every value is a parameter."""
    tests = {
        "task.service = :service": ("service", where.service),
        "task.name = :task": ("task", where.task),
        "incident.owner = :owner": ("owner", where.owner),
    }
    conditions = [text for text, (_, value) in tests.items() if value is not None]
    values: dict[str, Any] = {name: value for name, value in tests.values() if value is not None}
    if where.is_open is not None:
        conditions.append(f"incident.resolved_at IS {'NULL' if where.is_open else 'NOT NULL'}")
    if where.ids:
        conditions.append(f"incident.id IN ({', '.join(str(int(one)) for one in where.ids)})")
    test = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    text = f"{sql['incident_columns']} {test}ORDER BY incident.id DESC LIMIT :limit"
    return [_incident(row) for row in connection.rows(text, {**values, "limit": where.limit})]


def _incident(row: Row) -> Incident:
    values: list[Any] = [*row]
    values[4], values[5] = Check(row[4]), Status(row[5])
    return Incident(*values)


def acknowledge(
    connection: Connection, sql: Sql, incident_id: int, change: Change, until: Instant | None, now: Instant
) -> bool:
    given = {"id": incident_id, "actor": change.actor, "reason": change.reason, "until": until}
    if connection.run(sql["acknowledge"], given) != 1:
        return False
    rows = connection.rows(sql["task_of_incident"], {"id": incident_id})
    connection.run(sql["judge_soon"], {"tasks": json.dumps([rows[0][0]]), "now": now})
    _note(connection, sql, change)
    return True


def mute(
    connection: Connection, sql: Sql, task_id: int, change: Change, until: Instant | None, now: Instant
) -> None:
    given: Mapping[str, Any] = {
        "task_id": task_id,
        "until": until,
        "reason": change.reason if until is not None else None,
        "actor": change.actor if until is not None else None,
        "now": now,
    }
    connection.run(sql["mute"], given)
    if until is not None:
        connection.run(sql["hold_notices"], {"task_id": task_id, "until": until, "lapse": True})
    _note(connection, sql, change)


def _note(connection: Connection, sql: Sql, change: Change) -> None:
    connection.run(
        sql["insert_change"],
        {"at": change.at, "actor": change.actor, "action": change.action, "subject": change.subject,
         "reason": change.reason, "detail": change.detail},
    )  # fmt: skip


# ---- messages --------------------------------------------------------------------------------------


def add_notice(
    connection: Connection,
    sql: Sql,
    service: str,
    notice: NewNotice,
    now: Instant,
    incident_id: int | None = None,
) -> int:
    given = {
        "incident_id": incident_id, "service": service, "kind": notice.kind, "owner": notice.owner,
        "channel": notice.channel, "now": now, "due_at": notice.due_at, "may_lapse": notice.may_lapse,
    }  # fmt: skip
    return int(connection.rows(sql["add_notice"], given)[0][0])


def letters(connection: Connection, sql: Sql, limit: int, now: Instant) -> list[DueLetter]:
    rows = connection.rows(sql["due_letters"], {"now": now, "limit": limit})
    return [DueLetter(*row) for row in rows]


def take_letter(
    connection: Connection, sql: Sql, owner: str, channel: str, service: str, lease: int, now: Instant
) -> Letter | None:
    claim = uuid.uuid4().hex
    given = {
        "owner": owner, "channel": channel, "service": service, "claim": claim, "until": now + lease, "now": now,
    }  # fmt: skip
    taken = sorted(notice_of(row) for row in connection.rows(sql["claim_letter"], given))
    return Letter(owner, channel, service, claim, tuple(taken)) if taken else None


def notice_of(row: Row) -> NoticeRecord:
    values: list[Any] = [*row]
    values[3] = Notice(row[3])
    return NoticeRecord(*values)
