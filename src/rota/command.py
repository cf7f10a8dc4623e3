"""The entry point of the command ``rota``: gives the command line what it works with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rota.clock import Clock
    from rota.define.loaded import LoadedRota
    from rota.ledger.protocol import Ledger
    from rota.settings import Settings

__all__ = ["AppWiring", "main"]


class AppWiring:
    """What the command line is given to work with."""

    def settings(self, **overrides: Any) -> Settings:
        from rota.app import read_settings

        return read_settings(**overrides)

    def open_ledger(self, settings: Settings, *, migrate: bool = True) -> Ledger:
        from rota.app import open_ledger

        return open_ledger(settings, migrate=migrate)

    def open_scratch(self, clock: Clock) -> Ledger:
        from rota.app import open_scratch

        return open_scratch(clock)

    def load(self, settings: Settings, *, import_code: bool = True) -> LoadedRota:
        from rota.app import load_rota

        return load_rota(settings, import_code=import_code)

    def serve(self, settings: Settings, *, pages: bool = True) -> int:
        from rota.serve import serve

        return serve(settings, pages=pages)

    def deliver(self, ledger: Ledger, service: str) -> None:
        from rota.app import deliver

        deliver(ledger, service)


def main() -> None:
    """The command ``rota``."""
    from rota.cli.main import main as cli

    sys.exit(cli(AppWiring()))
