"""From a checked entry to the frozen task that the rest of Rota knows."""

from __future__ import annotations

from rota.define.entry import (
    CommandEntry,
    ExpectationEntry,
    QueueEntry,
    RequestEntry,
    RetryEntry,
    TaskEntry,
    VerifyEntry,
)
from rota.model.task import (
    Command,
    Expectation,
    Function,
    Isolation,
    Objective,
    Queue,
    Request,
    Retries,
    Target,
    Task,
)

__all__ = ["queue_of", "task_of"]


def task_of(entry: TaskEntry, *, service: str, source: str, isolation: Isolation | None = None) -> Task:
    """The task that an entry defines. ``isolation`` is the function's own, used where the entry states none."""
    return Task(
        service=service,
        name=entry.name,
        target=_target(entry, isolation),
        owner=entry.owner,
        expects=entry.expects,
        rollback=entry.rollback,
        rollback_command=tuple(entry.rollback_command),
        undo=entry.undo,
        blast_radius=entry.blast_radius,
        schedule=entry.schedule,
        description=entry.description,
        tags=tuple(entry.tags),
        args=entry.args,
        timeout=entry.timeout,
        grace=entry.grace,
        overlap=entry.overlap,
        catch_up=entry.catch_up,
        catch_up_limit=entry.catch_up_limit,
        deadline=entry.deadline,
        retry=_retries(entry.retry),
        concurrency=entry.concurrency,
        queue=entry.queue,
        priority=entry.priority,
        pause_on_failure=entry.pause_on_failure,
        enabled=entry.enabled,
        canary=entry.canary,
        expectation=_expectation(entry.expectation),
        source=source,
    )


def queue_of(name: str, entry: QueueEntry) -> Queue:
    """The queue that ``[queue.NAME]`` declares."""
    return Queue(name, weight=entry.weight, rate=entry.rate, concurrency=entry.concurrency)


def _target(entry: TaskEntry | VerifyEntry, isolation: Isolation | None) -> Target:
    if entry.command is not None:
        return _command(entry.command)
    if entry.request is not None:
        return _request(entry.request)
    assert entry.run is not None, "the loader refuses an entry without run, command or request"
    stated = entry.isolation if isinstance(entry, TaskEntry) else None
    return Function(entry.run, stated or isolation or Isolation.PROCESS)


def _command(entry: CommandEntry) -> Command:
    return Command(tuple(entry.argv), entry.shell, entry.cwd, entry.env, tuple(entry.success))


def _request(entry: RequestEntry) -> Request:
    return Request(entry.url, entry.method, entry.headers, entry.json_body, tuple(entry.expect_status))


def _retries(entry: RetryEntry) -> Retries:
    return Retries(entry.attempts, entry.backoff, entry.factor, entry.max, entry.jitter)


def _expectation(entry: ExpectationEntry) -> Expectation:
    output, objective = entry.output, entry.objective
    return Expectation(
        max_duration=entry.max_duration,
        result=entry.result,
        verify=None if entry.verify is None else _target(entry.verify, None),
        output=None if output is None else {"matches": output.matches, "absent": output.absent},
        fresh_within=entry.fresh_within,
        max_lateness=entry.max_lateness,
        objective=None if objective is None else Objective(objective.target, objective.window),
        usual_duration=entry.usual_duration,
    )
