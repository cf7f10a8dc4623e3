"""What the command line is given to work with. It names no adapter: whoever starts it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rota.clock import Clock
    from rota.define.loaded import LoadedRota
    from rota.ledger.protocol import Ledger
    from rota.settings import Settings

__all__ = ["Wiring"]


class Wiring(Protocol):
    """Settings, ledger, rota and node, each made when a command needs it."""

    def settings(self, **overrides: Any) -> Settings:
        """The settings of this process. Raises `UsageError` for a value that is not usable."""
        ...

    def open_ledger(self, settings: Settings, *, migrate: bool) -> Ledger:
        """The ledger; an older schema is brought up to date where ``migrate`` says so."""
        ...

    def open_scratch(self, clock: Clock) -> Ledger:
        """An empty ledger on a clock of its own, gone when it is closed."""
        ...

    def load(self, settings: Settings, *, import_code: bool) -> LoadedRota:
        """The rota. Raises `DefinitionErrors` with all its problems."""
        ...

    def serve(self, settings: Settings, *, pages: bool) -> int:
        """Run a node until it is stopped; returns the exit code."""
        ...

    def deliver(self, ledger: Ledger, service: str) -> None:
        """Send what is due in the outbox of a service, as its nodes would."""
        ...
