"""The site's checks: a thousand routes inspected through a local Varnish with twenty connections, a purge with its proof for one
article, and the memory that a body without an end costs. The origin is a small server in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.rota_side import median, table
from newsroom.caches import varnish
from rota_site.fetch import Fetcher
from rota_site.headers import inspect
from rota_site.model import Cache, Content, Infrastructure, Limits, Route, Shown, Site
from rota_site.purge.affected import Change
from rota_site.purge.purge import carry_out

ROUTES = 1_000
PURGES = 20
PORT = 18_431
SAID = [
    (b"content-type", b"text/html"),
    (b"cache-control", b"public, max-age=60, s-maxage=600"),
    (b"etag", b'"a1"'),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"referrer-policy", b"same-origin"),
]


async def origin(scope: Any, receive: Any, send: Any) -> None:
    """Every page is there; /endless has a hundred megabytes."""
    if scope["type"] != "http":
        return
    same = any(name == b"if-none-match" for name, _ in scope["headers"])
    await send({"type": "http.response.start", "status": 304 if same else 200, "headers": SAID})
    if scope["path"] == "/endless" and not same:
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
    body = b"" if same else b"<!doctype html>" + scope["path"].encode() * 200
    await send({"type": "http.response.body", "body": body})


def serve() -> None:
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # that nobody reads on is what is measured
    uvicorn.run(origin, host="127.0.0.1", port=PORT, log_level="critical")


def main() -> None:
    with _running() as cache:
        site = _site(cache)
        inspected = [_timed(inspect_all(site)) for _ in range(3)]
        requests = inspected[0][1]
        purged = sorted(asyncio.run(purges(site)))
        flat = asyncio.run(endless(site))
    table(
        ["what", "median", "all"],
        [
            [f"{ROUTES} routes inspected, {requests:,} requests", f"{median([took for took, _ in inspected]):.1f} s",
             ", ".join(f"{took:.1f}" for took, _ in inspected)],
            ["purge of one article with its proof", f"{median(purged) * 1000:.0f} ms", f"{purged[0] * 1000:.0f} to {purged[-1] * 1000:.0f}"],
            ["memory for a body of 100 MB", f"{flat / 1024:+.1f} MiB", "limit 2 MB"],
        ],
    )  # fmt: skip


@contextmanager
def _running() -> Iterator[str]:
    server = multiprocessing.get_context("spawn").Process(target=serve, daemon=True)
    server.start()
    try:
        time.sleep(1.5)  # until it listens
        with (
            tempfile.TemporaryDirectory(prefix="rota-bench-") as folder,
            varnish(f"http://127.0.0.1:{PORT}", Path(folder)) as cache,
        ):
            yield cache.url
    finally:
        server.terminate()
        server.join()


def _site(url: str) -> Site:
    routes = [Route(f"r{number}", f"/p/{number}", (f"/p/{number}",), keys=("p",)) for number in range(ROUTES)]
    shown = (
        Shown("it is the article", "/p/{id}"),
        Shown("its tag", "/p/{tag}"),
        Shown("the listing", "/p/0"),
    )
    limits = Limits(connections=20, rate=10_000)
    infrastructure = Infrastructure(
        url, f"http://127.0.0.1:{PORT}", cache=Cache("varnish", rate=1_000), limits=limits
    )
    return Site("bench", tuple(routes), (Content("article", shown),), infrastructure)


async def inspect_all(site: Site) -> int:
    async with Fetcher(site.infrastructure) as fetcher:
        found = await inspect(site, fetcher)
    wrong = [finding.rule for each in found for finding in each.findings]
    assert not [each for each in found if each.failed], "a request failed"
    assert set(wrong) <= {"C23"}, set(wrong)
    return sum(each.asked for each in found)


def _timed(work: Any) -> tuple[float, int]:
    begun = time.perf_counter()
    asked = asyncio.run(work)
    return time.perf_counter() - begun, asked


async def purges(site: Site) -> list[float]:
    took = []
    few = Site(site.name, site.routes[:30], site.contents, site.infrastructure)
    async with Fetcher(site.infrastructure) as fetcher:
        for number in range(PURGES):
            change = Change(
                "article", "7", {"id": 7, "tag": 8, "rev": number}, {"id": 7, "tag": 8, "rev": number + 1}
            )
            begun = time.perf_counter()
            result = await carry_out(few, fetcher, change)
            took.append(time.perf_counter() - begun)
            assert result["proof"]["verdict"] == "pass", result
    return took


async def endless(site: Site) -> int:
    """How much more memory the process ever had, in KiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    route = Route("endless", "/endless", ("/endless",), keys=("p",))
    one = Site("bench", (route,), (), Infrastructure(f"http://127.0.0.1:{PORT}"))
    async with Fetcher(one.infrastructure) as fetcher:
        await inspect(one, fetcher)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


if __name__ == "__main__":
    main()
