"""One table of cache policies: what the site sends, what the documentation says, what the checks expect."""

from __future__ import annotations

import fnmatch
import inspect
from pathlib import Path

import pytest

import newsroom
from newsroom import checks, faults, page_checks, policy
from newsroom.policy import POLICIES

ROUTES = {
    "/": "/",
    "/page/2": "/page/{number}",
    "/articles/sqlite-1": "/articles/{slug}",
    "/tags": "/tags",
    "/tags/python": "/tags/{tag}",
    "/tags/python/page/2": "/tags/{tag}/page/{number}",
    "/search?q=words": "/search",
    "/feed.xml": "/feed.xml",
    "/atom.xml": "/atom.xml",
    "/sitemap.xml": "/sitemap.xml",
    "/sitemaps/1.xml": "/sitemaps/{number}.xml",
    "/robots.txt": "/robots.txt",
    "/me": "/me",
    "/me.json": "/me.json",
    "/login": "/login",
    "/register": "/register",
    "/drafts": "/drafts",
    "/drafts/1": "/drafts/{article_id}",
    "/healthz": "/healthz",
    "/readyz": "/readyz",
    "/_meta/version": "/_meta/version",
}


def test_every_route_has_a_policy_and_every_policy_a_route(world) -> None:
    from newsroom.pages import account, editorial, files, machine, public

    routes = {
        route.path
        for module in (public, files, account, editorial, machine)
        for route in module.routes.routes
    }
    assert routes == set(POLICIES)


def test_what_is_sent_is_what_the_table_says(world) -> None:
    world.run_all()
    client = world.client(login=True)
    for path, route in ROUTES.items():
        reply = client.get(path)
        assert reply.status_code == 200, path
        declared = POLICIES[route]
        assert reply.headers["cache-control"] == declared.cache_control, path
        assert reply.headers.get("vary", "") == declared.vary, path
        sent = reply.headers.get("surrogate-key", "").split()
        assert all(any(fnmatch.fnmatch(tag, pattern) for pattern in declared.tags) for tag in sent), (
            path,
            sent,
        )
        assert all(
            any(fnmatch.fnmatch(tag, pattern) for tag in sent)
            for pattern in declared.tags
            if path != "/page/2"
        ), path
        assert ("etag" in reply.headers) == (declared.shared in ("everyone", "forever")), path


def test_what_is_written_may_be_kept_by_nobody(world) -> None:
    client = world.client(login=True)
    for path in ("/me/digest", "/bookmarks", "/logout"):
        reply = client.post(path, data={"hour": "1", "timezone": "UTC", "article_id": "1"})
        assert reply.headers["cache-control"] == "private, no-store"


def test_the_table_does_not_contradict_itself() -> None:
    for each in POLICIES.values():
        shared = each.shared in ("everyone", "forever")
        assert ("public" in each.cache_control) == shared
        assert ("no-store" in each.cache_control) == (not shared)
        assert (each.vary == "Cookie") == (each.shared == "nobody else")
        assert each.warm is None or each.warm < each.cold


def test_the_documentation_holds_the_table() -> None:
    page = Path(newsroom.__file__).parents[2] / "docs" / "how-to" / "newsroom.md"
    assert policy.as_markdown() in page.read_text(encoding="utf-8")


def test_the_documentation_holds_every_fault() -> None:
    page = (Path(newsroom.__file__).parents[2] / "docs" / "how-to" / "newsroom.md").read_text(
        encoding="utf-8"
    )
    for name, fault in faults.FAULTS.items():
        assert f"| `{name}` | {fault.does} | `{fault.task}` | `{fault.noticed_by}` |" in page


HEADER_FAULTS = [name for name, fault in faults.FAULTS.items() if fault.check == "headers_match_policy"]


@pytest.mark.parametrize("fault", HEADER_FAULTS)
def test_a_fault_in_the_headers_is_noticed_by_the_check_of_headers(world, fetch_by, fault: str) -> None:
    world.run_all()
    fetch = fetch_by(world.client(fault))
    with pytest.raises(checks.NotAsExpected):
        page_checks.headers_match_policy(fetch)
    page_checks.pages_within_budget(fetch)


def test_a_slow_page_is_noticed_by_the_check_of_budgets(
    world, fetch_by, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_checks, "TRIES", 2)
    world.run_all()
    fetch = fetch_by(world.client("slow_tag"))
    page_checks.headers_match_policy(fetch)
    with pytest.raises(checks.NotAsExpected, match="/tags/python"):
        page_checks.pages_within_budget(fetch)


def test_without_faults_headers_and_budgets_are_as_expected(world, fetch_by) -> None:
    world.run_all()
    fetch = fetch_by(world.client())
    page_checks.headers_match_policy(fetch)
    page_checks.pages_within_budget(fetch)


def test_every_fault_names_a_check_that_exists() -> None:
    for fault in faults.FAULTS.values():
        if fault.check is not None:
            module = page_checks if hasattr(page_checks, fault.check) else checks
            assert inspect.isfunction(getattr(module, fault.check))
