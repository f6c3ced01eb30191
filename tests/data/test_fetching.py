import builtins
import functools
import hashlib
import http.server
import threading

import pytest

from cnnkit.data import cache_folder, fetch, load
from cnnkit.data.catalogue import DOWNLOADS, Download
from cnnkit.errors import DataError


class Handler(http.server.SimpleHTTPRequestHandler):
    asked: list[str]
    cut: str | None = None

    def do_GET(self):
        self.asked.append(self.path)
        if self.path == self.cut:  # promises more than it sends
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"\x1f\x8b half")
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def handler(tmp_path, write_idx):
    write_idx(tmp_path / "served", zipped=True)
    return type("Recording", (Handler,), {"asked": []})


@pytest.fixture
def server(tmp_path, handler, monkeypatch):
    """Serve the four files from a local address instead of MNIST's; yields their folder."""
    served, cache = tmp_path / "served", tmp_path / "cache"
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(served)))
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    files = {p.name: (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_size) for p in sorted(served.iterdir())}
    monkeypatch.setitem(DOWNLOADS, "mnist", Download(f"http://127.0.0.1:{httpd.server_port}/", files))
    monkeypatch.setattr("pooch.os_cache", lambda name: cache / name)
    monkeypatch.setenv("NO_PROXY", "*")
    yield served
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.mark.usefixtures("server")
def test_four_files_are_downloaded_and_read(handler, same, capfd):
    folder = fetch("mnist")
    assert folder == cache_folder() / "mnist"
    assert sorted(p.name for p in folder.iterdir()) == sorted(DOWNLOADS["mnist"].files)
    assert [p.name for p in folder.parent.iterdir()] == ["mnist"]
    assert len(load("mnist").train) == 7
    same(load(folder))
    assert len(handler.asked) == 4
    assert fetch("mnist") == folder
    assert len(handler.asked) == 4  # nothing is fetched twice
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("server")
def test_a_damaged_file_in_the_cache_is_downloaded_again():
    folder = fetch("mnist")
    bad = folder / "train-labels-idx1-ubyte.gz"
    bad.write_bytes(b"damaged")
    fetch("mnist")
    assert len(load("mnist").train) == 7
    assert [p.name for p in folder.parent.iterdir()] == ["mnist"]


@pytest.mark.parametrize(
    ("change", "said"),
    [(1, "expected SHA256"), (100, "bytes, got more"), (0, "bytes, got")],
)
def test_wrong_content_leaves_nothing(server, change, said):
    former = (server / "train-images-idx3-ubyte.gz").read_bytes()
    content = former[:-1] if not change else former[:-1] + b"x" * change
    (server / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match=rf"mnist: could not fetch http.*train-images-idx3-ubyte\.gz.*{said}") as caught:
        fetch("mnist")
    assert "\n" not in str(caught.value)
    assert list(cache_folder().iterdir()) == []


@pytest.mark.usefixtures("server")
def test_an_interrupted_download_leaves_nothing(handler):
    handler.cut = "/train-labels-idx1-ubyte.gz"
    with pytest.raises(DataError, match=r"could not fetch http.*train-labels-idx1-ubyte\.gz"):
        fetch("mnist")
    assert list(cache_folder().iterdir()) == []
    with pytest.raises(DataError, match="cnnkit data fetch mnist"):
        load("mnist")


def test_a_missing_file_on_the_server(server):
    (server / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="404"):
        fetch("mnist")
    assert list(cache_folder().iterdir()) == []


@pytest.mark.usefixtures("server")
def test_ctrl_c_leaves_nothing(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("requests.get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch("mnist")
    assert list(cache_folder().iterdir()) == []


@pytest.mark.usefixtures("server")
def test_offline_is_one_line(monkeypatch):
    files = DOWNLOADS["mnist"].files
    monkeypatch.setitem(DOWNLOADS, "mnist", Download("http://127.0.0.1:9/", files))
    with pytest.raises(DataError, match=r"could not fetch http://127\.0\.0\.1:9/.*: try again later") as caught:
        fetch("mnist")
    assert "\n" not in str(caught.value)
    assert list(cache_folder().iterdir()) == []


@pytest.mark.usefixtures("server")
def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "cache").write_text("a file where a folder is needed")
    with pytest.raises(DataError, match="could not fetch"):
        fetch("mnist")


@pytest.mark.usefixtures("server")
def test_names_that_cannot_be_downloaded():
    with pytest.raises(DataError, match="expected one of mnist, fashion-mnist, got 'digits'"):
        fetch("digits")


def test_without_pooch(monkeypatch):
    real = builtins.__import__

    def no_pooch(name, *rest):
        if name == "pooch":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pooch)
    with pytest.raises(DataError, match=r"pip install 'cnnkit\[fetch\]'"):
        fetch("mnist")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_catalogue_is_well_formed(name):
    files = DOWNLOADS[name].files
    assert len(files) == 4
    assert all(len(digest) == 64 and int(digest, 16) and size > 0 for digest, size in files.values())
