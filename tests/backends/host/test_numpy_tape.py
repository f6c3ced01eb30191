"""Steps recorded on a tape and played: the same bits as the step itself, or no tape at all."""

import threading

import numpy as np
import pytest

from cnnkit import Model, losses, optimizers, recipes
from cnnkit.backends.captured_step import CapturedStep, CaptureError
from cnnkit.backends.host import recorder
from cnnkit.backends.host.memory import Memory
from cnnkit.backends.host.numpy_backend import NumpyBackend
from cnnkit.backends.host.quicker import Quicker
from cnnkit.backends.host.recorder import CALLS_IF_QUICK, PROOFS, NumpyRecorder
from cnnkit.backends.host.tape import Tape
from cnnkit.backends.host.traced import Traced
from cnnkit.flat_tree import flat_tree
from cnnkit.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Sequential
from cnnkit.parity.layers import LAYERS
from cnnkit.training.step import Variables, make_step
from cnnkit.tree import flatten

STEPS = CALLS_IF_QUICK + PROOFS + 3
NET = Sequential((Conv2D(6, 3, padding="same"), ReLU(), MaxPool2D(2), Conv2D(5, 3), Dropout(0.3), Flatten(), Dense(4)))


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Record whatever a step takes, and use threads whether or not they are quicker."""
    monkeypatch.setattr(recorder, "QUICK", 1e9)
    monkeypatch.setattr(recorder, "LONGEST", 1e9)
    monkeypatch.setattr(Quicker, "shared", lambda _: True)


@pytest.fixture
def made(monkeypatch) -> list[CapturedStep]:
    """The captured steps that come into being."""
    found: list[CapturedStep] = []

    class Kept(CapturedStep):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            found.append(self)

    monkeypatch.setattr(recorder, "CapturedStep", Kept)
    return found


def tapes(steps: list[CapturedStep]) -> list[Tape]:
    return [place.replay._tape for step in steps for place in step._places.values() if place.replay is not None]


def train(network, x_shape, captures=True, threads=1, dtype="float32", optimizer="adam", loss="softmax_cross_entropy",
          batch=37):  # fmt: skip
    """Return the bytes of each report and of all variables after a few steps with changing batches and rates."""
    backend = NumpyBackend(threads=threads)
    backend.captures = captures
    model = Model(network, x_shape, backend=backend, dtype=dtype, seed=3)
    rule, params = optimizers.parse(optimizer), flat_tree(backend, model.params)
    step = make_step(backend, model.network, losses.parse(loss), rule, (5, 6))
    variables, reports, rng = (
        Variables(params, model.state, rule.init(backend, params, dtype)),
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
        before = (Conv2D(x_shape[0], 1),) if len(x_shape) > 1 else (Dense(x_shape[0]),)
        network = Sequential((*before, layer, *after))
        for dtype in ("float32", "float64"):
            made.clear()
            wanted = train(network, x_shape, captures=False, dtype=dtype)
            assert not tapes(made)
            for threads in (1, 3):
                assert train(network, x_shape, threads=threads, dtype=dtype) == wanted
            assert [step.reason for step in made[1:]] == [None, None]
            assert len(tapes(made)) == 2


@pytest.mark.parametrize("optimizer", ["sgd", "sgd:momentum=0.9,nesterov=true", "rmsprop", "adam:weight_decay=0.1",
                                       "adamw:clip_norm=0.5"])  # fmt: skip
@pytest.mark.parametrize("loss", ["softmax_cross_entropy:label_smoothing=0.1", "binary_cross_entropy",
                                  "mean_squared_error", "half_squared_error", "l1", "huber"])  # fmt: skip
def test_every_optimizer_and_loss(optimizer, loss, made) -> None:
    wanted = train(NET, (1, 8, 8), captures=False, optimizer=optimizer, loss=loss)
    assert train(NET, (1, 8, 8), threads=2, optimizer=optimizer, loss=loss) == wanted
    assert made[1].reason is None
    assert len(tapes(made)) == 1


@pytest.mark.parametrize("name", ["lenet5", "mini-resnet", "scratch-mlp"])
@pytest.mark.parametrize("batch", [1, 70])
def test_recipes(name, batch, made) -> None:
    network, x_shape = recipes.get(name).network()
    if name == "mini-resnet" and batch == 1:
        pytest.skip("a batch of one has no variance")
    wanted = train(network, x_shape, captures=False, batch=batch)
    for threads in (1, 2):
        assert train(network, x_shape, threads=threads, batch=batch) == wanted
    assert len(tapes(made)) == 2


def written(function, arguments):
    """Return the array that a recorded call writes to."""
    first = function in (np.copyto, np.ndarray.__setitem__, np.ndarray.fill)
    return arguments[0] if first else arguments[-1]


def test_threads_that_play_side_by_side_share_no_memory_that_is_written(made) -> None:
    train(NET, (1, 28, 28), threads=3, batch=100)
    lanes = [function.lanes for function, _ in tapes(made)[0].calls if hasattr(function, "lanes")]
    assert any(len([lane for lane in each if lane]) == 3 for each in lanes)
    for each in lanes:
        for i, lane in enumerate(each):
            outs = [written(*call) for call in lane]
            for other in (call for j, lane in enumerate(each) if j != i for call in lane):
                for array in (a for a in other[1] if isinstance(a, np.ndarray)):
                    assert not any(np.may_share_memory(array, out) and np.shares_memory(array, out) for out in outs)


def test_memory_on_a_tape_is_used_again(made) -> None:
    train(NET, (1, 28, 28), batch=100)
    outs = [written(*call) for call in tapes(made)[0].calls if call[1]]
    starts = {out.__array_interface__["data"][0] for out in outs if out.nbytes > 1000}
    assert len(starts) < 0.7 * sum(out.nbytes > 1000 for out in outs)


def accumulating(look):
    """Return a step that adds what look(x) gives to the total."""

    def step(total, x, scalars):
        total[...] = total + look(x) * scalars["rate"]
        return total, total.sum()

    return step


def run_on_several(step: CapturedStep) -> tuple[float, list[float]]:
    total, found = np.zeros(3), []
    for i in range(STEPS):
        total, report = step(total, np.full(3, i + 1.0), {"rate": 0.5})
        found.append(float(report))
    return float(total[0]), found


WANTED = [1.5 * sum(range(1, i + 2)) for i in range(STEPS)]


def test_a_step_is_recorded_after_some_calls_and_played() -> None:
    step = CapturedStep(accumulating(lambda x: x + 0), NumpyRecorder(Memory()))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert step.reason is None
    assert len(tapes([step])) == 1


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (lambda x: x * float(x[0]) / x[0], "__float__ of an array is not recorded"),
        (lambda x: x if x.sum() > 0 else -x, "__bool__ of an array is not recorded"),
        (np.sort, "numpy.sort is not recorded"),
        (lambda x: np.add.accumulate(x) * 0 + x, "numpy.add is not recorded as accumulate"),
        (lambda x: x.cumsum() * 0 + x, "cumsum of an array is not recorded"),
        (lambda x: np.add(x, 0, out=np.empty(3)), "written to an array that is not recorded"),
        (lambda x: [np.copyto(y := np.empty(3), x), y][1], "written to an array that is not recorded"),
        (lambda x: np.frexp(x)[0] * 0 + x, "numpy.frexp is not recorded"),
        (lambda x: NumpyBackend().to_numpy(x) + 0, "reads its arrays"),
        (lambda x: {}[3] if isinstance(x, Traced) else x, "KeyError: 3"),
        (lambda x: np.asarray(x) + 0, "gave other numbers"),  # unseen by the tape, so found by comparing
    ],
)
def test_what_cannot_be_recorded_runs_as_it_is(look, reason) -> None:
    step = CapturedStep(accumulating(look), NumpyRecorder(Memory()))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert reason in step.reason
    assert not tapes([step])


def test_a_step_that_takes_long_is_not_recorded(monkeypatch) -> None:
    monkeypatch.setattr(recorder, "LONGEST", 0)
    step = CapturedStep(accumulating(lambda x: x + 0), NumpyRecorder(Memory()))
    assert run_on_several(step) == (WANTED[-1] / 3, WANTED)
    assert step.reason is None
    assert not tapes([step])


def test_an_array_of_a_recording_is_of_no_use_outside() -> None:
    kept = []
    step = CapturedStep(accumulating(lambda x: [kept.append(x), x + 0][1]), NumpyRecorder(Memory()))
    run_on_several(step)
    traced = next(x for x in kept if isinstance(x, Traced))
    with pytest.raises(CaptureError, match="outside"):
        traced + 1


def test_numbers_keep_their_sign_and_dtype() -> None:
    def step(total, x):
        total[...] = np.copysign(total * 0 + 1, x * 0 * -0.0 + -0.0) * (2**40 + 1)
        return total, (x > 0) + 1

    captured, total = CapturedStep(step, NumpyRecorder(Memory())), np.zeros(2)
    for _ in range(STEPS):
        _, counts = captured(total, np.ones(2))
        assert total.tolist() == [-(2.0**40 + 1)] * 2
        assert counts.dtype == np.int64
    assert captured.reason is None


def test_what_a_played_step_returns_is_plain_and_stays_where_it_is(made) -> None:
    backend = NumpyBackend(threads=1)
    model = Model(NET, (1, 8, 8), backend=backend, seed=1)
    outputs = [model._forward(model.params, model.state, np.ones((2, 1, 8, 8), "f4")) for _ in range(STEPS)]
    assert type(outputs[-1]) is np.ndarray
    assert outputs[-1] is outputs[-2]
    assert len(tapes(made)) == 1


def test_several_threads_may_use_one_model() -> None:
    model = Model(NET, (1, 8, 8), backend=NumpyBackend(threads=1), seed=1)
    inputs = [np.full((4, 1, 8, 8), i / 10, "f4") for i in range(6)]
    wanted = [Model(NET, (1, 8, 8), backend="reference", seed=1).outputs(x.astype("f8")) for x in inputs]
    wrong = []

    def use(i: int) -> None:
        for _ in range(60):
            if not np.allclose(model.outputs(inputs[i]), wanted[i], atol=1e-5):
                wrong.append(i)

    threads = [threading.Thread(target=use, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("owner", [0, 1])
def test_memory_that_another_thread_let_go_is_not_used_before_all_are_done(owner) -> None:
    """What the owner's thread made, the other one looks at and drops; then the owner's makes more."""
    tape, kept, places = Tape(Traced), {}, []

    def make() -> int:
        array = tape.workspace.empty((1000,), "f4")
        kept[0] = array
        return array.__array_interface__["data"][0]

    def side_by_side(*shards) -> None:
        tape.side_by_side(lambda i: shards[i](), range(len(shards)), 2, lambda: None)

    def drop() -> None:
        kept.clear()

    with tape.record():
        if owner == 0:
            side_by_side(lambda: places.append(make()), drop, lambda: places.append(make()))
        else:
            side_by_side(int, lambda: places.append(make()))
            side_by_side(drop, lambda: places.append(make()))
        drop()
        side_by_side(*[int] * owner, lambda: places.append(make()))
    assert places[0] != places[1]
    assert places[2] in places[:2]  # now it is
