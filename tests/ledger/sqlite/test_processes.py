"""Several processes on one file, some of them killed: nothing that was acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import pytest
from tests.ledger.house import House

from rota.errors import LedgerError
from rota.model.run import State

ROOT = Path(__file__).resolve().parents[3]


def start(folder: Path, name: str, runs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.sqlite.worker", str(folder / "rota.db"), name, str(runs)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def told(text: str) -> list[tuple[str, ...]]:
    """The whole lines: a killed process may have left half of one."""
    return [tuple(line.split()) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def integrity(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def test_eight_processes_on_one_file_do_each_run_once(house: House, tmp_path: Path) -> None:
    workers = [start(tmp_path, f"n{number}", 60) for number in range(2, 10)]
    lines = []
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
        lines += told(out)
    tokens = Counter(line[2] for line in lines if line[0] == "claimed")
    finished = Counter(line[1] for line in lines if line[0] == "finished")
    assert len(finished) == len(tokens) == 8 * 60
    assert set(finished.values()) == set(tokens.values()) == {1}
    assert {run.state for run in house.runs()} == {State.SUCCEEDED}
    assert integrity(tmp_path / "rota.db") == "ok"


@pytest.mark.parametrize("seed", range(4))
def test_what_a_killed_process_was_told_is_there(house: House, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: dict[str, str] = {}
    for number in range(3):
        worker = start(tmp_path, f"k{seed}-{number}", 100_000)
        assert worker.stdout is not None
        first = worker.stdout.readline()
        time.sleep(chance.uniform(0.02, 0.5))  # the moment of the kill is what is tried
        worker.kill()
        rest, _ = worker.communicate()
        for word, run, *_ in told(first + rest):
            acknowledged[run] = word
    house.ledger.close()
    assert integrity(tmp_path / "rota.db") == "ok"
    states = {str(run.id): run.state for run in House(house.open(), house.clock, house.open).runs()}
    assert len(acknowledged) > 10
    for run, word in acknowledged.items():
        assert run in states, f"run {run} was {word} and is gone"
        assert word != "finished" or states[run] is State.SUCCEEDED
        assert word != "claimed" or states[run] in (State.RUNNING, State.SUCCEEDED)


def test_a_ledger_from_before_a_fork_is_refused(house: House) -> None:
    house.enqueue()
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside other tests' threads
        child = os.fork()
    if child == 0:
        try:
            house.runs()
            answer = "allowed"
        except LedgerError as error:
            answer = f"{error}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    assert "before this process was forked" in os.read(reader, 4096).decode()
    os.close(reader)
    assert len(house.runs()) == 1


def test_threads_share_one_ledger(house: House) -> None:
    faults: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(30):
                house.enqueue()
                house.claim(want=3)
                house.runs(limit=5)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    runs = house.runs()
    assert len(runs) == 240
    assert max(Counter(run.token for run in runs if run.token).values()) == 1
