"""Every page, as a visitor, a reader and an editor see it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from newsroom import articles, assets, clock
from newsroom.store import one, value

PUBLIC = [
    "/",
    "/page/2",
    "/articles/sqlite-1",
    "/tags",
    "/tags/python",
    "/tags/python/page/2",
    "/search?q=words",
    "/robots.txt",
]


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_are_the_same_bytes_for_everyone(world, path: str) -> None:
    visitor = world.client().get(path)
    reader = world.client(login=True).get(path)
    assert visitor.status_code == reader.status_code == 200
    assert visitor.content == reader.content
    assert "set-cookie" not in visitor.headers
    assert "set-cookie" not in reader.headers
    assert "Ada" not in reader.text


def test_who_is_logged_in_comes_by_a_call_of_its_own(world) -> None:
    assert world.client().get("/me.json").json() == {"name": None, "editor": False}
    reply = world.client(login=True).get("/me.json")
    assert reply.json() == {"name": "Ada", "editor": True}
    assert reply.headers["cache-control"] == "private, no-store"


def test_an_article_shows_picture_lists_code_and_text(world) -> None:
    world.run("make_image_derivatives")
    text = world.client().get("/articles/sqlite-1").text
    assert re.search(r'<img class="" src="/images/[0-9a-f]{20}-640\.webp" srcset="[^"]+320w[^"]+1280w"', text)
    assert 'alt="A &#34;drawing&#34; of sqlite-1" width="1280" height="640"' in text
    assert "<li>uv, and friends</li>" in re.sub(r">\s+|\s+<", lambda m: m[0].strip(), text)
    assert "&lt;b&gt;ruff&lt;/b&gt;" in text
    assert '<code class="language-python"><span class="' in text
    assert "<h2>Part two</h2>" in text


def test_every_picture_of_a_page_can_be_had(world) -> None:
    client = world.client()
    for stage in range(2):
        for path in set(re.findall(r'"(/images/[^" ]+)"', client.get("/articles/sqlite-1").text)):
            reply = client.get(path)
            assert reply.status_code == 200, (stage, path)
            assert reply.headers["content-type"] in ("image/png", "image/webp")
            assert "immutable" in reply.headers["cache-control"]
        world.run("make_image_derivatives")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/articles/nothing", 404),
        ("/articles/a-draft", 404),
        ("/articles/to-come", 404),
        ("/page/99", 404),
        ("/page/0", 404),
        ("/page/x", 404),
        ("/page/1", 301),
        ("/tags/nothing", 404),
        ("/tags/python/page/1", 301),
        ("/images/../newsroom.db", 404),
        ("/images/%2e%2e%2fsecret.key", 404),
        ("/static/site.css", 404),
        ("/nowhere", 404),
        ("/feed.xml", 503),
        ("/sitemaps/1.xml", 503),
    ],
)
def test_what_is_not_there_is_said_so_and_kept_by_no_cache(world, path: str, status: int) -> None:
    reply = world.client().get(path)
    assert reply.status_code == status
    if status != 301:
        assert reply.headers["cache-control"] == "no-store"


def test_an_article_taken_down_is_gone(world) -> None:
    assert world.client().get("/articles/expired").status_code == 200
    world.run("unpublish_due")
    assert world.client().get("/articles/expired").status_code == 410


def test_an_old_address_leads_to_the_new_one(world) -> None:
    with world.store.write() as connection:
        articles.rename(connection, world.ids["sqlite-1"], "new-name", world.now)
    reply = world.client().get("/articles/sqlite-1")
    assert (reply.status_code, reply.headers["location"]) == (301, "/articles/new-name")
    assert world.client().get("/articles/new-name").status_code == 200


@pytest.mark.parametrize(
    ("slug", "noindex"), [("sqlite-1", None), ("unreviewed", "noindex"), ("kept-out", "noindex")]
)
def test_what_is_not_reviewed_is_kept_from_search_engines(world, slug: str, noindex: str | None) -> None:
    assert world.client().get(f"/articles/{slug}").headers.get("x-robots-tag") == noindex


def test_reviewing_an_article_lets_search_engines_have_it_and_purges_it(world) -> None:
    editor = world.client(login=True)
    world.run("purge_outbox")
    assert editor.post(f"/drafts/{world.ids['unreviewed']}/review", data={"a": "b"}).status_code == 303
    assert "x-robots-tag" not in editor.get("/articles/unreviewed").headers
    assert (
        world.count("SELECT count(*) FROM purge_outbox WHERE tag = ?", f"article:{world.ids['unreviewed']}")
        == 1
    )


def test_a_generated_page_says_so(world) -> None:
    with world.store.write() as connection:
        connection.execute("UPDATE article SET generated = 1 WHERE slug = 'sqlite-1'")
    assert "made by a generator for load tests" in world.client().get("/articles/sqlite-1").text
    assert "made by a generator" not in world.client().get("/articles/sqlite-2").text


def test_an_unchanged_page_is_not_sent_again(world) -> None:
    client = world.client()
    first = client.get("/articles/sqlite-1")
    again = client.get("/articles/sqlite-1", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert again.headers["surrogate-key"] == first.headers["surrogate-key"]
    with world.store.write() as connection:
        connection.execute("UPDATE article SET title = 'Another' WHERE slug = 'sqlite-1'")
    assert (
        client.get("/articles/sqlite-1", headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    )


def test_head_answers_as_get_without_a_body(world) -> None:
    client = world.client()
    got, head = client.get("/"), client.head("/")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]


def test_every_reply_says_how_long_it_took_and_carries_the_security_headers(world) -> None:
    for path in ("/", "/me.json", "/nowhere", "/healthz"):
        headers = world.client().get(path).headers
        assert re.fullmatch(r"app;dur=[\d.]+, db;dur=[\d.]+", headers["server-timing"])
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_no_page_holds_inline_script_or_style(world) -> None:
    client = world.client(login=True)
    for path in [*PUBLIC, "/me", "/drafts", "/login", "/nowhere"]:
        text = client.get(path).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text), path


@pytest.mark.parametrize("name", ["site.css", "site.js", "ferret.svg"])
def test_style_and_script_have_addresses_that_never_change_their_meaning(world, name: str) -> None:
    reply = world.client().get(assets.address(name))
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_view_is_counted_by_a_beacon(world) -> None:
    before = world.count("SELECT count(*) FROM view_event")
    client = world.client()
    assert client.post("/api/views", json={"article": world.ids["sqlite-1"]}).status_code == 204
    assert client.post("/api/views", json={"article": world.ids["a-draft"]}).status_code == 404
    assert client.post("/api/views", json={"article": "x"}).status_code == 422
    assert world.count("SELECT count(*) FROM view_event") == before + 1


def test_an_editor_schedules_publishes_and_takes_down(world) -> None:
    editor = world.client(login=True)
    draft = world.ids["a-draft"]
    assert "On a-draft" in editor.get("/drafts").text
    assert "A preview for editors" in editor.get(f"/drafts/{draft}").text
    when = clock.to_text(world.now - timedelta(seconds=1))
    assert editor.post(f"/drafts/{draft}/schedule", data={"publish_at": when}).status_code == 303
    assert editor.get("/articles/a-draft").status_code == 404
    assert world.run("publish_article", article_id=draft)["published"] is True
    assert editor.get("/articles/a-draft").status_code == 200
    assert editor.post(f"/drafts/{draft}/schedule", data={"minutes": "1"}).status_code == 409
    assert editor.post(f"/drafts/{draft}/unpublish", data={"a": "b"}).status_code == 303
    assert editor.get("/articles/a-draft").status_code == 410
    assert editor.post(f"/drafts/{draft}/schedule", data={"publish_at": "soon"}).status_code == 422
    assert editor.post(f"/drafts/{draft}/explode", data={"a": "b"}).status_code == 404


def test_scheduling_and_its_purge_are_committed_together(world) -> None:
    world.run("purge_outbox")
    world.client(login=True).post(f"/drafts/{world.ids['a-draft']}/schedule", data={"minutes": "5"})
    with world.store.read() as connection:
        assert value(connection, "SELECT tag FROM purge_outbox") == f"article:{world.ids['a-draft']}"
        article = one(
            connection, "SELECT status, publish_at FROM article WHERE id = ?", (world.ids["a-draft"],)
        )
    assert article is not None
    assert article["status"] == "scheduled"
