# ruff: noqa: ARG005, PLW0108, RUF005 (rows of one table are functions of the same arguments)
"""Device arrays of the stand-in: NumPy's values, CuPy's fences."""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from cnnkit.backends.cuda.simulator.device_array import DeviceArray
from cnnkit.backends.cuda.simulator.device_arrays import xp
from cnnkit.backends.cuda.simulator.transfers import transfers

ROOT = Path(__file__).parents[3]


@pytest.fixture
def x():
    return xp.asarray(np.arange(6.0).reshape(2, 3))


@pytest.fixture
def counted():
    transfers.reset()
    return transfers


@pytest.mark.parametrize(
    "operation",
    [
        lambda xp, x: x * 2 - x / (x + np.float32(3)),
        lambda xp, x: 1 - x @ x.T,
        lambda xp, x: xp.where(x > 2, x, 0.0),
        lambda xp, x: xp.concatenate([x, xp.exp(x)], axis=1),
        lambda xp, x: xp.stack((x, -x)).sum(axis=(0, 2)),
        lambda xp, x: xp.take(x, xp.asarray([2, 0]), axis=1),
        lambda xp, x: x.transpose((1, 0)).reshape((-1,))[1:5:2],
        lambda xp, x: x[:, None, xp.asarray([0, 0, 1])],
        lambda xp, x: x.argmax(axis=1),
        lambda xp, x: xp.maximum(x, 2.5, out=xp.zeros((2, 3), xp.float64)),
        lambda xp, x: np.tanh(x) + np.mean(x, axis=0),
        lambda xp, x: xp.log(x - 1),  # -inf and NaN, without a warning
        lambda xp, x: xp.full((2, 3), x.sum()),
        lambda xp, x: x.astype(xp.int64) // 2,
    ],
)
def test_values_are_those_of_numpy(x, operation) -> None:
    result = operation(xp, x)
    with np.errstate(all="ignore"):
        wanted = operation(np, np.arange(6.0).reshape(2, 3))
    assert isinstance(result, DeviceArray)
    assert result.dtype == wanted.dtype
    np.testing.assert_array_equal(result.get(), wanted)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x, host: x + host,
        lambda x, host: host + x,
        lambda x, host: x.__iadd__(host),
        lambda x, host: host.__iadd__(x),
        lambda x, host: host @ x.T,
        lambda x, host: x == host,
        lambda x, host: xp.maximum(x, host),
        lambda x, host: xp.where(host > 0, x, x),
        lambda x, host: xp.concatenate([x, host]),
        lambda x, host: np.concatenate([x, host]),
        lambda x, host: np.add(x, 1, out=host),
        lambda x, host: np.add(host, 1, out=x),
        lambda x, host: xp.copyto(x, host),
        lambda x, host: x.__setitem__(Ellipsis, host),
        lambda x, host: host.__setitem__(Ellipsis, x),
        lambda x, host: x[host.astype(int)],
        lambda x, host: x + np.array(1.0),  # 0-d, but an array
        lambda x, host: x + [1.0, 2.0, 3.0],
        lambda x, host: np.asarray(x),
        lambda x, host: np.array([x, x]),
        lambda x, host: x.view(np.ndarray),
    ],
)
def test_host_and_device_do_not_mix(x, operation) -> None:
    with pytest.raises(TypeError):
        operation(x, np.ones((2, 3)))
    assert x.get().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_one_value_stays_on_the_device_and_a_view_shares_memory(x, counted) -> None:
    for one in (x.sum(), x.max(), x[1, 2], x[0][0], np.sum(x), xp.mean(x), next(iter(x[0]))):
        assert isinstance(one, DeviceArray)
        assert one.shape == ()
    x[1, 2][...] = 50
    x[0] += 1
    x[1, :2] = x[0, 1:]
    assert (counted.host_reads, counted.to_host, counted.to_device) == (0, 0, 0)
    assert x.get().tolist() == [[1, 2, 3], [2, 3, 50]]


def test_an_operation_in_place_gives_the_same_array(x) -> None:
    y = x
    y += 1
    assert y is x
    assert xp.add(x, 1, out=x) is x
    assert x.tolist() == [[2, 3, 4], [5, 6, 7]]


READS = [
    lambda x: float(x[0, 0]),
    lambda x: int(x[0, 0]),
    lambda x: bool(x[0, 0] < 1),
    lambda x: x[0, 0].item(),
    lambda x: x.tolist(),
    lambda x: f"{x[0, 0]:.3f}",
    lambda x: [1, 2, 3][x[0, 0].astype(int)],
    lambda x: x[x > 2],
    lambda x: x[0] if x[0, 0] == 0 else x[1],
]
COPIES = [
    lambda x: x.get(),
    lambda x: xp.asnumpy(x),
    lambda x: xp.asarray(np.ones(3)),
    lambda x: xp.asarray(1.0),
    lambda x: xp.array([1, 2]),
    lambda x: xp.ascontiguousarray(np.ones(3)),
    lambda x: x.set(np.ones((2, 3))),
    lambda x: xp.cuda.get_current_stream().synchronize(),
]


@pytest.mark.parametrize("read", READS)
def test_reading_a_value_counts(x, counted, read) -> None:
    read(x)
    assert (counted.host_reads, counted.to_host, counted.to_device) == (1, 0, 0)


@pytest.mark.parametrize("copy_one", COPIES)
def test_copies_and_waits_count_as_what_they_are(x, counted, copy_one) -> None:
    copy_one(x)
    assert counted.host_reads == 0
    assert counted.to_host + counted.to_device + counted.synchronizations == 1


@pytest.mark.parametrize("act", [*READS, *COPIES])
def test_a_captured_step_may_not_look_at_the_device(x, counted, act) -> None:
    with pytest.raises(RuntimeError, match="inside a captured step"), counted.forbidden():
        act(x)
    act(x)  # and afterwards it may again


def test_what_stays_on_the_device_may_be_captured(x, counted) -> None:
    with counted.forbidden():
        y = xp.asarray(x) + xp.zeros((2, 3)) + xp.arange(3) * 2.0
        xp.copyto(x, y)
        x[...] = copy.deepcopy(x).astype("float32") + xp.ascontiguousarray(y.T).T
        repr(x)
        len(x)
        a, b = x
    assert (counted.host_reads, counted.to_host, counted.to_device) == (0, 0, 0)
    assert (a.tolist(), b.tolist()) == ([0, 6, 12], [6, 12, 18])


def test_a_copy_to_the_host_is_a_copy(x) -> None:
    xp.asnumpy(x)[...] = 9
    host = np.ones(3)
    y = xp.asarray(host)
    host[...] = 7
    assert x.get().max() == 5
    assert y.tolist() == [1, 1, 1]


def test_what_a_device_array_refuses(x) -> None:
    with pytest.raises(AttributeError, match=r"no __array_interface__: use x\.data\.ptr"):
        _ = x.__array_interface__
    with pytest.raises(ValueError, match="expected a host array of float64, shape"):
        x.set(np.ones(6))
    with pytest.raises(TypeError, match="0-d"):
        iter(x.sum())
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


def test_other_ways_to_a_copy(x, counted) -> None:
    y, z = copy.copy(x), x.view("int64")
    x[0, 0] = 4
    assert (y[0, 0].item(), z[0, 0].item()) == (0, np.float64(4).view("int64"))
    assert counted.host_reads == 2
    assert pickle.loads(pickle.dumps(x)).tolist() == x.tolist()
    assert counted.to_host == 1
    assert complex(x[0, 0]) == 4


def test_asarray_keeps_what_fits_and_casts_what_does_not(x) -> None:
    assert xp.asarray(x) is x
    assert xp.asarray(x, "float64") is x
    assert xp.asarray(x, xp.float32).dtype == np.float32
    assert xp.array(x).data.ptr != x.data.ptr
    assert x.T.data.ptr == x.data.ptr
    assert xp.asarray([x[0, 1], x[1, 2]]).tolist() == [1, 5]


def test_memory_that_nobody_wrote_is_poisoned(x) -> None:
    assert np.isnan(xp.empty((2, 2), "float32").get()).all()
    assert np.isnan(xp.empty_like(x).get()).all()
    assert xp.empty(1, "int32").tolist() == [0x7F7F7F7F]
    assert xp.empty(1, "uint8").tolist() == [0x7F]
    assert xp.empty(2, bool).tolist() == [True, True]


@pytest.mark.gpu_tools
def test_cupy_knows_every_name_that_the_array_code_takes_from_the_module() -> None:
    """`xp.name` here is NumPy's function; on a GPU it has to be there as well."""
    cupy = pytest.importorskip("cupy")
    folders = [ROOT / "backends" / "shared", ROOT / "backends" / "cuda"]
    files = [path for folder in folders for path in folder.glob("*.py")]
    names = {name for path in files for name in re.findall(r"\bxp\.(\w+)", path.read_text("utf-8"))}
    assert len(names) > 20
    assert [name for name in sorted(names) if not hasattr(cupy, name)] == []
