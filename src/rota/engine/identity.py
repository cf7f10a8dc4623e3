"""Who a node is, for as long as its lease holds."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass, field

__all__ = ["Identity"]


@dataclass(slots=True)
class Identity:
    """A fresh UUID per start, and again after a lost lease: host name and process id are labels only."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def renew(self) -> None:
        self.id = uuid.uuid4().hex

    @property
    def label(self) -> str:
        return f"{socket.gethostname()}:{os.getpid()}"
