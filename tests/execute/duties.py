"""Tasks' code for the tests: what a user might write, good and bad."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from rota.execute.signals import GiveUp, Retry

if TYPE_CHECKING:
    from rota import Run

log = logging.getLogger("site.publishing")
started = threading.Event()
ended = threading.Event()


async def publish(run: Run, article: int, day: date | None = None, dry: bool = False) -> dict[str, Any]:
    log.warning("publishing %s", article)
    run.progress(1, 2, "half")
    run.log("said by hand")
    return {"article": article, "run": run.id, "day": day, "dry": dry}


async def nothing() -> None:
    await asyncio.sleep(0)


async def large() -> str:
    return "x" * 100_000


async def odd() -> Any:
    return object()


async def endless_values() -> Any:
    return (n for n in iter(int, 1))


async def not_a_number() -> float:
    return float("nan")


async def fails() -> None:
    raise ValueError("no such article")


async def fails_with_secret() -> None:
    raise ValueError("cannot reach postgresql://me:verysecret@db/site")


async def asks_for_retry() -> None:
    raise Retry(after=timedelta(seconds=90), why="the feed is being rebuilt")


async def asks_in_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asks_for_retry())


async def gives_up() -> None:
    raise GiveUp("the article was deleted")


async def leaves() -> None:
    sys.exit(3)


async def interrupts() -> None:
    raise KeyboardInterrupt


async def cancels_itself() -> None:
    raise asyncio.CancelledError


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def fails_without_words() -> None:
    raise Broken


async def sleeps() -> None:
    started.set()
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


async def refuses_to_stop() -> None:
    started.set()
    try:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue
    finally:
        ended.set()


async def ends_when_asked() -> str:
    started.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "tidied up"
    return "never"


async def times_itself_out() -> str:
    try:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()
    except TimeoutError:
        return "went on"
    return "never"
