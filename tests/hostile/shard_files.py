"""Sets of shards that lie: indices that lead out of the folder, to links, pipes and other kinds, shards that do not fit."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py

from hostile.case import Case
from hostile.making import SECRET, make_cases
from hostile.safetensors_files import build, entry
from hostile.torch_files import saved, state, tensor, zipped

ST, PT, KERAS = "model.safetensors.index.json", "pytorch_model.bin.index.json", "net.weights.json"


def index(names: object, **more: object) -> bytes:
    return json.dumps({"metadata": {}, "weight_map": names} | more).encode()


def one(name: str) -> bytes:
    """Return a safetensors file with one tensor."""
    return build({name: entry()}, bytes(8))


def folder(files: dict[str, bytes | Callable[[Path], object]]) -> Callable:
    """Return what writes a folder of these files, with a file beside it that no command may open."""

    def write(path: Path) -> None:
        path.mkdir()
        path.with_name("secret.safetensors").write_bytes(one(SECRET))
        for name, content in files.items():
            if isinstance(content, bytes):
                (path / name).write_bytes(content)
            else:
                content(path / name)

    return write


def hdf5(place: str, link: object = None) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file[place] = [1.0, 2.0] if link is None else link

    return write


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def names(pattern: str) -> dict[str, object]:
    """Return a folder whose index names a good shard, and another one."""
    return {ST: index({"a": "a.safetensors", "b": pattern}), "a.safetensors": one("a")}


_SETS: tuple[tuple[str, str, dict, tuple[int, ...]], ...] = (
    ("good", "nothing", names("b.safetensors") | {"b.safetensors": one("b")}, (0,)),
    ("above", "a shard ../secret.safetensors", names("../secret.safetensors"), (2,)),
    ("absolute", "a shard /etc/secret.safetensors", names("/etc/secret.safetensors"), (2,)),
    ("dots", "a shard a/../../secret.safetensors", names("a/../../secret.safetensors"), (2,)),
    ("backslash", "a shard ..\\secret.safetensors", names("..\\secret.safetensors"), (2,)),
    ("drive", "a shard C:\\secret.safetensors", names("C:\\secret.safetensors"), (2,)),
    ("url", "a shard on a server", names("http://127.0.0.1:9/b.safetensors"), (2,)),
    ("nul", "a shard whose name ends early", names("b.txt\0.safetensors"), (2,)),
    ("passwd", "a shard of another kind", names("/etc/passwd"), (2,)),
    ("itself", "an index that is its own shard", names(ST), (2,)),
    ("link", "a shard that is a link out", names("b.safetensors")
     | {"b.safetensors": link("../secret.safetensors")}, (2,)),
    ("link-device", "a shard that is a link to /dev/zero", names("b.safetensors")
     | {"b.safetensors": link("/dev/zero")}, (2,)),
    ("link-circle", "a shard that is a link to itself", names("b.safetensors")
     | {"b.safetensors": link("b.safetensors")}, (2,)),
    ("pipe", "a shard that is a pipe", names("b.safetensors") | {"b.safetensors": os.mkfifo}, (2,)),
    ("folder", "a shard that is a folder", names("b.safetensors") | {"b.safetensors": Path.mkdir}, (2,)),
    ("missing", "a shard that is not there", names("b.safetensors"), (2,)),
    ("empty", "a shard of no bytes", names("b.safetensors") | {"b.safetensors": b""}, (2,)),
    ("lies", "a shard without its tensor", names("b.safetensors") | {"b.safetensors": one("c")}, (2,)),
    ("twice", "a tensor in two shards", names("b.safetensors")
     | {"b.safetensors": build({"b": entry(), "a": entry(offsets=(8, 16))}, bytes(16))}, (2,)),
    ("numbers", "shards that are numbers", {ST: index({"a": 1, "b": None, "c": "x.safetensors"})}, (2,)),
    ("nested", "a shard in 1,000 lists", {ST: index({"a": "x.safetensors"})[:-1] + b',"x":' + b"[" * 9999}, (2,)),
    ("many", "an index of 20,000 shards", {ST: index({str(n): f"{n}.safetensors" for n in range(20_000)})}, (2,)),
    ("many-names", "an index of 100,000 tensors that are not there",
     {ST: index({str(n): "a.safetensors" for n in range(100_000)}), "a.safetensors": one("a")}, (2,)),
    ("total", "a total size of 10^400", names("b.safetensors")
     | {ST: b'{"metadata":{"total_size":1' + b"0" * 400 + b'},"weight_map":{"a":"a.safetensors"}}'}, (0,)),
    ("terminal", "a name that steers the terminal", {ST: index({"\x1b[2J\r\n": "a.safetensors"}),
                                                     "a.safetensors": one("\x1b[2J\r\n")}, (0,)),
    ("own", "calls itself cnnkit's own", {ST: index({"a": "a.safetensors"}, cnnkit={"cnnkit": "1", "tensors": "[[["}),
                                          "a.safetensors": one("a")}, (2,)),
    ("own-list", "calls itself cnnkit's own by a list", {ST: index({"a": "a.safetensors"}, cnnkit=[1]),
                                                         "a.safetensors": one("a")}, (2,)),
    ("two", "two indices", {ST: index({"a": "a.safetensors"}), PT: index({"a": "a.bin"})}, (2,)),
    ("torch-good", "nothing", {PT: index({"w": "w.bin"}), "w.bin": state(tensor())}, (0,)),
    ("torch-code", "a shard that runs a program", {PT: index({"w": "w.bin"}), "w.bin": zipped(
        b"\x80\2cos\nsystem\nX\x15\0\0\0touch cnnkit-was-here\x85R.")}, (2,)),
    ("torch-plain", "a shard that is a pickle", {PT: index({"w": "w.bin"}), "w.bin": saved(tensor())}, (2,)),
    ("torch-nested", "an index as a shard", {PT: index({"w": "w.bin"}), "w.bin": index({"w": "w.bin"})}, (2,)),
    ("keras-good", "nothing", {KERAS: index({"/layers/a/vars": ["a.weights.h5"]}),
                               "a.weights.h5": hdf5("layers/a/vars/0")}, (0,)),
    ("keras-above", "an HDF5 shard out of the folder", {KERAS: index({"/layers/a/vars": "../secret.weights.h5"})}, (2,)),
    ("keras-twice", "a variable in two HDF5 shards", {
        KERAS: index({"/layers/a/vars": ["a.weights.h5", "b.weights.h5"]}), "a.weights.h5": hdf5("layers/a/vars/0"),
        "b.weights.h5": hdf5("layers/a/vars/0")}, (2,)),
    ("keras-link", "an HDF5 shard that is a link into another file", {
        KERAS: index({"/layers/a/vars": "a.weights.h5"}),
        "a.weights.h5": hdf5("layers/a/vars/0", h5py.ExternalLink("../secret.h5", "/x"))}, (2,)),
    ("keras-text", "an HDF5 shard that is text", {KERAS: index({"/layers/a/vars": "a.weights.h5"}),
                                                  "a.weights.h5": b"text"}, (2,)),
)  # fmt: skip

CASES = (
    *(Case(f"shards-{name}", "weights", f"shards: {about}", folder(files), statuses)
      for name, about, files, statuses in _SETS),
    *make_cases("weights", [
        ("shards-alone.safetensors.index.json", "an index whose files lie outside of the folder", index(
            {"a": "../../../etc/x.safetensors"})),
        ("shards-alone-kind.safetensors.index.json", "an index that names itself", index(
            {"a": "shards-alone-kind.safetensors.index.json"})),
    ]),
)  # fmt: skip
