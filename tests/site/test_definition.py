"""A site.toml is read whole: all its problems at once, each with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rota.errors import DefinitionErrors
from rota_site.define.load import load_site

GOOD = """
site = "Notes"
url = "http://127.0.0.1:8000/"
origin = "env:ORIGIN"

[[route]]
name = "article"
pattern = "/articles/{slug}"
samples = ["/articles/one"]
cache = "public, max-age=60"
budget = { warm = "20ms" }

[[content]]
kind = "article"
[[content.shown]]
path = "/articles/{slug}"
because = "it is the article"

[identities.ada]
log_in = { path = "/login", form = { name = "ada", password = "env:ADA" } }
"""


def test_what_is_stated_is_there(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(GOOD)
    site = load_site(tmp_path / "site.toml", {"ORIGIN": "http://127.0.0.1:8001"})
    assert site.infrastructure.url == "http://127.0.0.1:8000"
    assert site.infrastructure.origin == "http://127.0.0.1:8001"
    assert site.infrastructure.allowed == {"127.0.0.1:8000", "127.0.0.1:8001"}
    assert site.route("article").samples == ("/articles/one",)
    assert site.contents[0].shown[0].because == "it is the article"
    assert site.infrastructure.identities[0].name == "ada"


def test_content_and_infrastructure_may_stand_apart(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(
        'site = "Notes"\ninfrastructure_file = "where.toml"\n[[route]]\nname = "home"\npattern = "/"\n'
    )
    (tmp_path / "where.toml").write_text('url = "http://127.0.0.1:1"\n[limits]\nrate = 5\n')
    site = load_site(tmp_path / "site.toml", {})
    assert site.infrastructure.limits.rate == 5
    assert site.route("home").samples == ("/",)


def test_all_problems_of_both_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(
        'site = "Notes"\ninfrastructure_file = "where.toml"\n'
        '[[route]]\nname = "home"\npattern = "home"\n'
        '[[route]]\nname = "home"\npattern = "/x/{y}"\nkind = "pag"\n'
    )
    (tmp_path / "where.toml").write_text('url = "127.0.0.1:1"\n[cache]\nkind = "fastly"\n')
    with pytest.raises(DefinitionErrors) as caught:
        load_site(tmp_path / "site.toml", {})
    told = [(Path(str(each.file)).name, each.line, each.key) for each in caught.value.problems]
    assert ("site.toml", 5, "route[0].pattern") in told
    assert ("site.toml", 7, "name") in told
    assert ("site.toml", 9, "route[1].kind") in told
    assert ("where.toml", 1, "url") in told
    assert any(file == "where.toml" and line == 2 for file, line, _ in told)
    for each in caught.value.problems:
        assert each.expected
        assert each.found or each.hint


def test_an_address_that_the_environment_should_tell_and_does_not(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(GOOD)
    with pytest.raises(DefinitionErrors, match="ORIGIN"):
        load_site(tmp_path / "site.toml", {})


def test_no_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(DefinitionErrors, match="rota site init"):
        load_site(tmp_path / "site.toml", {})


def test_the_newsrooms_own_file_is_valid() -> None:
    site = load_site(
        "examples/newsroom/site.toml",
        {"NEWSROOM_URL": "http://127.0.0.1:8080", "NEWSROOM_ORIGIN": "http://127.0.0.1:8000"},
    )
    assert site.name == "Ferret Notes"


def test_the_files_of_the_documentation_are_valid(tmp_path: Path) -> None:
    text = Path("docs/how-to/site/define.md").read_text()
    for title, body in re.findall(r'```toml title="(\w+\.toml)"\n(.*?)```', text, re.DOTALL):
        (tmp_path / title).write_text(body)
    site = load_site(tmp_path / "site.toml", {})
    assert [route.name for route in site.routes] == ["home", "article", "me"]
    assert site.infrastructure.cache.kind == "varnish"
