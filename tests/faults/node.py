"""A node in a process of its own, without pages: ``python -m tests.faults.node``, set up by the environment.

``ROTA_TEST_HOST`` and ``ROTA_TEST_PID`` give it the name that a container would have, ``ROTA_TEST_CLOCK_OFFSET`` sets
its wall clock off by so many seconds, and ``ROTA_TEST_DEAF`` has it hear no notification.
"""

from __future__ import annotations

import os
import socket
import sys

from rota.app import read_settings
from rota.clock import SECOND, Instant, SystemClock
from rota.ledger.postgres.ledger import PostgresLedger
from rota.serve import serve


def off_by(seconds: float):
    true = SystemClock.now
    return lambda self: Instant(true(self) + int(seconds * SECOND))


if __name__ == "__main__":
    if "ROTA_TEST_HOST" in os.environ:
        socket.gethostname = lambda: os.environ["ROTA_TEST_HOST"]
        os.getpid = lambda: int(os.environ["ROTA_TEST_PID"])
    if "ROTA_TEST_CLOCK_OFFSET" in os.environ:
        SystemClock.now = off_by(float(os.environ["ROTA_TEST_CLOCK_OFFSET"]))
    if "ROTA_TEST_DEAF" in os.environ:
        PostgresLedger.listen = lambda self, heard: None
    sys.exit(serve(read_settings(), pages=False))
