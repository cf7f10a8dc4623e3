"""A program that forks after it has used its ledger, as a web server does with its workers; each process runs a node.

``python -m tests.faults.ledger.forked ADDRESS SECONDS FILE PROCESSES TASKS``: FILE is where the tasks' bodies note what
they are.
"""

from __future__ import annotations

import asyncio
import os
import sys

from rota import Rota, Run

DUTY = {"owner": "faults@example.org", "expects": "each occurrence once", "rollback": "nothing to put back"}


def program(address: str, noted: str, tasks: int) -> Rota:
    rota = Rota("forks", database_url=address, lease=3.0, heartbeat=0.5, poll=0.1, ahead=0.3, drain=5.0)

    async def tick(run: Run) -> None:
        fd = os.open(noted, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, f"{run.id} {run.attempt} {run.token} {os.getpid()}\n".encode())
        os.close(fd)

    for number in range(tasks):
        rota.task(
            name=f"tick-{number}", schedule={"every": "500ms"}, overlap="allow", catch_up="all", **DUTY
        )(tick)
    return rota


async def serve(rota: Rota, seconds: float) -> None:
    async with rota.running():
        await asyncio.sleep(seconds)  # the time that is watched


def main(address: str, seconds: float, noted: str, processes: int, tasks: int) -> None:
    rota = program(address, noted, tasks)
    rota.ledger.tasks()  # on the parent's connection
    if address.startswith("sqlite"):
        rota.close()  # a file that was opened before a fork is refused after it
    children = []
    for _ in range(processes - 1):
        child = os.fork()
        if child == 0:
            asyncio.run(serve(rota, seconds))
            os._exit(0)
        children.append(child)
    asyncio.run(serve(rota, seconds))
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
