"""The one model of a definition, behind `rota.toml` and `@rota.task` alike.

Keys that are not named here are refused. Each key's description is shown by editors (through the JSON
Schema) and in the reference page.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rota.define.alerts import AlertsEntry
from rota.define.json_values import JsonObject, JsonValue
from rota.define.refusal import refused, shown
from rota.define.rehearsal import RehearsalEntry
from rota.define.result_schema import ResultSchema
from rota.define.table import Table, unset
from rota.define.texts import Argv, Duty, Name, Patterns, Reference, SecretText, Url, reference
from rota.define.times import Duration, PositiveDuration, Rate, ScheduleValue, TimeLimit, TimeZone
from rota.model.task import CatchUp, Isolation, Overlap

__all__ = [
    "CommandEntry",
    "DefaultsEntry",
    "ExpectationEntry",
    "ObjectiveEntry",
    "OutputEntry",
    "QueueEntry",
    "RequestEntry",
    "RetryEntry",
    "RotaFile",
    "TaskEntry",
    "VerifyEntry",
]

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Status = Annotated[int, Field(ge=100, le=599)]
Words = Annotated[tuple[str, ...], Field(strict=False)]


class CommandEntry(Table):
    """A program to run. No shell takes part unless ``shell`` asks for it."""

    argv: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = Field(
        description="The program and its arguments, one text each.",
        examples=[["pg_dump", "--file", "/backup/web.sql"]],
    )
    shell: bool = Field(False, description="Hand the one text of argv to /bin/sh.")
    cwd: str | None = Field(
        None, description="The folder it runs in; none: the one that the node was started in."
    )
    env: dict[str, SecretText] = Field(
        default_factory=dict,
        description="Environment variables to add. env:NAME refers to a variable of the node, so that no secret stands in the file.",
    )
    success: Annotated[tuple[Annotated[int, Field(ge=0, le=255)], ...], Field(strict=False, min_length=1)] = (
        Field((0,), description="Exit statuses that mean success.")
    )

    @model_validator(mode="after")
    def _shell_takes_one_text(self) -> CommandEntry:
        if self.shell and len(self.argv) != 1:
            raise refused(
                "a shell command is one text",
                expected='argv = ["the whole command line"] with shell = true',
                found=f"{len(self.argv)} texts",
            )
        return self


class RequestEntry(Table):
    """An HTTP call to make."""

    url: Url = Field(
        description="Where to, http:// or https://. env:NAME refers to a variable of the node.",
        examples=["https://example.org/hooks/rebuild"],
    )
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = Field(
        "POST", description="The HTTP method."
    )
    headers: dict[Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")], SecretText] = Field(
        default_factory=dict,
        description="Headers to send. env:NAME refers to a variable of the node, so that no secret stands in the file.",
    )
    json_body: JsonValue = Field(None, alias="json", description="A body to send as JSON.")
    expect_status: Annotated[tuple[Status, ...], Field(strict=False)] = Field(
        (), description="Statuses that mean success; none named: any from 200 to 299."
    )


class RetryEntry(Table):
    """What happens after a failed attempt. The n-th retry waits min(backoff * factor ** (n - 1), max)."""

    attempts: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="Tries in all; 1 is no retry.")
    backoff: Duration = Field("10s", validate_default=True, description="The wait before the first retry.")
    factor: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = Field(
        2.0, description="By how much each wait is longer than the one before."
    )
    max: Duration = Field("5m", validate_default=True, description="The longest wait.")
    jitter: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        0.1, description="The share of a wait by which chance moves it either way."
    )

    @model_validator(mode="after")
    def _first_wait_is_allowed(self) -> RetryEntry:
        if self.backoff > self.max:
            raise refused(
                "the first wait is longer than the longest",
                expected="a max of at least the backoff (max is 5m unless it is stated)",
                found=f"backoff of {self.backoff.total_seconds():g} s, max of {self.max.total_seconds():g} s",
            )
        return self


class OutputEntry(Table):
    """What must and must not stand in what a run wrote."""

    matches: Patterns = Field(
        default_factory=list, description="Regular expressions, each of which must be found in the output."
    )
    absent: Patterns = Field(
        default_factory=list, description="Regular expressions, none of which may be found in the output."
    )


def _command(value: object) -> object:
    if isinstance(value, list | tuple):
        return {"argv": value}
    if isinstance(value, str):
        raise refused(
            "a command is a list of texts",
            expected='a list such as ["program", "argument"], or { argv = [...], shell = true }',
            found=shown(value),
        )
    return value


CommandValue = Annotated[
    CommandEntry,
    BeforeValidator(
        _command, json_schema_input_type=Annotated[list[str], Field(min_length=1)] | CommandEntry
    ),
]


def _verify(value: object) -> object:
    """Each of the three spellings as a table; which it is, is said by its key."""
    if isinstance(value, str):
        return {"run": reference(value)}
    if isinstance(value, list | tuple):
        return {"command": value}
    if isinstance(value, dict) and "url" in value:
        return {"request": value}
    if isinstance(value, dict) and "argv" in value:
        return {"command": value}
    return value


class VerifyEntry(Table):
    """What runs after a run and looks at what it did: one of the three."""

    run: Reference | None = Field(None, description="A Python function, module:function.")
    command: CommandValue | None = Field(None, description="A program: its arguments, or a table.")
    request: RequestEntry | None = Field(None, description="An HTTP call.")

    @model_validator(mode="after")
    def _is_one(self) -> VerifyEntry:
        given = [name for name in ("run", "command", "request") if getattr(self, name) is not None]
        if len(given) != 1:
            raise refused(
                "verify is one thing to run",
                expected="a function, a command or a request",
                found=" and ".join(given) or "nothing",
            )
        return self


VerifyValue = Annotated[
    VerifyEntry,
    BeforeValidator(
        _verify, json_schema_input_type=str | list[str] | CommandEntry | RequestEntry | VerifyEntry
    ),
]


class ObjectiveEntry(Table):
    """An objective: so many of the occurrences of a window succeed, and on time."""

    target: Annotated[float, Field(gt=0, lt=100, allow_inf_nan=False)] = Field(
        description="Percent; what is left of a hundred is the error budget.", examples=[99.5]
    )
    window: PositiveDuration = Field(
        "30d", validate_default=True, description="The time that is looked back on."
    )


class ExpectationEntry(Table):
    """The expected result as checks for the machine. A run that breaks one of the first four has failed."""

    max_duration: PositiveDuration | None = Field(None, description="How long a run may take.")
    result: ResultSchema | None = Field(
        None,
        description="JSON Schema of the returned value.",
        examples=[{"type": "object", "required": ["published"]}],
    )
    verify: VerifyValue | None = Field(
        None,
        description="What runs after, with the result, and must not fail: a function, module:function, which may take the result; a command, which finds it in ROTA_RESULT; or a request, which sends it.",
        examples=["site.checks:no_overdue_articles", ["check-feed", "--strict"]],
    )
    output: OutputEntry | None = Field(None, description="What must and must not stand in the output.")
    fresh_within: PositiveDuration | None = Field(
        None, description="The owner is told when there was no success for this long."
    )
    max_lateness: PositiveDuration | None = Field(
        None,
        description="How much after its instant a run may start; later fails no run, but the owner is told.",
    )
    objective: ObjectiveEntry | None = Field(
        None,
        description="The share of occurrences that succeed, and start within max_lateness where that is stated; the owner is told when the error budget is spent, or burns too fast.",
        examples=[{"target": 99.5, "window": "30d"}],
    )
    usual_duration: bool = Field(
        False, description="true: the owner is told when runs take another time than they used to."
    )


class TaskEntry(Table):
    """One duty: what to run, when, and who is responsible for it."""

    name: Name = Field(
        description="The task's name: small letters, digits and dashes.", examples=["publish-due-articles"]
    )
    run: Reference | None = Field(
        None, description="A Python function, module:function.", examples=["site.publishing:publish_due"]
    )
    command: CommandValue | None = Field(None, description="A program to run: its arguments, or a table.")
    request: RequestEntry | None = Field(None, description="An HTTP call to make.")
    timezone: TimeZone | None = Field(None, description="The time zone of the schedule; none: the file's.")
    schedule: ScheduleValue = Field(
        None, description="When it is due: a cron expression, or a table of rules; none: only when asked for."
    )
    owner: Duty = Field(
        description="Who answers for the task.", examples=["Editorial <editorial@example.org>"]
    )
    expects: Duty = Field(
        description="The expected result, in a sentence.", examples=["sitemap.xml lists every public article"]
    )
    rollback: Duty = Field(
        description="How to undo what it did.",
        examples=["restore the previous sitemap from the object store"],
    )
    rollback_command: Argv = Field(
        (),
        description="The program and its arguments that do what the note says, for rota undo; no shell.",
        examples=[["restore-sitemap", "--previous"]],
    )
    undo: Annotated[str, Field(pattern=r"^none: \S.*$")] | None = Field(
        None,
        description='"none: WHY" where its effects cannot be undone; then a plan asks for blast_radius and a dry run.',
        examples=["none: mail already sent"],
    )
    blast_radius: str | None = Field(
        None,
        min_length=3,
        description="The most that one run can affect, in words.",
        examples=["at most the 3,000 readers of the digest, one mail each"],
    )
    description: str = Field("", description="More about it, for people.")
    tags: Words = Field((), description="Words to find it by.")
    args: JsonObject = Field(
        default_factory=dict, description="Arguments handed to every run that brings none of its own."
    )
    timeout: TimeLimit = Field(
        "1h", validate_default=True, description='How long an attempt may take; "none" for no limit.'
    )
    grace: Duration = Field(
        "10s", validate_default=True, description="The time between asking an attempt to stop and forcing it."
    )
    overlap: Annotated[Overlap, Field(strict=False)] = Field(
        Overlap.SKIP, description="What a due occurrence does while an earlier run has not ended."
    )
    catch_up: Annotated[CatchUp, Field(strict=False)] = Field(
        CatchUp.LATEST, description="What becomes of the occurrences of a downtime or a pause."
    )
    catch_up_limit: Count = Field(
        100, description='With catch_up = "all": the most occurrences that are made up for.'
    )
    deadline: PositiveDuration | None = Field(
        None, description="Later than this, an occurrence is recorded as missed and its owner told."
    )
    retry: RetryEntry = Field(
        default_factory=unset(RetryEntry), description="What happens after a failed attempt."
    )
    concurrency: Count | None = Field(None, description="Runs of this task at once, over all nodes.")
    queue: str = Field("default", description="The queue its runs wait in; declared as [queue.NAME].")
    priority: Annotated[int, Field(ge=0, le=9)] = Field(
        5, description="0 to 9; of waiting runs the higher is served first."
    )
    pause_on_failure: Count | None = Field(
        None, description="The task is paused after so many failed runs in a row."
    )
    enabled: bool = Field(
        True, description="false: it stays in the rota, and its occurrences are recorded as skipped."
    )
    canary: bool | None = Field(
        None,
        description="true: it runs once to try a change of it (rota apply --verify); false: it never does, because it cannot be undone.",
    )
    isolation: Annotated[Isolation | None, Field(strict=False)] = Field(
        None, description="Where a function runs; none: loop for async def, process for def."
    )
    expectation: ExpectationEntry = Field(
        default_factory=unset(ExpectationEntry),
        description="The expected result as checks for the machine.",
    )

    @model_validator(mode="after")
    def _one_way_back(self) -> TaskEntry:
        if self.undo is None or not self.rollback_command:
            return self
        raise refused(
            "effects that cannot be undone have no command that undoes them",
            expected="undo or rollback_command, one of them",
            found="both",
            inside=("undo",),
        )


class QueueEntry(Table):
    """A queue's limits, over all nodes."""

    weight: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="Its share of a node's slots, beside the other queues' weights."
    )
    rate: Rate | None = Field(None, description="The most starts in a time.")
    concurrency: Count | None = Field(None, description="The most runs at once.")


class DefaultsEntry(Table):
    """Values for the tasks of this file that state none of their own. A table such as retry is taken whole."""

    timezone: TimeZone | None = Field(None, description="The time zone of schedules.")
    owner: Duty | None = Field(None, description="Who answers for the tasks.")
    timeout: TimeLimit = Field(None, description='How long an attempt may take; "none" for no limit.')
    retry: RetryEntry | None = Field(None, description="What happens after a failed attempt.")
    overlap: Annotated[Overlap | None, Field(strict=False)] = Field(
        None, description="What a due occurrence does while an earlier run has not ended."
    )
    catch_up: Annotated[CatchUp | None, Field(strict=False)] = Field(
        None, description="What becomes of the occurrences of a downtime or a pause."
    )


class RotaFile(Table):
    """A rota: the tasks of one service."""

    service: Name = Field(description="The service that the tasks belong to.", examples=["web"])
    timezone: TimeZone = Field("UTC", description="The time zone of schedules that name none.")
    defaults: DefaultsEntry = Field(
        default_factory=unset(DefaultsEntry), description="Values for tasks that state none of their own."
    )
    queue: dict[Name, QueueEntry] = Field(default_factory=dict, description="Queues, by name.")
    alerts: AlertsEntry = Field(
        default_factory=unset(AlertsEntry),
        description="Who is told when a task does not do what is expected.",
    )
    rehearsal: RehearsalEntry = Field(
        default_factory=unset(RehearsalEntry), description="What `rota rehearse` goes by."
    )
    task: Annotated[tuple[TaskEntry, ...], Field(strict=False)] = Field(
        (), description="The tasks, one [[task]] each."
    )
