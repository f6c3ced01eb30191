"""The process in which libhdf5 reads, because libhdf5 trusts its input and its crash cannot be caught.

It takes requests one by one, each with an open file, and answers in frames: a letter (J JSON, D data, E error, Z end),
the length in eight bytes, the content. It opens no file itself, where the system can hand it an open one.
"""

import codecs
import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from cnnkit.files.hdf5.library import load_h5py
from cnnkit.files.hdf5.listing import list_contents
from cnnkit.files.hdf5.source import Hdf5Source
from cnnkit.files.hdf5.values import iterate_rows, iterate_values, read_text
from cnnkit.files.hdf5.worker_limits import ProcessLimits
from cnnkit.files.hdf5.worker_requests import open_requests, receive_requests
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

_LEAST_ANSWER, _MOST_ANSWER = 4 << 20, 128 << 20  # bytes of a listing; between them, four times the file


def main() -> None:
    """Answer requests until there are no more."""
    requests, replies = open_requests(), sys.stdout.buffer
    load_all()
    limits, source = ProcessLimits(), Hdf5Source()
    for request, descriptor in receive_requests(requests):
        try:
            limits.allow(request["seconds"], request["memory"])
            for letter, content in _answer(request, descriptor, source, limits):
                _send(replies, letter, content)
            _send(replies, b"Z", b"")
        except UnsafeFileError as error:
            _send(replies, b"E", json.dumps([str(error), error.kind]).encode())
        except MemoryError:
            _send(replies, b"E", json.dumps(["reading it takes more memory than allowed", "too_big"]).encode())
        except Exception as error:  # for damaged files h5py raises exceptions beyond those that it documents
            problem = printable(f"damaged HDF5 file: {type(error).__name__}: {error}", 400)
            _send(replies, b"E", json.dumps([problem, "unreadable"]).encode())
        replies.flush()


def load_all() -> None:
    """Load what is loaded when first used otherwise: later no file can be opened."""
    load_h5py()
    for encoding in ("ascii", "latin-1", "utf-8", "unicode_escape"):
        codecs.lookup(encoding)


def _answer(
    request: dict[str, Any], descriptor: int | None, source: Hdf5Source, limits: ProcessLimits
) -> Iterator[tuple[bytes, Any]]:
    wish = request["wish"]
    if wish == "protections":
        yield b"J", json.dumps(limits.active).encode()
        return
    with source.open(request, descriptor) as file:
        if wish == "listing":
            content = json.dumps(list_contents(file, source.size)).encode()
            if len(content) > min(max(4 * source.size, _LEAST_ANSWER), _MOST_ANSWER):
                raise UnsafeFileError("names and attributes of more bytes than the file has", "too_big")
            yield b"J", content
        elif wish == "text":
            yield b"D", read_text(file, request["place"])
        elif wish == "several":
            for place in request["places"]:
                for part in iterate_values(file, place):
                    yield b"D", part.reshape(-1).view("u1").data
        else:
            parts = iterate_rows if wish == "rows" else iterate_values
            for part in parts(file, request["place"], request["which"]):
                yield b"D", part.reshape(-1).view("u1").data


def _send(replies: BinaryIO, letter: bytes, content: bytes) -> None:
    replies.write(letter + len(content).to_bytes(8, "big"))
    replies.write(content)


if __name__ == "__main__":
    main()
