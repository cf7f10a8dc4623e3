"""Makes HTTP calls: expected status, Retry-After obeyed, a bounded answer, an idempotency key."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from rota.clock import Clock, SystemClock, from_instant
from rota.execute.handle import Run
from rota.execute.limits import Limits
from rota.execute.outcomes import cut, error_json, redacted
from rota.execute.output import LimitedSink
from rota.execute.protocol import Attempt, Outcome
from rota.execute.references import looked_up
from rota.model.task import Request

if TYPE_CHECKING:
    import httpx2

__all__ = ["RETRIABLE", "RequestExecutor", "idempotency_key", "retry_after"]

RETRIABLE = frozenset({408, 425, 429})  # and every 5xx: the same request may fare better later
_EXCERPT = 2_000  # characters of an answer that are kept when it is no result
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestExecutor:
    """Carries out attempts by one HTTP call each; all share one client and its connections.

    An unexpected status is an error, to be retried as the task says, where trying again may help (408, 425,
    429, 5xx, and failures to connect or to read); any other gives up at once. Redirects are not followed: a
    301 is an unexpected status. Cookies are not kept. To stop one, its connection is closed.
    """

    def __init__(
        self, limits: Limits, redact: Callable[[str], str] = str, clock: Clock | None = None
    ) -> None:
        self._limits = limits
        self._redact = redact
        self._clock = clock or SystemClock()
        self._client: httpx2.AsyncClient | None = None

    async def start(self) -> None:
        """Nothing to start: the client is made for the first request."""

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def execute(self, attempt: Attempt) -> Outcome:
        target = attempt.task.target
        assert isinstance(target, Request)
        sink = LimitedSink(attempt.sink, self._limits.log, self._redact)
        attempt.run._sink = sink
        try:
            outcome = await self._call(target, attempt.run, sink)
        finally:
            sink.finish()
        return outcome

    async def _call(self, target: Request, run: Run, sink: LimitedSink) -> Outcome:
        import httpx2

        if self._client is None:
            self._client = _new_client()
        begun = self._clock.monotonic()
        try:
            url = looked_up(target.url, os.environ)
            async with self._client.stream(target.method, url, **_content(target, run)) as response:
                body, is_whole = await _read(response, self._limits.result)
        except httpx2.InvalidURL as error:
            return Outcome("gave-up", error=self._error("InvalidURL", f"{target.url}: {error}"))
        except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
            return Outcome("gave-up", error=self._error(type(error).__name__, str(error)))
        except httpx2.HTTPError as error:
            message = f"{target.method} {target.url} failed: {str(error) or type(error).__name__}"
            return Outcome("error", error=self._error(type(error).__name__, message))
        except (TypeError, ValueError) as error:  # an address, header or body that cannot be sent
            message = f"{target.method} {target.url} cannot be sent: {error}"
            return Outcome("gave-up", error=self._error(type(error).__name__, message))
        took = (self._clock.monotonic() - begun) * 1000
        sink.line("INFO", f"{target.method} {target.url} answered {response.status_code} in {took:.0f} ms")
        return self._judged(target, response, body, is_whole)

    def _judged(self, target: Request, response: httpx2.Response, body: bytes, is_whole: bool) -> Outcome:
        status = response.status_code
        is_expected = status in target.expect_status if target.expect_status else 200 <= status < 300
        if is_expected:
            return Outcome("succeeded", result=_result(status, body, is_whole, self._limits.result))
        expected = " or ".join(map(str, target.expect_status)) or "2xx"
        error = self._error(
            "UnexpectedStatus",
            f"{target.method} {target.url}: expected status {expected}, found {status}{_hint(response)}",
            status=status,
            body=_excerpt(body),
        )
        if status in RETRIABLE or status >= 500:
            return Outcome("error", error=error, after=retry_after(response.headers, self._now()))
        return Outcome(
            "gave-up", error=error, note="the same request would get the same answer: no retry is made"
        )

    def _error(self, type_: str, message: str, **facts: Any) -> str:
        return redacted(error_json(type_, message, **facts), self._redact) or ""

    def _now(self) -> datetime:
        return from_instant(self._clock.now())


def idempotency_key(run: Run) -> str:
    """The same for every attempt of a run, so that a receiver can tell a repetition from a new request."""
    return f"rota-run-{run.id}"


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long a ``Retry-After`` header asks to wait (RFC 9110, 10.2.3): seconds, or a date.

    A date is taken relative to the answer's own ``Date``, where there is one, so that the clocks need not agree.

    >>> retry_after({"Retry-After": "120"}, datetime(2026, 11, 23, tzinfo=UTC))
    datetime.timedelta(seconds=120)
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:12]), _LONGEST))
    until = _date(asked)
    if until is None:
        return None
    wait = until - (_date(headers.get("Date", "")) or now)
    return min(max(wait, timedelta(0)), timedelta(seconds=_LONGEST))


_LONGEST = 366 * 86_400  # seconds; a longer wait is a slip of the server's


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def _new_client() -> httpx2.AsyncClient:
    """No limit of connections (the node's slots are the limit), no timeout (the engine's is), no cookies kept."""
    import httpx2

    return httpx2.AsyncClient(
        timeout=None,
        follow_redirects=False,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": "rota", "Accept-Encoding": "identity"},
    )


def _content(target: Request, run: Run) -> dict[str, Any]:
    """Headers, and the run's arguments: as query of a GET, else as a JSON body, over the members of ``json``."""
    headers = {name.lower(): looked_up(value, os.environ) for name, value in target.headers.items()}
    headers.setdefault("idempotency-key", idempotency_key(run))
    body, args = target.json, dict(run.args)
    content: dict[str, Any] = {"headers": headers}
    if target.method.upper() in _BODILESS and body is None:
        return content | ({"params": args} if args else {})
    if isinstance(body, Mapping) or body is None:
        body = {**(body or {}), **args} if body is not None or args else None
    if body is not None:
        headers.setdefault("content-type", "application/json")
        content["content"] = to_json(body)
    return content


async def _read(response: httpx2.Response, limit: int) -> tuple[bytes, bool]:
    """At most ``limit`` bytes of the body, and whether that is all of it."""
    parts = bytearray()
    async for chunk in response.aiter_raw(16_384):  # raw: what is packed small cannot unfold into gigabytes
        parts += chunk
        if len(parts) > limit:
            return bytes(parts[:limit]), False
    return bytes(parts), True


def _result(status: int, body: bytes, is_whole: bool, limit: int) -> str | None:
    """The body where it is JSON, else the status and how the body begins."""
    if not body:
        return None
    if is_whole:
        try:
            encoded = to_json(from_json(body, allow_inf_nan=False))
            if len(encoded) <= limit:
                return encoded.decode()
        except ValueError:
            pass
    answer = {"status": status, "body": _excerpt(body, limit // 8), **({} if is_whole else {"cut": True})}
    return to_json(answer).decode()


def _excerpt(body: bytes, most: int = _EXCERPT) -> str:
    return cut(body[: _EXCERPT * 4].decode("utf-8", "backslashreplace"), min(_EXCERPT, most))


def _hint(response: httpx2.Response) -> str:
    location = response.headers.get("Location")
    if response.is_redirect and location:
        return f" to {location}; redirects are not followed, so write that address if it is meant"
    return ""
