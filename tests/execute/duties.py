"""Tasks' code for the tests: what a user might write, good and bad."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
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


# Plain functions, for worker processes and threads.


def add(a: int, b: int = 2) -> int:
    return a + b


def tells(run: Run) -> dict[str, Any]:
    log.info("logged\nand forged")
    run.log("said")
    run.progress(3, 4, "nearly")
    print("printed")
    print("complained", file=sys.stderr, end="")
    return {"pid": os.getpid(), "attempt": run.attempt, "covers": run.covers.count}


def pid() -> int:
    return os.getpid()


def boom() -> None:
    raise ValueError("no such article")


def retry_later() -> None:
    raise Retry(after=7, why="busy")


def give_up() -> None:
    raise GiveUp("gone")


def exits() -> None:
    sys.exit("enough")


def too_large() -> str:
    return "x" * 200_000


def not_json() -> Any:
    return object()


def segfault() -> None:
    print("just before", flush=True)
    ctypes.string_at(0)


def leaves_at_once(status: int = 7) -> None:
    os._exit(status)


def kills_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def eats_memory() -> int:
    return len(b"x" * (4 << 30))


def hangs(path: str, stubborn: bool = False) -> None:
    """Writes its pid and that of a child to ``path``; when asked to stop it writes that, too."""
    child = subprocess.Popen(["sleep", "600"])
    _tell(path, f"{os.getpid()} {child.pid}")
    while True:
        try:
            time.sleep(600)
        except BaseException as request:
            _tell(path + ".asked", type(request).__name__)
            if not stubborn:
                raise


async def hangs_async(path: str) -> None:
    _tell(path, str(os.getpid()))
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        _tell(path + ".asked", "CancelledError")
        raise


async def in_worker(value: int) -> int:
    await asyncio.sleep(0)
    return value * 2


def floods(megabytes: int) -> str:
    line = b"0123456789abcdef" * 63 + b"0123456789abcde\n"
    for _ in range(megabytes):
        os.write(1, line * 64)
        for _ in range(15):
            os.write(1, line * 64)
    print("the end")
    return "done"


def floods_log(lines: int) -> None:
    for number in range(lines):
        log.info("line %d %s", number, "x" * 90)


def waits_for(path: str) -> int:
    """Runs until ``path`` exists."""
    _tell(path + ".started", "")
    while not os.path.exists(path):
        time.sleep(0.005)
    return os.getpid()


def watches(run: Run, path: str) -> str:
    """A thread's way to stop: it looks at ``run.cancelled``."""
    _tell(path, "")
    while not run.cancelled:
        time.sleep(0.005)
    return "saw it"


def _tell(path: str, text: str) -> None:
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".part", path)


def closes_everything() -> None:
    """As code does that turns itself into a daemon."""
    os.closerange(3, 1024)


def writes_nonsense() -> None:
    """Writes where it should not, over what it was never given."""
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(number, b"\xff" * 64)
    time.sleep(600)
