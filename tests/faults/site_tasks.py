"""Tasks of several kinds whose bodies note, in a file, that they began: run, attempt, token, and whose code it is.

``slow`` notes in another that it ended: its node has a free slot again a moment before the outcome is in the ledger.
"""

from __future__ import annotations

import asyncio
import os
import time

from rota import Run


def _note(run: Run, *, end: bool = False) -> None:
    path = os.environ["ROTA_TEST_STARTS"] + (".ends" if end else "")
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, f"{run.id} {run.attempt} {run.token} {os.environ.get('ROTA_TEST_CODE', '-')}\n".encode())
    finally:
        os.close(fd)


async def quick(run: Run) -> dict[str, int]:
    _note(run)
    return {"id": run.id}


async def slow(run: Run) -> None:
    _note(run)
    await asyncio.sleep(0.4)
    _note(run, end=True)


if os.environ.get("ROTA_TEST_CODE") != "old":

    async def brand_new(run: Run) -> None:
        """What the old build does not have."""
        await slow(run)


async def failing(run: Run) -> None:
    _note(run)
    raise RuntimeError("on purpose")


def in_a_thread(run: Run) -> None:
    _note(run)
    time.sleep(0.05)  # the work itself: what a thread is for


def in_a_process(run: Run) -> int:
    _note(run)
    return run.id


async def blocking(run: Run) -> None:
    """Blocks the event loop itself, as code does that was not meant for it."""
    _note(run)
    time.sleep(float(os.environ["ROTA_TEST_BLOCK"]))
