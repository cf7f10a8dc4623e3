"""Where the site keeps its files and how it is reached, read from the environment once per process or task."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from newsroom import faults

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The site's options.

    ``database`` holds the content and, in tables named ``rota_*``, Rota's ledger. ``var`` holds everything
    else that is written: images, sitemaps, feeds, mails, backups. ``faults`` are switched on for tests only.
    """

    database: Path = Path("var/newsroom.db")
    var: Path = Path("var")
    url: str = "http://127.0.0.1:8000"
    purge_url: str | None = None
    faults: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read NEWSROOM_DB, NEWSROOM_VAR, NEWSROOM_URL, NEWSROOM_PURGE_URL and NEWSROOM_FAULT.

        The database stands in ``var`` unless it is named. Raises ValueError for a fault that does not exist.
        """
        var = Path(environment.get("NEWSROOM_VAR", "var"))
        return cls(
            database=Path(environment.get("NEWSROOM_DB", str(var / "newsroom.db"))),
            var=var,
            url=environment.get("NEWSROOM_URL", "http://127.0.0.1:8000").rstrip("/"),
            purge_url=environment.get("NEWSROOM_PURGE_URL") or None,
            faults=faults.parse(environment.get("NEWSROOM_FAULT", "")),
        )

    @property
    def images(self) -> Path:
        return self.var / "images"

    @property
    def mail(self) -> Path:
        return self.var / "mail"

    @property
    def backups(self) -> Path:
        return self.var / "backups"

    @property
    def secure(self) -> bool:
        """Whether the site is reached over TLS, so that cookies may be marked Secure."""
        return self.url.startswith("https://")
