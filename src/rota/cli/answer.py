"""What is said of a run that was asked for: that it is recorded, what came of it, and that it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rota.cli.output import Output
    from rota.ledger.protocol import Ledger
    from rota.model.run import RunRecord

__all__ = ["goes_on", "recorded", "result"]


def recorded(out: Output, ledger: Ledger, run_id: int, *, created: bool) -> None:
    """Say that a run is recorded, and when it is due."""
    from rota.read.runs import run_row, the_run
    from rota.read.shape import as_json
    from rota.read.words import relative

    now = ledger.now()
    run = the_run(ledger, run_id)
    if out.json:
        out.document({"run": as_json(run_row(run, now)), "created": created})
        return
    was = "recorded" if created else "there already"
    out.line(f"run {run_id} of {run.task} is {was}, due {relative(run.run_at, now)}")


def result(out: Output, run: RunRecord) -> int:
    """Print what came of a run; returns the exit code for it."""
    from rota.cli.follow import ended, say_why
    from rota.cli.output import talk
    from rota.model.run import State
    from rota.read.runs import run_row
    from rota.read.shape import as_json

    succeeded = run.state is State.SUCCEEDED
    if out.json:
        returned, error = (None if text is None else _parsed(text) for text in (run.result, run.error))
        out.document(
            {"run": as_json(run_row(run, run.finished_at or run.run_at)), "result": returned, "error": error}
        )
    elif run.result is not None:
        out.line(run.result)
    if not out.json:
        say_why(run)
    talk(ended(run))
    if not succeeded:
        talk(f"see: rota log {run.id}")
    return 0 if succeeded else 1


def _parsed(text: str) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def goes_on(run_id: int) -> None:
    """Whoever stops waiting does not stop the run."""
    from rota.cli.output import talk

    talk(
        f"\nno longer waiting; run {run_id} goes on. See it: rota log {run_id} --follow; stop it: rota cancel {run_id}"
    )
