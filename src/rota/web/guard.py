"""The guard before every page and call: host, size, token, and where a change comes from. Its rules: `rota.security`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rota.errors import Refused, Retriable, RotaError
from rota.security import Security
from rota.web.context import WebContext
from rota.web.problems import TooLarge, Unauthorized, fault, refusal

__all__ = ["Guard", "start_session"]

OPEN = ("/livez", "/readyz")
"""Asked by probes, by whatever name and without a token; they tell nothing about the rota."""

UNGUARDED = ("/static/", "/sign-in")
"""What a visitor without the token may have: our own style sheet and scripts, and the form that takes the token."""

_log = logging.getLogger("rota.web")
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware: lets in who may come in, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, context: WebContext) -> None:
        self._app = app
        self._context = context
        self._security = context.security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        send = self._with_headers(send, https=request.url.scheme == "https")
        path = request.url.path.removeprefix(scope.get("root_path", ""))
        if path in OPEN:
            await self._app(scope, receive, send)
            return
        answer = self._check(request, path)
        if answer is not None:
            await answer(scope, receive, send)
            return
        await self._answered(request, scope, _limited(receive, self._security.body_limit), send)

    async def _answered(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; a fault of ours is logged and told without its traceback, under the same headers as all answers."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _log.exception("%s %s failed", request.method, request.url.path)
            if started:
                raise
            await refusal(request, fault(error))(scope, receive, send)

    def _check(self, request: Request, path: str) -> Response | None:
        """The answer to who is not let in; None lets the request through, with its visitor in the scope."""
        try:
            if not self._security.knows_host(request.headers.get("host")):
                raise _wrong_host(request.headers.get("host", ""))
            if int(request.headers.get("content-length") or 0) > self._security.body_limit:
                raise TooLarge(self._security.body_limit)
            if path.startswith(UNGUARDED):
                if request.method not in _SAFE:
                    self._must_be_ours(request)
                return None
            token = request.query_params.get("token")
            if token is not None and request.method == "GET" and not path.startswith("/api/"):
                return self._enter(request, token)
            self._identify(request)
        except RotaError as error:
            return refusal(request, error)
        return None

    def _identify(self, request: Request) -> None:
        visitor = self._security.visitor(
            request.cookies.get(self._security.cookie),
            request.headers.get("authorization"),
            self._context.clock.now(),
        )
        if visitor is None:
            raise Unauthorized()
        if visitor.session and request.method not in _SAFE:
            self._must_be_ours(request)
        request.scope["rota.visitor"] = visitor

    def _must_be_ours(self, request: Request) -> None:
        if not self._security.is_ours(request.headers):
            raise Refused(
                "the request does not come from one of our own pages",
                expected="Sec-Fetch-Site: same-origin, or an Origin that is this host",
                found=request.headers.get("sec-fetch-site") or request.headers.get("origin") or "neither",
                retry=Retriable(False, "from that page"),
            )

    def _enter(self, request: Request, token: str) -> Response:
        """The address that was printed at start: the token becomes a session, and leaves the address."""
        if not self._security.admits(token):
            raise Unauthorized("the token in the address is not this ledger's")
        rest = [(name, value) for name, value in parse_qsl(request.url.query) if name != "token"]
        clean = request.url.path + (f"?{urlencode(rest)}" if rest else "")
        return start_session(request, self._security, self._context.clock.now(), clean)

    def _with_headers(self, send: Send, *, https: bool) -> Send:
        extra = self._security.headers(https=https)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in extra.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        return sending


def start_session(request: Request, security: Security, now: int, to: str) -> Response:
    """Send the visitor on with a session cookie."""
    answer = RedirectResponse("/" + to.lstrip("/\\"), status_code=303)  # never to another host
    answer.set_cookie(
        security.cookie,
        security.open_session(now),
        max_age=security.session_length,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


def _wrong_host(host: str) -> Refused:
    error = Refused(
        "this is not the name that the pages are served under",
        expected="a loopback name, or one in ROTA_ALLOWED_HOSTS",
        found=repr(host[:100]),
        retry=Retriable(False, "under that name"),
        next=("ROTA_ALLOWED_HOSTS=NAME rota run",),
    )
    error.status = 400
    return error


def _limited(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
    """A body that says nothing of its size is counted as it comes."""
    seen = 0

    async def receiving() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge(limit)
        return message

    return receiving
