"""One call of the command line: the options that every verb shares, and what they lead to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rota.cli.wiring import Wiring

if TYPE_CHECKING:
    from rota.cli.output import Output
    from rota.define.loaded import LoadedRota
    from rota.ledger.protocol import Ledger
    from rota.settings import Settings

__all__ = ["Session", "session_of"]


@dataclass(slots=True)
class Session:
    """The wiring and the shared options. Each thing is made when it is first asked for."""

    wiring: Wiring
    options: dict[str, str | None] = field(default_factory=dict)
    color: Literal["auto", "always", "never"] = "auto"

    def settings(self, **more: Any) -> Settings:
        given = {**self.options, **more}
        return self.wiring.settings(**{name: value for name, value in given.items() if value is not None})

    def output(self, json: bool = False) -> Output:
        from rota.cli.output import Output, wants_color

        return Output(json=json, color=wants_color(self.color))

    def load(self, *, import_code: bool) -> LoadedRota:
        return self.wiring.load(self.settings(), import_code=import_code)

    def load_if_there(self) -> LoadedRota | None:
        """The rota, where this machine has its file or program; arguments can then be checked before they are handed in."""
        from pathlib import Path

        from rota.define.code import put_on_path

        settings = self.settings()
        if settings.app is None:
            if not Path(settings.config).exists():
                return None
            put_on_path(Path(settings.config).resolve().parent)  # code is imported when it is asked for
        return self.wiring.load(settings, import_code=False)

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger as it is: neither made nor migrated. Raises `LedgerUnreachable` or `LedgerVersion`."""
        from rota.cli.ledgers import opened

        with opened(self.wiring, self.settings()) as ledger:
            yield ledger

    @property
    def actor(self) -> str:
        """Who does this, for the audit line: ``ROTA_ACTOR``, else the name of the user."""
        import getpass

        named = os.environ.get("ROTA_ACTOR", "").strip()
        if named:
            return named
        try:
            return getpass.getuser()
        except (KeyError, OSError, ImportError):  # a container's user without a name
            return f"user {os.getuid()}"


def session_of(context: Any) -> Session:
    """The session of a command's context."""
    session = context.find_object(Session)
    assert session is not None, "the root command makes one"
    return session  # type: ignore[no-any-return]  # the context is typer's, which keeps objects as Any
