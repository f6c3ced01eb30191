"""Files that carry code, or that lead the reader to code or to another file, in every format that can.

Where the code runs it makes the file CANARY in the current folder and beside the case; where another file is opened its
content, SECRET, is in the output. `tests/torture/trials/execution.py` looks for both, and at what an audit hook sees.
"""

import io
import json
import marshal
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hostile.case import Case
from hostile.making import CANARY, READ, make_cases, write_secret
from hostile.npz_files import npy
from hostile.onnx_files import content, model, node, raw, tensor
from hostile.torch_files import LEGACY, zipped
from hostile.zips import Entry, write_zip

COMMAND = f"touch {CANARY}"
CODE = f"open({CANARY!r}, 'w').close()"


def text(words: str) -> bytes:
    return b"X" + struct.pack("<I", len(words)) + words.encode()


def call(module: str, name: str, *arguments: str) -> bytes:
    """Return a pickle that calls a function with texts."""
    return b"\x80\2c" + f"{module}\n{name}\n".encode() + b"(" + b"".join(map(text, arguments)) + b"tR."


# Functions that run something or open something, each reached by name: what published attacks use.
GADGETS = {
    "os-system": ("os", "system", COMMAND),
    "posix-system": ("posix", "system", COMMAND),
    "nt-system": ("nt", "system", COMMAND),
    "os-popen": ("os", "popen", COMMAND),
    "os-execlp": ("os", "execlp", "touch", "touch", CANARY),
    "os-spawnlp": ("os", "spawnlp", "0", "touch", "touch", CANARY),
    "subprocess-getoutput": ("subprocess", "getoutput", COMMAND),
    "subprocess-popen": ("subprocess", "Popen", COMMAND),
    "builtins-eval": ("builtins", "eval", CODE),
    "builtins-exec": ("builtins", "exec", CODE),
    "builtin-2-eval": ("__builtin__", "eval", CODE),
    "builtins-open": ("builtins", "open", CANARY, "w"),
    "builtins-import": ("builtins", "__import__", "antigravity"),
    "builtins-getattr": ("builtins", "getattr", "os", "system"),
    "builtins-breakpoint": ("builtins", "breakpoint"),
    "io-open": ("_io", "open", CANARY, "w"),
    "pathlib-touch": ("pathlib", "Path.touch", CANARY),
    "shutil-rmtree": ("shutil", "rmtree", "/nonexistent"),
    "importlib-import": ("importlib", "import_module", "this"),
    "runpy-run-path": ("runpy", "run_path", "payload.py"),
    "runpy-run-code": ("runpy", "_run_code", CODE),
    "code-interact": ("code", "interact"),
    "codeop-compile": ("codeop", "compile_command", CODE),
    "timeit": ("timeit", "timeit", CODE),
    "cprofile-run": ("cProfile", "run", CODE),
    "pdb-run": ("pdb", "run", CODE),
    "bdb-run": ("bdb", "Bdb.run", CODE),
    "trace-run": ("trace", "Trace.run", CODE),
    "doctest-debug": ("doctest", "debug_script", CODE),
    "idlelib": ("idlelib.pyshell", "ModifiedInterpreter.runcode", CODE),
    "distutils-spawn": ("distutils.spawn", "spawn", COMMAND),
    "asyncio-subprocess": ("asyncio.subprocess", "create_subprocess_shell", COMMAND),
    "multiprocessing": ("multiprocessing.util", "spawnv_passfds", COMMAND),
    "pty-spawn": ("pty", "spawn", COMMAND),
    "pip-main": ("pip", "main", "install"),
    "ctypes-cdll": ("ctypes", "CDLL", "payload.so"),
    "ctypes-pythonapi": ("ctypes", "pythonapi.PyRun_SimpleString", CODE),
    "socket-connect": ("socket", "create_connection", "127.0.0.1"),
    "urllib-open": ("urllib.request", "urlopen", "http://127.0.0.1:9/"),
    "http-client": ("http.client", "HTTPSConnection", "127.0.0.1"),
    "webbrowser-open": ("webbrowser", "open", "http://127.0.0.1:9/"),
    "pickle-loads": ("pickle", "loads", "cos\nsystem\n."),
    "marshal-loads": ("marshal", "loads", "x"),
    "types-function": ("types", "FunctionType", "x"),
    "types-code": ("types", "CodeType", "x"),
    "operator-attrgetter": ("operator", "attrgetter", "system"),
    "operator-methodcaller": ("operator", "methodcaller", "system", COMMAND),
    "functools-partial": ("functools", "partial", "os.system", COMMAND),
    "copyreg-reconstructor": ("copyreg", "_reconstructor", "os"),
    "yaml-load": ("yaml", "unsafe_load", f"!!python/object/apply:os.system ['{COMMAND}']"),
    "numpy-load": ("numpy", "load", "payload.npy"),
    "numpy-fromfile": ("numpy", "fromfile", "secret.txt"),
    "numpy-runstring": ("numpy.testing._private.utils", "runstring", CODE),
    "numpy-f2py": ("numpy.f2py.crackfortran", "myeval", CODE),
    "torch-load": ("torch", "load", "payload.pt"),
    "torch-hub": ("torch.hub", "load", "payload", "x"),
    "torch-inductor": ("torch._inductor.codecache", "compile_file", "payload.cpp"),
    "torch-jit": ("torch.jit.unsupported_tensor_ops", "execWrapper", CODE),
    "torch-dotted": ("torch", "_utils.os.system", COMMAND),
    "torch-storage-load": ("torch.storage", "_load_from_bytes", "x"),
    "pandas-read": ("pandas.io.pickle", "read_pickle", "payload.pkl"),
    "joblib-load": ("joblib", "load", "payload.joblib"),
    "sqlite-extension": ("sqlite3", "connect", CANARY),
    "cnnkit-read": ("cnnkit.exporters", "read", "secret.txt"),
    "near-miss": ("torch._utils", "_rebuild_anything", "x"),
    "path-name": ("../payload", "run", "x"),
    "empty-name": ("", "", "x"),
}  # fmt: skip
POSIX = b"cposix\nsystem\n"
# The operations of a pickle that can call or make something.
OPERATIONS = {
    "inst": b"\x80\2(" + text(COMMAND) + b"iposix\nsystem\n.",
    "obj": b"\x80\2(" + POSIX + text(COMMAND) + b"o.",
    "newobj": b"\x80\2" + POSIX + text(COMMAND) + b"\x85\x81.",
    "newobj-ex": b"\x80\4" + POSIX + text(COMMAND) + b"\x85}\x92.",
    "stack-global": b"\x80\4\x8c\5posix\x8c\6system\x93" + text(COMMAND) + b"\x85R.",
    "protocol-0": b"cposix\nsystem\n(S'" + COMMAND.encode() + b"'\ntR.",
    "extension": b"\x80\2\x82\1" + text(COMMAND) + b"\x85R.",
    "persistent": b"\x80\2" + text(COMMAND) + b"Q.",
    "build": b"\x80\2ca\nB\n)\x81}" + text("__setstate__") + POSIX + b"sb" + text(COMMAND) + b"b.",
    "reduce-result": b"\x80\2cbuiltins\ngetattr\n(cos\n__dict__\n" + text("system") + b"tR" + text(COMMAND) + b"\x85R.",
    "memo": b"\x80\2" + POSIX + b"q\0" + b"0h\0" + text(COMMAND) + b"\x85R.",
    "dup": b"\x80\2" + POSIX + b"2" + text(COMMAND) + b"\x85R.",
    "after-tensor": pickle.dumps({"a": 1}, 2)[:-1] + POSIX + text(COMMAND) + b"\x85R.",
    "second-pickle": pickle.dumps({"a": np.arange(3.0)}, 2) + call("os", "system", COMMAND),
    "frame-hidden": b"\x80\4\x95\x05\0\0\0\0\0\0\0" + POSIX + text(COMMAND) + b"\x85R.",
    "stop-hidden": b"\x80\2N." + POSIX + text(COMMAND) + b"\x85R.",
}
SYSTEM = call("posix", "system", COMMAND)


def object_array(body: bytes) -> bytes:
    return npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", body)


def keras(config: object, members: dict[str, bytes] | None = None) -> bytes:
    """Return a `.keras` zip with honest weights and a configuration of one's wishes."""
    import h5py

    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = np.ones((2, 2), "f4")
        file["layers/dense/vars/1"] = np.zeros(2, "f4")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.0"}))
        for name, data in {"model.weights.h5": weights.getvalue(), **(members or {})}.items():
            archive.writestr(name, data)
    return stream.getvalue()


def sequential(layer: object) -> dict[str, object]:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "n", "layers": [layer]}}


def function_layer() -> dict[str, object]:
    body = marshal.dumps(compile(CODE, "x", "exec"))
    code = {"class_name": "__lambda__", "config": {"code": body.hex(), "defaults": None, "closure": None}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": code}}


def keras_cases() -> list[tuple[str, str, Callable[[], bytes], tuple[int, ...]]]:
    rows: dict[str, tuple[str, object]] = {
        "lambda": ("a Lambda layer of byte code", sequential(function_layer())),
        "module": ("a layer of the module os", sequential({"module": "os", "class_name": "system",
                                                         "config": {"command": COMMAND}})),
        "builtins": ("a layer that is eval", sequential({"module": "builtins", "class_name": "eval",
                                                       "config": {"source": CODE}})),
        "registered": ("a registered name of os", sequential({"module": None, "registered_name": "os>system",
                                                            "class_name": "system", "config": COMMAND})),
        "dotted": ("a class by a path of attributes", sequential({"module": "keras.src.utils", "class_name":
                                                                "python_utils.os.system", "config": {}})),
        "get-file": ("a layer that fetches a file", sequential({"module": "keras.utils", "class_name": "get_file",
                     "config": {"fname": CANARY, "origin": "http://127.0.0.1:9/"}})),
        "vocabulary": ("a layer whose vocabulary is the secret beside it", sequential({"module": "keras.layers",
                       "class_name": "StringLookup", "config": {"name": "s", "vocabulary": "secret.txt"}})),
        "torch-module": ("a layer around a pickled module", sequential({"module": "keras.layers", "class_name":
                         "TorchModuleWrapper", "config": {"module": SYSTEM.hex()}})),
        "initializer": ("an initializer of the module os", sequential({"module": "keras.layers", "class_name": "Dense",
            "config": {"name": "dense", "kernel_initializer": {"module": "os", "class_name": "system",
                                                               "config": {"command": COMMAND}}}})),
        "compile": ("an optimizer of the module os", sequential({}) | {"compile_config": {"optimizer": {
            "module": "os", "class_name": "system", "config": COMMAND}}}),
        "class-number": ("a class that is a number", {"module": 1, "class_name": 2, "config": 3}),
        "config-text": ("a configuration that is a text", CODE),
    }  # fmt: skip
    return [(f"keras-{name}.keras", about, lambda config=config: keras(config), READ)
            for name, (about, config) in rows.items()]  # fmt: skip


def write_beside(name: str, data: bytes | str) -> Callable[[Path], object]:
    """Write an honest array with a module of a library's name, or a plug-in, beside it."""

    def write(path: Path) -> None:
        other = path.parent / name
        other.parent.mkdir(exist_ok=True, parents=True)
        other.write_bytes(data if isinstance(data, bytes) else data.encode())
        np.savez(path, w=np.ones((2, 2), np.float32))

    return write


def write_hdf5(fill: Callable[[object, Path], None]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        import h5py

        secret = write_secret(path)
        with h5py.File(path.with_name("secret.h5"), "w") as other:
            other["secret"] = np.frombuffer(secret.read_bytes(), np.uint8)
        with h5py.File(path, "w") as file:
            file["w"] = np.ones((2, 2), np.float32)
            fill(file, secret)

    return write


def _link_external(file: object, secret: Path) -> None:
    import h5py

    file["a"] = h5py.ExternalLink(str(secret.with_name("secret.h5")), "secret")  # type: ignore[index]
    file["b"] = h5py.ExternalLink("secret.h5", "/")  # type: ignore[index]


def _store_external(file: object, secret: Path) -> None:
    length = secret.stat().st_size
    file.create_dataset("a", (length,), "u1", external=[(str(secret), 0, length)])  # type: ignore[attr-defined]


def _map_virtually(file: object, secret: Path) -> None:
    import h5py

    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource(str(secret.with_name("secret.h5")), "secret", (8,))
    file.create_virtual_dataset("a", layout)  # type: ignore[attr-defined]


def write_symlink(path: Path) -> None:
    """Write an index whose one file is a link to the secret, in another folder."""
    elsewhere = path.parent.with_name("elsewhere")
    elsewhere.mkdir(exist_ok=True)
    secret = write_secret(elsewhere / path.name)
    inside = path.parent / "beside.safetensors"
    inside.symlink_to(secret)
    path.write_text(json.dumps({"weight_map": {"a": inside.name}}))


CASES = (
    *make_cases("weights", [
        (f"run-{name}.pkl", f"a pickle that calls {parts[0]}.{parts[1]}", call(*parts), (0, 2))
        for name, parts in GADGETS.items()]),
    *make_cases("weights", [
        (f"run-op-{name}.pkl", f"a pickle that runs a command by {name}", data, (0, 2))
        for name, data in OPERATIONS.items()]),
    *make_cases("weights", [
        ("run-zip.pt", "torch's zip with code in data.pkl", zipped(SYSTEM)),
        ("run-legacy.pth", "torch's legacy file with code", LEGACY + SYSTEM + pickle.dumps([], 2)),
        ("run-legacy-first.pth", "code where the mark should be", SYSTEM + LEGACY),
        ("run-legacy-keys.pth", "code where the list of storages should be", LEGACY + b"\x80\2}." + SYSTEM),
        ("run-source.pth", "a module whose source is in the file", LEGACY + b"\x80\2(" + text("module")
         + b"c__main__\nNet\n" + text("net.py") + text(CODE) + b"tQ." + pickle.dumps([], 2), (0, 2)),
        ("run-script.pt", "TorchScript with code", zipped(b"\x80\2}.", {
            "constants.pkl": SYSTEM, "code/__torch__.py": CODE.encode(), "version": b"3\n"})),
        ("run-script-constants.pt", "TorchScript with code in its constants", zipped(SYSTEM, {
            "constants.pkl": SYSTEM, "code/__torch__.py.debug_pkl": SYSTEM})),
        ("run-package.pt", "a torch package", write_zip([Entry(b"a/.data/extern_modules", b"os"), Entry(
            b"a/model/model.pkl", SYSTEM), Entry(b"a/code.py", CODE.encode())])),
        ("run-joblib.joblib", "joblib with code", SYSTEM, (0, 2)),
        ("run-joblib-wrapper.joblib", "joblib's array of code", b"\x80\4cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}"
         + text("subclass") + POSIX + b"s" + text("dtype") + text("O") + b"sb.", (0, 2)),
        ("run-objects.npy", "an array of objects with code", object_array(SYSTEM), (0, 2)),
        ("run-objects.npz", "an array of objects with code",
         write_zip([Entry(b"a.npy", object_array(SYSTEM))]), (0, 2)),
        ("run-objects-reduce.npz", "an array of objects, one with code", write_zip([Entry(b"a.npy", object_array(
            pickle.dumps([np.ones(2)], 2)[:-1] + POSIX + text(COMMAND) + b"\x85R."))]), (0, 2)),
        ("run-descr.npy", "a type that is code",
         npy(f"{{'descr': {CODE}, 'fortran_order': False, 'shape': (2,), }}\n")),
        ("run-paddle.pdparams", "Paddle's pickle with code", SYSTEM, (0, 2)),
        ("run-model.keras", "weights of Keras as a pickle", keras({}, {"model.weights.npz": SYSTEM}), (0, 2)),
        ("run-assets.keras", "assets that are code", keras(sequential({}), {"assets/x.py": CODE.encode(),
                                                                         "../../x.py": CODE.encode()}), (0, 2)),
        ("run-onnx-operator.onnx", "an operator of Python", model(tensor((2,), 1, "w", raw()), nodes=content(
            1, node("PyOp") + content(5, content(1, "module") + content(4, "os")) + content(7, "com.microsoft"))),
         READ),
        ("run-mat-opaque.mat", "a function with code", b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack(
            "<2I", 14, 0), (0, 2)),
        ("run-yaml.yaml", "YAML with a tag for Python", f"!!python/object/apply:os.system ['{COMMAND}']\n".encode()),
        ("run-program.py", "a Python program", CODE.encode()),
        ("run-compiled.pyc", "a compiled Python program", b"\xa7\r\r\n" + bytes(12) + marshal.dumps(compile(
            CODE, "x", "exec"))),
        ("run-program.sh", "a program of the shell", f"#!/bin/sh\n{COMMAND}\n".encode()),
        ("run-elf.so", "a shared library", b"\x7fELF\2\1\1" + bytes(57)),
        ("run-html.html", "a page with a script", b"<html><script>alert(1)</script></html>"),
        ("run-notebook.ipynb", "a notebook", json.dumps({"cells": [{"source": CODE}], "nbformat": 4}).encode()),
    ]),
    *make_cases("weights", keras_cases()),
    *(Case(f"beside-{name.replace('/', '-').rpartition('.')[0]}.npz", "weights", f"a module {name} beside it",
           write_beside(name, CODE + "\n"), READ)
      for name in ("numpy.py", "h5py.py", "torch/__init__.py", "json.py", "sitecustomize.py", "usercustomize.py",
                   "cnnkit.py", "orjson.py", "PIL/__init__.py", "threadpoolctl.py", "zlib.py", "rich.py")),
    Case("beside-pth.npz", "weights", "a file x.pth beside it", write_beside("x.pth", f"import os; {CODE}\n"), READ),
    Case("beside-config.npz", "weights", "pyproject.toml beside it", write_beside(
        "pyproject.toml", '[project.entry-points."cnnkit.exporters"]\nx = "os:system"\n'), READ),
    Case("beside-info.npz", "weights", "an installed plug-in beside it", write_beside(
        "evil-1.0.dist-info/entry_points.txt", "[cnnkit.exporters]\nevil = evil:Format\n"), READ),
    Case("leak-external-link.h5", "weights", "an external link to a secret", write_hdf5(_link_external), READ),
    Case("leak-external-storage.h5", "weights", "values in a secret file", write_hdf5(_store_external), READ),
    Case("leak-virtual.h5", "weights", "a virtual data set of a secret file", write_hdf5(_map_virtually), READ),
    Case("leak-symlink.safetensors.index.json", "weights", "an index of a link to a secret", write_symlink, (0, 2)),
)  # fmt: skip
