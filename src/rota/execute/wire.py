"""What node and worker process say to each other: JSON objects, each after its length in four bytes.

The node sends one ``hello``, then ``run`` and ``stop``. The worker answers ``ready``, and per run any number of
``line`` and ``progress`` and one ``done``. Nothing is pickled: a worker cannot make the node run code.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from pydantic_core import from_json, to_json

__all__ = ["FRAME_LIMIT", "FrameError", "pack", "receive", "receive_sync"]

FRAME_LIMIT = 64 * 1024 * 1024  # bytes; a larger one is no frame, but a broken worker
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """What arrived is no frame."""


def pack(frame: dict[str, Any]) -> bytes:
    """
    >>> pack({"do": "stop"})
    b'\\x00\\x00\\x00\\r{"do":"stop"}'
    """
    body = to_json(frame, inf_nan_mode="constants")
    return _LENGTH.pack(len(body)) + body


async def receive(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next frame. Raises `asyncio.IncompleteReadError` at the end, and `FrameError`."""
    length = _length(await reader.readexactly(_LENGTH.size))
    return _unpack(await reader.readexactly(length))


def receive_sync(connection: socket.socket) -> dict[str, Any] | None:
    """The next frame, or None at the end."""
    head = _exactly(connection, _LENGTH.size)
    body = None if head is None else _exactly(connection, _length(head))
    return None if body is None else _unpack(body)


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 65_536))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _length(head: bytes) -> int:
    length: int = _LENGTH.unpack(head)[0]
    if length > FRAME_LIMIT:
        raise FrameError(f"expected a frame of at most {FRAME_LIMIT} bytes, found {length}")
    return length


def _unpack(body: bytes) -> dict[str, Any]:
    try:
        frame = from_json(body, allow_inf_nan=True)
    except ValueError as error:
        raise FrameError(f"expected JSON, found {error}") from error
    if not isinstance(frame, dict):
        raise FrameError(f"expected an object, found {type(frame).__name__}")
    return frame
