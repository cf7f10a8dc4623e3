"""A purge is handed in with the content's own transaction: a crash between the two loses nothing, a rollback purges nothing."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.site.conftest import Start
from tests.site.notes import RULES, Article, Notes
from tests.site.standin import standin

from rota.app import open_ledger, read_settings
from rota.clock import ManualClock, SystemClock, from_instant
from rota.ledger.records import RunFilter
from rota.model.run import State
from rota.testing import RotaForTests, rota_for_tests

ROTA = """
service = "notes"
[[task]]
name = "purge"
run = "rota_site.tasks:purge"
owner = "Platform <platform@example.org>"
expects = "every page that shows the changed article is made anew, and no other"
rollback = "none needed: a cache fills itself again"
overlap = "allow"
retry = { attempts = 3, backoff = "1s" }
[task.expectation]
verify = "rota_site.tasks:nothing_found"
"""
EDITOR = """
import os, sqlite3, sys
from rota import Rota
rota = Rota(service="notes", file="rota.toml", database_url=sys.argv[1], sqlite_driver="sqlite3")
connection = sqlite3.connect(sys.argv[2], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE article SET title = 'new'")
after = {"id": 1, "title": "new", "public": True, "tags": [], "author": "ada", "page": 1, "following": [1], "on_home": True, "in_feed": True}
rota.enqueue_sync("purge", args={"kind": "article", "id": "1", "before": {**after, "title": "old"}, "after": after}, connection=connection)
if sys.argv[3] == "commit":
    connection.execute("COMMIT")
os._exit(9)  # as by kill -9: nothing is tidied up
"""


@contextlib.contextmanager
def edited(folder: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RotaForTests]:
    """A rota in the content's own file, after an editor whose process died after its commit, or before."""
    monkeypatch.chdir(folder)
    (folder / "rota.toml").write_text(ROTA)
    clock = ManualClock(
        from_instant(SystemClock().now()) + timedelta(hours=1)
    )  # the editor's process has the real time
    with rota_for_tests("rota.toml", folder, clock=clock) as rota:
        content = folder / "rota-test.db"
        with contextlib.closing(sqlite3.connect(content)) as connection:
            connection.execute("CREATE TABLE article (title TEXT)")
            connection.execute("INSERT INTO article VALUES ('old')")
            connection.commit()
        argv = [sys.executable, "-c", EDITOR, f"sqlite:///{content}", str(content), end]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
        assert done.returncode == 9, done.stderr
        yield rota


def title(folder: Path) -> str:
    with contextlib.closing(sqlite3.connect(folder / "rota-test.db")) as connection:
        return str(connection.execute("SELECT title FROM article").fetchone()[0])


def test_a_crash_after_the_commit_loses_no_purge(
    tmp_path: Path, in_front: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = Notes()
    notes.articles[1] = article = Article(1, "old", "body", [], "ada", True)
    with standin(notes.answer) as origin, in_front("varnish", origin.url) as cache:
        (tmp_path / "site.toml").write_text(
            RULES.format(url=cache.url, origin=origin.url, kind="varnish", purge="url")
        )
        with edited(tmp_path, "commit", monkeypatch) as rota:
            article.title = "new"
            assert title(tmp_path) == "new"
            (run,) = rota.drain()
            assert run.state is State.SUCCEEDED, run.error
            assert '"verdict":"pass"' in str(run.result).replace(" ", "")


def test_a_crash_before_the_commit_purges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with edited(tmp_path, "crash", monkeypatch) as rota:
        assert title(tmp_path) == "old"
        assert rota.drain() == []
        settings = read_settings(database_url=f"sqlite:///{tmp_path}/rota-test.db")
        with contextlib.closing(open_ledger(settings)) as ledger:
            assert ledger.runs(RunFilter(task="purge")) == []
