"""The bodies of the tasks that a node is stopped in the middle of."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from rota import Run


async def wait_for_word(run: Run) -> int:
    """Until a file is there, or it is told to stop."""
    word = Path(os.environ["ROTA_TEST_WORD"])
    while not word.exists():
        await asyncio.sleep(0.05)
    return run.id


async def short(run: Run) -> int:
    await asyncio.sleep(0.3)
    return run.id


async def quick() -> None: ...
