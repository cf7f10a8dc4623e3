"""A node in a process of its own, without pages: ``python -m tests.faults.node``, set up by the environment.

``ROTA_TEST_HOST`` and ``ROTA_TEST_PID`` give it the name that a container would have.
"""

from __future__ import annotations

import os
import socket
import sys

from rota.app import read_settings
from rota.serve import serve

if __name__ == "__main__":
    if "ROTA_TEST_HOST" in os.environ:
        socket.gethostname = lambda: os.environ["ROTA_TEST_HOST"]
        os.getpid = lambda: int(os.environ["ROTA_TEST_PID"])
    sys.exit(serve(read_settings(), pages=False))
