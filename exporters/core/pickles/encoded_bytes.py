"""Bytes of a pickle as they were before they were encoded: protocols 0 to 2 write them as texts."""

import codecs
from typing import BinaryIO

from cnnkit.exporters.core.pickles.values import Blob
from cnnkit.files.unsafe_file import UnsafeFileError


def as_blob(value: object) -> Blob | None:
    """Return bytes, or a text of Python 2, as a Blob; None for anything else."""
    if isinstance(value, str):
        try:
            value = Blob(0, len(value), data=value.encode("latin-1"))
        except UnicodeError:
            return None
    return value if isinstance(value, Blob) else None


def read_blob(stream: BinaryIO, blob: Blob) -> bytes:
    """Return the bytes of a Blob in the pickle that `stream` holds. Raises UnsafeFileError for damage."""
    if blob.data is not None:
        return blob.data
    stream.seek(blob.start)
    data = stream.read(blob.size)
    if len(data) != blob.size:
        raise UnsafeFileError(f"truncated pickle: {blob.size} bytes expected at {blob.start}, {len(data)} stored")
    return decode_bytes(data, blob.form)


def decode_bytes(data: bytes, form: str) -> bytes:
    """Return the bytes that `data` stands for; forms as in Blob. Raises UnsafeFileError."""
    try:
        if form == "utf-8":
            return data.decode().encode("latin-1")
        if form == "escaped":
            return unescape(data).encode("latin-1")
        return _unquote(data.rstrip(b"\r\n")) if form == "quoted" else data
    except UnicodeError as error:
        raise UnsafeFileError(f"damaged pickle: bytes that are none: {type(error).__name__}") from error


def _unquote(line: bytes) -> bytes:
    if len(line) < 2 or line[:1] not in {b"'", b'"'} or line[-1:] != line[:1]:
        raise UnsafeFileError("damaged pickle: a text without quotes")
    try:
        return bytes(codecs.escape_decode(line[1:-1])[0])
    except ValueError:
        raise UnsafeFileError("damaged pickle: an escape that is none") from None


def unescape(line: bytes) -> str:
    """Return the text of a line of protocol 0."""
    return line[:-1].decode("raw-unicode-escape")
