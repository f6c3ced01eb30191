"""Download of a named data set into the user's cache: all files with the right SHA-256, or none."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from cnnkit.data.catalogue import DOWNLOADS
from cnnkit.data.downloading import download as download_file
from cnnkit.data.refusal import refuse
from cnnkit.errors import DataError
from cnnkit.files.file_digest import sha256_of
from cnnkit.files.names import printable
from cnnkit.files.writing.abandoned import clear_abandoned
from cnnkit.files.writing.advice import explain_failure
from cnnkit.files.writing.temporary import retry, temporary_folder


def cache_folder() -> Path | None:
    """Return the folder of downloads, which may not exist yet; None without pooch, which names it, or a home."""
    try:
        import pooch

        return Path(pooch.os_cache("cnnkit"))
    except (ImportError, RuntimeError):
        return None


def fetch(name: str) -> Path:
    """Download the data set `name` unless it is already in the cache, and return its folder.

    The files are written to a temporary folder beside it, which is renamed when all four are complete and correct.

    Raises DataError for a name that cannot be downloaded, and when the download fails.
    """
    if name not in DOWNLOADS:
        raise refuse("fetch", f"one of {', '.join(DOWNLOADS)}", repr(name))
    cache = cache_folder()
    if cache is None:
        raise DataError("fetching data needs pooch and a home: type pip install 'cnnkit[fetch]', set HOME if it is not")
    download = DOWNLOADS[name]
    target = cache / name
    clear_abandoned(target.parent)
    if all(_is_correct(target / file, digest) for file, (digest, _) in download.files.items()):
        return target
    url = download.base_url
    try:
        with _staging(target) as staging:
            for file, (digest, size) in download.files.items():
                url = download.base_url + file
                _fetch_file(url, staging / file, size, digest)
            url = f"{target} from {download.base_url}"
            _move_into_place(staging, target)
    except (OSError, ValueError) as error:  # errors of requests are OSErrors, a wrong digest is a ValueError
        reason = explain_failure(error) if isinstance(error, OSError) else str(error)
        reason = printable(" ".join(reason.split()), 200) or type(error).__name__
        raise DataError(f"{name}: could not fetch {url}: {reason}: try again later, or set CNNKIT_DATA_DIR") from None
    return target


def _is_correct(path: Path, digest: str) -> bool:
    return path.is_file() and sha256_of(path) == digest


def _fetch_file(url: str, path: Path, size: int, digest: str) -> None:
    try:
        retry(download_file, url, path, size, digest)
    except OSError as error:
        if error.errno is None or error.strerror is None:
            raise
        raise OSError(error.errno, f"{path.name} cannot be stored: {error.strerror}") from error


@contextlib.contextmanager
def _staging(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(target) as folder:
        yield folder


def _move_into_place(staging: Path, target: Path) -> None:
    if target.exists():
        for path in staging.iterdir():
            retry(os.replace, path, target / path.name)
    else:
        staging.chmod(0o755)
        retry(os.rename, staging, target)
