"""Tasks by the name that a person types."""

from __future__ import annotations

from rota.errors import Conflict, Retriable, UnknownName
from rota.ledger.protocol import Ledger
from rota.ledger.records import TaskRecord

__all__ = ["find_task", "full_name"]


def full_name(record: TaskRecord) -> str:
    """``service/task``."""
    return f"{record.service}/{record.name}"


def find_task(ledger: Ledger, name: str, service: str | None = None) -> TaskRecord:
    """The live task of that name: ``web/publish-articles``, or the bare name where only one service has it.

    Raises `UnknownName` with the nearest name, and `Conflict` where several services have one of that name.
    """
    records = ledger.tasks(service)
    found = [record for record in records if name in (record.name, full_name(record))]
    if len(found) == 1:
        return found[0]
    if found:
        names = sorted(full_name(record) for record in found)
        raise Conflict(
            f"{name!r} names a task in {len(found)} services",
            expected=" or ".join(names),
            found=repr(name),
            retry=Retriable(True, "once the service is named; nothing was changed"),
        )
    known = [full_name(record) if "/" in name else record.name for record in records]
    raise UnknownName("task", name, known, next=("rota tasks",))
