"""Pickles that want to run something, to fill the memory or to lie: nothing is run, and each is one line."""

import builtins
import functools
import io
import operator
import os
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.pickles import walk

RUN = "touch cnnkit-was-here"
ARRAY = pickle.dumps(np.ones(3, np.float32), 2)[2:-1]


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def nested(count):
    data = b"\x80\4N."
    for _ in range(count):
        inner = b"\x8c\rtorch.storage\x8c\x10_load_from_bytes\x93B" + struct.pack("<I", len(data)) + data
        data = b"\x80\4" + inner + b"\x85R."
    return data


def array(shape, data=b"C\4abcd", code=b"X\2\0\0\0f4"):
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87Rq\0(K\1" + shape
    return b"\x80\3" + made + b"cnumpy\ndtype\n" + code + b"\x85R\x89" + data + b"tb."


def doubled(item, count=60):
    """A value that holds twice one that holds twice one, without end when it is followed."""
    return b"\x80\2)q\0" + b"".join(item % ((bytes((n,)),) * 2 + (bytes((n + 1,)),)) for n in range(count)) + b"."


def many_calls(argument, name, count=50_000):
    """A list of what calls with one long argument make."""
    return b"\x80\2" + argument + b"q\0c" + name + b"\nq\1(" + b"h\1h\0\x85R" * count + b"l."


KEYS = [b"M" + struct.pack("<H", number) for number in range(10_000)]
MANY_KEYS = b"\x80\2}(" + b"N".join(KEYS) + b"Nuq\0" + b"0}(" + b"h\0".join(KEYS) + b"h\0u."

BIG, HUGE = struct.pack("<Q", 1 << 62), b"\x8a\x08" + struct.pack("<q", 1 << 61)
HOSTILE = {
    "os.system": pickle.dumps(Call(os.system, RUN)),
    "eval": pickle.dumps(Call(builtins.eval, "1")),
    "exec, protocol 0": pickle.dumps(Call(builtins.exec, "1"), 0),
    "Popen": pickle.dumps(Call(subprocess.Popen, RUN), 1),
    "partial": pickle.dumps(Call(functools.partial(os.system, RUN))),
    "methodcaller": pickle.dumps(operator.methodcaller("system", RUN)),
    "import": pickle.dumps(Call(Call, Call(builtins.__import__, "os"))).replace(b"Call", b"Kall"),
    "getattr": b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR(S'true'\ntR.",
    "INST": b"(S'true'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'true'\no.",
    "NEWOBJ_EX": b"\x80\4cos\nsystem\nX\4\0\0\0true\x85}\x92.",
    "EXT2": b"\x80\2\x83\1\0)R.",
    "PERSID": b"Pcos\nsystem\n.",
    "__setstate__": b"\x80\2cnumpy\nndarray\n)\x81}X\x0c\0\0\0__setstate__cos\nsystem\nsb.",
    "BUILD on a function": b"\x80\2cos\nsystem\n}X\1\0\0\0aK\1sb.",
    "BUILD on an array": b"\x80\2" + ARRAY + b"}b.",
    "BUILD on a number": b"\x80\2K\1}b.",
    "subclass": b"\x80\2ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\neval\ncbuiltins\nobject\nX\1\0\0\0x\x85NtR.",
    "subclass of itself": b"\x80\2ctorch._tensor\n_rebuild_from_type_v2\nq\0(h\0N)NtR.",
    "_reconstructor": b"ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR.",
    "_reconstructor of numbers": b"ccopy_reg\n_reconstructor\n(I1\nI2\nI3\ntR.",
    "list in itself": b"\x80\2]q\0h\0a.",
    "dictionary in itself": b"\x80\2}q\0K\1h\0s.",
    "object in itself": b"\x80\2ca\nB\n)\x81q\0}X\1\0\0\0sh\0sb.",
    "array in itself": array(b"K\1\x85", b"]h\0a", b"X\2\0\0\0O8"),
    "scalar in itself": array(b")", b"]h\0a", b"X\2\0\0\0O8"),
    "tuples": doubled(b"h%bh%b\x86q%b"),
    "lists": doubled(b"](h%bh%beq%b"),
    "objects": doubled(b"ca\nB\n(h%bh%btRq%b"),
    "usual keys": doubled(b"}(X\5\0\0\0modelh%bX\3\0\0\0neth%buq%b"),
    "a long list of pairs, again and again": many_calls(
        b"(" + b"K\1N\x86" * 20_000 + b"l", b"collections\nOrderedDict"
    ),
    "a long text, again and again": many_calls(
        b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20), b"_codecs\nencode"
    ),
    "a long pickle, again and again": many_calls(
        b"\x8e" + struct.pack("<Q", 200_000) + b"N0" * 100_000, b"torch.storage\n_load_from_bytes", 5000
    ),
    "many axes of one object, again and again": b"\x80\2(" + b"K\1" * 100_000 + b"tq\0"
    b"cnumpy\ndtype\nX\2\0\0\0O8\x85Rq\2("
    + b"cnumpy.core.multiarray\n_reconstruct\n)R(K\1h\0h\2\x89]Natb" * 20_000 + b"l.",
    "one dictionary under many keys": MANY_KEYS,
    "key": doubled(b"h%bh%b\x86q%b")[:-1] + b"0}h\x3cNs.",
    "deep lists": b"\x80\2" + b"]" * 20_000 + b"a" * 19_999 + b".",
    "deep objects": b"\x80\2N" + b"\x85q\0ca\nB\nh\0R" * 2000 + b".",
    "pickles in pickles": nested(30),
    "long bytes": b"\x80\4\x8e" + BIG + b"x.",
    "long bytearray": b"\x80\5\x96" + BIG + b"x.",
    "long text": b"\x80\4\x8d" + BIG + b"x.",
    "long number": b"\x80\2\x8b\0\0\0\x40x.",
    "negative length": b"\x80\2\x8b\xff\xff\xff\xffx.",
    "many digits": b"(dp0\nI" + b"9" * 400 + b"\n.",
    "no digits": b"(dp0\nI--5\n.",
    "no fraction": b"(dp0\nFone\n.",
    "no quotes": b"(dp0\nSabc\n.",
    "no escape": b"(dp0\nS'\\x'\n.",
    "no place": b"(dp0\ngx\n.",
    "huge shape": array(HUGE + b"\x85"),
    "huge shape of nothing": array(b"K\0" + HUGE + b"\x86", b"C\0"),
    "negative shape": array(b"J\xff\xff\xff\xff\x85"),
    "true shape": array(b"\x88\x85"),
    "many axes": array(b"(" + b"K\1" * 1000 + b"t"),
    "short values": array(b"K\2\x85"),
    "long values": array(b"K\1\x85", b"C\5abcde"),
    "values of a text": array(b"K\1\x85", b"X\3\0\0\0\xe2\x82\xac"),
    "type of a list": array(b"K\1\x85", code=b"]"),
    "too few objects": array(b"K\5\x85", b"]", b"X\2\0\0\0O8"),
    "scalar": b"\x80\2cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0f8\x85RU\1a\x86R.",
    "joblib": b"\x80\4cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\5\0\0\0dtypecnumpy\ndtype\nX\2\0\0\0f8\x85R"
    b"X\5\0\0\0shape" + HUGE + b"\x85ub.",
    "joblib of nothing": b"\x80\4cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b.",
    "sparse": b"\x80\2ctorch._utils\n_rebuild_sparse_tensor\nK\1K\1\x86R.",
    "module": b"\x80\2ca\nB\n)\x81}(X\x0b\0\0\0_parametersNX\x08\0\0\0_buffers]X\x08\0\0\0_modulesK\1ub.",
    "no operation": b"\x80\2\xff.",
    "empty stack": b"\x80\2.",
    "cut": b"\x80\2}",
}  # fmt: skip

_seen: list[str] = []
_active = False


def _watch(event, arguments):
    if _active and event.partition(".")[0] in {"os", "subprocess", "exec", "compile", "import", "pickle", "marshal"}:
        _seen.append(f"{event} {arguments!r}"[:200])


@functools.cache
def start_watching():
    sys.addaudithook(_watch)


def as_object_array(data):
    stream = io.BytesIO()
    np.save(stream, np.array([1], object), allow_pickle=True)
    whole = stream.getvalue()
    return whole[: whole.index(b"\n") + 1] + data


@pytest.mark.parametrize("wrap", [bytes, as_object_array], ids=["pkl", "npy"])
@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_run_and_all_is_one_line(tmp_path, monkeypatch, name, wrap):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").write_bytes(wrap(b"\x80\2]" + ARRAY + b"a."))
    (tmp_path / "bad").write_bytes(wrap(HOSTILE[name]))
    assert len(exporters.read(tmp_path / "good")) == 1  # all modules are imported
    b"x".decode("raw-unicode-escape")  # so is this encoding
    formats = exporters.formats()
    monkeypatch.setattr(exporters.registry, "formats", lambda: formats)
    monkeypatch.setattr(walk, "_MOST_NODES", 30_000)
    start_watching()
    _seen.clear()
    verdict = "read"
    globals()["_active"] = True
    began = time.process_time()
    try:
        assert len(exporters.read(tmp_path / "bad")) == 0
    except WeightFileError as error:
        verdict = str(error)
    finally:
        globals()["_active"] = False
    assert time.process_time() - began < 30
    assert _seen == []
    assert "\n" not in verdict
    assert "cannot be read as" not in verdict  # what an error of our own would say
    assert len(verdict) < 500
    assert not (tmp_path / "cnnkit-was-here").exists()


def test_the_watch_sees_what_python_would_run():
    start_watching()
    globals()["_active"] = True
    try:
        pickle.loads(HOSTILE["os.system"].replace(RUN.encode(), b"true".ljust(len(RUN))))
    finally:
        globals()["_active"] = False
    assert any("os.system" in event for event in _seen)
    _seen.clear()


def test_a_hostile_value_hides_no_array_and_is_named(tmp_path):
    data = pickle.dumps({"w": np.arange(3.0), "evil": Call(os.system, RUN), "eval": Call(eval, "1")})
    (tmp_path / "a").write_bytes(data)
    back = exporters.read(tmp_path / "a")
    assert back["w"].read().tolist() == [0, 1, 2]
    assert [note.what for note in back.not_read] == [f"{os.system.__module__}.system", "builtins.eval"]


def test_memory_is_that_of_the_file_at_most(tmp_path):
    (tmp_path / "a").write_bytes(pickle.dumps({"w": np.zeros(4_000_000), "v": np.zeros(4_000_000, np.float32)}))
    exporters.read(tmp_path / "a")
    tracemalloc.start()
    back = exporters.read(tmp_path / "a")
    listed = tracemalloc.get_traced_memory()[1]
    digest = back["w"].sha256()
    streamed = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert digest == exporters.Tensor.of("w", np.zeros(4_000_000)).sha256()
    assert listed < 1 << 20
    assert streamed < 16 << 20
