"""Everything that cnnkit writes: the command for each kind of file, as the torture runs it below one folder."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torture.tiny_training import begin, read_all

FORMATS = {
    "hdf5": "a.hdf5", "json": "a.json", "keras": "a.weights.h5", "npz": "a.npz", "onnx": "a.onnx",
    "safetensors": "a.safetensors", "svg": "a.svg", "torch": "a.pt", "txt": "a.txt",
}  # fmt: skip
_FETCHING = """
from pathlib import Path
import pooch
from cnnkit.data import catalogue
catalogue.DOWNLOADS["mnist"] = catalogue.Download({url!r}, {files!r})
pooch.os_cache = lambda name: Path("cache") / name
"""


@dataclass(frozen=True)
class Writer:
    """A command and the files that it writes, relative to the folder in which it runs.

    read: what of a file must be equal in two runs. replaces: whether it may run where those files are already.
    """

    words: tuple[str, ...]
    files: tuple[str, ...]
    read: Callable[[Path], object] = Path.read_bytes
    replaces: bool = True
    prelude: str = ""


def list_writers(source: Path, url: str, served: dict[str, tuple[str, int]], torch: bool) -> dict[str, Writer]:
    """Return {name: writer}. source: a weight file elsewhere; url, served: where `data fetch` finds its files."""
    file = str(source)
    writers = {
        f"export {form}": Writer(("export", file, "-f", form, "-o", name, "--overwrite"), (name,))
        for form, name in FORMATS.items()
    }
    shards = ("a/model-00001-of-00001.safetensors", "a/model.safetensors.index.json")
    fetched = tuple(f"cache/cnnkit/mnist/{name}" for name in served)
    fetching = _FETCHING.format(url=url, files=served)
    train = (*begin(source.parent, "numpy"), "--overwrite", "--epochs", "2")
    parity = ("parity", "--backend", "numpy", "--filter", "layer ReLU*", "--quick", "--report", "a.md")
    writers |= {
        "export shards": Writer(
            ("export", file, "-f", "safetensors", "--shard-size", "1MB", "-o", "a"), shards, replaces=False
        ),
        "show svg": Writer(("show", file, "0", "-o", "a.svg", "--overwrite"), ("a.svg",)),
        "show png": Writer(("show", file, "0", "-o", "a.png", "--overwrite"), ("a.png",)),
        "inspect": Writer(("inspect", file, "--html", "a.html"), ("a.html",)),
        "summary": Writer(("summary", file, "-o", "a.svg", "--overwrite"), ("a.svg",)),
        "parity": Writer(parity, ("a.md",), read=lambda path: len(path.read_bytes()) > 1000),
        "data fetch": Writer(("data", "fetch", "mnist"), fetched, replaces=False, prelude=fetching),
        "train": Writer(train, ("w.h5",), read_all),
        "train --log": Writer((*train, "--log", "a.jsonl"), ("w.h5", "a.jsonl"), _read_training),
        "train --plot": Writer((*train, "--plot", "a.svg"), ("w.h5", "a.svg"), _read_training),
    }
    if torch:
        writers["train torch"] = Writer((*train, "--backend", "torch"), ("w.h5",), read_all)
    return writers


def _read_training(path: Path) -> object:
    if path.suffix == ".jsonl":
        return path.read_bytes().count(b"\n")
    return read_all(path) if path.suffix == ".h5" else path.read_bytes()


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, dict[str, tuple[str, int]]]]:
    """Serve four files in the new `folder`, as MNIST's; yield the address and {name: (SHA-256, size)}."""
    names = (f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(name.encode() * 100)
    files = {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size) for path in folder.iterdir()
    }
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", files
        finally:
            server.shutdown()
            thread.join()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
