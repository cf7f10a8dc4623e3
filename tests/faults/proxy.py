"""A proxy between a node and its PostgreSQL server that does what networks do: lose, delay, reset, half-close, and cut
a connection between COMMIT and its answer."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.servers import free_port

__all__ = ["Proxy"]

_NO_LINGER = struct.pack("ii", 1, 0)  # close() sends RST


@dataclass(eq=False)
class _Pair:
    """One connection: the node's end and the server's."""

    near: socket.socket
    far: socket.socket
    commit_sent: bool = False  # a COMMIT has gone by whose answer is not to arrive

    def reset(self) -> None:
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                end.close()


@dataclass
class Proxy:
    """Listens on loopback. What it does is set from outside, and holds for all connections, old and new.

    ``drop``: bytes vanish in both directions, and no end is told. ``delay``: seconds that each piece waits.
    ``commits_to_cut``: so many COMMITs are carried out whose answer never arrives, and the connection is reset.
    """

    target: int
    port: int = field(default_factory=free_port)
    drop: bool = False
    refuse: bool = False
    delay: float = 0.0
    commits_to_cut: int = 0
    connects: int = 0
    cuts: int = 0

    def __post_init__(self) -> None:
        self._pairs: set[_Pair] = set()
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._stopping = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True, name="fault-proxy")
        self._thread.start()

    # -- what a test does

    def url(self, server_url: str) -> str:
        """The address of the same database, by way of this proxy."""
        return server_url.replace(f":{self.target}/", f":{self.port}/")

    def reset_all(self) -> int:
        """Every connection ends with a reset."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()
        return len(pairs)

    def half_close_all(self) -> None:
        """The node may still send, and hears no more: the server's side is shut for it."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            with contextlib.suppress(OSError):
                pair.near.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        self._stopping = True
        self._listening.close()
        self.reset_all()
        self._thread.join(5)

    # -- what it is made of

    def _accept(self) -> None:
        while not self._stopping:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            self.connects += 1
            if self.refuse:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            pair = _Pair(near, far)
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._carry, args=(pair,), daemon=True, name="fault-proxy-pair").start()

    def _carry(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self._stopping:
                ready, _, _ = select.select([pair.near, pair.far], [], [], 0.2)
                if not all(self._pass_on(pair, end) for end in ready):
                    break
        pair.reset()
        with self._lock:
            self._pairs.discard(pair)

    def _pass_on(self, pair: _Pair, end: socket.socket) -> bool:
        data = end.recv(262_144)
        if not data:
            return False
        if self.delay:
            time.sleep(self.delay)
        if self.drop:
            return True
        if end is pair.near:
            self._look_for_commit(pair, data)
            pair.far.sendall(data)
            return True
        if pair.commit_sent and b"COMMIT\x00" in data:  # the server has done it; the node will not know
            self.cuts += 1
            return False
        pair.near.sendall(data)
        return True

    def _look_for_commit(self, pair: _Pair, data: bytes) -> None:
        if self.commits_to_cut > 0 and not pair.commit_sent and b"COMMIT\x00" in data:
            self.commits_to_cut -= 1
            pair.commit_sent = True


@contextlib.contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A proxy to a port of loopback, gone at the end."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.stop()
