"""What is asked arrives byte for byte; what is answered is read within bounds; no other host is asked."""

from __future__ import annotations

import asyncio
import gzip
import time
from dataclasses import replace

import pytest
from tests.site.standin import Answer, Asked, standin

from rota.errors import Refused
from rota_site.fetch import Ask, Fetcher, FetchFailed, Reply
from rota_site.model import Infrastructure, Limits


def fetched(infrastructure: Infrastructure, *asks: Ask) -> list[Reply | FetchFailed]:
    async def fetch() -> list[Reply | FetchFailed]:
        async with Fetcher(infrastructure) as fetcher:
            return await fetcher.fetch_all(asks)

    return asyncio.run(fetch())


def test_odd_paths_arrive_as_they_stand() -> None:
    paths = ["/me/x.css", "/me;x.css", "/me%2Fx.css", "/me%0Ax.css", "//me", "/ME", "/a/../me", "/me?x.css"]
    with standin(lambda asked: Answer()) as site:
        fetched(Infrastructure(site.url), *(Ask(path) for path in paths))
        assert sorted(asked.path for asked in site.asked) == sorted(paths)


def test_header_lines_come_as_they_were_sent() -> None:
    with standin(lambda asked: Answer(headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])) as site:
        (reply,) = fetched(Infrastructure(site.url), Ask("/"))
        assert isinstance(reply, Reply)
        assert reply.all("set-cookie") == ("a=1", "b=2")


def test_no_cookie_is_kept_between_requests() -> None:
    with standin(lambda asked: Answer(headers=[("Set-Cookie", "a=1")])) as site:
        fetched(Infrastructure(site.url, limits=Limits(connections=1)), Ask("/"), Ask("/"))
        assert all("Cookie" not in asked.headers for asked in site.asked)


def test_a_long_body_is_read_to_the_limit_and_no_further() -> None:
    with standin(lambda asked: Answer(body=b"x" * 3_000_000)) as site:
        (reply,) = fetched(Infrastructure(site.url, limits=Limits(body=10_000)), Ask("/"))
        assert isinstance(reply, Reply)
        assert (len(reply.raw), reply.is_whole) == (10_000, False)


def test_a_body_that_unpacks_to_much_is_unpacked_to_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    answer = Answer(headers=[("Content-Encoding", "gzip")], body=bomb)
    with standin(lambda asked: answer) as site:
        (reply,) = fetched(Infrastructure(site.url, limits=Limits(body=100_000)), Ask("/"))
        assert isinstance(reply, Reply)
        assert len(reply.body) == 100_000


def test_the_origin_is_asked_with_the_public_host() -> None:
    with standin(lambda asked: Answer()) as site:
        infrastructure = Infrastructure("http://notes.example:8000", origin=site.url)
        fetched(infrastructure, Ask("/", where="origin"))
        assert site.asked[0].headers["Host"] == "notes.example:8000"


def test_a_host_that_is_not_listed_is_not_asked() -> None:
    with standin(lambda asked: Answer()) as site:
        infrastructure = replace(Infrastructure(site.url), origin=None)
        with pytest.raises(Refused, match="origin"):
            fetched(infrastructure, Ask("/", where="origin"))
        with pytest.raises(Refused, match="not asked"):
            fetched(infrastructure, Ask("@127.0.0.1:1/"))
        assert site.asked == []


def test_no_reply_is_told_with_the_address() -> None:
    with standin(lambda asked: Answer()) as site:
        url = site.url
    (failed,) = fetched(Infrastructure(url), Ask("/gone"))
    assert isinstance(failed, FetchFailed)
    assert f"GET {url}/gone failed" in str(failed)


def test_requests_keep_to_the_rate() -> None:
    times: list[float] = []

    def note(_: Asked) -> Answer:
        times.append(time.monotonic())
        return Answer()

    with standin(note) as site:
        fetched(Infrastructure(site.url, limits=Limits(rate=50)), *(Ask("/") for _ in range(11)))
    assert max(times) - min(times) >= 0.18  # ten pauses of 20 ms, less the jitter of the machine
