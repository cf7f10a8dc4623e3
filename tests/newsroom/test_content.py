"""Where articles come from: installed packages, and the generator."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

import newsroom
from newsroom import __main__ as command
from newsroom import checks, clock, generate, importing, sitemap, tasks
from newsroom.plaintext import from_markdown, from_rst
from newsroom.render import markdown_to_html
from newsroom.settings import Settings
from newsroom.store import Store, count, rows, value

MODULES = [
    each.name
    for each in pkgutil.walk_packages(newsroom.__path__, "newsroom.")
    if not each.name.endswith("__main__")
]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEWSROOM_VAR", str(tmp_path))
    settings = Settings.from_environment()
    with Store(settings.database) as store:
        store.create()
        yield store, settings


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_docstrings_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_installed_packages_become_articles_with_their_lists(empty) -> None:
    store, settings = empty
    done = importing.import_packages(
        store, settings, clock.now(), ["fastapi", "pytest", "rich", "mypy-extensions"]
    )
    assert done == {"articles": 3, "scheduled": 0}  # the last has too little to say
    again = importing.import_packages(store, settings, clock.now(), ["fastapi", "pytest", "rich"])
    assert again["articles"] == 0
    with store.read() as connection:
        found = {row["slug"]: row for row in rows(connection, "SELECT * FROM article")}
        assert count(connection, "SELECT count(*) FROM image") == 3
        assert count(connection, "SELECT live FROM tag WHERE name = 'python'") == 3
    meta = json.loads(found["fastapi"]["meta"])
    assert any(each.startswith("starlette") for each in meta["prerequisites"])
    assert {"title": "Documentation", "url": "https://fastapi.tiangolo.com/"} in meta["references"]
    assert "fastapi" in found["fastapi"]["title"]
    assert "<pre><code" in found["pytest"]["html"]  # written in reStructuredText
    for article in found.values():
        assert "<p align" not in article["body"]
        assert "&lt;img" not in article["html"]


def test_a_first_start_leaves_some_to_be_published_in_the_first_minutes(empty) -> None:
    store, settings = empty
    done = importing.first_start(store, settings, clock.now())
    assert done is not None
    assert done["scheduled"] == importing.WAITING
    assert importing.first_start(store, settings, clock.now()) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("![chart](https://elsewhere.example/x.png)", '<span class="elsewhere">chart</span>'),
        ("# Top", "<h2>Top</h2>"),
        ("[file](docs/x.md)", "<a>file</a>"),
        ("```nosuchlanguage\n<b>\n```", "&lt;b&gt;"),
        ("|a|\n|-|\n|b|", '<div class="wide"><table>'),
    ],
)
def test_markdown_is_rendered_safely(text: str, expected: str) -> None:
    found = markdown_to_html(text)
    assert expected in found
    assert "<script" not in found
    assert "<img" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n=====\n\n* one\n* two", "## Title\n\n* one\n* two"),
        (".. image:: x.png\n   :alt: y\n\nText", "Text"),
        (".. code-block:: bash\n\n   pip install x\n", "```bash\npip install x\n```"),
        ("See `the docs`_.\n\n.. _the docs: https://example.org/", "See [the docs](https://example.org/)."),
        ("|badge| Text with snake_case_ish names", "Text with snake_case_ish names"),
    ],
)
def test_restructured_text_becomes_readable(text: str, expected: str) -> None:
    assert from_rst(text).strip() == expected


def test_code_keeps_what_prose_loses() -> None:
    text = "<b>x</b> `<b>`\n\n```html\n<b>y</b>\n```"
    assert from_markdown(text) == "x `<b>`\n\n```html\n<b>y</b>\n```"


def test_the_generator_makes_what_it_says(empty) -> None:
    store, settings = empty
    made = generate.generate(store, settings, 300, clock.now())
    with store.read() as connection:
        assert made["articles"] == count(connection, "SELECT count(*) FROM article") == 300
        assert made["tags"] == count(connection, "SELECT count(*) FROM article_tag")
        assert made["images"] == count(connection, "SELECT count(*) FROM image")
        assert count(connection, "SELECT count(*) FROM image_file") == generate.PICTURES
        assert 260 <= count(connection, "SELECT count(*) FROM article WHERE status = 'published'") <= 298
        assert count(connection, "SELECT count(*) FROM article WHERE NOT generated") == 0
        live = rows(connection, "SELECT name, live FROM tag")
        assert sum(row["live"] for row in live) == count(
            connection, "SELECT count(*) FROM article_tag WHERE live_at IS NOT NULL"
        )
        assert (
            value(connection, "SELECT name FROM tag ORDER BY live DESC LIMIT 1") == "python"
        )  # the first by Zipf's law
    checks.views_conserved()
    more = generate.generate(store, settings, 5, clock.now(), seed=2)
    assert more["articles"] == 5


def test_the_same_seed_makes_the_same_articles(tmp_path: Path) -> None:
    now, contents = clock.now(), []
    for name in ("a", "b"):
        settings = Settings(tmp_path / name / "newsroom.db", tmp_path / name)
        with Store(settings.database) as store:
            store.create()
            generate.generate(store, settings, 50, now)
            with store.read() as connection:
                contents.append(rows(connection, "SELECT * FROM article ORDER BY id"))
    assert contents[0] == contents[1]


def test_a_site_beyond_the_limit_gets_more_than_one_sitemap_file(empty) -> None:
    store, settings = empty
    generate.generate(store, settings, 120, clock.now())
    done = sitemap.rebuild(store, settings, clock.now(), limit=50)
    assert done["files"] == 2 + (done["urls"] > 100)
    assert len(list(sitemap.addresses(settings.var / "sitemaps"))) == done["urls"] > 50
    checks.sitemap_matches()


def test_the_actions_that_rollback_notes_name_work(world, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["run", "publish-due"]) == 0
    assert json.loads(capsys.readouterr().out)["published"] == 1
    since = clock.to_text(world.now - timedelta(hours=1))
    assert command.main(["unpublish", "--since", since]) == 0
    assert json.loads(capsys.readouterr().out) == {"unpublished": ["overdue"]}
    assert command.main(["publish", "overdue"]) == 0
    assert json.loads(capsys.readouterr().out) == {"published": ["overdue"]}
    assert command.main(["unpublish", "nothing"]) == 1
    assert "found 'nothing'" in capsys.readouterr().err
    assert command.main(["restore", "feeds"]) == 1
    assert command.main(["rebuild-search"]) == 0
    assert command.main(["check", "search_in_step"]) == 0
    assert command.main(["check", "backup_is_whole"]) == 3
    assert command.main(["run", "no-such-task"]) == 1


def test_a_backup_can_be_put_in_place(world, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("backup_database")
    with world.store.write() as connection:
        connection.execute("DELETE FROM article")
    world.store.close()
    assert command.main(["restore-backup"]) == 0
    assert world.count("SELECT count(*) FROM article") == 30


def test_the_rota_names_tasks_and_checks_that_exist_and_no_task_is_left_out() -> None:
    path = Path(newsroom.__file__).with_name("rota.toml")
    duties = tomllib.loads(path.read_text(encoding="utf-8"))["task"]
    assert len(duties) >= 12
    names = {duty["name"] for duty in duties}
    assert names == {name.replace("_", "-") for name in tasks.__all__}
    for duty in duties:
        if "run" in duty:
            assert callable(tasks.by_name(duty["run"].removeprefix("newsroom.tasks:")))
            assert duty["name"].replace("-", "_") == duty["run"].removeprefix("newsroom.tasks:")
        verify = duty["expectation"]["verify"]
        if isinstance(verify, str):
            assert callable(getattr(checks, verify.removeprefix("newsroom.checks:")))
        assert all(len(duty[key]) > 10 for key in ("owner", "expects", "rollback"))
