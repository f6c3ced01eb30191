"""One file over HTTP: its size and SHA-256 are checked while it comes, so that no more is stored than was promised."""

import hashlib
import os
from pathlib import Path

_BLOCK = 1 << 16
_SECONDS = 30  # without an answer


def download(url: str, path: Path, size: int, sha256: str) -> None:
    """Store `url` as the new file `path`.

    Raises OSError when it cannot be fetched or stored, ValueError when it has another size or SHA-256.
    """
    import requests  # which pooch needs

    digest, received = hashlib.sha256(), 0
    plain = {"Accept-Encoding": "identity"}  # else a server may unpack what is packed
    with requests.get(url, stream=True, timeout=_SECONDS, headers=plain) as response, path.open("wb") as stream:
        response.raise_for_status()
        for block in response.iter_content(_BLOCK):
            received += len(block)
            if received > size:
                raise ValueError(f"expected {size:,} bytes, got more")
            digest.update(block)
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    if received != size:
        raise ValueError(f"expected {size:,} bytes, got {received:,}")
    if digest.hexdigest() != sha256:
        raise ValueError(f"expected SHA256 {sha256}, got {digest.hexdigest()}")
