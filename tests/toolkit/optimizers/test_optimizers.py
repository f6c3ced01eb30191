import math

import numpy as np
import pytest
import torch

from cnnkit import optimizers
from cnnkit.errors import ConfigError
from cnnkit.flat_tree import flat_tree
from cnnkit.optimizers import LAMB, SGD, Adagrad, Adam, Adamax, AdamW, Lion, NAdam, RMSprop
from cnnkit.optimizers.update_rule import clip_values
from cnnkit.tree import flatten, map_leaves, unflatten

RATE, STEPS = 0.05, 20
CASES = [
    (SGD(), torch.optim.SGD, {}),
    (SGD(weight_decay=0.1), torch.optim.SGD, {"weight_decay": 0.1}),
    (SGD(momentum=0.9), torch.optim.SGD, {"momentum": 0.9}),
    (SGD(momentum=0.9, weight_decay=0.1), torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    (SGD(momentum=0.8, nesterov=True), torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
    (Adam(), torch.optim.Adam, {}),
    (Adam(beta1=0.5, beta2=0.9, epsilon=1e-3), torch.optim.Adam, {"betas": (0.5, 0.9), "eps": 1e-3}),
    (Adam(weight_decay=0.1), torch.optim.Adam, {"weight_decay": 0.1}),
    (AdamW(), torch.optim.AdamW, {}),
    (AdamW(weight_decay=0.3), torch.optim.AdamW, {"weight_decay": 0.3}),
    (RMSprop(), torch.optim.RMSprop, {}),
    (RMSprop(decay=0.5, momentum=0.9), torch.optim.RMSprop, {"alpha": 0.5, "momentum": 0.9}),
    (RMSprop(weight_decay=0.1, epsilon=1e-4), torch.optim.RMSprop, {"weight_decay": 0.1, "eps": 1e-4}),
    (Adagrad(), torch.optim.Adagrad, {}),
    (Adagrad(epsilon=1e-3, weight_decay=0.1), torch.optim.Adagrad, {"eps": 1e-3, "weight_decay": 0.1}),
    (Adamax(), torch.optim.Adamax, {}),
    (Adamax(0.5, 0.7, 0.1, weight_decay=0.1), torch.optim.Adamax,
     {"betas": (0.5, 0.7), "eps": 0.1, "weight_decay": 0.1}),
    (NAdam(), torch.optim.NAdam, {}),
    (NAdam(0.5, 0.9, 1e-3, 0.5, weight_decay=0.1), torch.optim.NAdam,
     {"betas": (0.5, 0.9), "eps": 1e-3, "momentum_decay": 0.5, "weight_decay": 0.1}),
]  # fmt: skip
NAMES = [optimizers.render(case[0]) for case in CASES]


def start(normal):
    """A tree with nesting: optimizers must find every leaf."""
    return {"0": {"weight": normal(3, 4), "bias": normal(3, seed=1)}, "1": {"body": {"weight": normal(2, 3, seed=2)}}}


def gradients(params, step, normal):
    """Gradients that depend on the parameters, on the step and, in size, on the place."""
    flat = flatten(params)
    made = {n: np.sin(3 * np.asarray(p)) * 10.0 ** (i - 1) + 0.1 * normal(*p.shape, seed=100 + step) for i, (n, p) in
            enumerate(flat.items())}  # fmt: skip
    return unflatten(made)


def ours(backend, optimizer, params, normal, steps=STEPS, rate=RATE, flat=False):
    params = map_leaves(lambda p: backend.asarray(p.copy(), "float64"), params)
    params = flat_tree(backend, params) if flat else params
    slots = optimizer.init(backend, params, "float64")
    for step in range(1, steps + 1):
        host = map_leaves(lambda p: np.array(backend.to_numpy(p)), params)
        grads = map_leaves(lambda g: backend.asarray(g, "float64"), gradients(host, step, normal))
        params, slots = optimizer.update(backend, params, grads, slots, optimizer.scalars(step, rate))
    return flatten(map_leaves(lambda p: np.array(backend.to_numpy(p)), params))


@pytest.fixture(autouse=True)
def numbers_of_torch_in_float64():
    """NAdam of torch keeps a product in the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def torchs(make, settings, params, normal, clip_norm=0.0, steps=STEPS, clip_value=0.0):
    tensors = {name: torch.tensor(p, requires_grad=True) for name, p in flatten(params).items()}
    optimizer = make(tensors.values(), lr=RATE, **settings)
    for step in range(1, steps + 1):
        host = unflatten({name: t.detach().numpy().copy() for name, t in tensors.items()})
        for name, gradient in flatten(gradients(host, step, normal)).items():
            tensors[name].grad = torch.tensor(gradient)
        if clip_value:
            torch.nn.utils.clip_grad_value_(tensors.values(), clip_value)
        if clip_norm:
            torch.nn.utils.clip_grad_norm_(tensors.values(), clip_norm)
        optimizer.step()
    return {name: t.detach().numpy() for name, t in tensors.items()}


def agree(got, wanted):
    assert got.keys() == wanted.keys()
    for name, values in wanted.items():
        assert np.all(np.abs(got[name] - values) <= 1e-12 * (1 + np.abs(values).max())), name


@pytest.mark.parametrize(("optimizer", "make", "settings"), CASES, ids=NAMES)
def test_twenty_steps_are_torchs(backend, normal, optimizer, make, settings) -> None:
    wanted = torchs(make, settings, start(normal), normal)
    agree(ours(backend, optimizer, start(normal), normal), wanted)
    agree(ours(backend, optimizer, start(normal), normal, flat=True), wanted)


@pytest.mark.parametrize("largest", [0.5, 3.0, 1e6])
def test_clipping_by_the_joint_norm_is_torchs(backend, normal, largest) -> None:
    optimizer = SGD(momentum=0.9, clip_norm=largest)
    wanted = torchs(torch.optim.SGD, {"momentum": 0.9}, start(normal), normal, clip_norm=largest)
    agree(ours(backend, optimizer, start(normal), normal), wanted)


@pytest.mark.parametrize("largest", [0.05, 3.0, 1e6])
def test_clipping_each_value_is_torchs(backend, normal, largest) -> None:
    optimizer, settings = SGD(momentum=0.9, clip_value=largest), {"momentum": 0.9}
    wanted = torchs(torch.optim.SGD, settings, start(normal), normal, clip_value=largest)
    agree(ours(backend, optimizer, start(normal), normal), wanted)
    agree(ours(backend, optimizer, start(normal), normal, flat=True), wanted)
    both = torchs(torch.optim.SGD, settings, start(normal), normal, clip_value=largest, clip_norm=0.5)
    agree(ours(backend, SGD(momentum=0.9, clip_value=largest, clip_norm=0.5), start(normal), normal), both)


def test_a_gradient_that_is_no_number_is_not_hidden_by_clipping(backend) -> None:
    grads = {"p": backend.asarray(np.array([math.nan, math.inf, -math.inf]))}
    clipped = backend.to_numpy(clip_values(backend, grads, 2.0)["p"])
    assert np.isnan(clipped[0])
    assert clipped[1:].tolist() == [2.0, -2.0]


def lion(p, g, m, _, beta1=0.9, beta2=0.99, decay=0.0):
    """Chen et al. 2023, algorithm 2, as the paper writes it: (parameter, momentum)."""
    c = beta1 * m + (1 - beta1) * g
    return p - RATE * (np.sign(c) + decay * p), beta2 * m + (1 - beta2) * g


def lamb(p, g, m, v, t, beta1=0.9, beta2=0.999, epsilon=1e-6, decay=0.01):
    """You et al. 2020, algorithm 2: (parameter, m, v)."""
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    r = (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
    update = r + decay * p
    norms = np.linalg.norm(p), np.linalg.norm(update)
    return p - RATE * (norms[0] / norms[1] if all(norms) else 1.0) * update, m, v


def follow(algorithm, slots, params, normal, **settings):
    """The parameters after STEPS steps of an algorithm, tensor by tensor."""
    held = {name: (p, *[np.zeros_like(p)] * slots) for name, p in flatten(params).items()}
    for step in range(1, STEPS + 1):
        grads = flatten(gradients(unflatten({name: arrays[0] for name, arrays in held.items()}), step, normal))
        held = {name: algorithm(arrays[0], grads[name], *arrays[1:], step, **settings)
                for name, arrays in held.items()}  # fmt: skip
    return {name: arrays[0] for name, arrays in held.items()}


@pytest.mark.parametrize("flat", [False, True], ids=["tensors", "flat"])
def test_twenty_steps_are_those_of_the_papers(backend, normal, flat) -> None:
    for optimizer, algorithm, settings in (
        (Lion(), lion, {}),
        (Lion(0.5, 0.8, weight_decay=0.3), lion, {"beta1": 0.5, "beta2": 0.8, "decay": 0.3}),
        (LAMB(), lamb, {}),
        (LAMB(0.5, 0.9, 1e-3, 0.3), lamb, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3, "decay": 0.3}),
    ):
        wanted = follow(algorithm, len(optimizer.slots), start(normal), normal, **settings)
        agree(ours(backend, optimizer, start(normal), normal, flat=flat), wanted)
    with pytest.raises(AssertionError):
        agree(ours(backend, LAMB(weight_decay=0.0), start(normal), normal), wanted)


def test_lamb_starts_from_zeros_and_stands_still_without_a_gradient(backend) -> None:
    def step(p, g):
        params = {"p": backend.asarray(np.array(p, "float32"))}
        slots = LAMB(weight_decay=0.0).init(backend, params, "float32")
        grads = {"p": backend.asarray(np.array(g, "float32"))}
        new, _ = LAMB(weight_decay=0.0).update(backend, params, grads, slots, LAMB().scalars(1, 0.5))
        return backend.to_numpy(new["p"])

    assert np.allclose(step([0.0, 0.0], [1.0, -4.0]), [-0.5, 0.5], atol=1e-5)  # a ratio of 1
    assert step([3.0, -2.0], [0.0, 0.0]).tolist() == [3.0, -2.0]


def test_lion_has_no_direction_where_there_is_no_gradient(backend) -> None:
    params = {"p": backend.asarray(np.array([1.0, 1.0, 1.0], "float32"))}
    grads = {"p": backend.asarray(np.array([0.0, 1e-30, -5.0], "float32"))}
    new, _ = Lion().update(backend, params, grads, Lion().init(backend, params, "float32"), Lion().scalars(1, 0.5))
    assert backend.to_numpy(new["p"]).tolist() == [1.0, 0.5, 1.5]


def test_the_numbers_of_nadam_far_on_are_torchs(reference) -> None:
    p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.NAdam([p], lr=RATE)
    for _ in range(600):
        p.grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
    params = {"p": reference.asarray(np.zeros(1))}
    slots = NAdam().init(reference, params, "float64")
    for step in range(1, 601):
        params, slots = NAdam().update(reference, params, {"p": np.ones(1)}, slots, NAdam().scalars(step, RATE))
    assert params["p"][0] == pytest.approx(float(p.detach()[0]), rel=1e-12)
    assert NAdam().scalars(10**6, RATE) == pytest.approx(
        {"gradient_size": 0.1 * RATE, "moment_size": 0.9 * RATE, "correction": 1.0}
    )


def test_the_comparison_fails_on_a_wrong_step(reference, normal) -> None:
    wanted = torchs(torch.optim.Adam, {}, start(normal), normal)
    with pytest.raises(AssertionError):
        agree(ours(reference, Adam(epsilon=1e-7), start(normal), normal), wanted)
    with pytest.raises(AssertionError):
        agree(ours(reference, Adam(), start(normal), normal, steps=STEPS - 1), wanted)
    with pytest.raises(AssertionError):
        agree(
            ours(reference, SGD(clip_norm=0.5), start(normal), normal),
            torchs(torch.optim.SGD, {}, start(normal), normal),
        )


def test_sgd_and_momentum_by_hand(backend) -> None:
    def step(optimizer, p, g, slots):
        params, slots = optimizer.update(
            backend, {"p": backend.asarray(np.array([p]), "float64")}, {"p": backend.asarray(np.array([g]), "float64")},
            slots, optimizer.scalars(1, 0.1),
        )  # fmt: skip
        return float(backend.to_numpy(params["p"])[0]), slots

    assert step(SGD(), 1.0, 2.0, {})[0] == pytest.approx(0.8, abs=1e-15)
    optimizer = SGD(momentum=0.5)
    p, slots = step(optimizer, 1.0, 2.0, {"velocity": {"p": backend.asarray(np.array([4.0]), "float64")}})
    assert p == pytest.approx(1 - 0.1 * (0.5 * 4 + 2), abs=1e-15)
    assert float(backend.to_numpy(slots["velocity"]["p"])[0]) == pytest.approx(4.0)


def test_slots_are_zeros_beside_each_parameter(backend, normal) -> None:
    params = map_leaves(lambda p: backend.asarray(p, "float64"), start(normal))
    assert SGD().init(backend, params, "float64") == {}
    slots = RMSprop(momentum=0.9).init(backend, params, "float64")
    assert list(slots) == ["square", "velocity"]
    for tree in slots.values():
        assert {n: tuple(a.shape) for n, a in flatten(tree).items()} == {
            "0.weight": (3, 4), "0.bias": (3,), "1.body.weight": (2, 3),
        }  # fmt: skip
        assert all(not np.any(backend.to_numpy(a)) for a in flatten(tree).values())


def test_the_numbers_of_adam_are_of_the_step() -> None:
    assert Adam().scalars(1, 0.5) == pytest.approx({"rate": 0.5, "size": 5.0, "correction": 1 / math.sqrt(0.001)})
    assert Adam().scalars(10**6, 0.5) == pytest.approx({"rate": 0.5, "size": 0.5, "correction": 1.0})


@pytest.mark.parametrize("optimizer", [case[0] for case in CASES], ids=NAMES)
def test_text_and_back(optimizer) -> None:
    assert optimizers.parse(optimizers.render(optimizer)) == optimizer


def test_text_is_what_users_type() -> None:
    assert optimizers.parse("sgd:momentum=0.9,nesterov=true") == SGD(momentum=0.9, nesterov=True)
    assert optimizers.render(SGD(momentum=0.9, nesterov=True)) == "sgd:momentum=0.9,nesterov=true"
    assert optimizers.render(Adam()) == "adam"
    assert optimizers.parse("adamw").weight_decay == 0.01
    assert type(optimizers.parse("adam:clip_norm=1")) is Adam


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sdg", "optimizer: expected one of adagrad, adam, adamax, adamw, lamb, lion, nadam, rmsprop, sgd, got 'sdg'"),
        ("sgd:momentum=1", r"sgd: expected momentum in \[0, 1\), got 1.0"),
        ("sgd:momentum=-0.1", r"sgd: expected momentum in \[0, 1\)"),
        ("sgd:nesterov=true", "sgd: expected momentum > 0 with nesterov=true"),
        ("sgd:weight_decay=-1", "sgd: expected weight_decay >= 0, got -1.0"),
        ("sgd:clip_norm=inf", "sgd: expected clip_norm >= 0, got inf"),
        ("sgd:clip_value=-1", "sgd: expected clip_value >= 0, got -1.0"),
        ("lion:beta2=1", r"lion: expected beta2 in"),
        ("lamb:weight_decay=-1", "lamb: expected weight_decay >= 0"),
        ("nadam:momentum_decay=-1", "nadam: expected momentum_decay >= 0"),
        ("adagrad:epsilon=inf", "adagrad: expected epsilon >= 0"),
        ("adamax:beta1=2", "adamax: expected beta1 in"),
        ("adam:beta1=1", r"adam: expected beta1 in \[0, 1\)"),
        ("adam:epsilon=nan", "adam: epsilon: expected float, got 'nan'"),
        ("adamw:beta2=2", r"adamw: expected beta2 in \[0, 1\)"),
        ("rmsprop:decay=1", r"rmsprop: expected decay in \[0, 1\)"),
        ("adam:learning_rate=1", "adam: expected key=value with beta1, "),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(text, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        optimizers.parse(text)
    assert "\n" not in str(caught.value)
