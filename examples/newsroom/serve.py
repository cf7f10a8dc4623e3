"""Start the site and its Rota: ``python -m newsroom.serve``, then open http://127.0.0.1:8000."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import socket
import sys
import threading
import time
import webbrowser
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvicorn

from newsroom import clock, feeds, images, importing, readers, search, similar, sitemap
from newsroom.app import create_app
from newsroom.settings import Settings
from newsroom.store import Store, count

if TYPE_CHECKING:
    from rota import Rota

__all__ = ["main", "own_rota", "prepare"]


def main() -> None:
    """Serve the site on 127.0.0.1, with a node of its Rota inside, until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m newsroom.serve", description=main.__doc__)
    parser.add_argument("--without-rota", action="store_true", help="the site alone: no scheduled task runs")
    alone = parser.parse_args().without_rota
    settings = Settings.from_environment()
    _findable(settings)
    with Store(settings.database) as store:
        prepare(store, settings, clock.now())
        print(f"newsroom: the site is        {settings.url}/")
        port = int(os.environ.get("NEWSROOM_PORT") or urlsplit(settings.url).port or 8000)
        if not _is_free(port):
            sys.exit(
                f"newsroom: port {port} is in use; expected a free one. Nothing was started.\n"
                f"retry: safe; next: NEWSROOM_URL=http://127.0.0.1:{port + 1} make run"
            )
        if not alone:
            tasks = f"http://127.0.0.1:{port}/rota/?token={_token(settings)}"
            print(f"newsroom: its tasks are here  {tasks}", flush=True)
            _open_when_up(tasks, port)
        app = create_app(settings, store, None if alone else own_rota(settings))
        uvicorn.run(
            app,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            date_header="date_off" not in settings.faults,
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _open_when_up(address: str, port: int) -> None:
    """Show the pages in the browser of whoever started this at a desk; elsewhere the printed address has to do."""
    has_screen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not (sys.stdout.isatty() and has_screen):
        return

    def wait_and_open() -> None:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                webbrowser.open(address)
                return
            time.sleep(0.1)  # until the server listens

    threading.Thread(target=wait_and_open, daemon=True).start()


def own_rota(settings: Settings) -> Rota:
    """The site's rota, with its ledger in the site's own file."""
    from rota import Rota

    return Rota(
        service="newsroom",
        file=Path(__file__).with_name("rota.toml"),
        database_url=f"sqlite:///{settings.database.absolute()}",
        apply_on_start=True,  # an example to play with: what is edited holds at the next start
    )


def _token(settings: Settings) -> str:
    """The token that Rota's pages ask for; it is kept beside the ledger."""
    from rota.security import token_of

    return token_of(settings.database.absolute().parent, os.environ)


def _findable(settings: Settings) -> None:
    """Let the processes that tasks run in find this site: its code, this Python, and the same files."""
    code = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.environ["NEWSROOM_URL"] = settings.url
    os.environ.setdefault("NEWSROOM_TOKEN", secrets.token_urlsafe(24))  # what the site's checks show
    os.environ["NEWSROOM_READY"] = f"{settings.url}/readyz"
    os.environ["NEWSROOM_VAR"] = str(settings.var.absolute())
    os.environ["NEWSROOM_DB"] = str(settings.database.absolute())


def prepare(store: Store, settings: Settings, now: datetime) -> None:
    """Make what is missing, so that the first page is whole: tables, first articles, feed, sitemap, index, an editor."""
    store.create()
    _test_readers(store, now)
    written = importing.first_start(store, settings, now)
    if written is None:
        return
    print(
        f"newsroom: wrote {written['articles']} articles about installed packages, {written['scheduled']} of them for the coming minutes"
    )
    sitemap.rebuild(store, settings, now)
    feeds.rebuild(store, settings, now)
    search.refresh(store)
    similar.recompute(store)
    images.make_derivatives(store, settings.images, now, limit=8)  # the rest is for a task to do
    _first_editor(store, settings, now)


def _test_readers(store: Store, now: datetime) -> None:
    """The two readers by whom logged-in traffic is tested, where NEWSROOM_PROBE is their password."""
    password = os.environ.get("NEWSROOM_PROBE")
    if not password:
        return
    with store.write() as connection:
        for name in ("probe-one", "probe-two"):
            if readers.check(connection, name, password) is None:
                connection.execute("DELETE FROM reader WHERE name = ?", (name,))  # of an earlier password
                readers.register(connection, name, password, now)


def _first_editor(store: Store, settings: Settings, now: datetime) -> None:
    """One editor with a password of its own, told in a file that only its owner can read."""
    with store.write() as connection:
        if count(connection, "SELECT 1 FROM reader LIMIT 1"):
            return
        password = secrets.token_urlsafe(9)
        reader_id = readers.register(connection, "editor", password, now, editor=True)
        readers.set_digest(connection, reader_id, wanted=True, hour=8, timezone="Europe/Berlin", now=now)
    path = settings.var / "editor.txt"
    with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        file.write(f"name: editor\npassword: {password}\n")
    print(f"newsroom: log in as editor; the password is in {path}")


if __name__ == "__main__":
    main()
