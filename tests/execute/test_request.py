"""An HTTP call is judged by its status, told when to come again, and read no further than it is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.execute.conftest import cancelled, make_attempt, run, until

from rota.execute.limits import Limits
from rota.execute.protocol import Attempt, Outcome
from rota.execute.redact import Redactor
from rota.execute.request import RequestExecutor, retry_after
from rota.model.task import Request


@dataclass
class Server:
    """Answers every request with ``answer``, and remembers what was asked. Without an answer it hangs."""

    answer: bytes | None = b""
    endless: bool = False
    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    sent: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                self.bodies.append(await reader.readexactly(int(headers.get("content-length", "0"))))
                self.heads.append(head)
                if self.answer is not None:
                    writer.write(self.answer)
                while self.endless:
                    writer.write(b"x" * 65536)
                    self.sent += 65536
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def carry_out(attempt: Attempt) -> Outcome:
    executor = RequestExecutor(Limits(log=8192, result=4096), Redactor(["hunter22"]))
    try:
        return await executor.execute(attempt)
    finally:
        await executor.close()


def exchange(
    reply: bytes, args: Mapping[str, Any] | None = None, path: str = "", **target: Any
) -> tuple[Outcome, Server, Attempt]:
    async def main() -> tuple[Outcome, Server, Attempt]:
        async with serving(Server(reply)) as server:
            attempt = make_attempt(Request(server.url + path, **target), args)
            return await carry_out(attempt), server, attempt

    return run(main())


def test_json_answer_is_the_result_and_the_key_is_sent() -> None:
    outcome, server, attempt = exchange(
        answer(200, b'{ "purged": 3 }'),
        {"id": 7},
        json={"kind": "article"},
        headers={"Authorization": "Bearer hunter22x"},
    )
    assert outcome == Outcome("succeeded", result='{"purged":3}')
    head = server.heads[0].lower()
    assert head.startswith("post /hook http/1.1")
    assert f"idempotency-key: rota-run-{attempt.run.id}\r\n" in head
    assert "content-type: application/json" in head
    assert json.loads(server.bodies[0]) == {"kind": "article", "id": 7}
    assert "answered 200" in attempt.sink.texts[0]
    assert "hunter22" not in " ".join(attempt.sink.texts)


def test_arguments_of_a_get_are_its_query() -> None:
    _, server, _ = exchange(answer(204), {"tag": "python", "page": 2}, method="GET")
    assert server.heads[0].startswith("GET /hook?tag=python&page=2 ")
    assert server.bodies == [b""]


def test_address_and_headers_may_refer_to_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Request("env:HOOK", headers={"Authorization": "env:HOOK_TOKEN"})

    async def main() -> tuple[Outcome, Server, Attempt]:
        async with serving(Server(answer(204))) as server:
            monkeypatch.setenv("HOOK", server.url)
            attempt = make_attempt(target)
            return await carry_out(attempt), server, attempt

    outcome, server, _ = run(main())
    assert (outcome.ended, server.heads) == ("gave-up", [])
    assert "expected the environment variable HOOK_TOKEN" in outcome.error
    monkeypatch.setenv("HOOK_TOKEN", "of the day")
    outcome, server, attempt = run(main())
    assert outcome.ended == "succeeded"
    assert "authorization: of the day\r\n" in server.heads[0].lower()
    assert "POST env:HOOK answered 204" in attempt.sink.texts[0]  # an address may be a secret


def test_text_answer_is_kept_with_its_status() -> None:
    outcome, _, _ = exchange(answer(201, b"made it"), expect_status=(200, 201))
    assert json.loads(outcome.result) == {"status": 201, "body": "made it"}
    assert exchange(answer(200))[0].result is None


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        (500, "error"),
        (502, "error"),
        (503, "error"),
        (408, "error"),
        (425, "error"),
        (429, "error"),
        (400, "gave-up"),
        (401, "gave-up"),
        (404, "gave-up"),
        (301, "gave-up"),
        (304, "gave-up"),
    ],
)
def test_unexpected_status(status: int, ended: str) -> None:
    body = b"" if status == 304 else b"sorry, hunter22"
    outcome, server, _ = exchange(answer(status, body, Location="/elsewhere"))
    error = json.loads(outcome.error)
    assert (outcome.ended, error["type"], error["status"]) == (ended, "UnexpectedStatus", status)
    assert f"expected status 2xx, found {status}" in error["message"]
    assert "hunter22" not in outcome.error
    assert len(server.heads) == 1, "a redirect is not followed"


def test_a_2xx_that_is_not_expected_fails() -> None:
    outcome, _, _ = exchange(answer(202), expect_status=(200,))
    assert outcome.ended == "gave-up"
    assert "expected status 200, found 202" in outcome.error


def test_retry_after_is_obeyed() -> None:
    assert exchange(answer(503, Retry_After="120"))[0].after == timedelta(seconds=120)
    dated = answer(429, Date="Mon, 23 Nov 2026 12:00:00 GMT", Retry_After="Mon, 23 Nov 2026 12:01:30 GMT")
    assert exchange(dated)[0].after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("99999999999999999999", 366 * 86400),
        ("Mon, 23 Nov 2026 12:00:10 GMT", 10),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("²", None),
    ],
)
def test_retry_after_forms(asked: str, seconds: int | None) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after({"Retry-After": asked}, now) == expected


def test_nobody_listens() -> None:
    outcome = run(carry_out(make_attempt(Request("http://127.0.0.1:1/"))))
    assert (outcome.ended, json.loads(outcome.error)["type"]) == ("error", "ConnectError")


@pytest.mark.parametrize("url", ["ftp://example.org/", "no url", "http://"])
def test_what_is_no_address_gives_up(url: str) -> None:
    assert run(carry_out(make_attempt(Request(url)))).ended == "gave-up"


def test_endless_answer_is_read_no_further_than_it_is_kept() -> None:
    async def main() -> None:
        async with serving(Server(b"HTTP/1.1 200 OK\r\n\r\n", endless=True)) as server:
            outcome = await asyncio.wait_for(carry_out(make_attempt(Request(server.url))), 10)
            assert json.loads(outcome.result)["cut"] is True
            assert len(outcome.result) <= 4096
            await asyncio.wait_for(server.gone.wait(), 5)
            assert server.sent < 32 << 20

    run(main())


def test_cookies_are_not_carried_to_the_next() -> None:
    async def main() -> None:
        async with serving(Server(answer(200, Set_Cookie="session=1; Path=/"))) as server:
            executor = RequestExecutor(Limits())
            for _ in range(2):
                await executor.execute(make_attempt(Request(server.url)))
            await executor.close()
            assert not any("cookie:" in head.lower() for head in server.heads)

    run(main())


def test_cancelled_while_the_server_hangs() -> None:
    async def main() -> None:
        async with serving(Server(None)) as server:
            executor = RequestExecutor(Limits())
            task = asyncio.create_task(executor.execute(make_attempt(Request(server.url))))
            await until(lambda: server.heads)
            await cancelled(task, 5)
            await asyncio.wait_for(server.gone.wait(), 5)
            await executor.close()

    run(main())
