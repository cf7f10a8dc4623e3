"""A node in a process of its own, without pages: ``python -m tests.faults.node``, set up by the environment."""

from __future__ import annotations

import sys

from rota.app import read_settings
from rota.serve import serve

if __name__ == "__main__":
    sys.exit(serve(read_settings(), pages=False))
