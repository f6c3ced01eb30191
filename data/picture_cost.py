"""What a picture costs to read, known before it is decoded: its bytes against those that it unpacks to, its scans."""

import os
from collections.abc import Callable
from typing import Any, BinaryIO

from cnnkit.data.refusal import refuse

MOST_PIXELS = 1 << 26  # 8192 x 8192
FREE_BYTES = 52 << 20  # of a decoded picture, however few bytes are stored: 4000 x 3000 in one colour are read
LARGEST_RATIO = 200  # above that, decoded bytes per stored byte
MOST_SCANNED = 1 << 30  # pixels gone through by the scans of a JPEG; usual ones have 1, progressive ones about 10
MOST_READS = 1 << 18  # of a file; a large PNG takes 50,000
_NARROW = {"1": 1, "L": 1, "P": 1, "I;16": 2}  # bytes per pixel; 4 in any other mode
_ROW = 8  # bytes of Pillow for each row, however short it is
_WEBP, _WEBP_RATIO = 16, 400  # its decoder holds two canvases, and hands over a copy; photographs of phones reach 330
_SCAN, _SMALLEST_SCAN = b"\xff\xda", 10


class CountedReads:
    """An open file for a decoder, which may read it in so many pieces and no more: some search byte by byte."""

    def __init__(self, path: object, file: BinaryIO) -> None:
        self._path, self._file, self._reads, self._read = path, file, 0, file.read
        self.seek: Callable[..., int] = file.seek
        self.tell: Callable[[], int] = file.tell
        self.close: Callable[[], None] = file.close

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises DataError after too many calls."""
        self._reads += 1
        if self._reads > MOST_READS:
            raise refuse(self._path, f"a picture that is read in {MOST_READS} pieces", "one of more", "save it again")
        return self._read(size)


def require_cheap(path: object, image: Any, file: BinaryIO) -> None:
    """Raise DataError for an opened picture that would take more memory or time than its file makes likely."""
    pixels = image.width * image.height
    if pixels > MOST_PIXELS:
        raise refuse(path, f"at most {MOST_PIXELS} pixels", f"{image.width} x {image.height}")
    stored = os.fstat(file.fileno()).st_size
    decoded = pixels * (_WEBP if image.format == "WEBP" else _NARROW.get(image.mode, 4))
    decoded += _ROW * image.height
    most = max(FREE_BYTES, (_WEBP_RATIO if image.format == "WEBP" else LARGEST_RATIO) * stored)
    if decoded > most:
        got = f"{image.width} x {image.height} from {stored} stored bytes"
        raise refuse(path, f"a picture of at most {most * pixels // decoded} pixels", got, "make it smaller")
    if image.format == "JPEG" and pixels * stored > MOST_SCANNED * _SMALLEST_SCAN:
        scans = _count_scans(file)
        if pixels * scans > MOST_SCANNED and scans > 1:
            raise refuse(path, "a JPEG of few scans", f"{scans} of {pixels} pixels each", "save it again")


def _count_scans(file: BinaryIO) -> int:
    """Return how often the mark of a scan occurs, which coded pixels never hold."""
    position, count, end = file.tell(), 0, b""
    file.seek(0)
    while block := file.read(1 << 20):
        count += (end + block).count(_SCAN)
        end = block[-1:]
    file.seek(position)
    return count
