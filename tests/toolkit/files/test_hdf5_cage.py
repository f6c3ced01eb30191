"""The worker lets through what is in the file and numeric, and names all the rest; no other process reads HDF5."""

import io
import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from cnnkit.files.file_part import FilePart
from cnnkit.files.hdf5 import cage, rules, walk
from cnnkit.files.hdf5 import values as dataset_values
from cnnkit.files.hdf5.cage import list_hdf5, read_rows, read_text, read_values, stream_values
from cnnkit.files.hdf5.listing import list_contents
from cnnkit.files.hdf5.runs import StoredRuns
from cnnkit.files.hdf5.source import CACHE
from cnnkit.files.hdf5.values import iterate_rows, iterate_values
from cnnkit.files.hdf5.values import read_text as read_text_there
from cnnkit.files.hdf5.worker_process import WORKER
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def test_numeric_data_sets_come_by_path_with_their_values(path):
    with h5py.File(path, "w") as file:
        file.attrs["answer"] = 42
        file["x"] = np.arange(3, dtype=">i2")
        file["flags"] = np.array([True, False])
        file.create_dataset("deep/er/y", data=np.ones((4, 4), "f4"), compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("lzf", data=np.ones(4), compression="lzf")
        file["text"] = np.bytes_(b"{}")
        file["deep"].attrs["layer"] = 7
    listing = list_hdf5(path)
    assert set(listing.datasets) == {"x", "flags", "deep/er/y", "lzf"}
    assert listing.datasets["deep/er/y"].shape == (4, 4)
    for name, expected in {
        "x": [0, 1, 2],
        "flags": [True, False],
        "deep/er/y": np.ones((4, 4)),
        "lzf": [1] * 4,
    }.items():
        np.testing.assert_array_equal(read_values(path, name, listing.datasets[name]), expected)
    assert read_text(path, "text", listing.texts["text"]) == b"{}"
    assert listing.attributes["answer"] == 42
    assert set(listing.groups) == {"", "deep", "deep/er"}
    assert listing.groups["deep"] == {"layer": 7}
    assert (listing.not_followed, listing.not_read) == ((), {"text": "text, not numbers"})


def test_links_that_lead_elsewhere_are_listed_and_never_followed(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = 1.0
    with h5py.File(path, "w") as file:
        file["g/x"] = 1.0
        file["g/loop"] = file["g"]
        file["alias"] = file["g/x"]
        file["soft"] = h5py.SoftLink("/g")
        file["external"] = h5py.ExternalLink("other.h5", "/secret")
    listing = list_hdf5(path)
    assert set(listing.datasets) == {"g/x", "alias"}
    assert sorted(listing.not_followed) == [
        "external (external link)",
        "g/loop (the same group as g)",
        "soft (soft link)",
    ]
    for place in ("soft/x", "external"):
        with pytest.raises(UnsafeFileError, match="not followed") as caught:
            read_values(path, place, listing.datasets["g/x"])
        assert caught.value.kind == "refused"


@pytest.mark.parametrize("place", ["none", "g", "", ".", "g/", "g/./x", "g/x/x", "/g/x"])
def test_what_is_no_data_set_has_gone(path, place):
    with h5py.File(path, "w") as file:
        file["g/x"] = 1.0
    with h5py.File(path) as file, pytest.raises(UnsafeFileError, match="has gone since the file was listed"):
        list(iterate_values(file, place))


def external(file, tmp_path):
    file.create_dataset("bad", (4,), "u1", external=[(str(tmp_path / "passwords"), 0, 4)])


def virtual(file, tmp_path):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(tmp_path / "passwords.h5"), "x", (4,))
    file.create_virtual_dataset("bad", layout)


def scale_offset(file, _):
    file.create_dataset("bad", data=np.arange(8), chunks=(8,), scaleoffset=4)


def bomb(file, _):
    file.create_dataset("bad", (1 << 33,), "u1", chunks=(1 << 20,), compression="gzip")


def giant_chunk(file, _):
    file.create_dataset("bad", (8,), "u1", chunks=(1 << 27,), maxshape=(None,))


def objects(file, _):
    file["bad"] = np.array(["a", "b"], dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (external, "other files"),
        (virtual, "other data sets"),
        (scale_offset, "filter 6"),
        (bomb, "declares 8589934592 bytes and stores 0"),
        (giant_chunk, "declares 8 bytes in chunks of 134217728"),
        (objects, "a list of varying length|text, not numbers"),
        (lambda file, _: file.create_dataset("bad", data=h5py.Empty("f4")), "null space"),
        (lambda file, _: file.create_dataset("bad", data=np.zeros(2, "c8")), "a compound|neither float"),
        (lambda file, _: file.create_dataset("bad", data=np.zeros(2, "f4,i4")), "a compound"),
        (lambda file, _: file.create_dataset("bad", (2,), h5py.ref_dtype), "references to other data"),
    ],
)
def test_a_data_set_outside_the_rules_is_listed_with_its_reason_and_not_read(path, tmp_path, make, reason):
    with h5py.File(path, "w") as file:
        file["good"] = 1.0
        make(file, tmp_path)
    listing = list_hdf5(path)
    assert set(listing.datasets) == {"good"}
    with pytest.raises(UnsafeFileError, match=reason) as caught:
        read_values(path, "bad", listing.datasets["good"])
    assert caught.value.kind == "refused"
    assert listing.not_read["bad"] in str(caught.value)


def test_many_data_sets_of_nothing_are_no_more_than_one(path):
    """Each declares 40 MB and stores none: what is allowed once is not allowed a thousand times."""
    with h5py.File(path, "w") as file:
        for index in range(5):
            file.create_dataset(f"x{index}", (40_000_000,), "u1", chunks=(1 << 20,))
    listing = list_hdf5(path)
    assert list(listing.datasets) == ["x0"]
    assert set(listing.not_read.values()) == {"declares 40000000 bytes and stores 0"}


def test_data_sets_that_lie_on_each_other_are_not_read(path):
    with h5py.File(path, "w") as file:
        file["x0"] = np.zeros(5_000, "u1")
        offset = file["x0"].id.get_offset()
        for index in range(1, 9):
            file.create_dataset(f"x{index}", (5_000,), "u1")  # never written: no address
    assert len(list_hdf5(path).datasets) == 9
    size = (5_000).to_bytes(8, "little")
    path.write_bytes(path.read_bytes().replace(b"\xff" * 8 + size, offset.to_bytes(8, "little") + size))
    listing = list_hdf5(path)
    assert 1 <= len(listing.datasets) < 6
    assert "they overlap" in listing.not_read["x8"]


def test_one_data_set_by_very_many_names(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(100_000, "u1")
        for index in range(40):
            file[f"y{index}"] = file["x"]
    listing = list_hdf5(path)
    assert 4 <= len(listing.datasets) <= 6
    assert set(listing.not_read.values()) == {"the data sets of the file are named more than 4 times"}


@pytest.mark.parametrize("value", ["variable length", np.array([b"two", b"texts"]), 1.0])
def test_text_is_one_text_of_fixed_length(path, value):
    with h5py.File(path, "w") as file:
        file["text"] = value
    assert list_hdf5(path).texts == {}
    with h5py.File(path) as file, pytest.raises(UnsafeFileError, match="not one text of fixed length"):
        read_text_there(file, "text")


def test_a_text_beyond_the_limit(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file["text"] = np.bytes_(b"12345")
    monkeypatch.setattr(rules, "TEXT_LIMIT", 4)
    with h5py.File(path) as file, pytest.raises(UnsafeFileError, match="a text of 5 bytes, more than 4"):
        read_text_there(file, "text")


def test_budgets_on_depth_and_number(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file.create_group("/".join("g" * walk.MAX_DEPTH))
    assert len(list_hdf5(path).groups) == walk.MAX_DEPTH + 1
    with h5py.File(path, "a") as file:
        file.create_group("/".join("g" * (walk.MAX_DEPTH + 1)))
    with pytest.raises(UnsafeFileError, match="deeper than 64") as caught:
        list_hdf5(path)
    assert caught.value.kind == "too_big"
    monkeypatch.setattr(walk, "MAX_NODES", 60)
    with h5py.File(path) as file, pytest.raises(UnsafeFileError, match="more than 60"):
        list_contents(file, 1 << 20)


def test_no_file_no_hdf5_cut_file(path, tmp_path):
    with pytest.raises(UnsafeFileError, match="no such file"):
        list_hdf5(path)
    with pytest.raises(UnsafeFileError, match="no such file"):
        list_hdf5("\0")
    with pytest.raises(UnsafeFileError, match="Is a directory"):
        list_hdf5(tmp_path)
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(UnsafeFileError, match="damaged HDF5 file: file signature not found"):
        list_hdf5(path)
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(1000)
    os.truncate(path, 5000)
    with pytest.raises(UnsafeFileError, match="damaged HDF5 file: truncated file") as caught:
        list_hdf5(path)
    assert caught.value.kind == "unreadable"
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_make_it_wait(path):
    os.mkfifo(path)
    with pytest.raises(UnsafeFileError, match="not a file"):
        list_hdf5(path)


def test_damaged_values_name_the_data_set(path):
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("g/x", data=np.zeros(100, "u1"), chunks=(100,), fletcher32=True)
        offset = dataset.id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    stored = list_hdf5(path).datasets["g/x"]
    assert stored.runs == ((offset, 100),)
    assert stored.checksums
    assert StoredRuns.of(StoredFile(path), stored) is None  # libhdf5 is to compare them
    with pytest.raises(UnsafeFileError, match="g/x: damaged: "):
        read_values(path, "g/x", stored)


@pytest.mark.parametrize(
    ("chunks", "direct"), [((1, 2, 7), True), ((1, 1, 4), True), ((2, 3, 7), True), ((2, 2, 7), False), (None, True)]
)
def test_values_that_lie_in_the_file_in_their_order_need_no_worker(path, chunks, direct):
    values = np.arange(5 * 3 * 7, dtype=">i4").reshape(5, 3, 7)
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("x", data=values, chunks=chunks)
    stored = list_hdf5(path).datasets["x"]
    runs = StoredRuns.of(StoredFile(path), stored)
    assert (runs is not None) == direct
    rows = [(4, 5), (0, 2), (1, 1)]
    np.testing.assert_array_equal(read_rows(path, "x", stored, rows), values[[4, 0, 1]])
    np.testing.assert_array_equal(read_values(path, "x", stored), values)
    if runs is not None:
        assert b"".join(block.tobytes() for block in runs.blocks()) == values.tobytes()
        assert runs.read([(first * 84, last * 84) for first, last in rows]).tobytes() == values[[4, 0, 1]].tobytes()


def test_runs_outside_the_file_are_not_believed(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(4)
    stored, file = list_hdf5(path).datasets["x"], StoredFile(path)
    for runs in (((file.size - 31, 32),), ((-1, 32),), ((2048, 31),), ((2048, 32), (2048, 0)), (), None):
        assert StoredRuns.of(file, stored._replace(runs=runs)) is None


@pytest.mark.parametrize("most", [5, 1000])
def test_rows_of_a_data_set_come_in_pieces(path, monkeypatch, most):
    values = np.random.default_rng(0).normal(size=(9, 4, 5))
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(2, 2, 5), compression="gzip")
    monkeypatch.setattr(dataset_values, "_PIECE", most * 8)
    with h5py.File(path) as file:
        pieces = [part.tobytes() for part in dataset_values.iterate_rows(file, "x", [[7, 9], [0, 3]])]
    assert b"".join(pieces) == values[[7, 8, 0, 1, 2]].tobytes()
    assert max(map(len, pieces)) <= most * 8


def test_a_change_in_the_moment_of_writing_is_seen(path):
    """Times of files are coarse: two states of a file of one size may have the same."""
    names = ["x" * 5, "y" * 5]
    for attempt in range(10):
        with h5py.File(path, "w") as file:
            file[names[attempt % 2]] = np.zeros(3)
        os.utime(path, ns=(time.time_ns() // 10**9 * 10**9,) * 2)
        assert set(list_hdf5(path).datasets) == {names[attempt % 2]}


def test_a_file_that_ends_the_worker_twice_is_not_given_to_it_again(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros(4)
    stored, asked = list_hdf5(path).datasets["x"], []
    original = WORKER.ask

    def ask(*arguments):
        asked.append(1)
        WORKER.close()
        monkeypatch.setattr(WORKER, "_start", lambda: DEAD)
        yield from original(*arguments)

    monkeypatch.setattr(WORKER, "ask", ask)
    for _ in range(4):
        with pytest.raises(UnsafeFileError, match="crashes the HDF5 library") as caught:
            list(stream_values(path, "x", stored))
        assert caught.value.kind == "refused"
    assert len(asked) == 2


class Dead:
    """A process that has crashed."""

    def __init__(self):
        self.stdin = self.stdout = io.BytesIO()

    def wait(self):
        return -11

    kill = poll = wait


DEAD = Dead()


@pytest.mark.parametrize("first", ["", "import h5py"])
def test_plug_ins_are_off_whoever_imported_h5py_first(first, tmp_path):
    code = f"{first}\nfrom cnnkit.files.hdf5.library import load_h5py\nprint(load_h5py().h5pl.size())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HDF5_PLUGIN_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "0\n"


def test_reading_loads_no_hdf5_into_this_process(path, weights_file):
    """Own weights, a stranger's, a data set: libhdf5 is in the worker only."""
    with h5py.File(path, "w") as file:
        file["x_train"], file["y_train"] = np.zeros((4, 3, 3), "u1"), np.arange(4) % 2
        file.create_dataset("z", data=np.ones(4), compression="gzip")
    code = f"""
import sys
from cnnkit import data, exporters
for path in ({str(path)!r}, {str(weights_file)!r}):
    assert [tensor.read() for tensor in exporters.read(path)]
assert data.load({str(path)!r}).train.take([1, 2])
print("h5py" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


@pytest.fixture
def weights_file(tmp_path):
    from cnnkit.exporters import Tensor, WeightFile, write

    write(WeightFile((Tensor.of("a.weight", np.ones((2, 3))),)), tmp_path / "own.h5", compression=3)
    return tmp_path / "own.h5"


def test_limits_on_memory_grow_with_the_file():
    assert cage._LIST_MEMORY + cage._MEMORY_RATIO * (1 << 20) < 100 << 20


def test_an_error_that_is_kept_does_not_keep_the_worker(path):
    """More values than listed: the answer is left halfway, and the next question must not wait for ever."""
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros(1000), chunks=(10,), compression="gzip")
        file.create_dataset("short", data=np.zeros(10), chunks=(10,), compression="gzip")
    listed = list_hdf5(path).datasets
    with pytest.raises(UnsafeFileError, match="has changed since it was listed") as caught:
        read_values(path, "x", listed["short"])
    assert caught.value.__traceback__ is not None
    assert not WORKER._lock.locked()
    assert len(read_values(path, "x", listed["x"])) == 1000


def test_a_worker_that_claims_to_send_very_much_is_ended(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros(1000), chunks=(10,), compression="gzip")
    listed = list_hdf5(path).datasets["x"]
    with monkeypatch.context() as patch:
        patch.setattr("cnnkit.files.hdf5.worker_process._MOST_FRAME", 1000)
        with pytest.raises(UnsafeFileError, match="yields 8000 bytes at once") as caught:
            read_values(path, "x", listed)
    assert caught.value.kind == "refused"
    assert WORKER._process is None
    assert len(read_values(path, "x", listed)) == 1000


def test_a_slow_machine_is_given_more_time_and_memory(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros(1000), chunks=(10,), compression="gzip")
    asked = []

    def ask(*given):
        asked.append(given[2:4])
        raise UnsafeFileError("not now")

    monkeypatch.setattr(cage, "ask_about", ask)
    for factor in ("1", "10"):
        monkeypatch.setenv("CNNKIT_LIMITS", factor)
        cage._list.cache_clear()
        with pytest.raises(UnsafeFileError):
            list_hdf5(path)
    cage._list.cache_clear()
    (seconds, memory), more = asked
    assert more == pytest.approx((10 * seconds, 10 * memory))


@pytest.mark.parametrize(
    ("name", "value"),
    [("HDF5_DRIVER", "mpio"), ("HDF5_VOL_CONNECTOR", "evil"), ("HDF5_PLUGIN_PATH", "."), ("HDF5_DRIVER_CONFIG", "x")],
)
def test_the_environment_gives_libhdf5_no_driver_connector_or_plug_in(tmp_path, name, value):
    """With an unknown driver libhdf5 ends in SIGSEGV, when it is imported and when it opens a file."""
    made = "import sys\nfrom cnnkit.files.hdf5.library import load_h5py\n"
    made += "with load_h5py().File(sys.argv[1], 'w') as file: file['x'] = [1, 2, 3]\n"
    made += "from cnnkit.files.hdf5.cage import list_hdf5\nprint(*list_hdf5(sys.argv[1]).datasets)"
    command = [sys.executable, "-c", made, str(tmp_path / "a.h5")]
    environment = os.environ | {name: value}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("x\n", "", 0)


def test_rows_of_one_large_chunk_unpack_it_once(path, monkeypatch):
    with h5py.File(path, "w") as file:
        shape = (4000, 40, 40)  # in one chunk of 6 MB, more than libhdf5 keeps of itself
        file.create_dataset("x", shape, "u1", np.arange(6_400_000) % 251, chunks=shape, compression="gzip")
    with path.open("rb", buffering=0) as stream:
        part, reads = FilePart(stream, 0, path.stat().st_size), []
        fill = part.readinto

        def count(buffer):
            reads.append(len(buffer))
            return fill(buffer)

        monkeypatch.setattr(part, "readinto", count)
        with h5py.File(part, "r", **CACHE) as file:
            rows = [(begin, begin + 1) for begin in range(0, 4000, 200)]
            images = np.concatenate(list(iterate_rows(file, "x", rows)))
    assert sum(reads) < 2 * path.stat().st_size
    np.testing.assert_array_equal(images, (np.arange(6_400_000) % 251).reshape(shape)[::200])
