"""Steps recorded as programs: the same bits as the step itself, or no program at all."""

import sys
import threading

import numpy as np
import pytest

from cnnkit import Model, losses, optimizers, recipes
from cnnkit.backends.numpy_cpu.capture import replay
from cnnkit.backends.numpy_cpu.capture.memory import address
from cnnkit.backends.numpy_cpu.capture.program import Program
from cnnkit.backends.numpy_cpu.capture.replay import CALLS_IF_QUICK, PROOFS, NumpyCaptureDevice
from cnnkit.backends.numpy_cpu.capture.traced_array import TracedArray, unwrap
from cnnkit.backends.numpy_cpu.capture.tracer import Tracer
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.numpy_cpu.threads.thread_tuner import ThreadTuner
from cnnkit.backends.shared.capture_device import CaptureError
from cnnkit.backends.shared.captured_step import CapturedStep
from cnnkit.flat_tree import flat_tree
from cnnkit.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Sequential
from cnnkit.parity.layers import LAYERS
from cnnkit.training.step import StepWork, TrainState, make_step
from cnnkit.tree import flatten

STEPS = CALLS_IF_QUICK + PROOFS + 3
NET = Sequential((Conv2D(6, 3, padding="same"), ReLU(), MaxPool2D(2), Conv2D(5, 3), Dropout(0.3), Flatten(), Dense(4)))


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Record whatever a step takes, and use threads whether or not they are quicker."""
    monkeypatch.setattr(replay, "QUICK", 1e9)
    monkeypatch.setattr(replay, "LONGEST", 1e9)
    monkeypatch.setattr(ThreadTuner, "choose", lambda _: True)


@pytest.fixture
def made(monkeypatch) -> list[CapturedStep]:
    """The captured steps that come into being."""
    steps: list[CapturedStep] = []

    class Kept(CapturedStep):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            steps.append(self)

    monkeypatch.setattr(replay, "CapturedStep", Kept)
    return steps


def programs(steps: list[CapturedStep]) -> list[Program]:
    return [
        entry.captured.replay._program
        for step in steps
        for entry in step._entries.values()
        if entry.captured is not None
    ]


def train(network, x_shape, captures=True, threads=1, dtype="float32", optimizer="adam", loss="softmax_cross_entropy",
          batch=37):  # fmt: skip
    """Return the bytes of each report and of all variables after a few steps with changing batches and rates."""
    backend = NumpyBackend(threads=threads)
    backend.captures = captures
    model = Model(network, x_shape, backend=backend, dtype=dtype, seed=3)
    rule, params = optimizers.parse(optimizer), flat_tree(backend, model.params)
    step = make_step(StepWork(backend, model.network, losses.parse(loss), rule, (5, 6)))
    variables, reports, rng = (
        TrainState(params, model.state, rule.init(backend, params, dtype)),
        [],
        np.random.default_rng(0),
    )
    classes = max(2, model.output_shape[0])
    for i in range(STEPS):
        x, labels = rng.standard_normal((batch, *x_shape)), rng.integers(classes, size=batch)
        scalars = rule.scalars(i + 1, 1e-3 * (i + 1)) | {"step": i}
        variables, report = step(variables, backend.asarray(x, dtype), backend.asarray(labels), scalars)
        reports += [np.array(report.loss).tobytes(), np.array(report.correct).tobytes()]
    return reports, [array.tobytes() for tree in variables for array in flatten(tree).values()]


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name, made) -> None:
    for layer, x_shape in LAYERS[name]:
        after = (Flatten(), Dense(3)) if len(layer.output_shape(x_shape)) > 1 else (Dense(3),)
        before = (Conv2D(x_shape[0], 1),) if len(x_shape) == 3 else (Dense(x_shape[-1], axis=-1),)
        network = Sequential((*before, layer, *after))
        for dtype, threads in (("float32", 3), ("float64", 1)):
            made.clear()
            wanted = train(network, x_shape, captures=False, dtype=dtype)
            assert not programs(made)
            assert train(network, x_shape, threads=threads, dtype=dtype) == wanted
            assert made[1].reason is None
            assert len(programs(made)) == 1


@pytest.mark.parametrize("optimizer", ["sgd", "sgd:momentum=0.9,nesterov=true", "rmsprop", "adam:weight_decay=0.1",
                                       "adamw:clip_norm=0.5", "lamb:clip_value=0.1", "lion"])  # fmt: skip
@pytest.mark.parametrize("loss", ["softmax_cross_entropy:label_smoothing=0.1", "binary_cross_entropy",
                                  "mean_squared_error", "half_squared_error", "l1", "huber"])  # fmt: skip
def test_every_optimizer_and_loss(optimizer, loss, made) -> None:
    wanted = train(NET, (1, 8, 8), captures=False, optimizer=optimizer, loss=loss)
    assert train(NET, (1, 8, 8), threads=2, optimizer=optimizer, loss=loss) == wanted
    assert made[1].reason is None
    assert len(programs(made)) == 1


@pytest.mark.parametrize(
    ("name", "batch"), [("lenet5", 1), ("lenet5", 70), ("scratch-mlp", 1), ("scratch-mlp", 70), ("mini-resnet", 34)]
)
def test_recipes(name, batch, made) -> None:
    network, x_shape = recipes.get(name).network()
    wanted = train(network, x_shape, captures=False, batch=batch)
    for threads in (1, 2):
        assert train(network, x_shape, threads=threads, batch=batch) == wanted
    assert len(programs(made)) == 2


def written(function, arguments):
    """Return the array that a recorded call writes to."""
    first = function in (np.copyto, np.ndarray.__setitem__, np.ndarray.fill)
    return arguments[0] if first else arguments[-1]


def test_parallel_calls_share_no_memory_that_is_written(made) -> None:
    train(NET, (1, 28, 28), threads=3, batch=100)
    lanes = [function.lanes for function, _ in programs(made)[0].calls if hasattr(function, "lanes")]
    assert any(len([lane for lane in each if lane]) == 3 for each in lanes)
    for each in lanes:
        for i, lane in enumerate(each):
            outs = [written(*call) for call in lane]
            for other in (call for j, lane in enumerate(each) if j != i for call in lane):
                for array in (a for a in other[1] if isinstance(a, np.ndarray)):
                    assert not any(np.may_share_memory(array, out) and np.shares_memory(array, out) for out in outs)


def test_the_memory_of_a_program_is_reused(made) -> None:
    train(NET, (1, 28, 28), batch=100)
    outs = [written(*call) for call in programs(made)[0].calls if call[1]]
    starts = {address(out) for out in outs if out.nbytes > 1000}
    assert len(starts) < 0.7 * sum(out.nbytes > 1000 for out in outs)


def accumulating(look):
    """Return a step that adds what look(x) gives to the total."""

    def step(total, x, scalars):
        total[...] = total + look(x) * scalars["rate"]
        return total, total.sum()

    return step


def run_on_several(step: CapturedStep) -> tuple[float, list[float]]:
    total, sums = np.zeros(3), []
    for i in range(STEPS):
        total, report = step(total, np.full(3, i + 1.0), {"rate": 0.5})
        sums.append(float(report))
    return float(total[0]), sums


WANTED = [1.5 * sum(range(1, i + 2)) for i in range(STEPS)]


def test_a_step_is_recorded_after_some_calls_and_replayed() -> None:
    step = CapturedStep(accumulating(lambda x: x + 0), NumpyCaptureDevice(NumpyBackend(threads=1)))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert step.reason is None
    assert len(programs([step])) == 1


def careless(x):
    """Go on as if nothing had been refused."""
    try:
        large = bool(x.max() > 3)
    except Exception:
        large = False
    return x + 0 if large else x * 1


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (careless, "reads its arrays"),
        (lambda x: x * float(x[0]) / x[0], "reads its arrays"),
        (lambda x: x if x.sum() > 0 else -x, "reads its arrays"),
        (lambda x: np.asarray(x) + 0, "reads its arrays"),
        (lambda x: np.array(x) + 0, "reads its arrays"),
        (lambda x: np.float32(x[0]) + 0 * x, "reads its arrays"),
        (lambda x: [y := np.empty(3), y.__setitem__(slice(None), x), y][-1], "reads its arrays"),
        (lambda x: np.arange(30.0).take(x.astype("i8")), "reads its arrays"),
        (lambda x: np.arange(30.0)[x.astype("i8")], ""),  # NumPy's own words
        (lambda x: NumpyBackend().to_numpy(x) + 0, "reads its arrays"),
        (np.sort, "numpy.sort is not recorded"),
        (lambda x: np.add.accumulate(x) * 0 + x, "numpy.add is not recorded as accumulate"),
        (lambda x: x.cumsum() * 0 + x, "cumsum of an array is not recorded"),
        (lambda x: x.flat[0] + 0 * x, "flat of an array is not recorded"),
        (lambda x: np.add(x, 0, out=np.empty(3)), "written to an array that is not recorded"),
        (lambda x: [np.copyto(y := np.empty(3), x), y][1], "written to an array that is not recorded"),
        (lambda x: np.frexp(x)[0] * 0 + x, "numpy.frexp is not recorded"),
        (lambda x: x[x > 0], "an index that is neither a slice nor whole numbers"),
        (lambda x: x[[0, 1, 2]], "an index that is neither a slice nor whole numbers"),
        (lambda x: x[np.array([True, True, True])], "an index that is neither a slice nor whole numbers"),
        (lambda x: {}[3] if isinstance(x, TracedArray) else x, "KeyError: 3"),
    ],
)
@pytest.mark.parametrize("changing", [True, False])
def test_what_cannot_be_recorded_runs_as_it_is(look, reason, changing) -> None:
    """Whether or not the inputs were the same until the step would have been replayed."""
    step, total, wanted = (
        CapturedStep(accumulating(look), NumpyCaptureDevice(NumpyBackend(threads=1))),
        np.zeros(3),
        0.0,
    )
    for i in range(STEPS):
        value = float(i + 1 if changing or i == STEPS - 1 else 1)
        total, report = step(total, np.full(3, value), {"rate": 0.5})
        wanted += 1.5 * value
        assert float(report) == wanted
    assert reason in step.reason
    assert not programs([step])


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x[np.array([2, 1, 0])],
        lambda x: x[(x * 0).astype("i8")],
        lambda x: x.reshape((1, 3))[0, ::-1].copy(),
        lambda x: np.stack([x, x], axis=1)[:, 0],
        lambda x: np.where(x > 0, x, -1.0),
        lambda x: np.clip(x, 0.0, 1e9),
        lambda x: np.zeros_like(x) + x,
        lambda x: np.concatenate([x[:1], x[1:]]),
        lambda x: x.reshape((3, 1)).mean(axis=1) * 1.0 + x.max() * 0 + x.argmax() * 0,
        lambda x: np.float64(2.0) * x - np.arange(3.0) * 0 - x,
        lambda x: np.add(x, 0, where=np.array([True, True, True]), out=x * 0),
        lambda x: x.view("i8").view("f8").T.swapaxes(0, 0),
    ],
)
def test_what_can_be_recorded(look) -> None:
    step = CapturedStep(accumulating(look), NumpyCaptureDevice(NumpyBackend(threads=1)))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert step.reason is None
    assert len(programs([step])) == 1


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_windows_in_every_rank_are_recorded(axes, groups, normal) -> None:
    """The second time is a replay, whose bits are compared with the step's."""
    backend, none = NumpyBackend(threads=1), ((0, 0),) * axes
    convolution = (1,) * axes, ((1, 0),) * axes, (1, 2, 1)[:axes], groups
    pooling = (2,) * axes, (1,) * axes, ((0, 1),) * axes, (2,) * axes

    def step(weight, x):
        y = backend.convolve(x, weight, *convolution)
        top, saved = backend.max_pool(y, *pooling)
        dy = backend.max_pool_gradient(backend.average_pool(y, *pooling, none), saved, y.shape, *pooling)
        dy = dy + backend.average_pool_gradient(top, y.shape, *pooling, none)
        dx = backend.convolve_input_gradient(dy, weight, x.shape, *convolution)
        dweight = backend.convolve_weight_gradient(dy, x, weight.shape, *convolution)
        return backend.assign(weight, weight - dweight * 1e-3), backend.sum(dx * dx)

    compiled = CapturedStep(step, NumpyCaptureDevice(backend))
    weight = normal(8, 4 // groups, *(3, 2, 2)[:axes])
    mine, plain = weight.copy(), weight.copy()
    for i in range(STEPS):
        x = normal(3, 4, *(9, 7, 8)[:axes], seed=i)
        mine, found = compiled(mine, x)
        plain, wanted = step(plain, np.moveaxis(np.moveaxis(x, 0, -1).copy(), -1, 0))
        assert found == wanted
        assert np.array_equal(mine, plain)
    assert compiled.reason is None
    assert len(programs([compiled])) == 1


def test_a_wrong_program_is_detected(monkeypatch) -> None:
    """Whatever the reason: here a call is lost."""
    run = Program.run

    def forgetful(program: Program) -> None:
        del program.calls[1:]
        run(program)

    monkeypatch.setattr(Program, "run", forgetful)
    step = CapturedStep(accumulating(lambda x: x + 0), NumpyCaptureDevice(NumpyBackend(threads=1)))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert step.reason == "a recorded step gave other numbers than the step itself"


def test_a_failing_program_is_abandoned(monkeypatch) -> None:
    def failing(_program: Program) -> None:
        raise ValueError("no")

    monkeypatch.setattr(Program, "run", failing)
    step = CapturedStep(accumulating(lambda x: x + 0), NumpyCaptureDevice(NumpyBackend(threads=1)))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert step.reason == "ValueError: no"


@pytest.mark.parametrize("fails_at", range(1, STEPS + PROOFS))
def test_an_interrupt_at_any_run_of_the_step_leaves_memory_alone(fails_at) -> None:
    backend, runs = NumpyBackend(threads=1), [0]

    def step(total, x):
        runs[0] += 1
        if runs[0] == fails_at:
            raise KeyboardInterrupt
        y = x * 2
        return backend.assign(total, total + y), y

    ready, total, x = backend.compile(step), np.zeros(20_000), np.ones(20_000)
    for _ in range(STEPS):
        try:
            ready(total, x)
        except KeyboardInterrupt:
            break
    mine = [backend.empty((20_000,), "f8") for _ in range(6)]
    for array in mine:
        array.fill(7)
    for _ in range(STEPS):
        ready(total, x)
    assert all((array == 7).all() for array in mine)


def test_a_step_that_takes_long_is_not_recorded(monkeypatch) -> None:
    monkeypatch.setattr(replay, "LONGEST", 0)
    step = CapturedStep(accumulating(lambda x: x + 0), NumpyCaptureDevice(NumpyBackend(threads=1)))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert step.reason is None
    assert not programs([step])


def test_an_array_of_a_recording_is_of_no_use_outside() -> None:
    kept = []
    step = CapturedStep(accumulating(lambda x: [kept.append(x), x + 0][1]), NumpyCaptureDevice(NumpyBackend(threads=1)))
    run_on_several(step)
    traced = next(x for x in kept if isinstance(x, TracedArray))
    with pytest.raises(CaptureError, match="outside"):
        traced + 1


def test_numbers_keep_their_sign_and_dtype() -> None:
    def step(total, x):
        total[...] = np.copysign(total * 0 + 1, x * 0 * -0.0 + -0.0) * (2**40 + 1)
        return total, (x > 0) + 1

    captured, total = CapturedStep(step, NumpyCaptureDevice(NumpyBackend(threads=1))), np.zeros(2)
    for _ in range(STEPS):
        _, counts = captured(total, np.ones(2))
        assert total.tolist() == [-(2.0**40 + 1)] * 2
        assert counts.dtype == np.int64
    assert captured.reason is None


def test_what_a_replayed_step_returns_is_plain_and_stays_where_it_is(made) -> None:
    backend = NumpyBackend(threads=1)
    model = Model(NET, (1, 8, 8), backend=backend, seed=1)
    outputs = [model._forward(model.params, model.state, np.ones((2, 1, 8, 8), "f4")) for _ in range(STEPS)]
    assert type(outputs[-1]) is np.ndarray
    assert outputs[-1] is outputs[-2]
    assert len(programs(made)) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_several_threads_may_use_one_model(threads) -> None:
    """Each records for itself while the others run, in arrays that are large enough to be lent."""
    network = Sequential((Conv2D(8, 3, padding="same"), ReLU(), MaxPool2D(2), Flatten(), Dense(4)))
    backend = NumpyBackend(threads=threads)
    inputs = [np.random.default_rng(i).random((16, 1, 16, 16), "f4") for i in range(4)]
    oracle = Model(network, (1, 16, 16), backend="torch", seed=1)
    wanted, wrong = [oracle.outputs(x) for x in inputs], []
    before = sys.getswitchinterval()
    begin = threading.Barrier(len(inputs) + 1)  # switching is frequent once all have installed what measures coverage
    try:
        for _ in range(6):
            model = Model(network, (1, 16, 16), backend=backend, seed=1)

            def use(i: int, model: Model = model) -> None:
                begin.wait()
                for _ in range(40):
                    if not np.allclose(model.outputs(inputs[i]), wanted[i], atol=1e-5):
                        wrong.append(i)

            workers = [threading.Thread(target=use, args=(i,)) for i in range(len(inputs))]
            for worker in workers:
                worker.start()
            begin.wait()
            sys.setswitchinterval(1e-4)
            for worker in workers:
                worker.join()
            sys.setswitchinterval(before)
    finally:
        sys.setswitchinterval(before)
    assert wrong == []


def test_predicting_writes_to_no_parameter() -> None:
    """Not even what stands there already: another thread may be training."""
    model = Model(NET, (1, 8, 8), backend=NumpyBackend(threads=1), seed=1)
    for array in flatten(model.params).values():
        array.flags.writeable = False
    x = np.ones((2, 1, 8, 8), "f4")
    first = model.outputs(x)
    assert all(np.array_equal(model.outputs(x), first) for _ in range(STEPS))
    assert model._forward.reason is None


@pytest.mark.parametrize("case", ["earlier in this round", "its own thread drops it", "in an earlier round"])
def test_memory_that_another_thread_may_read_is_not_used_before_all_are_done(case) -> None:
    """What one thread made, the other one looks at; then it is dropped, and the first one makes more."""
    tracer, kept, addresses = Tracer(TracedArray, unwrap), {}, []

    def make() -> None:
        array = tracer.workspace.empty((1000,), "f4")
        kept[0] = array
        addresses.append(address(array.array))

    def drop() -> None:
        kept.clear()

    def drop_and_make() -> None:
        kept.clear()
        make()

    def in_parallel(*shards) -> None:
        tracer.record_in_parallel(lambda i: shards[i](), range(len(shards)), 2, lambda: None)

    with tracer.activate():
        if case == "earlier in this round":
            in_parallel(make, drop, make)
        elif case == "its own thread drops it":
            in_parallel(make, int, drop_and_make)
        else:
            in_parallel(int, make)
            in_parallel(drop, make)
        drop()
        in_parallel(*[int] * (case == "in an earlier round"), make)
    assert addresses[0] != addresses[1]
    assert addresses[2] in addresses[:2]  # now it is


def test_memory_is_used_again_within_a_start() -> None:
    tracer, addresses = Tracer(TracedArray, unwrap), []
    with tracer.activate():
        tracer.record_in_parallel(
            lambda _: [addresses.append(address(tracer.workspace.empty((1000,), "f4").array)) for _ in range(3)],
            range(2), 2, lambda: None,
        )  # fmt: skip
    assert len(set(addresses[:3])) == len(set(addresses[3:])) == 1
