"""Requests to a worker process: JSON, and with it an open file, where the system can hand one over (not on Windows)."""

import json
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from typing import IO, Any

HANDS_OVER = hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds")
_LENGTH, _PART = 8, 1 << 20
_DESCRIPTOR = struct.Struct("i")


def send_request(channel: "socket.socket | IO[bytes]", request: dict[str, Any], descriptor: int | None) -> None:
    """Send a request through a socket, with an open file if it has one; or through a pipe. Raises OSError."""
    content = json.dumps(request).encode()
    head = len(content).to_bytes(_LENGTH, "big")
    if isinstance(channel, socket.socket):
        socket.send_fds(channel, [head], [] if descriptor is None else [descriptor])
        channel.sendall(content)
    else:
        channel.write(head + content)
        channel.flush()


def open_requests() -> "socket.socket | IO[bytes]":
    """Return standard input, as the socket or the pipe that it is."""
    if HANDS_OVER and stat.S_ISSOCK(os.fstat(0).st_mode):
        return socket.socket(fileno=0)
    return sys.stdin.buffer


def receive_requests(channel: "socket.socket | IO[bytes]") -> Iterator[tuple[dict[str, Any], int | None]]:
    """Yield requests, each with its open file or None, until there are no more."""
    while True:
        descriptor = None
        if isinstance(channel, socket.socket):
            head, messages, _, _ = channel.recvmsg(_LENGTH, socket.CMSG_SPACE(_DESCRIPTOR.size))
            descriptor = _find_descriptor(messages)
        else:
            head = channel.read(_LENGTH)
        content = _receive(channel, int.from_bytes(head, "big"))
        if len(head) < _LENGTH or content is None:
            return
        yield json.loads(content), descriptor


def _receive(channel: "socket.socket | IO[bytes]", size: int) -> bytes | None:
    """Return `size` bytes, or None where there are fewer."""
    content = bytearray()
    receive = channel.recv if isinstance(channel, socket.socket) else channel.read
    while len(content) < size:
        part = receive(min(size - len(content), _PART))
        if not part:
            return None
        content += part
    return bytes(content)


def _find_descriptor(messages: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in messages:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            return int(_DESCRIPTOR.unpack_from(data)[0])
    return None
