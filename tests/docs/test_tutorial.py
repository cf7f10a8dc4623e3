"""The tutorial, executed as a reader would: its files written, its commands typed, in its order."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from tests.docs.pages import DOCS, blocks, commands
from tests.docs.walk import Walk


def runs(walk: Walk) -> list[dict[str, object]]:
    return list(json.loads(walk.typed("rota runs --task count-words --json"))["runs"])


def wait_for_a_success(walk: Walk) -> None:
    deadline = time.monotonic() + 30
    while "/?token=" not in walk.log or not any(run["state"] == "succeeded" for run in runs(walk)):
        assert time.monotonic() < deadline, walk.log
        time.sleep(0.2)  # asking the ledger again through the command line, as the reader would


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    page = DOCS / "tutorial" / "first-rota.md"
    told: dict[str, str] = {}
    walk = Walk(tmp_path)
    node = None
    with ExitStack() as stack:
        for block in blocks(page):
            if block.title:
                (tmp_path / block.title).write_text(block.text)
            for command in commands(block) if block.language == "console" else ():
                if command == "rota run":
                    node = stack.enter_context(walk.running(command))
                    wait_for_a_success(walk)
                else:
                    told[command] = walk.typed(command)
        assert node is not None, "the tutorial starts a node"
        node.send_signal(signal.SIGTERM)
        assert node.wait(30) == 0, walk.log

    assert {"rota init", "rota check", "rota status"} <= told.keys()
    assert "count-words" in told["rota next --count 3"]
    assert "/?token=" in walk.log
    triggered = next(text for command, text in told.items() if command.startswith("rota trigger"))
    assert json.loads(triggered) == {"words": 3}
    assert "trying out the tutorial" in told["rota task count-words"]
    assert (tmp_path / "var" / "rota.db").is_file()
