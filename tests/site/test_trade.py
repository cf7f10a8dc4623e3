"""The tasks of the trade on a small site that is as it should be, and on the same site with one thing wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.site.standin import Answer, Asked, standin

from rota.clock import ManualClock
from rota_site.checks import CHECKS
from rota_site.fetch import Fetcher
from rota_site.finding import RouteResult
from rota_site.model import Backup, Content, Infrastructure, Limits, Pages, Route, Shown, Site
from rota_site.trade import backup, certificate, feed, images, indexable, links, published, search, sitemap
from rota_site.trade.links import How
from rota_site.trade.rules import RULES

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


@dataclass
class Article:
    slug: str
    publish_at: datetime | None = NOW - timedelta(days=9)
    unpublish_at: datetime | None = None
    indexable: bool = True

    @property
    def path(self) -> str:
        return f"/articles/{self.slug}"

    def is_public(self) -> bool:
        return (
            self.publish_at is not None
            and self.publish_at <= NOW
            and (not self.unpublish_at or self.unpublish_at > NOW)
        )


def articles() -> list[Article]:
    return [
        Article("newest", NOW - timedelta(days=2)),
        Article("older", NOW - timedelta(days=20)),
        Article("unreviewed", NOW - timedelta(days=5), indexable=False),
        Article("tomorrow", NOW + timedelta(hours=20)),
        Article("draft", None),
        Article("ended", NOW - timedelta(days=9), NOW - timedelta(days=1)),
    ]


@dataclass
class Notes:
    """The site: what it answers, unless ``instead`` says otherwise for a path."""

    articles: list[Article] = field(default_factory=articles)
    instead: dict[str, Callable[[str], Answer]] = field(default_factory=dict)
    url: str = ""

    def answer(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        if path in self.instead:
            return self.instead[path](asked.path)
        if path.startswith("/articles/"):
            return self.article(path)
        made = {
            "/": self.home,
            "/sitemap.xml": self.sitemap,
            "/feed.xml": self.feed,
            "/listing": self.listing,
        }
        if path in made:
            return made[path]()
        if path == "/search":
            return self.search(asked.path)
        if path == "/robots.txt":
            return plain("User-agent: *\nDisallow: /me\n")
        return Answer(headers=[("Content-Type", "image/png")], body=PNG) if path == "/i.png" else Answer(404)

    def article(self, path: str) -> Answer:
        for each in self.articles:
            if each.path == path and each.is_public():
                robots = "" if each.indexable else '<meta name="robots" content="noindex">'
                return html(f'<link rel="canonical" href="{path}">{robots}<a href="/">home</a>')
        return Answer(404)

    def home(self) -> Answer:
        items = "".join(f'<a href="{each.path}">x</a>' for each in self.articles if each.is_public())
        return html(f'{items}<img src="/i.png" width="2" height="2" alt="">')

    def sitemap(self) -> Answer:
        return xml(
            urlset(self.url + each.path for each in self.articles if each.is_public() and each.indexable)
        )

    def feed(self) -> Answer:
        shown = [each for each in self.articles if each.is_public()]
        return xml(atom("".join(entry(self.url + each.path) for each in shown)))

    def listing(self) -> Answer:
        return Answer(headers=[("Content-Type", "application/json")], body=json.dumps({"items": [
            {
                "path": each.path, "title": each.slug, "indexable": each.indexable,
                "publish_at": each.publish_at and each.publish_at.isoformat(),
                "unpublish_at": each.unpublish_at and each.unpublish_at.isoformat(),
            }
            for each in self.articles
        ]}).encode())  # fmt: skip

    def search(self, path: str) -> Answer:
        title = path.rpartition("=")[2]
        return html(
            "".join(
                f'<a href="{each.path}">' for each in self.articles if each.slug == title and each.is_public()
            )
        )


def html(body: str, *headers: tuple[str, str], status: int = 200) -> Answer:
    return Answer(
        status, [("Content-Type", "text/html; charset=utf-8"), *headers], f"<!doctype html>{body}".encode()
    )


def plain(text: str) -> Answer:
    return Answer(headers=[("Content-Type", "text/plain; charset=utf-8")], body=text.encode())


def xml(text: str) -> Answer:
    return Answer(headers=[("Content-Type", "application/xml")], body=text.encode())


def urlset(addresses: Any, date: str = "2026-11-01T08:00:00Z") -> str:
    lines = "".join(f"<url><loc>{each}</loc><lastmod>{date}</lastmod></url>" for each in addresses)
    return f'<urlset xmlns="{SPACE}">{lines}</urlset>'


def atom(entries: str) -> str:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>Notes</title>'
        f"<updated>2026-11-23T00:00:00Z</updated>{entries}</feed>"
    )


def entry(url: str) -> str:
    return f'<entry><id>{url}</id><title>t</title><updated>2026-11-23T00:00:00Z</updated><link href="{url}"/></entry>'


def site_of(url: str, **more: Any) -> Site:
    routes = (
        Route("home", "/", ("/",), kind="list"),
        Route("article", "/articles/{slug}", ("/articles/newest", "/articles/older")),
        Route("sitemap", "/sitemap.xml", ("/sitemap.xml",), kind="sitemap"),
        Route("feed", "/feed.xml", ("/feed.xml",), kind="feed"),
        Route("search", "/search", kind="file", crawled=False),
    )
    shown = (Shown("it is the article", path="/articles/{slug}"),)
    content = Content("article", shown, listing="/listing", search="/search?q={title}")
    infrastructure = Infrastructure(url, limits=Limits(rate=2_000, body=100_000))
    return replace(Site("notes", routes, (content,), infrastructure, pages=Pages(image=10_000)), **more)


def carried(check: Callable[..., Any], notes: Notes, *how: Any, **more: Any) -> list[RouteResult]:
    async def carry(site: Site) -> list[RouteResult]:
        async with Fetcher(site.infrastructure) as fetcher:
            timed = {} if check in UNTIMED else {"clock": ManualClock(NOW)}
            return list(await check(site, fetcher, *how, **timed))

    with standin(notes.answer) as server:
        notes.url = server.url
        return asyncio.run(carry(site_of(server.url, **more)))


def rules(results: list[RouteResult]) -> list[str]:
    return sorted({finding.rule for result in results for finding in result.findings})


UNTIMED = (images.check, indexable.check_robots, links.check)
ALL = (
    sitemap.check,
    feed.check,
    links.check,
    images.check,
    published.check,
    indexable.check,
    indexable.check_robots,
    search.check,
)


@pytest.mark.parametrize("check", ALL, ids=lambda check: f"{check.__module__}.{check.__name__}")
def test_a_site_that_is_as_it_should_be_has_no_finding(check: Callable[..., Any], tmp_path: Path) -> None:
    how = [How(tmp_path / "links.json")] if check is links.check else []
    results = carried(check, Notes(), *how)
    assert results
    assert [(each.verdict, each.failed, each.unsure, each.findings) for each in results] == [
        ("ok", None, None, ())
    ] * len(results)


def instead(path: str, answer: Callable[[str], Answer] | Answer) -> Notes:
    return Notes(instead={path: answer if callable(answer) else lambda _: answer})


def without(slug: str, path: str) -> Notes:
    """The site with one article left out where ``path`` shows it."""
    notes, part = Notes(), Notes()
    part.articles = [each for each in part.articles if each.slug != slug]

    def told(_: str) -> Answer:
        part.url = notes.url
        return part.answer(Asked("GET", path, {}, b""))

    notes.instead[path] = told
    return notes


def showing(slug: str, path: str) -> Notes:
    """The site that shows an article where ``path`` should not."""
    notes, more = Notes(), Notes()
    for each in more.articles:
        if each.slug == slug:
            each.publish_at, each.unpublish_at, each.indexable = NOW - timedelta(days=3), None, True

    def told(_: str) -> Answer:
        more.url = notes.url
        return more.answer(Asked("GET", path, {}, b""))

    notes.instead[path] = told
    return notes


BIG = Answer(headers=[("Content-Type", "image/png")], body=PNG + b"\0" * 20_000)
WRONG: dict[str, tuple[Callable[..., Any], Notes, str]] = {
    "a sitemap that is torn": (sitemap.check, instead("/sitemap.xml", xml("<urlset")), "M01"),
    "a sitemap of another site": (sitemap.check, instead("/sitemap.xml", xml(urlset(["http://else.test/"]))), "M01"),
    "a sitemap with a wrong date": (sitemap.check, instead("/sitemap.xml", lambda _: xml(urlset([], "x").replace("</urlset>", "<url><loc>http://else.test/</loc><lastmod>soon</lastmod></url></urlset>"))), "M01"),
    "no sitemap": (sitemap.check, instead("/sitemap.xml", Answer(404)), "M01"),
    "a page that the sitemap lacks": (sitemap.check, without("older", "/sitemap.xml"), "M02"),
    "a sitemap with a draft": (sitemap.check, showing("draft", "/sitemap.xml"), "M03"),
    "a sitemap with what is not reviewed": (sitemap.check, showing("unreviewed", "/sitemap.xml"), "M03"),
    "an address that is gone": (sitemap.check, instead("/articles/older", Answer(410)), "M04"),
    "an address that redirects": (sitemap.check, instead("/articles/older", Answer(301, [("Location", "/")])), "M04"),
    "a feed that is torn": (feed.check, instead("/feed.xml", xml("<feed")), "F01"),
    "a feed without ids": (feed.check, instead("/feed.xml", xml(atom("<entry><title>t</title><updated>x</updated></entry>"))), "F01"),
    "a feed with a control character": (feed.check, instead("/feed.xml", xml(atom("\x0b"))), "F01"),
    "a page in place of a feed": (feed.check, instead("/feed.xml", html("<html></html>")), "F01"),
    "a feed without the newest": (feed.check, without("newest", "/feed.xml"), "F02"),
    "a feed with what is to come": (feed.check, showing("tomorrow", "/feed.xml"), "F03"),
    "a link to nowhere": (links.check, instead("/", html('<a href="/nowhere">x</a>')), "L01"),
    "an image that is missing": (links.check, instead("/", html('<img src="/none.png" width=1 height=1 alt="">')), "L02"),
    "an image that is heavy": (images.check, instead("/i.png", BIG), "I01"),
    "an image without a size": (images.check, instead("/", html('<img src="/i.png" alt="">')), "I02"),
    "an image without alt": (images.check, instead("/", html('<img src="/i.png" width=1 height=1>')), "I03"),
    "a page in place of an image": (images.check, instead("/i.png", html("<html>not found</html>")), "I04"),
    "an image that calls itself a JPEG": (images.check, instead("/i.png", Answer(headers=[("Content-Type", "image/jpeg")], body=PNG)), "I04"),
    "an article that was not published": (published.check, instead("/articles/newest", Answer(404)), "P01"),
    "an article before its time": (published.check, instead("/articles/tomorrow", html("early")), "P02"),
    "a draft that can be read": (published.check, instead("/articles/draft", html("draft")), "P02"),
    "an article after its end": (published.check, instead("/articles/ended", html("still")), "P02"),
    "what is not reviewed may be indexed": (indexable.check, instead("/articles/unreviewed", html("x")), "X01"),
    "what is reviewed may not": (indexable.check, instead("/articles/older", html("x", ("X-Robots-Tag", "noindex"))), "X02"),
    "no robots.txt": (indexable.check_robots, instead("/robots.txt", Answer(500)), "B01"),
    "robots.txt as a page": (indexable.check_robots, instead("/robots.txt", html("x")), "B01"),
    "robots.txt that keeps all away": (indexable.check_robots, instead("/robots.txt", plain("User-agent: *\nDisallow: /\n")), "B02"),
    "a canonical address of another page": (indexable.check_robots, instead("/articles/older", html('<link rel="canonical" href="/articles/newest">')), "B03"),
    "two canonical addresses": (indexable.check_robots, instead("/articles/older", html('<link rel="canonical" href="/articles/older"><link rel="canonical" href="/x">')), "B03"),
    "a search that does not find": (search.check, instead("/search", html("nothing")), "H01"),
    "a search that finds a draft": (search.check, instead("/search", lambda path: html(f'<a href="/articles/{path.rpartition("=")[2]}">')), "H01"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_thing_that_is_wrong_is_one_rule(case: str, tmp_path: Path) -> None:
    check, notes, rule = WRONG[case]
    how = [How(tmp_path / "links.json")] if check is links.check else []
    found = carried(check, notes, *how)
    assert rules(found) == [rule]
    for finding in (finding for each in found for finding in each.findings):
        assert finding.expected
        assert finding.found


def test_an_article_of_this_minute_may_be_either() -> None:
    for at in (NOW - timedelta(seconds=30), NOW + timedelta(seconds=30)):
        notes = Notes(
            articles=[*articles(), Article("now", at)], instead={"/articles/now": lambda _: Answer(404)}
        )
        assert rules(carried(published.check, notes)) == []


def test_without_a_listing_completeness_is_inconclusive_and_not_a_pass() -> None:
    for check in (sitemap.check, feed.check, published.check, indexable.check, search.check):
        (one, *_) = carried(check, Notes(), contents=())
        assert one.verdict == "inconclusive"


def test_a_listing_that_cannot_be_had_is_not_a_pass() -> None:
    torn = instead("/listing", plain("[]"))
    assert [one.verdict for one in carried(published.check, torn)] == ["failing"]
    assert "expected JSON" in str(carried(published.check, torn)[0].failed)


def test_a_link_to_another_site_is_told_after_failures_on_three_days(tmp_path: Path) -> None:
    answers = {"status": 404}
    with standin(lambda asked: Answer(404 if asked.path == "/robots.txt" else answers["status"])) as other:
        notes = instead("/", html(f'<a href="{other.url}/page">x</a>'))
        host = other.url.removeprefix("http://")

        def day(number: float) -> list[str]:
            async def carry(site: Site) -> list[RouteResult]:
                async with Fetcher(site.infrastructure) as fetcher:
                    clock = ManualClock(NOW + timedelta(days=number))
                    return await links.check(site, fetcher, How(tmp_path / "links.json", 0.0, clock))

            with standin(notes.answer) as server:
                notes.url = server.url
                site = site_of(server.url, pages=Pages(outside=True))
                hosts = replace(site.infrastructure, hosts=frozenset({host}))
                return rules(asyncio.run(carry(replace(site, infrastructure=hosts))))

        assert day(0) == []
        assert day(0.1) == []  # not due: it is not even asked
        asked = len(other.asked)
        assert day(0.2) == []
        assert len(other.asked) == asked
        assert day(1) == []
        assert day(2) == ["L01"]
        answers["status"] = 200
        assert day(3) == []
        answers["status"] = 403  # a guest that is not wanted learns nothing of the link
        assert day(11) == []
        assert day(19) == []
        assert day(27) == []


def test_a_private_network_is_not_asked_and_robots_txt_is_obeyed(tmp_path: Path) -> None:
    robots = plain("User-agent: rota-site\nDisallow: /private\n")
    with standin(lambda asked: robots if asked.path == "/robots.txt" else Answer(404)) as other:
        notes = instead("/", html(f'<a href="{other.url}/private">x</a>'))
        (home, *_) = carried(links.check, notes, How(tmp_path / "links.json", 0.0), pages=Pages(outside=True))
        assert home.verdict == "ok"
        assert other.asked == []  # loopback is a private network, unless site.toml lists it
        said = json.loads((tmp_path / "links.json").read_text())[f"{other.url}/private"]["said"]
        assert "private network" in said


def database(path: Path, rows: int = 50, age: timedelta = timedelta(hours=1)) -> Path:
    path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE article (id INTEGER PRIMARY KEY, body TEXT)")
    connection.executemany("INSERT INTO article (body) VALUES (?)", [("x" * 500,)] * rows)
    connection.commit()
    connection.close()
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))
    return path


def backed_up(tmp_path: Path, *restore: str) -> RouteResult:
    async def carry(site: Site) -> list[RouteResult]:
        async with Fetcher(site.infrastructure) as fetcher:
            return await backup.check(site, fetcher, ManualClock(NOW))

    infrastructure = Infrastructure("http://127.0.0.1:1", backup=Backup("b/*.db", restore=restore))
    (one,) = asyncio.run(carry(Site("notes", (), (), infrastructure, str(tmp_path / "site.toml"))))
    return one


def test_a_backup_that_restores(tmp_path: Path) -> None:
    database(tmp_path / "b" / "1.db")
    one = backed_up(tmp_path)
    assert (one.verdict, one.facts["rows"], one.facts["file"]) == ("ok", 50, "1.db")


def test_a_backup_that_does_not(tmp_path: Path) -> None:
    assert rules([backed_up(tmp_path)]) == ["D01"]  # there is none
    old = database(tmp_path / "b" / "1.db", age=timedelta(days=2))
    assert rules([backed_up(tmp_path)]) == ["D01"]
    newer = database(tmp_path / "b" / "2.db", rows=1)
    assert rules([backed_up(tmp_path)]) == ["D01"]  # much smaller than the one before
    newer.write_bytes(old.read_bytes()[:4096] + b"\0" * (old.stat().st_size - 4096))
    os.utime(newer, (NOW.timestamp(), NOW.timestamp()))
    assert rules([backed_up(tmp_path)]) == ["D02"]
    newer.write_bytes(b"")
    os.utime(newer, (NOW.timestamp(), NOW.timestamp()))
    assert rules([backed_up(tmp_path)]) == ["D01", "D02"]


def test_a_backup_is_restored_by_a_command(tmp_path: Path) -> None:
    database(tmp_path / "b" / "1.db")
    assert backed_up(tmp_path, "cp", "{file}", "{into}/").verdict == "ok"
    assert rules([backed_up(tmp_path, "false")]) == ["D02"]
    assert rules([backed_up(tmp_path, "no-such-command")]) == ["D02"]
    assert len(list((tmp_path / "b").iterdir())) == 1


def test_a_site_without_tls_has_no_certificate_to_judge() -> None:
    (one,) = carried(certificate.check, Notes())
    assert (one.verdict, one.facts) == ("ok", {"scheme": "http"})


@contextlib.contextmanager
def tls(authority: trustme.CA, name: str, ends: datetime) -> Iterator[str]:
    """A server with a certificate for ``name`` that ends at an instant."""
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=ends).configure_cert(
        context
    )
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def certified(url: str, authority: trustme.CA, at: datetime) -> RouteResult:
    async def carry() -> list[RouteResult]:
        async with Fetcher(Infrastructure(url)) as fetcher:
            trust = ssl.create_default_context()
            authority.configure_trust(trust)
            return await certificate.check(site_of(url), fetcher, 21, ManualClock(at), trust)

    (one,) = asyncio.run(carry())
    return one


def test_a_certificate_that_ends_soon_or_is_not_for_the_site() -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    ends = datetime(2099, 3, 1, tzinfo=UTC)
    with tls(authority, "localhost", ends) as url:
        good = certified(url, authority, ends - timedelta(days=22))
        assert (good.verdict, good.facts["days"]) == ("ok", 22)
        assert rules([certified(url, authority, ends - timedelta(days=21))]) == ["K01"]
        assert rules([certified(url, stranger, ends - timedelta(days=50))]) == ["K01"]
    with tls(authority, "else.test", ends) as url:
        assert rules([certified(url, authority, ends - timedelta(days=50))]) == ["K01"]
    with tls(authority, "localhost", datetime(2021, 1, 1, tzinfo=UTC)) as url:
        assert rules([certified(url, authority, NOW)]) == ["K01"]
    assert certified(url, authority, NOW).verdict == "failing"  # nobody answers there any more


def test_every_rule_belongs_to_a_check_and_is_found_by_a_test() -> None:
    names = {check.name for check in CHECKS}
    assert {rule.check for rule in RULES.values()} <= names
    tested = {rule for _, _, rule in WRONG.values()} | {"D01", "D02", "K01"}
    assert tested == set(RULES)
