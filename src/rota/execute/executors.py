"""The executors of a node, by the name that `Task.executor` gives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from rota.clock import Clock
from rota.execute.arguments import Prepared
from rota.execute.child import Warden
from rota.execute.command import CommandExecutor
from rota.execute.coroutine import CoroutineExecutor
from rota.execute.limits import Limits
from rota.execute.pool import Pool
from rota.execute.process import ProcessExecutor
from rota.execute.protocol import Executor
from rota.execute.redact import Redactor
from rota.execute.request import RequestExecutor
from rota.execute.thread import ThreadExecutor
from rota.settings import Settings

__all__ = ["build_executors"]


def build_executors(
    settings: Settings,
    *,
    environment: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
    memory_limit: int | None = None,
    warm: bool = False,
    clock: Clock | None = None,
    known: Mapping[str, Prepared] | None = None,
) -> Mapping[str, Executor]:
    """One executor for each name. Nothing starts yet: processes come with the first run that needs one.

    ``environment`` is where secrets to be hidden in logs are looked up (None: this process's own); ``secrets`` are
    further ones. ``memory_limit`` is the address space of one worker process in bytes. With ``warm``, the
    worker processes are started with the node. ``known`` are functions at hand, by path: one that stands inside
    another can run here, though not in a worker process, which has to import it.
    """
    limits = Limits(log=settings.log_limit, result=settings.result_limit)
    redact = Redactor(secrets, os.environ if environment is None else environment)
    warden = Warden()
    pool = Pool(settings.workers, settings.recycle_after, warden, memory_limit)
    return {
        "loop": CoroutineExecutor(limits, redact, known),
        "process": ProcessExecutor(pool, limits, redact, is_warm=warm),
        "thread": ThreadExecutor(settings.threads, limits, redact, known),
        "command": CommandExecutor(limits, warden, redact),
        "request": RequestExecutor(limits, redact, clock),
    }
