"""The newsroom behind Varnish, with its Rota and the checks of the site: ``python -m newsroom.demo``, or ``make demo-site``.

NEWSROOM_FAULT plants a fault of the site, NEWSROOM_CACHE_FAULT one of the cache (see ``newsroom.caches.variants``): within a
minute the Site page shows which check has found it.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from newsroom.caches import Missing, varnish

__all__ = ["main"]

HERE = Path(__file__).parent
PUBLIC, ORIGIN = 8080, 8000


def main() -> int:
    """Start all three, say where they are, and stop them again at Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    environment = _environment()
    fault = os.environ.get("NEWSROOM_CACHE_FAULT", "")
    with tempfile.TemporaryDirectory(prefix="newsroom-varnish-") as folder:
        try:
            with varnish(f"http://127.0.0.1:{ORIGIN}", Path(folder), fault, PUBLIC) as cache:
                print(
                    f"newsroom: readers see it at     {cache.url}/   (Varnish{', fault ' + fault if fault else ''})",
                    flush=True,
                )
                print(
                    f"newsroom: the Site page is at   http://127.0.0.1:{ORIGIN}/rota/site once you are signed in",
                    flush=True,
                )
                return _served(environment, stop)
        except Missing as reason:
            print(
                f"newsroom: {reason}; nothing was started. retry: safe; next: make setup-system",
                file=sys.stderr,
            )
            return 1


def _served(environment: Mapping[str, str], stop: threading.Event) -> int:
    """The site with its own Rota, and beside it a node that carries out the checks, over the same ledger."""
    site = subprocess.Popen([sys.executable, "-m", "newsroom.serve"], env=environment)
    checks = [
        sys.executable,
        "-m",
        "rota",
        "--config",
        str(HERE / "site-checks.toml"),
        "run",
        "--no-pages",
        "--apply",
    ]
    node = None
    try:
        stop.wait(4)  # the site makes its ledger first
        node = subprocess.Popen(checks, cwd=HERE, env=environment)
        while not stop.wait(0.5):  # a look now and then
            if site.poll() is not None or node.poll() is not None:
                print("newsroom: one of its processes has ended; the others are stopped", file=sys.stderr)
                return 1
    finally:
        for process in (node, site):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(60)
    return 0


def _environment() -> dict[str, str]:
    var = Path(os.environ.get("NEWSROOM_VAR", "var")).absolute()
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        "NEWSROOM_VAR": str(var),
        "NEWSROOM_URL": f"http://127.0.0.1:{PUBLIC}",
        "NEWSROOM_ORIGIN": f"http://127.0.0.1:{ORIGIN}",
        "NEWSROOM_PORT": str(ORIGIN),
        "NEWSROOM_PURGE_URL": f"http://127.0.0.1:{PUBLIC}/",
        "NEWSROOM_TOKEN": secrets.token_urlsafe(24),
        "NEWSROOM_PROBE": secrets.token_urlsafe(24),
        "ROTA_DATABASE_URL": f"sqlite:///{var / 'newsroom.db'}",
    }


if __name__ == "__main__":
    sys.exit(main())
