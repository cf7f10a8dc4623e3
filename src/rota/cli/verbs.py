"""The verbs, and where each one is: a verb's file is imported when it is used, so that ``rota --help`` is quick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from rota.cli.added import added_command, added_help, added_verbs
from rota.cli.errors import WRONG_USAGE
from rota.cli.plain import read_plainly
from rota.errors import Retriable, UnknownName

__all__ = ["VERBS", "Verbs", "command_of"]

VERBS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Begin": {
        "init": ("begin", "Write a commented rota.toml and an example task."),
        "check": ("begin", "Validate the rota and the code behind it; all problems at once."),
        "schema": ("begin", "Print the JSON Schema of rota.toml, for editors."),
        "run": ("node", "Run a node: fire what is due, carry it out, serve the pages."),
    },
    "Change": {
        "plan": ("change", "Show what applying the rota would change: tasks, occurrences, runs"),
        "apply": ("change", "Make the rota at hand the current revision, in one transaction."),
        "confirm": ("verifying", "Have a revision stay that is being verified"),
        "rollback": ("change", "Bring an earlier revision back, in one transaction and without its files."),
        "revisions": (
            "revisions",
            "List the revisions of the rota, newest first: who changed it, when and why.",
        ),
        "revision": ("revisions", "Show one revision: who, why, from which commit"),
        "record": (
            "revisions",
            "Print the record of a change, in Markdown: why, what, measures before and after",
        ),
        "deploy-check": (
            "deploy",
            "Say whether this build can serve the ledger: schema, code, waiting runs, revision.",
        ),
        "runbook": ("runbook", "Print a page for each task, in Markdown: duty, checks, schedule, measures"),
        "diff": ("revisions", "Show how two revisions differ, by task and by field"),
    },
    "Look ahead": {
        "next": ("ahead", "Show when tasks are due next."),
        "explain": ("explain", "Say in words what a schedule means, and when it is due."),
        "rehearse": ("rehearse", "Play the coming days in virtual time: apply, run, put back, prove."),
    },
    "Look": {
        "status": ("status", "Show what needs attention, what runs and what is due."),
        "tasks": ("tasks", "List the tasks."),
        "task": ("tasks", "Show one task: owner, expected result, rollback, latest runs."),
        "runs": ("runs", "List runs, newest first."),
        "log": ("runs", "Print what a run wrote."),
        "nodes": ("status", "List the nodes."),
        "verdicts": ("verdicts", "Show the latest verdict of each check of the expected results."),
        "incidents": ("incidents", "List the open incidents: tasks that do not do what is expected."),
        "incident": ("incidents", "Show one incident: what was expected and found, who was told"),
        "alert": ("alert", "Send a test message to an owner, by each channel: rota alert test OWNER."),
        "audit": ("audit", "Compare history with the schedules: every occurrence accounted for, once."),
    },
    "Step in": {
        "trigger": ("start", "Run a task now, or at a time."),
        "enqueue": ("start", "Hand in a run, as a program would."),
        "backfill": ("start", "Run past occurrences that have not succeeded."),
        "pause": ("state", "Pause a task, with a reason."),
        "resume": ("state", "End a pause, and make up for what it left out."),
        "acknowledge": ("incidents", "Say that you are at an incident"),
        "mute": ("incidents", "Have nobody told about a task for a time."),
        "unmute": ("incidents", "End a mute."),
        "undo": ("undo", "Undo what a task did, by the command beside its rollback note."),
        "cancel": ("state", "Withdraw a waiting run, or ask a running one to stop."),
        "retry": ("state", "Try a run once more that has ended."),
    },
    "The ledger": {
        "migrate": ("store", "Bring the ledger's schema to a version."),
        "export": (
            "export",
            "Write a copy of configuration, cursors, pauses and statistics, without secrets.",
        ),
        "backup": ("store", "Copy the ledger into a new file, while in use."),
        "doctor": ("store", "Examine ledger, settings and permissions."),
        "version": ("store", "Print the versions of Rota, Python and SQLite."),
    },
}
"""Group -> verb -> the file that has it, and its help in one line."""

_FILES = {verb: file for group in VERBS.values() for verb, (file, _) in group.items()}


def command_of(verb: str) -> Any:
    """The command of a verb, ready to run. The function has the verb's name, dashes as underscores, and one at its end."""
    function = getattr(import_module(f"rota.cli.{_FILES[verb]}"), f"{verb.replace('-', '_')}_")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    settings = {"help_option_names": ["-h", "--help"]}
    app.command(name=verb, cls=Verb, context_settings=settings)(function)
    return typer.main.get_command(app)


class _Plainly:
    """Reads values without pydantic, and has errors know the command that they are about."""

    def get_params(self, ctx: Any) -> list[Any]:
        return read_plainly(super().get_params(ctx))  # type: ignore[misc]  # mixed into typer's commands

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc, no-any-return]  # the same
        except WRONG_USAGE as error:
            error.ctx = getattr(error, "ctx", None) or ctx  # type: ignore[attr-defined]  # click's attribute
            raise


class Verb(_Plainly, TyperCommand):
    """One verb."""


class Verbs(_Plainly, TyperGroup):
    """The root command, which loads its verbs when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_FILES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in _FILES:
            return command_of(cmd_name)
        added = added_verbs().get(cmd_name)
        return added_command(added) if added else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args[0] not in _FILES and not ctx.resilient_parsing and args[0] not in added_verbs():
            raise UnknownVerb(args[0], tuple(_FILES))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, _FILES))
        for group, verbs in VERBS.items():
            with formatter.section(group):
                formatter.write_dl([(verb.ljust(width), help) for verb, (_, help) in verbs.items()])
        if added := added_help():
            with formatter.section("Added"):
                formatter.write_dl([(verb.ljust(width), help) for verb, help in added])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The verbs that begin so, without importing them."""
        from rota.cli.complete import items

        lines = {verb: help for verbs in VERBS.values() for verb, (_, help) in verbs.items()}
        found = [(verb, help) for verb, help in lines.items() if verb.startswith(incomplete)]
        return items(found) or super().shell_complete(ctx, incomplete)


class UnknownVerb(UnknownName):
    """There is no such verb: wrong usage."""

    kind = "usage"
    exit_code = 2

    def __init__(self, verb: str, known: Sequence[str]) -> None:
        super().__init__("command", verb, known, next=("rota --help",))
        self.expected = "a command of rota --help"
        self.retry = Retriable(True, "nothing was done")
