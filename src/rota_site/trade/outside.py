"""Looks at links to other sites: as a guest does. robots.txt is obeyed (RFC 9309), one request at a time and host, a pause
between two, and no address of a private network is asked, whatever a page links to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import httpx2

from rota_site.trade.memory import Look

__all__ = ["AGENT", "Outside"]

AGENT = "rota-site"
HOPS = 5
PAUSE = 1.0
UNSURE = frozenset({401, 402, 403, 405, 406, 407, 408, 418, 425, 429, 451, 999})
"""Answers to a guest that is not wanted: they say nothing of the link."""


class Outside:
    """Asks other sites; an async context manager. ``allowed`` are hosts, with their port, that may be private.

    ``pause`` is in seconds, between two requests to one host.
    """

    def __init__(self, timeout: float, allowed: frozenset[str] = frozenset(), pause: float = PAUSE) -> None:
        self._allowed, self._pause = allowed, pause
        self._robots: dict[str, RobotFileParser | None] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._client = httpx2.AsyncClient(
            timeout=timeout,
            headers={"User-Agent": AGENT, "Accept": "*/*"},
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

    async def look(self, url: str) -> tuple[Look, str]:
        """Whether a link leads somewhere, and what was said."""
        try:
            for _ in range(HOPS):
                status, location = await self._ask(url)
                if location is None:
                    return _judged(status)
                url = urljoin(url, location)
            return "bad", f"more than {HOPS} redirects"
        except _NotAskedError as reason:
            return "unsure", str(reason)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            return "bad", str(error) or type(error).__name__

    async def _ask(self, url: str) -> tuple[int, str | None]:
        """The status, and where a redirect leads. HEAD first; where that is not answered well, GET, of which no body is read."""
        address = urlsplit(url)
        if address.scheme not in ("http", "https"):
            raise _NotAskedError(f"a redirect to {address.scheme}:")
        async with self._turns.setdefault(address.netloc, asyncio.Lock()):
            await self._guard(address.netloc, address.hostname or "", address.port)
            await self._allowed_by_robots(url)
            status, location = await self._send("HEAD", url)
            if status >= 400:
                status, location = await self._send("GET", url)
            return status, location

    async def _send(self, method: str, url: str) -> tuple[int, str | None]:
        await asyncio.sleep(self._pause)  # a guest does not hurry
        response = await self._client.send(self._client.build_request(method, url), stream=True)
        await response.aclose()
        return response.status_code, response.headers.get("location") if response.is_redirect else None

    async def _guard(self, netloc: str, host: str, port: int | None) -> None:
        if netloc in self._allowed:
            return
        found = await asyncio.get_running_loop().getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
        if not all(ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found):
            raise _NotAskedError(f"{host} is an address of a private network")

    async def _allowed_by_robots(self, url: str) -> None:
        address = urlsplit(url)
        root = f"{address.scheme}://{address.netloc}"
        if root not in self._robots:
            self._robots[root] = await self._read_robots(root)
        rules = self._robots[root]
        if rules is None:
            raise _NotAskedError("its robots.txt cannot be had")
        if not rules.can_fetch(AGENT, url):
            raise _NotAskedError("its robots.txt does not allow it")

    async def _read_robots(self, root: str) -> RobotFileParser | None:
        """None where the site is not to be asked: its server fails (RFC 9309 section 2.3.1.4). Where there is none, all is allowed."""
        rules = RobotFileParser()
        try:
            async with self._client.stream("GET", f"{root}/robots.txt") as response:
                if response.status_code >= 500:
                    return None
                text = await _text(response) if response.status_code == 200 else ""
        except httpx2.HTTPError:
            return None
        rules.parse(text.splitlines())
        return rules


class _NotAskedError(Exception):
    """A link is not looked at; the text says why."""


def _judged(status: int) -> tuple[Look, str]:
    said = f"status {status}"
    if status < 400:
        return "well", said
    return ("unsure" if status in UNSURE else "bad"), said


async def _text(response: httpx2.Response, most: int = 512_000) -> str:
    """The first 500 kilobytes, as RFC 9309 section 2.5 asks for at least."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most:
            break
    return bytes(body[:most]).decode("utf-8", "replace")
