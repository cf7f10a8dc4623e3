"""A folder with a rota, a ledger and a clock: what the command line's tests work on, in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.read.house import START, House, a_node

from rota.app import open_scratch
from rota.cli.main import main
from rota.clock import Clock
from rota.define.load import load_file
from rota.define.loaded import LoadedRota
from rota.ledger.protocol import Ledger
from rota.ledger.sqlite.ledger import SqliteLedger
from rota.settings import Settings
from rota.testing import ManualClock

TOML = """\
service = "newsroom"
[defaults]
owner = "Ann <ann@example.org>"

[[task]]
name = "publish"
command = ["true"]
schedule = { every = "60s" }
expects = "all that is due is public"
rollback = "unpublish it again"
tags = ["content"]

[[task]]
name = "tidy"
command = ["true"]
schedule = "30 2 * * *"
timezone = "Europe/Berlin"
expects = "nothing lies about"
rollback = "nothing to undo"

[[task]]
name = "send"
run = "desk_duties:send"
expects = "the letter is out"
rollback = "an apology"
"""

DUTIES = '''\
def send(to: str, copies: int = 1) -> dict[str, int]:
    """Send a letter."""
    return {"sent": copies}
'''


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass
class Desk:
    """Plays the part of the composition root."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    served: list[tuple[Settings, bool]] = field(default_factory=list)
    serves_with: int = 0

    # -- the wiring

    def settings(self, **overrides: Any) -> Settings:
        usual = {
            "database_url": f"sqlite:///{self.folder / 'rota.db'}",
            "config": str(self.folder / "rota.toml"),
        }
        return Settings(**{**usual, **overrides})

    def open_ledger(self, settings: Settings, *, migrate: bool) -> Ledger:
        ledger = SqliteLedger(settings.database_url.removeprefix("sqlite:///"), clock=self.clock)
        if migrate:
            ledger.migrate()
        return ledger

    def open_scratch(self, clock: Clock) -> Ledger:
        return open_scratch(clock)

    def load(self, settings: Settings, *, import_code: bool) -> LoadedRota:
        return load_file(settings.config, import_code=import_code)

    def serve(self, settings: Settings, *, pages: bool) -> int:
        self.served.append((settings, pages))
        return self.serves_with

    def deliver(self, ledger: Ledger, service: str) -> None:
        from rota.app import deliver

        deliver(ledger, service)

    # -- what tests do

    def rota(self, *argv: str) -> Said:
        """Carry out a command line."""
        self.capsys.readouterr()
        code = main(self, argv)
        out, err = self.capsys.readouterr()
        return Said(code, out, err)

    def write(self, text: str = TOML) -> None:
        """The rota at hand, and the code behind it."""
        (self.folder / "rota.toml").write_text(text)
        (self.folder / "desk_duties.py").write_text(DUTIES)

    @contextlib.contextmanager
    def house(self) -> Iterator[House]:
        """The ledger and a node's part, for what happens besides commands. The rota at hand is applied."""
        from rota.change.apply import apply

        loaded = self.load(self.settings(), import_code=False)
        ledger = SqliteLedger(str(self.folder / "rota.db"), clock=self.clock)
        try:
            ledger.migrate()
            apply(ledger, loaded, author="a test", reason="first")
            if not ledger.nodes():
                ledger.register(a_node(self.clock.now()))
            yield House(ledger, self.clock, loaded)
        finally:
            ledger.close()
