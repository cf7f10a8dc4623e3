"""Watching a run: the ledger is asked again at growing intervals, at once where something happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import sleep
from typing import TYPE_CHECKING

from rota.model.run import FINAL

if TYPE_CHECKING:
    from rota.cli.output import Output
    from rota.clock import Instant
    from rota.ledger.protocol import Ledger
    from rota.model.run import RunRecord
    from rota.read.runs import Line

__all__ = ["ended", "follow_log", "print_line", "say_if_nobody_is_there", "say_why", "wait_for"]

_SOONEST, _LATEST = 0.1, 2.0  # seconds between two looks


def wait_for(ledger: Ledger, run_id: int) -> RunRecord:
    """Wait until a run has ended. Ctrl-C ends the wait, not the run."""
    from rota.read.runs import the_run

    said = False
    for pause in _pauses():
        run = the_run(ledger, run_id)
        if run.state in FINAL:
            return run
        if not said and pause >= 1.0:
            said = say_if_nobody_is_there(ledger, run.service)
        sleep(pause)
    raise AssertionError("the pauses never end")


def follow_log(ledger: Ledger, run_id: int, lines: Sequence[Line], show: Callable[[Line], None]) -> None:
    """Show these lines of a run and all that follow, until it has ended."""
    from rota.cli.output import talk
    from rota.read.runs import log_lines, the_run

    for line in lines:
        show(line)
    seen = max((line.seq for line in lines), default=0)
    pauses = _pauses()
    while True:
        run = the_run(ledger, run_id)  # before its lines: what it wrote until its end is then among them
        fresh = log_lines(ledger, run_id, after=seen)
        for line in fresh:
            show(line)
            seen = line.seq
        if fresh:
            pauses = _pauses()
        elif run.state in FINAL:
            say_why(run)
            talk(ended(run))
            return
        else:
            sleep(next(pauses))


def print_line(out: Output, line: Line) -> None:
    """One line of a run's log: a line, or an object of JSON."""
    from rota.read.shape import as_json

    if out.json:
        import json

        print(json.dumps(as_json(line), ensure_ascii=False), flush=True)
        return
    out.line(f"{_time(line.at)}  {line.source:<8}{line.text}", _STYLES.get(line.source, ""))


_STYLES = {"ERROR": "red", "CRITICAL": "bold red", "WARNING": "yellow", "stderr": "yellow", "DEBUG": "dim"}


def _time(at: Instant) -> str:
    from rota.clock import from_instant

    return f"{from_instant(at):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"


def ended(run: RunRecord) -> str:
    """How a run ended, in a line."""
    from rota.read.strip import run_cell
    from rota.read.words import length

    cell = run_cell(run, run.finished_at or run.run_at)
    known = run.started_at is not None and run.finished_at is not None
    took = f" after {length((run.finished_at or 0) - (run.started_at or 0))}" if known else ""
    why = cell.words.removeprefix(f"{run.state.value}: ")
    return f"run {run.id} of {run.task} {run.state.value}{took}: {why}"


def say_why(run: RunRecord) -> None:
    """The error that a run ended with, with its traceback where there is one, on stderr."""
    import json

    from rota.cli.output import talk

    try:
        error = json.loads(run.error or "null")
    except ValueError:
        error = {"message": run.error}
    if not isinstance(error, dict):
        return
    text = error.get("traceback") or ": ".join(
        str(error[key]) for key in ("type", "message") if error.get(key)
    )
    for line in str(text).rstrip().splitlines():
        talk(line)


def _pauses() -> Iterator[float]:
    pause = _SOONEST
    while True:
        yield pause
        pause = min(_LATEST, pause * 1.4)


def say_if_nobody_is_there(ledger: Ledger, service: str) -> bool:
    """Whoever waits for a run that no node can start should know."""
    from rota.cli.output import talk

    now = ledger.now()
    serving = (node for node in ledger.nodes() if service in node.services.split(","))
    if any(node.state == "live" and node.lease_until >= now for node in serving):
        return False
    talk(
        f"note: no node is running that serves {service}, so it does not start yet; start one with: rota run"
    )
    return True
