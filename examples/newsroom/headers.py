"""What every reply carries: the route's cache policy, security headers, ETag, timing. And what no request may be.

One plain ASGI middleware, so that no page can forget any of it. Replies are small and are collected whole, to
hash them. Pages of Rota, which may be mounted in the same application, pass untouched.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsroom import security, store
from newsroom.policy import ERRORS, POLICIES, Policy
from newsroom.spoil import SITE_FAULTS, spoil

__all__ = ["ReplyHeaders"]


class ReplyHeaders:
    """The middleware. ``faults`` are of ``newsroom.faults``; ``apart`` is a prefix of pages that are not the site's."""

    def __init__(self, app: ASGIApp, faults: frozenset[str] = frozenset(), apart: str = "/rota") -> None:
        self.app = app
        self.faults = faults
        self.apart = apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or f"{scope['path']}/".startswith(f"{self.apart}/"):
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        in_store = [0.0]
        token = store.spent.set(in_store)
        reply = _Reply()
        try:
            if refusal := _refused(scope):
                reply.refuse(*refusal)
            else:
                await self.app(scope, receive, reply.take)
        finally:
            store.spent.reset(token)
        headers = MutableHeaders(raw=reply.start["headers"])
        self._policy(scope, reply, headers)
        headers.update(security.HEADERS)
        if self.faults & SITE_FAULTS.keys():
            self._spoil(scope, reply, headers)
        if scope["path"] == "/" and "slow_home" in self.faults:
            await asyncio.sleep(0.3)  # over the budget
        headers["Server-Timing"] = (
            f"app;dur={(time.perf_counter() - started) * 1000:.1f}, db;dur={in_store[0] * 1000:.1f}"
        )
        headers["X-Request-Id"] = uuid.uuid4().hex
        await reply.send(send, scope["method"])

    def _spoil(self, scope: Scope, reply: _Reply, headers: MutableHeaders) -> None:
        asked = Headers(scope=scope)
        if reply.start["status"] == 304:
            return
        gzips = "gzip" in asked.get("accept-encoding", "")
        reply.body = spoil(
            self.faults, scope["path"], reply.start["status"], headers, reply.body, gzips=gzips
        )

    def _policy(self, scope: Scope, reply: _Reply, headers: MutableHeaders) -> None:
        """Write the policy of the route that answered into the headers, with ETag and 304 where others may keep it."""
        policy = _policy_of(scope, reply.start["status"])
        headers["Cache-Control"] = policy.cache_control
        if policy.vary:
            headers.add_vary_header(policy.vary)
        if policy.shared == "nobody else":
            headers["X-Robots-Tag"] = "noindex"
        self._faults(policy, headers)
        if policy.shared in ("everyone", "forever") and reply.start["status"] == 200:
            etag = f'"{hashlib.sha256(reply.body).hexdigest()[:24]}"'
            headers["ETag"] = etag
            if "no_304" not in self.faults and _matches(Headers(scope=scope).get("if-none-match", ""), etag):
                reply.not_modified(headers)

    def _faults(self, policy: Policy, headers: MutableHeaders) -> None:
        if policy.shared == "nobody else":
            if "public_me" in self.faults:
                headers["Cache-Control"] = "public, max-age=600"
            if "no_header" in self.faults:
                del headers["Cache-Control"]
            if "vary_missing" in self.faults:
                del headers["Vary"]
        elif policy.shared == "everyone" and "setcookie_public" in self.faults:
            headers.append("Set-Cookie", "visitor=1; Path=/")


def _policy_of(scope: Scope, status: int) -> Policy:
    route = getattr(scope.get("route"), "path", None)
    policy = POLICIES.get(str(route), ERRORS)
    return ERRORS if status >= 400 and policy.shared in ("everyone", "forever") else policy


def _matches(asked: str, etag: str) -> bool:
    return asked.strip() == "*" or etag in (each.strip().removeprefix("W/") for each in asked.split(","))


def _refused(scope: Scope) -> tuple[int, str] | None:
    """Status and reason when a request is one that no page should see, else None."""
    if scope["method"] in ("GET", "HEAD"):
        return None
    headers = Headers(scope=scope)
    if not security.same_origin(headers):
        return (
            403,
            "This form was not sent by a page of this site. Go back, reload the page and send it again.",
        )
    length = headers.get("content-length", "")
    if not length.isdigit():
        return 411, "The request must say how long it is (Content-Length)."
    if int(length) > security.BODY_LIMIT:
        return 413, f"At most {security.BODY_LIMIT} bytes are taken; {length} were sent."
    return None


class _Reply:
    """A reply, collected whole before any of it is sent."""

    def __init__(self) -> None:
        self.start: Message = {"type": "http.response.start", "status": 500, "headers": []}
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = {**message, "headers": list(message.get("headers", []))}
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def refuse(self, status: int, reason: str) -> None:
        self.body = f"{reason}\n".encode()
        self.start["status"] = status
        self.start["headers"] = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(self.body)).encode()),
        ]

    def not_modified(self, headers: MutableHeaders) -> None:
        self.start["status"] = 304
        self.body = b""
        for name in ("content-length", "content-type"):
            del headers[name]

    async def send(self, send: Send, method: str) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else self.body})
