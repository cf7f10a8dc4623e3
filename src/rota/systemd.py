"""What systemd is told, where it has started this process and asks for that: ready, alive, stopping.

The protocol is that of sd_notify(3): lines in a datagram to the socket that ``NOTIFY_SOCKET`` names. Elsewhere nothing is
told, and nothing depends on it.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping

__all__ = ["Systemd"]

MICROSECONDS = 1_000_000

PATIENCE = 1.0
"""Seconds; only a few datagrams wait in the socket, and systemd may be slow to take them while a machine starts."""


class Systemd:
    """Tells systemd how this process is. ``environment`` is that of the process; what is systemd's is taken out of it,
    so that the commands of tasks do not speak for the service.

    >>> Systemd({}).watchdog is None
    True
    >>> Systemd({"NOTIFY_SOCKET": "/run/systemd/notify", "WATCHDOG_USEC": "30000000"}).watchdog
    30.0
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "")
        limit, asked = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        is_asked = self._address and limit.isdigit() and asked in ("", str(os.getpid()))
        self.watchdog = int(limit) / MICROSECONDS if is_asked else None
        """Seconds within which it wants to hear that this process lives; None: it does not."""

    def ready(self, status: str) -> None:
        """The service serves. ``status`` is what ``systemctl status`` shows."""
        self._tell("READY=1", f"STATUS={status}")

    def waiting(self, status: str, seconds: float) -> None:
        """It is not ready yet, and asks for so many seconds more."""
        self._tell(f"EXTEND_TIMEOUT_USEC={int(seconds * MICROSECONDS)}", f"STATUS={status}")

    def lives(self) -> None:
        """The answer to the watchdog."""
        self._tell("WATCHDOG=1", patience=0.0)  # the next one comes soon

    def stopping(self, status: str) -> None:
        """It has been asked to stop, and drains."""
        self._tell("STOPPING=1", f"STATUS={status}")

    def _tell(self, *lines: str, patience: float = PATIENCE) -> None:
        """What systemd does not take within ``patience`` seconds is lost: nothing here waits for it longer than that."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
            telling.settimeout(patience)
            telling.sendto("\n".join(lines).encode(), address)
