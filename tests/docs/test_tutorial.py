"""The tutorial, executed as a reader would: its files written, its commands typed, in its order."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.docs.pages import DOCS, blocks, commands

ROTA = [sys.executable, "-m", "rota"]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROTA_")}
    return kept | {"ROTA_PORT": "0", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def typed(folder: Path, command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "rota", command
    done = subprocess.run(
        [*ROTA, *words[1:]],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def running(folder: Path, command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on until it is stopped, as in a terminal of its own."""
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [*ROTA, *shlex.split(command)[1:]], cwd=folder, env=environment(), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def runs(folder: Path) -> list[dict[str, object]]:
    return list(json.loads(typed(folder, "rota runs --task count-words --json"))["runs"])


def wait_for_a_success(folder: Path) -> None:
    deadline = time.monotonic() + 30
    while "/?token=" not in (folder / "run.log").read_text() or not any(
        run["state"] == "succeeded" for run in runs(folder)
    ):
        assert time.monotonic() < deadline, (folder / "run.log").read_text()
        time.sleep(0.2)  # asking the ledger again through the command line, as the reader would


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    page = DOCS / "tutorial" / "first-rota.md"
    told: dict[str, str] = {}
    node = None
    with ExitStack() as stack:
        for block in blocks(page):
            if block.title:
                (tmp_path / block.title).write_text(block.text)
            for command in commands(block) if block.language == "console" else ():
                if command == "rota run":
                    node = stack.enter_context(running(tmp_path, command))
                    wait_for_a_success(tmp_path)
                else:
                    told[command] = typed(tmp_path, command)
        assert node is not None, "the tutorial starts a node"
        node.send_signal(signal.SIGTERM)
        assert node.wait(30) == 0, (tmp_path / "run.log").read_text()

    assert {"rota init", "rota check", "rota status"} <= told.keys()
    assert "count-words" in told["rota next --count 3"]
    assert "/?token=" in (tmp_path / "run.log").read_text()
    triggered = next(text for command, text in told.items() if command.startswith("rota trigger"))
    assert json.loads(triggered) == {"words": 3}
    assert "trying out the tutorial" in told["rota task count-words"]
    assert (tmp_path / "var" / "rota.db").is_file()
