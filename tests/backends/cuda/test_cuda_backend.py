"""What the CUDA backend does beyond the primitives' results: pieces, launches, fused updates."""

import numpy as np
import pytest

from cnnkit.backends.cuda import convolution
from cnnkit.backends.cuda.cupy_sim_backend import CupySimBackend
from cnnkit.backends.cuda.simulator.transfers import transfers
from cnnkit.backends.protocol import Backend
from cnnkit.errors import BackendUnavailableError
from cnnkit.optimizers import SGD, Adam, AdamW, RMSprop

GEOMETRY = ((2, 1), ((1, 0), (1, 2)), (1, 2))  # stride, padding, dilation
OPTIMIZERS = [
    SGD(), SGD(weight_decay=0.1), SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
    RMSprop(), RMSprop(momentum=0.9, weight_decay=0.1), Adam(), Adam(weight_decay=0.1, beta1=0.5), AdamW(),
]  # fmt: skip


@pytest.fixture
def sim() -> CupySimBackend:
    return CupySimBackend()


@pytest.mark.parametrize("groups", [1, 2])
def test_pieces_of_the_batch_give_what_the_whole_gives(sim, normal, monkeypatch, groups) -> None:
    """Columns for two samples at a time, sums of a weight gradient for one: as for images larger than memory."""
    x, weight = sim.asarray(normal(5, 4, 9, 8), "float64"), sim.asarray(normal(6, 4 // groups, 3, 2), "float64")
    dy = sim.asarray(normal(*sim.convolve(x, weight, *GEOMETRY, groups).shape, seed=1), "float64")

    def results():
        return [
            sim.to_numpy(result)
            for result in (
                sim.convolve(x, weight, *GEOMETRY, groups),
                sim.convolve_input_gradient(dy, weight, x.shape, *GEOMETRY, groups),
                sim.convolve_weight_gradient(dy, x, weight.shape, *GEOMETRY, groups),
            )
        ]

    sim.kernels.launches.clear()
    whole, before = results(), dict(sim.kernels.launches)
    windows = convolution.ImageWindows.of(x.shape, (3, 2), *GEOMETRY)
    monkeypatch.setattr(convolution, "COLUMN_BYTES", 2 * windows.values * windows.number * 8)
    monkeypatch.setattr(convolution, "SUM_BYTES", 1)
    for one, other in zip(whole, results(), strict=True):
        assert np.allclose(one, other, rtol=0, atol=1e-12)
    assert before["im2col"] == 2
    assert sim.kernels.launches["im2col"] - before["im2col"] == 6  # pieces of 2, 2 and 1 samples, twice


def test_windows_of_one_pixel_need_no_columns(sim, normal) -> None:
    x, weight = sim.asarray(normal(2, 3, 4, 4), "float32"), sim.asarray(normal(5, 3, 1, 1), "float32")
    sim.convolve(x, weight, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    assert dict(sim.kernels.launches) == {"gemm": 1}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_fused_update_is_the_formula_bit_for_bit(sim, normal, optimizer, dtype) -> None:
    shape = (1000,)
    parameter, gradient = (sim.asarray(normal(*shape, seed=i), dtype) for i in (0, 1))
    slots = [sim.asarray(np.abs(normal(*shape, seed=2 + i)), dtype) for i in range(len(optimizer.slots))]
    scalars = {k: sim.asarray(np.array(v), dtype) for k, v in optimizer.scalars(3, 0.01).items()}
    unfused = CupySimBackend()
    unfused._updated_by = lambda *_: False
    wanted = optimizer.step(unfused, parameter + 0, gradient, [slot + 0 for slot in slots], scalars)
    results = optimizer.step(sim, parameter, gradient, slots, scalars)
    assert sum(sim.kernels.launches.values()) == 1
    assert not unfused.kernels.launches
    for result, target, values in zip(results, (parameter, *slots), wanted, strict=True):
        assert result is target
        assert np.array_equal(sim.to_numpy(result), sim.to_numpy(values))


@pytest.mark.parametrize("count", [1, 7, 8, 9, 20])
def test_arrays_are_packed_eight_at_a_time(sim, normal, count) -> None:
    arrays = [normal(i % 4, 3, seed=i) for i in range(1, count + 1)]
    got = sim.to_numpy(sim.pack([sim.asarray(array, "float32") for array in arrays]))
    assert np.array_equal(got, np.concatenate([array.ravel() for array in arrays]).astype("float32"))
    assert sim.kernels.launches["pack"] <= -(-count // 8)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(1, 1), (3, 10), (70, 33), (5, 100)])
def test_softmax_of_labels_is_that_of_rows(sim, normal, shape, smoothing) -> None:
    outputs, labels = sim.asarray(normal(*shape, scale=10), "float64"), np.arange(shape[0]) % shape[1]
    fused = sim.softmax_cross_entropy(outputs, sim.asarray(labels), smoothing)
    plain = Backend.softmax_cross_entropy(sim, outputs, sim.asarray(labels), smoothing)
    for one, other in zip(fused, plain, strict=True):
        assert np.allclose(sim.to_numpy(one), sim.to_numpy(other), rtol=0, atol=1e-14)
    assert sim.kernels.launches["softmax_cross_entropy"] == 1


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (300, 70), (2, 3, 1, 1), (40, 3, 30, 20)])
def test_bias_gradients_of_many_values_are_summed_to_the_last_one(sim, normal, shape, relu) -> None:
    """float64 bounds the rounding, so that a share left out or counted twice shows; counters are zero again."""
    dy, y = (sim.asarray(normal(*shape, seed=i), "float64") for i in (0, 1))
    for _ in range(2):
        dx, dbias = sim.add_bias_gradient(dy, y, relu)
        wanted = Backend.add_bias_gradient(sim, dy, y, relu)
        assert np.array_equal(sim.to_numpy(dx), sim.to_numpy(wanted[0]))
        assert np.allclose(sim.to_numpy(dbias), sim.to_numpy(wanted[1]), rtol=0, atol=1e-10)


def test_no_primitive_reads_the_device(sim, normal) -> None:
    """Shapes alone decide what is launched: a value that the host would have to wait for is never looked at."""
    x, weight = sim.asarray(normal(2, 3, 8, 8), "float32"), sim.asarray(normal(4, 3, 3, 3), "float32")
    bias, labels = sim.asarray(normal(4), "float32"), sim.asarray(np.array([1, 0]))
    step = sim.asarray(np.array(3))
    with transfers.forbidden():
        y = sim.add_bias(sim.convolve(x, weight, (1, 1), ((1, 1), (1, 1)), (1, 1), 1), bias, relu=True)
        pooled, saved = sim.max_pool(y, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
        dropped = sim.where(sim.uniform((1, 2), step, tuple(pooled.shape)) > 0.5, pooled, 0.0)
        _, dy = sim.softmax_cross_entropy(dropped.reshape((2, -1)), labels)
        dx = sim.max_pool_gradient(dy.reshape(pooled.shape), saved, y.shape, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
        dx, _ = sim.add_bias_gradient(dx, y, relu=True)
        sim.convolve_weight_gradient(dx, x, weight.shape, (1, 1), ((1, 1), (1, 1)), (1, 1), 1)


def test_a_device_that_it_does_not_have() -> None:
    with pytest.raises(BackendUnavailableError, match="backend cupy-sim: expected device cpu, got 'cuda'"):
        CupySimBackend("cuda")


def test_counters_that_a_captured_step_uses_stay_where_they_are(sim) -> None:
    before = sim._zeros(3)
    after = sim._zeros(before.size + 1)
    assert after is not before
    assert any(counters is before for counters in sim._counters)


def test_dtypes_that_a_gpu_would_misread_are_refused(sim, normal) -> None:
    x = sim.asarray(normal(1, 1, 4, 4), "float32").astype("complex64")
    with pytest.raises(TypeError, match="max_pool: expected one of float32, float64, float16, bfloat16, got complex64"):
        sim.max_pool(x, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    mixed = [sim.asarray(normal(3), "float32"), sim.asarray(normal(2), "float64")]
    assert sim.to_numpy(sim.pack(mixed)).dtype == np.float64


def test_more_channels_than_a_grid_has_blocks(sim) -> None:
    dy = sim.asarray(np.ones((1, 70_000, 1, 1)), "float32")
    assert sim.to_numpy(sim.add_bias_gradient(dy, dy, relu=True)[1]).tolist() == [1.0] * 70_000


def test_an_empty_batch_has_gradients(sim) -> None:
    x, weight = sim.zeros((0, 2, 5, 5), "float32"), sim.zeros((3, 2, 3, 3), "float32")
    geometry = ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    dy = sim.convolve(x, weight, *geometry)
    assert dy.shape == (0, 3, 3, 3)
    assert sim.convolve_input_gradient(dy, weight, x.shape, *geometry).shape == x.shape
    assert not sim.to_numpy(sim.convolve_weight_gradient(dy, x, weight.shape, *geometry)).any()


def test_of_two_nan_the_last_gets_the_gradient(sim) -> None:
    values = np.array([[[[1.0, np.nan], [np.nan, 2.0]]]])
    _, saved = sim.max_pool(sim.asarray(values, "float64"), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    dx = sim.max_pool_gradient(
        sim.asarray(np.ones((1, 1, 1, 1))), saved, values.shape, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)
    )
    assert sim.to_numpy(dx).tolist() == [[[[0.0, 0.0], [1.0, 0.0]]]]
