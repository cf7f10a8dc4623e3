"""The family of planted faults: each is found, by the check and the rule that it should be; and on a right site nothing is.

Faults of the site are planted in the newsroom behind a right Varnish. Those of the caches are found in the tests of the check that
finds them; here it is seen that none is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from tests.site import test_headers, test_purge, test_readers
from tests.site.conftest import TOKEN, Newsroom, Start

from newsroom import articles, clock, feeds, search, sitemap
from newsroom.app import create_app
from newsroom.caches.variants import CACHE_FAULTS
from newsroom.settings import Settings
from newsroom.spoil import SITE_FAULTS
from newsroom.store import Store
from rota_site.checks import run_check
from rota_site.define.load import load_site
from rota_site.fetch import Fetcher
from rota_site.model import Identity, LogIn, Site
from rota_site.response.measure import How
from rota_site.trade import links

CHECKS = (
    "headers",
    "readers",
    "sitemap",
    "feed",
    "links",
    "images",
    "published",
    "indexable",
    "robots",
    "search",
)


@contextlib.contextmanager
def spoilt(newsroom: Newsroom, fault: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The newsroom's own content, served by another process's thread with a fault in it."""
    monkeypatch.setenv("NEWSROOM_TOKEN", TOKEN)
    faults = frozenset({fault}) if fault else frozenset()
    settings = Settings(newsroom.var / "newsroom.db", newsroom.var, newsroom.url, faults=faults)
    with Store(settings.database) as store:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings, store),
                host="127.0.0.1",
                port=0,
                log_level="warning",
                date_header=fault != "date_off",
            )
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                thread.join(0.02)  # until it listens
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def described(cache: str, origin: str) -> Site:
    site = load_site(
        "examples/newsroom/site.toml",
        {"NEWSROOM_URL": cache, "NEWSROOM_ORIGIN": origin, "NEWSROOM_TOKEN": TOKEN},
    )
    limits = replace(site.infrastructure.limits, rate=1_000)
    return replace(site, infrastructure=replace(site.infrastructure, limits=limits))


def checked(site: Site, *names: str, folder: Path) -> dict[str, set[tuple[str, str]]]:
    """Route and rule of every finding, by check; and how many requests there were, under an empty name."""
    ways = {"response": How(100, 200, None), "links": links.How(folder / "links.json")}

    async def carry() -> dict[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        asked = 0
        async with Fetcher(site.infrastructure) as fetcher:
            for name in names:
                result = await run_check(name, site, fetcher, ways.get(name))
                asked += result["asked"]
                found[name] = {
                    (route["route"], rule) for route in result["routes"] for rule in route["rules"]
                }
                found[name] |= {(route["route"], "failed") for route in result["routes"] if "failed" in route}
        found[""] = {("asked", str(asked))}
        return found

    return asyncio.run(carry())


def built(newsroom: Newsroom, url: str) -> None:
    """What the newsroom's own tasks do each minute: publish what is due, and build sitemap, feed and index for this address."""
    settings = Settings(newsroom.var / "newsroom.db", newsroom.var, url)
    now = clock.now()
    with Store(settings.database) as store:
        with store.write() as connection:
            articles.publish_due(connection, now)
        sitemap.rebuild(store, settings, now)
        feeds.rebuild(store, settings, now)
        search.refresh(store)


@pytest.mark.parametrize("fault", SITE_FAULTS)
def test_a_fault_of_the_site_is_found(
    fault: str, newsroom: Newsroom, in_front: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    planted = SITE_FAULTS[fault]
    with spoilt(newsroom, fault, monkeypatch) as origin, in_front("varnish", origin) as cache:
        found = checked(described(cache.url, origin), planted.check, folder=tmp_path)
    assert (planted.route, planted.rule) in found[planted.check], found


@pytest.mark.parametrize("kind", ["varnish", "nginx"])
def test_a_right_site_has_no_finding_in_a_thousand_fetches(
    kind: str, newsroom: Newsroom, in_front: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    identities = []
    for each in ("one", "two"):
        name, password, _ = test_readers.register(newsroom.url)
        identities.append(
            Identity(
                each,
                LogIn("/login", {"name": name, "password": password}, "/logout"),
                marker=("/me/note", "note"),
            )
        )
    asked = 0
    with spoilt(newsroom, "", monkeypatch) as origin, in_front(kind, origin) as cache:
        built(newsroom, cache.url)
        site = described(cache.url, origin)
        site = replace(site, infrastructure=replace(site.infrastructure, identities=tuple(identities)))
        while asked < 1_000:
            found = checked(site, *CHECKS, folder=tmp_path)
            asked += int(next(iter(found.pop("")))[1])
            assert {name: rules for name, rules in found.items() if rules} == {}


def test_every_fault_of_a_cache_is_found_by_a_test() -> None:
    by_headers = {(kind, fault): {expected[1]} for kind, fault, expected in test_headers.CACHE_FAULTS}
    by_readers: dict[tuple[str, str], set[str]] = {}
    for kind, fault, _, _, expected in test_readers.CASES:
        if fault:
            by_readers.setdefault((kind, fault), set()).update(*expected.values())
    by_purge = {
        (kind, fault): {verdict, *rules}
        for kind, fault, _, _, _, verdict, rules in test_purge.PROOFS
        if fault
    }
    tested = {**by_readers, **by_headers, **by_purge}
    for (kind, fault), (check, rule, _) in CACHE_FAULTS.items():
        table = {"headers": by_headers, "readers": by_readers, "purge": by_purge}[check]
        if (kind, fault) == ("varnish", "suffix_is_static"):
            continue  # shown with nginx: what this Varnish would keep, the stand-in does not send to it
        assert rule in table[kind, fault], (kind, fault)
    assert set(tested) <= set(CACHE_FAULTS)


def test_the_family_is_large_enough() -> None:
    assert len(SITE_FAULTS) + len(CACHE_FAULTS) >= 50


def test_the_documentation_lists_the_family() -> None:
    page = Path("docs/how-to/site/faults.md").read_text()
    for name, planted in SITE_FAULTS.items():
        assert f"| `{name}` | {planted.does} | `{planted.check}` | {planted.rule} |" in page
    for (kind, name), (check, rule, does) in CACHE_FAULTS.items():
        assert f"| `{name}` | {kind} | {does} | `{check}` | {rule} |" in page
