"""A good rota.toml becomes tasks, with every key in its place."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from rota.define.load import load_file
from rota.errors import ArgumentsError, DefinitionErrors, UnknownName, UsageError
from rota.model.schedule import Cron, Schedule
from rota.model.task import (
    CatchUp,
    Command,
    Expectation,
    Function,
    Isolation,
    Overlap,
    Queue,
    Request,
    Retries,
    Task,
)

FULL = """\
service = "web"
timezone = "Europe/Berlin"

[queue.mail]
weight = 3
rate = "120/m"
concurrency = 4

[defaults]
owner = "Web <web@example.org>"
retry = { attempts = 2 }
timeout = "2m"

[[task]]
name = "publish-due-articles"
run = "loadsite.publishing:publish_due"
schedule = "* * * * *"
owner = "Editorial <editorial@example.org>"
expects = "every article whose time has come is public within a minute"
rollback = "rota trigger unpublish-article --arg id=<ID>, then purge its route"
rollback_command = ["python", "-m", "loadsite", "unpublish", "--last"]
description = "The heart of the site."
tags = ["editorial", "minute"]
args = { limit = 5, since = 2026-11-23 }
timeout = "45s"
grace = "3s"
overlap = "queue-all"
catch_up = "all"
catch_up_limit = 7
deadline = "1h"
retry = { attempts = 3, backoff = "10s", factor = 3, max = "5m", jitter = 0 }
concurrency = 2
queue = "mail"
priority = 9
pause_on_failure = 4
enabled = false
isolation = "thread"

[task.expectation]
max_duration = "30s"
result = { type = "object", required = ["published"] }
verify = "loadsite.publishing:check"
fresh_within = "10m"
output = { matches = "published \\\\d+", absent = ["Traceback"] }

[[task]]
name = "rebuild-sitemap"
run = "loadsite.publishing:rebuild"
schedule = "*/15 * * * *"
timezone = "UTC"
expects = "sitemap.xml lists every public article"
rollback = "restore the previous sitemap"

[[task]]
name = "dump"
command = ["pg_dump", "web"]
expects = "a dump of the night"
rollback = "delete the dump"
timeout = "none"

[[task]]
name = "dump-by-shell"
command = { argv = ["pg_dump web | gzip"], shell = true, cwd = "/srv", env = { PGPASSWORD = "env:DB_PASSWORD" }, success = [0, 2] }
expects = "a dump of the night"
rollback = "delete the dump"

[[task]]
name = "purge"
request = { url = "https://cache.example.org/purge", method = "PUT", headers = { Authorization = "env:TOKEN" }, json = { all = true }, expect_status = [200, 202] }
expects = "the cache is empty"
rollback = "nothing to undo: the cache fills again"
"""

CODE = """\
def publish_due(limit: int, since: str, dry: bool = False):
    return {"published": 1}

async def rebuild(): ...

def check(): ...
"""


@pytest.fixture
def full(folder):
    folder.write("loadsite/__init__.py", "")
    folder.write("loadsite/publishing.py", CODE)
    return folder.load(FULL, import_code=True)


def test_every_key_reaches_the_task(full, folder) -> None:
    assert full.tasks["publish-due-articles"] == Task(
        service="web",
        name="publish-due-articles",
        target=Function("loadsite.publishing:publish_due", Isolation.THREAD),
        owner="Editorial <editorial@example.org>",
        expects="every article whose time has come is public within a minute",
        rollback="rota trigger unpublish-article --arg id=<ID>, then purge its route",
        rollback_command=("python", "-m", "loadsite", "unpublish", "--last"),
        schedule=Schedule((Cron("* * * * *"),), timezone="Europe/Berlin"),
        description="The heart of the site.",
        tags=("editorial", "minute"),
        args={"limit": 5, "since": "2026-11-23"},
        timeout=timedelta(seconds=45),
        grace=timedelta(seconds=3),
        overlap=Overlap.QUEUE_ALL,
        catch_up=CatchUp.ALL,
        catch_up_limit=7,
        deadline=timedelta(hours=1),
        retry=Retries(3, timedelta(seconds=10), 3.0, timedelta(minutes=5), 0.0),
        concurrency=2,
        queue="mail",
        priority=9,
        pause_on_failure=4,
        enabled=False,
        expectation=Expectation(
            max_duration=timedelta(seconds=30),
            result={"type": "object", "required": ["published"]},
            verify=Function("loadsite.publishing:check"),
            fresh_within=timedelta(minutes=10),
            output={"matches": ["published \\d+"], "absent": ["Traceback"]},
        ),
        source=f"{folder.path / 'rota.toml'}:14",
    )


def test_defaults_and_the_files_time_zone_are_filled_in(full) -> None:
    task = full.tasks["rebuild-sitemap"]
    assert task.owner == "Web <web@example.org>"
    assert task.retry == Retries(attempts=2)
    assert task.timeout == timedelta(minutes=2)
    assert task.schedule == Schedule((Cron("*/15 * * * *"),), timezone="UTC")
    assert task.target == Function("loadsite.publishing:rebuild", Isolation.LOOP)
    assert task.overlap is Overlap.SKIP


def test_commands_and_requests(full) -> None:
    assert full.tasks["dump"].target == Command(("pg_dump", "web"))
    assert full.tasks["dump"].timeout is None
    assert full.tasks["dump-by-shell"].target == Command(
        ("pg_dump web | gzip",), True, "/srv", {"PGPASSWORD": "env:DB_PASSWORD"}, (0, 2)
    )
    assert full.tasks["purge"].target == Request(
        "https://cache.example.org/purge", "PUT", {"Authorization": "env:TOKEN"}, {"all": True}, (200, 202)
    )


def test_queues(full) -> None:
    assert full.queues == {"mail": Queue("mail", weight=3, rate=2.0, concurrency=4)}


def test_the_functions_are_at_hand(full) -> None:
    assert full.function("publish-due-articles")(1, "x") == {"published": 1}
    assert full.verification("publish-due-articles").__name__ == "check"
    assert full.verification("dump") is None
    assert full.prepared("rebuild-sitemap") is full.prepared("rebuild-sitemap")
    with pytest.raises(UsageError, match="runs no Python function"):
        full.function("dump")
    with pytest.raises(UnknownName, match="did you mean dump"):
        full.function("dmup")


def test_arguments_are_checked_when_they_are_handed_in(full) -> None:
    name = "publish-due-articles"
    assert full.validate_args(name, {"since": "é", "limit": 3}) == '{"limit":3,"since":"é"}'
    assert full.validate_args(name, None) is None
    with pytest.raises(ArgumentsError, match="limit"):
        full.validate_args(name, {"limit": "many", "since": "x"})
    with pytest.raises(ArgumentsError, match="lmit"):
        full.validate_args(name, {"lmit": 3, "since": "x"})
    assert full.validate_args("dump", {"b": 1, "a": [None]}) == '{"a":[null],"b":1}'
    with pytest.raises(ArgumentsError, match="JSON"):
        full.validate_args("dump", {"a": object()})


def test_nothing_is_imported_before_it_is_asked_for(folder, duty) -> None:
    folder.write("latesite.py", "def duty(): return 7\n")
    rota = folder.load(
        f'service = "web"\n[[task]]\nname = "a"\nrun = "latesite:duty"\n{duty}', import_code=False
    )
    assert "latesite" not in sys.modules
    assert str(folder.path) not in sys.path
    sys.path.insert(0, str(folder.path))
    assert rota.function("a")() == 7


def test_an_empty_rota_loads(folder) -> None:
    assert dict(folder.load('service = "web"').tasks) == {}


def test_a_file_of_windows_loads_with_its_lines(folder, duty) -> None:
    text = f'\ufeffservice = "web"\r\n\r\n[[task]]\r\nname = "a"\r\ncommand = ["true"]{duty}'
    assert folder.load(text).tasks["a"].source.endswith("rota.toml:3")


def test_a_missing_file_names_the_way_to_begin(tmp_path: Path) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        load_file(tmp_path / "rota.toml")
    (problem,) = caught.value.problems
    assert problem.file == str(tmp_path / "rota.toml")
    assert problem.next == ("rota init",)
    assert "rota init" in str(caught.value)


def test_a_folder_or_another_encoding_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(DefinitionErrors, match="cannot be read"):
        load_file(tmp_path)
    (tmp_path / "latin.toml").write_bytes('service = "web"\n# caf\xe9\n'.encode("latin-1"))
    with pytest.raises(DefinitionErrors) as caught:
        load_file(tmp_path / "latin.toml")
    assert (caught.value.problems[0].line, caught.value.problems[0].found) == (2, "the byte 0xe9")
