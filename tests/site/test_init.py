"""A first site.toml from a running site: it loads, its guesses are marked, and nothing is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.site.conftest import Newsroom
from tests.site.standin import Answer, Asked, standin

from rota.cli.main import main
from rota.command import AppWiring
from rota_site.define.load import load_site

SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def small(asked: Asked) -> Answer:
    path = asked.path
    html = [("Content-Type", "text/html"), ("Cache-Control", "public, max-age=60")]
    if path == "/sitemap.xml":
        urls = "".join(f"<url><loc>http://x/articles/{name}</loc></url>" for name in "abcdef")
        return Answer(
            200, [("Content-Type", "application/xml")], f'<urlset xmlns="{SPACE}">{urls}</urlset>'.encode()
        )
    if path == "/openapi.json":
        paths = {
            "/articles/{name}": {"get": {}},
            "/me": {"get": {}},
            "/gone": {"post": {}},
            "/api/list": {"get": {}},
        }
        return Answer(200, [("Content-Type", "application/json")], json.dumps({"paths": paths}).encode())
    if path == "/me":
        return Answer(303, [("Location", "/login"), ("Cache-Control", "private, no-store")])
    if path == "/api/list":
        return Answer(200, [("Content-Type", "application/json")], b"[]")
    return Answer(200, html, b"<p>") if path == "/" or path.startswith("/articles/") else Answer(404)


def test_what_a_small_site_is_guessed_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with standin(small) as server:
        assert main(AppWiring(), ["site", "init", server.url, "--out", str(tmp_path)]) == 0
        assert "each a guess" in capsys.readouterr().out
        site = load_site(tmp_path / "site.toml", {})
        found = {route.pattern: (route.kind, route.seen_by, route.cache) for route in site.routes}
        assert found["/articles/{name}"] == ("page", "everyone", "public, max-age=60")
        assert found["/me"] == ("redirect", "reader", None)
        assert found["/api/list"][0] == "api"
        assert found["/sitemap.xml"][0] == "sitemap"
        assert "/gone" not in found
        assert site.route("articles").source is not None
        before = (tmp_path / "site.toml").read_text()
        assert main(AppWiring(), ["site", "init", server.url, "--out", str(tmp_path)]) == 2
        assert "nothing is overwritten" in capsys.readouterr().err
        assert (tmp_path / "site.toml").read_text() == before


def test_of_the_newsroom_it_is_a_file_that_can_be_checked_with(newsroom: Newsroom, tmp_path: Path) -> None:
    assert (
        main(AppWiring(), ["site", "init", newsroom.url, "--origin", newsroom.url, "--out", str(tmp_path)])
        == 0
    )
    site = load_site(tmp_path / "site.toml", {})
    assert {"/", "/articles/{slug}", "/feed.xml"} <= {route.pattern for route in site.routes}
    assert main(
        AppWiring(), ["site", "check", "sitemap", "--site", str(tmp_path / "site.toml"), "--json"]
    ) in (0, 3)


def test_a_site_that_does_not_answer_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(small) as server:
        url = server.url
    assert main(AppWiring(), ["site", "init", url, "--out", str(tmp_path)]) == 2
    assert "the site does not answer" in capsys.readouterr().err
    assert main(AppWiring(), ["site", "init", "example.org", "--out", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []
