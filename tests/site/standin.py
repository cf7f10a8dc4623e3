"""A site of scripted replies on loopback, for the rules: what is asked is noted, what is answered is stated."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Headers = list[tuple[str, str]]


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes = b"hello"


Script = Callable[[Asked], Answer]


@dataclass
class Standin:
    url: str
    asked: list[Asked] = field(default_factory=list)


@contextlib.contextmanager
def standin(script: Script) -> Iterator[Standin]:
    """Serve what ``script`` answers; its address and what was asked are on the value."""
    site = Standin("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            length = int(self.headers.get("content-length") or 0)
            asked = Asked(
                self.command,
                self.requestline.split(" ")[1],
                dict(self.headers.items()),
                self.rfile.read(length),
            )
            site.asked.append(asked)
            answer = script(asked)
            self.send_response_only(answer.status)
            names = {name.lower() for name, _ in answer.headers}
            for name, value in answer.headers:
                self.send_header(name, value)
            if "content-length" not in names and "transfer-encoding" not in names and answer.status != 304:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD" and answer.status != 304:
                self.wfile.write(answer.body)
            self.wfile.flush()

        def log_message(self, *args: object) -> None:
            """Nothing is said on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
