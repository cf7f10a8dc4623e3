"""What the ledger adds to bare SQL: claim 100 runs and finish them, in two statements and through the ledger."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from benchmarks.rota_side import fill, median, rota_in, table
from rota.clock import SECOND, Instant
from rota.ledger.work import Claim, Finish, NodeRecord
from rota.model.lifecycle import Succeeded, Tally, step
from rota.model.run import State
from rota.model.task import Retries

ROUNDS, RUNS, BATCH = 5, 20_000, 100

_CLAIM = """UPDATE run SET state = 'running', node = 'n', token = token + 1
WHERE id IN (SELECT id FROM run WHERE state = 'waiting' ORDER BY run_at LIMIT :batch) RETURNING id"""
_FINISH = """UPDATE run SET state = 'succeeded', node = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'running' AND node = 'n'"""


def bare(folder: Path, synchronous: str) -> float:
    """Two statements a batch on the smallest table that could do it, each a transaction of its own."""
    connection = apsw.Connection(str(folder / "bare.db"))
    for text in (
        "PRAGMA journal_mode = WAL",
        f"PRAGMA synchronous = {synchronous}",
        "CREATE TABLE run (id INTEGER PRIMARY KEY, state TEXT, run_at INTEGER, node TEXT, token INTEGER DEFAULT 0)",
        "CREATE INDEX run_waiting ON run (run_at) WHERE state = 'waiting'",
    ):
        connection.execute(text)
    with connection:
        connection.executemany(
            "INSERT INTO run (state, run_at) VALUES ('waiting', ?)", [(n,) for n in range(RUNS)]
        )
    began = time.perf_counter()
    while ids := [row[0] for row in connection.execute(_CLAIM, {"batch": BATCH}).fetchall()]:
        connection.execute(_FINISH, {"ids": json.dumps(ids)})
    rate = RUNS / (time.perf_counter() - began)
    connection.close()
    return rate


def ledger(folder: Path, synchronous: str) -> float:
    """The same through the ledger: overlap, deadlines, tokens, attempts and history included."""
    bench = rota_in(folder, synchronous=synchronous)
    fill(bench, RUNS)
    store = bench.ledger
    node, now = _register(store), store.now()
    claim = Claim(node, {"default": BATCH}, {"bench": ["no-op"]}, Instant(now + SECOND))
    move = step(State.RUNNING, Succeeded(), Tally(0, 0), Retries())
    assert move is not None
    began = time.perf_counter()
    while claimed := store.claim(claim):
        at = store.now()
        refused = store.finish(
            node, [Finish(one.id, one.token, move, "succeeded", at, at) for one in claimed]
        )
        assert not refused
    rate = RUNS / (time.perf_counter() - began)
    bench.close()
    return rate


def _register(store: object) -> str:
    now = store.now()  # type: ignore[attr-defined]  # a Ledger
    lease = Instant(now + 600 * SECOND)
    store.register(  # type: ignore[attr-defined]  # a Ledger
        NodeRecord("n", "bench", "bench", "default", "0", now, now, lease, 0, "live", 100, 0, None)
    )
    return "n"


SIDES: dict[str, tuple[Callable[[Path, str], float], str]] = {
    "bare SQL, normal": (bare, "normal"),
    "bare SQL, full": (bare, "full"),
    "ledger, normal": (ledger, "normal"),
    "ledger, full": (ledger, "full"),
}


def main() -> None:
    rates: dict[str, list[float]] = {name: [] for name in SIDES}
    for _ in range(ROUNDS):
        for name, (side, synchronous) in SIDES.items():
            with tempfile.TemporaryDirectory() as folder:
                rates[name].append(side(Path(folder), synchronous))
    floor = {word: median(rates[f"bare SQL, {word}"]) for word in ("normal", "full")}
    rows = [
        [
            name,
            f"{min(r):,.0f}",
            f"{median(r):,.0f}",
            f"{max(r):,.0f}",
            f"{median(r) / floor[SIDES[name][1]]:.2f}",
        ]
        for name, r in rates.items()
    ]
    table(
        [
            f"runs/s, batches of {BATCH}, SQLite {apsw.sqlite_lib_version()}",
            "min",
            "median",
            "max",
            "of the floor",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
