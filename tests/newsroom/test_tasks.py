"""What each task does, that it may run twice, and that each fault is noticed by exactly its check."""

from __future__ import annotations

import email
import json
from datetime import timedelta

import pytest

from newsroom import backup, builds, checks, clock, digest, faults, feeds, outbox, sitemap
from newsroom.store import one, rows

TASK_FAULTS = [name for name, fault in faults.FAULTS.items() if fault.check in checks.CHECKS]


def wrong() -> set[str]:
    """The names of the checks that find something."""
    found: set[str] = set()
    complaints: list[str] = []
    for name, check in checks.CHECKS.items():
        try:
            check()
        except checks.NotAsExpected as error:
            complaints.append(str(error))
            found.add(name)
    assert all("expected" in each and "found" in each and " at " in each for each in complaints)
    return found


def test_before_the_tasks_have_run_the_checks_find_what_is_missing(world) -> None:
    missing = wrong()
    assert missing >= {
        "no_overdue_articles",
        "no_expired_articles",
        "sitemap_matches",
        "feed_is_fresh",
        "search_in_step",
        "links_checked",
        "no_expired_sessions",
        "backup_is_whole",
        "purges_done",
        "similar_links_live",
        "no_digest_left_over",
    }


def test_without_faults_every_check_passes(world) -> None:
    world.run_all()
    assert wrong() == set()


@pytest.mark.parametrize("fault", TASK_FAULTS)
def test_a_fault_is_noticed_by_exactly_its_check(world, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setenv("NEWSROOM_FAULT", fault)
    world.run_all()
    assert wrong() == {faults.FAULTS[fault].check}


def test_every_task_may_run_twice(world) -> None:
    first = world.run_all()
    second = world.run_all()
    assert first["publish_due"] == {"published": 1, "articles": [world.ids["overdue"]]}
    assert second["publish_due"] == {"published": 0, "articles": []}
    assert first["unpublish_due"] == {"unpublished": 1, "articles": [world.ids["expired"]]}
    assert second["unpublish_due"]["unpublished"] == 0
    assert first["make_image_derivatives"]["made"] == 3 * 8
    assert second["make_image_derivatives"] == {"pictures": 0, "made": 0, "problems": {}}
    assert first["refresh_search_index"] == {"indexed": 27, "removed": 0}
    assert second["refresh_search_index"] == {"indexed": 0, "removed": 0}
    assert (first["recompute_similar"]["changed"], second["recompute_similar"]["changed"]) == (27, 0)
    assert (first["rebuild_sitemap"]["changed"], second["rebuild_sitemap"]["changed"]) == (True, False)
    assert (first["rebuild_feed"]["changed"], second["rebuild_feed"]["changed"]) == (True, False)
    assert (first["flush_views"], second["flush_views"]) == (
        {"views": 7, "articles": 2},
        {"views": 0, "articles": 0},
    )
    assert first["find_broken"]["articles"] == 27
    assert (first["prune_sessions"]["removed"], second["prune_sessions"]["removed"]) == (1, 0)
    assert (first["weekly_digest"]["sent"], second["weekly_digest"]["sent"]) == (1, 0)
    assert second["send_digest"]["reason"] == "it was sent already"
    assert first["purge_outbox"]["purged"] > 0
    assert second["purge_outbox"]["purged"] == 0
    assert first["backup_database"]["articles"] == 30
    assert wrong() == set()
    json.dumps([first, second])  # what a task returns can be stored


def test_publishing_purges_every_page_that_shows_the_article(world) -> None:
    world.run_all()
    with world.store.write() as connection:
        connection.execute(
            "UPDATE article SET publish_at = ? WHERE slug = 'to-come'", (clock.to_text(world.now),)
        )
    world.run("publish_due")
    with world.store.read() as connection:
        tags = {row["tag"] for row in rows(connection, "SELECT tag FROM purge_outbox")}
    assert tags >= {
        f"article:{world.ids['to-come']}",
        "home",
        "list",
        "tag:python",
        "tag:to",
        "feed",
        "sitemap",
        "search",
    }
    assert "/articles/to-come" in world.client().get("/").text
    assert "/articles/to-come" in world.client().get("/tags/to").text


def test_taking_down_also_purges_the_pages_that_name_it_as_similar(world) -> None:
    world.run_all()
    neighbours = world.count("SELECT count(*) FROM related WHERE other_id = ?", world.ids["sqlite-1"])
    assert neighbours
    with world.store.write() as connection:
        connection.execute(
            "UPDATE article SET unpublish_at = ? WHERE slug = 'sqlite-1'", (clock.to_text(world.now),)
        )
    world.run("purge_outbox")
    world.run("unpublish_due")
    assert world.count("SELECT count(*) FROM purge_outbox WHERE tag LIKE 'article:%'") == neighbours + 1
    assert "/articles/sqlite-1" not in world.client().get("/articles/sqlite-2").text


def test_one_article_is_not_published_before_its_time_nor_twice(world) -> None:
    early = world.run("publish_article", article_id=world.ids["to-come"])
    assert early == {"published": False, "article_id": world.ids["to-come"], "status": "scheduled"}
    checks.not_left_waiting(early)
    with pytest.raises(checks.NotAsExpected, match="to be public"):
        checks.not_left_waiting({**early, "article_id": world.ids["overdue"]})
    done = world.run("publish_article", article_id=world.ids["overdue"])
    assert done["published"] is True
    checks.not_left_waiting(done)
    assert world.run("publish_article", article_id=world.ids["overdue"])["published"] is False
    assert world.run("publish_article", article_id=999_999)["status"] == "gone"


def test_a_corrupt_picture_stops_nothing_and_is_named(world) -> None:
    done = world.run("make_image_derivatives")
    assert done["pictures"] == 9
    assert list(done["problems"]) == ["00000000000000000000"]
    assert "UnidentifiedImageError" in done["problems"]["00000000000000000000"]
    with world.store.read() as connection:
        states = rows(connection, "SELECT state, count(*) AS n FROM image_file GROUP BY state ORDER BY state")
    assert [(row["state"], row["n"]) for row in states] == [("corrupt", 1), ("ok", 8)]


def test_a_batch_of_pictures_takes_only_so_many(world) -> None:
    assert world.run("make_image_derivatives", limit=2)["pictures"] == 2


def test_the_sitemap_is_split_and_lists_what_may_be_indexed(world) -> None:
    world.run("publish_due")
    done = sitemap.rebuild(world.store, world.settings, world.now, limit=10)
    assert done == {
        "urls": 25,
        "files": 3,
        "changed": True,
    }  # 24 and the one that expires; not unreviewed, not kept-out
    listed = list(sitemap.addresses(world.settings.var / "sitemaps"))
    assert len(listed) == len(set(listed)) == 25
    assert "http://127.0.0.1:8000/articles/sqlite-1" in listed
    for number in (1, 2, 3):
        assert world.client().get(f"/sitemaps/{number}.xml").status_code == 200
    assert world.client().get("/sitemaps/4.xml").status_code == 404


def test_the_feeds_hold_the_newest_and_survive_characters_that_xml_forbids(world) -> None:
    with world.store.write() as connection:
        connection.execute(
            "UPDATE article SET title = ?, summary = ? WHERE slug = 'sqlite-1'", ("<&\x0b🦦", 'a "b" \x00')
        )
    done = feeds.rebuild(world.store, world.settings, world.now)
    assert done["entries"] == 25
    from xml.etree import ElementTree

    client = world.client()
    rss = ElementTree.fromstring(client.get("/feed.xml").content)
    atom = ElementTree.fromstring(client.get("/atom.xml").content)
    titles = [node.text for node in rss.findall(".//item/title")]
    assert "<&🦦" in titles
    assert titles == [node.text for node in atom.findall("{*}entry/{*}title")]
    ids = [node.text for node in rss.findall(".//guid")]
    assert len(ids) == len(set(ids)) == 25


def test_the_previous_build_can_be_served_again(world) -> None:
    world.run("rebuild_feed")
    before = world.client().get("/feed.xml").content
    with world.store.write() as connection:
        connection.execute("UPDATE article SET title = 'Spoilt' WHERE slug = 'sqlite-1'")
    world.run("rebuild_feed")
    assert world.client().get("/feed.xml").content != before
    builds.restore(world.settings.var / "feeds")
    assert world.client().get("/feed.xml").content == before
    with pytest.raises(LookupError, match="found none"):
        builds.restore(world.settings.var / "feeds")


def test_search_finds_new_words_and_forgets_what_was_taken_down(world) -> None:
    world.run("refresh_search_index")
    client = world.client()
    assert "/articles/sqlite-1" in client.get("/search?q=On+sqlite-1").text
    assert "<mark>Sqlite</mark>" in client.get("/search?q=sqlite").text.replace(
        "sqlite</mark>", "Sqlite</mark>"
    )
    assert "/articles/to-come" not in client.get("/search?q=come").text
    assert "Nothing holds all" in client.get("/search?q=zzzz").text
    for nasty in ('"', "AND", "a OR", "(", "*", "title:x", "<script>", "NEAR(", "'; DROP"):
        assert client.get("/search", params={"q": nasty}).status_code == 200, nasty
    with world.store.write() as connection:
        connection.execute("UPDATE article SET body = 'platypus', rev = rev + 1 WHERE slug = 'sqlite-1'")
    world.run("unpublish_due")
    world.run("refresh_search_index")
    assert "/articles/sqlite-1" in client.get("/search?q=platyp").text
    assert "/articles/expired" not in client.get("/search?q=expired").text


def test_views_are_conserved_when_a_flush_fails(world) -> None:
    before = world.count("SELECT total(views) FROM article")
    with world.store.write() as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE OF views ON article BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
    with pytest.raises(Exception, match="disk full"):
        world.run("flush_views")
    assert world.count("SELECT count(*) FROM view_event") == 7
    assert "views_conserved" not in wrong()
    with world.store.write() as connection:
        connection.execute("DROP TRIGGER refuse")
    assert world.run("flush_views")["views"] == 7
    assert world.count("SELECT total(views) FROM article") == before + 7


def test_broken_links_and_pictures_are_named(world) -> None:
    world.run("publish_due")
    with world.store.write() as connection:
        connection.execute(
            """UPDATE article SET html = html || '<a href="/articles/nowhere">x</a>' WHERE slug = 'sqlite-1'"""
        )
        sha = one(connection, "SELECT sha FROM image WHERE article_id = ?", (world.ids["unreviewed"],))
    assert sha is not None
    (world.settings.images / f"{sha['sha']}.png").unlink()
    done = world.run("find_broken")
    assert done["broken"] == 2
    assert done["first"] == [
        "/articles/sqlite-1 -> /articles/nowhere",
        f"/articles/unreviewed -> /images/{sha['sha']}.png",
    ]


def test_a_digest_is_one_mail_a_reader_and_week(world) -> None:
    reader = world.ids["reader"]
    assert world.run("send_digest", reader_id=reader)["sent"] is True
    assert world.run("send_digest", reader_id=reader)["reason"] == "it was sent already"
    assert world.run("weekly_digest") == {"readers": 2, "sent": 1, "problems": {}}
    path, other = sorted(world.settings.mail.iterdir())
    assert other.name.endswith(f"-reader-{world.ids['second reader']}.eml")
    mail = email.message_from_bytes(path.read_bytes())
    assert mail["Subject"].startswith("Ferret Notes, week 20")
    assert "http://127.0.0.1:8000/articles/" in str(mail.get_payload(decode=True))
    next_week = world.now + timedelta(days=7)
    assert digest.send(world.store, world.settings, reader, next_week)["sent"] is True
    assert len(list(world.settings.mail.iterdir())) == 3


def test_a_digest_that_is_not_wanted_or_not_due_is_not_sent(world) -> None:
    reader = world.ids["reader"]
    with world.store.write() as connection:
        connection.execute("UPDATE reader SET digest_since = ?", (clock.to_text(world.now),))
    assert "not due yet" in world.run("send_digest", reader_id=reader)["reason"]
    with world.store.write() as connection:
        connection.execute("UPDATE reader SET digest_since = NULL")
    assert "wants no digest" in world.run("send_digest", reader_id=reader)["reason"]
    assert world.run("send_digest", reader_id=999)["reason"] == "no such reader"


def test_a_digest_whose_mail_fails_is_not_recorded_as_sent(world) -> None:
    world.settings.mail.write_text("a file where the folder should be")
    done = world.run("weekly_digest")
    assert done["sent"] == 0
    assert set(done["problems"]) == {str(world.ids["reader"]), str(world.ids["second reader"])}
    assert world.count("SELECT count(*) FROM digest_sent") == 0
    checks.no_digest_left_over(done)  # they are named
    with pytest.raises(checks.NotAsExpected, match="the digest of 20"):
        checks.no_digest_left_over({**done, "problems": {}})


def test_sessions_are_pruned_and_live_ones_kept(world) -> None:
    client = world.client(login=True)
    assert world.run("prune_sessions")["removed"] == 1
    assert client.get("/me").status_code == 200


def test_seven_backups_are_kept_and_the_newest_is_whole(world) -> None:
    for day in range(9):
        backup.back_up(world.store, world.settings.backups, world.now + timedelta(days=day))
    names = sorted(path.name for path in world.settings.backups.iterdir())
    assert len(names) == 7
    newest = backup.newest(world.settings.backups)
    assert newest is not None
    assert backup.verify(newest) == 30
    newest.write_bytes(newest.read_bytes()[:8192])
    with pytest.raises(ValueError, match="expected a"):
        backup.verify(newest)


def test_purges_wait_when_the_cache_cannot_be_reached(world) -> None:
    waiting = world.count("SELECT count(*) FROM purge_outbox")
    with pytest.raises(OSError, match="on this machine"):
        outbox.deliver(world.store, "http://cache.example/")
    assert world.count("SELECT count(*) FROM purge_outbox") == waiting > 0


def test_purges_go_to_the_cache_by_surrogate_key(world) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    seen: list[str] = []

    class Cache(BaseHTTPRequestHandler):
        def do_PURGE(self) -> None:
            seen.extend((self.headers["Surrogate-Key"] or "").split())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Cache) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        done = outbox.deliver(world.store, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join(5)
    assert done["purged"] == len(seen) == len(set(seen))
    assert "home" in seen
    assert world.count("SELECT count(*) FROM purge_outbox") == 0
