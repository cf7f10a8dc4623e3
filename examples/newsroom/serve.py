"""Start the site: ``python -m newsroom.serve``, then open http://127.0.0.1:8000."""

from __future__ import annotations

import os
import secrets
from datetime import datetime

import uvicorn

from newsroom import clock, feeds, images, importing, readers, search, similar, sitemap
from newsroom.app import create_app
from newsroom.settings import Settings
from newsroom.store import Store, count

__all__ = ["main", "prepare"]


def prepare(store: Store, settings: Settings, now: datetime) -> None:
    """Make what is missing, so that the first page is whole: tables, first articles, feed, sitemap, index, an editor."""
    store.create()
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


def main() -> None:
    settings = Settings.from_environment()
    with Store(settings.database) as store:
        prepare(store, settings, clock.now())
        uvicorn.run(
            create_app(settings, store),
            host="127.0.0.1",
            port=int(settings.url.rsplit(":", 1)[-1]),
            log_level="warning",
        )


if __name__ == "__main__":
    main()
