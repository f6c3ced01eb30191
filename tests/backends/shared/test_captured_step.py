"""Captured steps in the simulator: what is captured when, what may change between calls, how many launches."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from cnnkit import Model, Options, Sequential, Training, get_backend, load_data, losses, optimizers
from cnnkit.backends.cuda.capture_device import CudaCaptureDevice
from cnnkit.backends.cuda.cupy_sim_backend import CupySimBackend
from cnnkit.backends.cuda.simulator.transfers import transfers
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.shared.capture_device import CaptureError
from cnnkit.backends.shared.captured_step import MOST_CAPTURES, CapturedStep
from cnnkit.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU
from cnnkit.training.step import StepWork, TrainState, make_step
from cnnkit.tree import leaves


class CountingDevice(CudaCaptureDevice):
    """Counts captures and replays; refuses to capture when told to."""

    def __init__(self, backend: CupySimBackend, refuse: str = "") -> None:
        super().__init__(backend.machine, backend.kernels)
        self.refuse, self.captured, self.replayed = refuse, 0, 0

    def capture(self, function, *held):
        if self.refuse:
            raise CaptureError(self.refuse)
        self.captured += 1
        replay = super().capture(function, *held)

        def counted():
            self.replayed += 1
            return replay()

        return counted


@pytest.fixture
def sim() -> CupySimBackend:
    return CupySimBackend()


def accumulate(backend):
    """A step that adds rate * x, and the count of steps, to the total."""

    def step(total, x, scalars):
        return backend.assign(total, total + x * scalars["rate"] + scalars["step"]), total.sum()

    return step


def test_the_first_call_runs_the_second_is_captured_the_rest_replayed(sim) -> None:
    device = CountingDevice(sim)
    step, total = CapturedStep(accumulate(sim), device), sim.zeros((3,), "float64")
    wanted = np.zeros(3)
    for i in range(5):
        x = np.full(3, i + 1.0)
        _, report = step(total, sim.asarray(x), {"rate": 10.0**-i, "step": i})
        wanted += x * 10.0**-i + i
        assert np.allclose(sim.to_numpy(total), wanted, rtol=0, atol=1e-12)
        assert float(sim.to_numpy(report)) == pytest.approx(wanted.sum())
        assert (device.captured, device.replayed) == (min(i, 1), i)
    assert step.reason is None


def test_each_shape_and_each_set_of_variables_has_a_capture_of_its_own(sim) -> None:
    device = CountingDevice(sim)
    step = CapturedStep(lambda total, x: (sim.assign(total, total + x.sum()), total), device)
    one, other = sim.zeros((1,), "float64"), sim.zeros((1,), "float64")
    for _ in range(3):
        for total in (one, other):
            for size in (2, 3):
                step(total, sim.asarray(np.ones(size)))
    assert (float(sim.to_numpy(one)[0]), float(sim.to_numpy(other)[0])) == (15.0, 15.0)
    assert device.captured == 4
    for size in range(4, 4 + MOST_CAPTURES):  # the oldest ones are given up
        step(one, sim.asarray(np.ones(size)))
    step(one, sim.asarray(np.ones(2)))
    assert device.captured == 4


def test_a_step_that_cannot_be_captured_runs_as_it_is_and_says_why(sim) -> None:
    step, total = CapturedStep(accumulate(sim), CountingDevice(sim, "no graphs today")), sim.zeros((2,), "float32")
    for i in range(3):
        step(total, sim.asarray(np.ones(2, "float32")), {"rate": 1.0, "step": i})
    assert step.reason == "no graphs today"
    assert sim.to_numpy(total).tolist() == [6.0, 6.0]


def training(backend) -> Training:
    network = Sequential((Conv2D(4, 3), ReLU(), MaxPool2D(2), Dropout(0.3), Flatten(), Dense(10)))
    options = Options(batch_size=32, epochs=2, limit=96, optimizer="adam", seed=2, validation_split=0.0)
    return Training(Model(network, (1, 8, 8), backend=backend, seed=2), load_data("digits"), options)


def test_no_host_array_enters_a_training_step_and_nothing_is_read(sim) -> None:
    """The simulator refuses host arrays in device operations, and every transfer while a step is captured."""
    run = training(sim)
    assert isinstance(run.step, CapturedStep)
    list(run.epochs())
    assert run.step.reason is None
    x, labels = next(iter(run.batches(run.position)))[:2]
    transfers.reset()
    with transfers.forbidden():
        run.step(run.variables, x, labels, run.scalars(6))
    assert (transfers.host_reads, transfers.to_host, transfers.to_device) == (0, 0, 0)
    with pytest.raises(TypeError):
        run.step(run.variables, np.asarray(sim.to_numpy(x)), labels, run.scalars(7))


def test_a_step_takes_as_many_launches_as_its_layers_need(sim) -> None:
    run = training(sim)
    list(run.epochs())
    x, labels = next(iter(run.batches(run.position)))[:2]
    sim.kernels.launches.clear()
    run.step(run.variables, x, labels, run.scalars(6))
    assert dict(sim.kernels.launches) == {
        "set_reals": 1, "set_wholes": 1,  # learning rate and count of steps
        "im2col": 2, "gemm": 5, "add_bias_images": 1, "add_bias_rows": 1, "max_pool": 1, "uniform": 1,
        "softmax_cross_entropy": 1, "max_pool_gradient": 1, "bias_gradient_images": 1, "bias_gradient_rows": 1,
        "pack": 1, "adam": 1,
    }  # fmt: skip


def test_captures_change_no_bit(sim) -> None:
    eager = CupySimBackend()
    eager.captures = False
    one, other = training(sim), training(eager)
    list(one.epochs()), list(other.epochs())
    assert (one.not_captured, other.not_captured) == (None, "capturing is switched off")
    for name, values in one.model.weights.items():
        assert np.array_equal(values, other.model.weights[name])


@pytest.mark.parametrize("number", [float, np.float64, np.float32])
def test_numbers_of_numpy_are_numbers(sim, number) -> None:
    """They have a shape, as arrays do."""

    def step(total, x, scalars):
        return sim.assign(total, x * scalars["a"] + scalars["b"] + scalars["n"]), total

    ready, total = CapturedStep(step, CountingDevice(sim)), sim.zeros((2,), "float64")
    for count in (1, np.int64(2), np.int32(3)):
        ready(total, sim.asarray(np.ones(2)), {"a": number(0.5), "b": number(0.25), "n": count})
        assert sim.to_numpy(total).tolist() == [0.75 + count] * 2
    with pytest.raises(TypeError, match="takes arrays and numbers, got NoneType"):
        ready(total, None)


def test_a_first_call_that_fails_is_no_warming_up(sim) -> None:
    device, failing = CountingDevice(sim), [True]

    def step(total, x):
        if failing:
            raise ValueError("not now")
        return sim.assign(total, total + x), total

    ready, total = CapturedStep(step, device), sim.zeros((1,), "float32")
    with pytest.raises(ValueError, match="not now"):
        ready(total, sim.asarray(np.ones(1, "float32")))
    failing.clear()
    ready(total, sim.asarray(np.ones(1, "float32")))
    assert device.captured == 0
    ready(total, sim.asarray(np.ones(1, "float32")))
    assert (device.captured, sim.to_numpy(total).tolist()) == (1, [2.0])


def test_variables_of_another_form_in_the_same_memory_are_others(sim) -> None:
    ready, total = CapturedStep(lambda kept: (kept, kept.sum(axis=0)), CountingDevice(sim)), sim.zeros((4,), "float32")
    for _ in range(3):
        assert ready(total)[1].shape == ()
        assert ready(total.reshape((2, 2)))[1].shape == (2,)


def test_outputs_of_a_model_can_be_kept(sim) -> None:
    """A replay writes to the same memory each time."""
    run = training(sim)
    batches = [sim.asarray(np.full((2, 1, 8, 8), i, "float32")) for i in range(4)]
    kept = [run.model.forward(x) for x in batches]
    alone = Model(run.model.network, (1, 8, 8), backend="numpy", seed=2)
    for x, outputs in zip(batches, kept, strict=True):
        assert np.allclose(sim.to_numpy(outputs), alone.outputs(sim.to_numpy(x)), atol=1e-5)


@pytest.fixture(params=["numpy", "cupy-sim"])
def captured(request):
    """Return a function that compiles a step on a backend which captures it early."""
    if request.param == "cupy-sim":
        backend = CupySimBackend()
        return backend, backend.compile
    backend = NumpyBackend(threads=1)
    return backend, backend.compile


def weighted(total, x, scalars):
    return total, x * scalars["a"] + scalars["b"]


def test_trees_of_another_form_are_other_steps(captured) -> None:
    backend, compile_ = captured
    step, total, x = compile_(weighted), backend.zeros((1,), "float64"), backend.asarray(np.ones(1))
    for _ in range(6):
        assert backend.to_numpy(step(total, x, {"a": 2.0, "b": 10.0})[1]).tolist() == [12.0]
        assert backend.to_numpy(step(total, x, {"b": 10.0, "a": 2.0})[1]).tolist() == [12.0]
        assert backend.to_numpy(step(total, x, {"a": 10.0, "b": 2.0})[1]).tolist() == [12.0]
        assert backend.to_numpy(step(total, x, {"b": 1.0, "a": 2.0})[1]).tolist() == [3.0]


def test_the_same_memory_read_the_other_way_is_another_variable(captured) -> None:
    backend, compile_ = captured
    weight, x = backend.asarray(np.array([[1.0, 2.0], [3.0, 4.0]])), backend.asarray(np.array([[1.0], [10.0]]))
    step = compile_(lambda w, x: (w, backend.matmul(w, x)))
    for _ in range(6):
        assert backend.to_numpy(step(weight, x)[1]).ravel().tolist() == [21.0, 43.0]
        assert backend.to_numpy(step(backend.transpose(weight, (1, 0)), x)[1]).ravel().tolist() == [31.0, 42.0]


def test_numbers_among_the_variables_are_not_captured(captured) -> None:
    backend, compile_ = captured
    step, variables = compile_(lambda v, x: ((v[0], v[1] + 1), x * v[1])), (backend.zeros((1,), "float64"), 0)
    for i in range(7):
        variables, scaled = step(variables, backend.asarray(np.ones(1)))
        assert backend.to_numpy(scaled).tolist() == [i]
    assert step.reason == "numbers among the variables"


def test_numbers_beside_whole_arrays_stay_real(captured) -> None:
    backend, compile_ = captured
    step, total = compile_(lambda v, x, rate: (v, v + x * rate)), backend.zeros((2,), "float64")
    for _ in range(6):
        assert backend.to_numpy(step(total, backend.asarray(np.ones(2, "int64")), 0.5)[1]).tolist() == [0.5, 0.5]


class Pair(NamedTuple):
    first: Any
    second: Any


def test_named_tuples_and_arrays_without_axes(captured) -> None:
    backend, compile_ = captured
    step = compile_(lambda v, pair: (v, pair.first + pair.second))
    for i in range(6):
        pair = Pair(backend.asarray(np.array(1.0 * i)), backend.asarray(np.ones(2)))
        assert backend.to_numpy(step(backend.zeros((1,), "float64"), pair)[1]).tolist() == [1.0 + i] * 2


def test_a_step_may_write_into_its_inputs(captured) -> None:
    backend, compile_ = captured
    step, total = compile_(lambda v, x: (v, backend.assign(x, x + 1).sum())), backend.zeros((1,), "float64")
    for _ in range(7):
        x = backend.asarray(np.ones(2))
        assert float(backend.to_numpy(step(total, x)[1])) == 4.0


@pytest.mark.parametrize("backend", ["numpy", "cupy-sim"])
def test_a_step_that_cannot_be_captured_gets_the_arrays_that_it_is_given(backend) -> None:
    """A copy in each call would cost more than the rest of a small step."""
    backend, seen = get_backend(backend), []

    def step(variables, x, scalars):
        seen.append((variables, x, scalars["rate"]))
        return variables, x * scalars["rate"]

    ready = backend.compile(step, impure="a layer does not say that it is pure")
    for shape in ((), (3,), (1, 1, 4, 4)):
        variables, x = {"w": backend.zeros((2,), "float32")}, backend.zeros(shape, "float32")
        ready(variables, x, {"rate": 0.5})
        assert seen[-1][0] is variables
        assert seen[-1][1] is x
        assert (str(seen[-1][2].dtype), seen[-1][2].shape) == ("float32", ())  # as in a captured step: the same bits


def test_a_step_with_nothing_to_convert_gets_its_inputs_themselves() -> None:
    step, trees = (
        NumpyBackend(threads=1).compile(lambda _, tree: tree, impure="of its own accord"),
        {"x": (np.zeros(3),)},
    )
    assert step({}, trees) is trees


@pytest.mark.parametrize("layer", [Dense(64), BatchNorm()])
@pytest.mark.parametrize("backend", ["numpy", "cupy-sim"])
def test_bits_do_not_depend_on_when_a_step_is_captured(backend, layer, normal) -> None:
    """Inputs in another memory layout would be summed in another order, and numbers multiplied in another dtype."""
    network, data = Sequential((layer, ReLU(), Dense(10))), normal(64, 100)
    weights = []
    for impure in (None, "a layer does not say that it is pure"):
        model = Model(network, (100,), backend=get_backend(backend), seed=2)
        rule = optimizers.parse("adamw")
        run = make_step(StepWork(model.backend, model.network, losses.parse("mean_squared_error"), rule, (1, 2)))
        if impure:
            run = model.backend.compile(run._step, impure)
        variables = TrainState(model.params, model.state, rule.init(model.backend, model.params, "float32"))
        for i in range(8):
            x, labels = model.backend.asarray(data, "float32"), model.backend.asarray(np.arange(64) % 10)
            variables, _ = run(variables, x, labels, rule.scalars(i + 1, 1e-3) | {"step": i})
        weights.append([model.backend.to_numpy(leaf).tobytes() for leaf in leaves(variables)[0]])
        assert run.reason == impure
    assert weights[0] == weights[1]
