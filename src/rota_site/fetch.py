"""Asks the site, politely: only hosts that ``site.toml`` lists, at a rate, and no more of a body than is allowed.

Nothing is kept between two requests: no cookies, no cache, no redirects followed. Header lines come as they were sent,
repeated ones included.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

import httpx2

from rota.clock import SECOND, Clock, SystemClock
from rota.errors import Refused, Retriable
from rota_site.model import Infrastructure

__all__ = ["Ask", "FetchFailed", "Fetcher", "Reply", "Where"]

Where = Literal["cache", "origin"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. ``path`` goes out byte for byte, so that odd encodings arrive as they stand here.

    ``most`` is how many bytes of the body are read; none: as many as the limits say.
    """

    path: str
    where: Where = "cache"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. ``first_byte`` and ``took`` are seconds from when it was sent; ``raw`` is the body as it came.

    ``is_whole`` is false where the body was longer than is read. ``at`` is in seconds of the Unix epoch.
    """

    ask: Ask
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    raw: bytes
    is_whole: bool
    at: float
    first_byte: float
    took: float
    limit: int = 2_000_000

    def all(self, name: str) -> tuple[str, ...]:
        """Each line of a header.

        >>> Reply(Ask("/"), "", 200, (("Vary", "a"), ("vary", "b")), b"", True, 0, 0, 0).get("VARY")
        'a, b'
        """
        return tuple(value for key, value in self.headers if key.lower() == name.lower())

    def get(self, name: str) -> str | None:
        """All lines of a header as one, as RFC 9110 section 5.3 joins them; None where there is none."""
        lines = self.all(name)
        return ", ".join(lines) if lines else None

    @property
    def body(self) -> bytes:
        """The body without its gzip or deflate encoding, up to the limit; one that cannot be decoded, as it came."""
        if (self.get("content-encoding") or "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
            return self.raw
        try:
            return zlib.decompressobj(47).decompress(self.raw, self.limit)
        except zlib.error:
            return self.raw

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")


class FetchFailed(Exception):
    """There was no reply. ``ask`` is what was asked; the text says where, and what went wrong."""

    def __init__(self, ask: Ask, url: str, why: str) -> None:
        super().__init__(f"{ask.method} {url} failed: {why}")
        self.ask = ask


class Fetcher:
    """Asks one site; all its requests share connections, limits and pace. An async context manager.

    Raises `Refused` for a host that ``site.toml`` does not list, before anything is sent.
    """

    def __init__(self, infrastructure: Infrastructure, clock: Clock | None = None) -> None:
        self.infrastructure = infrastructure
        self._clock = clock or SystemClock()
        limits = infrastructure.limits
        self._slots = asyncio.Semaphore(limits.connections)
        self._pause = 1 / limits.rate
        self._free_at = 0.0
        self._client = httpx2.AsyncClient(
            timeout=limits.timeout.total_seconds(),
            limits=httpx2.Limits(
                max_connections=limits.connections, max_keepalive_connections=limits.connections
            ),
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def fetch(self, ask: Ask, *, paced: bool = True) -> Reply:
        """One reply. Raises `FetchFailed` where there is none in time.

        ``paced`` is false for a caller that keeps to the rate by itself, since it measures how long it waits.
        """
        base, host = self._address(ask.where)
        url = base + ask.path
        self._check(url)
        headers = {"Accept-Encoding": "gzip", "Host": host, "User-Agent": "rota-site", **ask.headers}
        async with self._slots:
            if paced:
                await self._pace()
            try:
                return await self._send(ask, url, headers)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise FetchFailed(ask, url, str(error) or type(error).__name__) from None

    async def fetch_all(self, asks: Sequence[Ask]) -> list[Reply | FetchFailed]:
        """Replies in the order of ``asks``, as many at once as there are connections."""
        return list(await asyncio.gather(*(self._or_failed(ask) for ask in asks)))

    async def _or_failed(self, ask: Ask) -> Reply | FetchFailed:
        try:
            return await self.fetch(ask)
        except FetchFailed as failed:
            return failed

    def url_of(self, ask: Ask) -> str:
        """The address that an ask goes to."""
        return self._address(ask.where)[0] + ask.path

    def _address(self, where: Where) -> tuple[str, str]:
        public = self.infrastructure.url
        if where == "cache":
            return public, urlsplit(public).netloc
        if self.infrastructure.origin is None:
            raise Refused(
                "the origin cannot be asked",
                expected='origin = "http://..." in site.toml',
                found="no origin",
                retry=Retriable(True, "nothing was asked"),
            )
        return self.infrastructure.origin, self.infrastructure.origin_host or urlsplit(public).netloc

    def _check(self, url: str) -> None:
        host = urlsplit(url).netloc
        if host not in self.infrastructure.allowed:
            raise Refused(
                f"{host} is not asked",
                expected=f"a host that site.toml lists: {', '.join(sorted(self.infrastructure.allowed))}",
                found=host,
                retry=Retriable(True, "nothing was asked"),
            )

    async def _pace(self) -> None:
        """Each request has its turn; turns are as far apart as the rate says."""
        now = self._clock.monotonic()
        self._free_at = max(self._free_at, now) + self._pause
        wait = self._free_at - self._pause - now
        if wait > 0:
            await asyncio.sleep(wait)  # this is the pace

    async def _send(self, ask: Ask, url: str, headers: Mapping[str, str]) -> Reply:
        limit = ask.most or self.infrastructure.limits.body
        request = self._client.build_request(
            ask.method,
            self._address(ask.where)[0],
            headers=headers,
            data=dict(ask.form) if ask.form is not None else None,
            extensions={"target": ask.path.encode("ascii", "backslashreplace")},
        )
        at, begun = self._clock.now() / SECOND, self._clock.monotonic()
        response = await self._client.send(request, stream=True)
        first_byte = self._clock.monotonic() - begun
        try:
            raw, is_whole = await _read(response, limit)
        finally:
            await response.aclose()
        return Reply(
            ask,
            url,
            response.status_code,
            tuple((key.decode("latin-1"), value.decode("latin-1")) for key, value in response.headers.raw),
            raw,
            is_whole,
            at,
            first_byte,
            self._clock.monotonic() - begun,
            limit,
        )


async def _read(response: httpx2.Response, limit: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            return bytes(body[:limit]), False
    return bytes(body), True
