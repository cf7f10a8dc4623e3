"""The executors of a node, by the name that `Task.executor` gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rota.execute.coroutine import CoroutineExecutor
from rota.execute.limits import Limits
from rota.execute.protocol import Executor
from rota.execute.redact import Redactor
from rota.settings import Settings

__all__ = ["build_executors"]


def build_executors(
    settings: Settings,
    *,
    environment: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
) -> Mapping[str, Executor]:
    """One executor for each name. ``environment`` is where secrets to be hidden in logs are looked up."""
    limits = Limits(log=settings.log_limit, result=settings.result_limit)
    redact = Redactor(secrets, environment)
    return {"loop": CoroutineExecutor(limits, redact)}
