"""A process that works on a ledger and says, one line a transaction, what it was told is durable.

``python -m tests.ledger.sqlite.worker FILE NAME RUNS``: enqueues runs one at a time under keys, claims and finishes
whatever there is, until all are done or it is killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rota.clock import SECOND, Instant, SystemClock
from rota.ledger.records import RunFilter
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.ledger.work import Claim, Finish, NodeRecord
from rota.model.lifecycle import Succeeded, Tally, step
from rota.model.run import Kind, NewRun, State
from rota.model.task import Retries

MOVE = step(State.RUNNING, Succeeded(), Tally(0, 0), Retries())


def main(path: str, name: str, runs: int) -> None:
    ledger = SqliteLedger(Path(path), clock=SystemClock())
    now = ledger.now()
    lease = Instant(now + 600 * SECOND)
    ledger.register(NodeRecord(name, name, "web", "default", "1", now, now, lease, 0, "live", 10, 0, None))
    task = ledger.tasks("web")[0].id
    for number in range(runs):
        now = ledger.now()
        run = NewRun(task_id=task, kind=Kind.ENQUEUED, scheduled_at=now, run_at=now, key=f"{name}:{number}")
        say("enqueued", ledger.enqueue([run])[0].id)
        work(ledger, name)
    while ledger.runs(RunFilter(states=(State.WAITING,), limit=1)):
        work(ledger, name)
    say("done", 0)


def work(ledger: SqliteLedger, name: str) -> None:
    claimed = ledger.claim(Claim(name, {"default": 5}, {"web": ["tidy"]}, ledger.now()))
    for one in claimed:
        say("claimed", one.id, one.token)
    if claimed:
        assert MOVE is not None
        at = ledger.now()
        refused = ledger.finish(
            name, [Finish(one.id, one.token, MOVE, "succeeded", at, at) for one in claimed]
        )
        for one in claimed:
            say("refused" if one.id in refused else "finished", one.id, one.token)


def say(*words: object) -> None:
    print(*words, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
