import numpy as np
import pytest

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import (
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
)

DOUBLE = {"weight": [[2.0, 0.0], [0.0, 2.0]]}


def dense() -> Dense:
    return Dense(2, bias=False)


def test_residual_adds_its_input(arena, run) -> None:
    found = run(arena, Residual(dense()), [[1.0, 3.0]], dy=[[10.0, 20.0]], params={"body": DOUBLE})
    assert found.y.tolist() == [[3, 9]]
    assert found.dx.tolist() == [[30, 60]]
    assert found.grads["body"]["weight"].tolist() == [[10, 30], [20, 60]]


def test_residual_adds_its_shortcut(arena, run) -> None:
    params = {"body": DOUBLE, "shortcut": {"weight": [[0.0, 1.0], [1.0, 0.0]]}}
    found = run(arena, Residual(dense(), shortcut=dense()), [[1.0, 3.0]], dy=[[10.0, 20.0]], params=params)
    assert found.y.tolist() == [[5, 7]]
    assert found.dx.tolist() == [[40, 50]]
    assert list(found.grads) == ["body", "shortcut"]


def test_branches_concatenate_along_the_channels(arena, run) -> None:
    layer = Branches((ReLU(), dense(), LeakyReLU(slope=0.5)))
    found = run(arena, layer, [[1.0, -2.0]], dy=[[1.0, 2, 3, 4, 5, 6]], params={"1": DOUBLE})
    assert found.y.tolist() == [[1, 0, 2, -4, 1, -1]]
    assert found.dx.tolist() == [[1 + 6 + 5, 0 + 8 + 3]]
    assert found.grads["1"]["weight"].tolist() == [[3, -6], [4, -8]]
    assert layer.output_shape((2,)) == (6,)


def test_branches_add(arena, run) -> None:
    layer = Branches((ReLU(), dense()), join="add")
    found = run(arena, layer, [[1.0, -2.0]], dy=[[1.0, 2.0]], params={"1": DOUBLE})
    assert found.y.tolist() == [[3, -4]]
    assert found.dx.tolist() == [[3, 4]]
    assert layer.output_shape((2,)) == (2,)


def test_images_are_joined_along_their_channels(arena, run, normal) -> None:
    layer = Branches((MaxPool2D(3, stride=1, padding="same"), Sequential((ReLU(), ReLU()))))
    x = normal(2, 3, 4, 5)
    found = run(arena, layer, x)
    assert found.y.shape == (2, *layer.output_shape((3, 4, 5))) == (2, 6, 4, 5)
    assert np.array_equal(found.y[:, 3:], np.maximum(x, 0))


def test_variables_are_named_by_the_tree_and_empty_ones_left_out() -> None:
    layer = Residual(Sequential((Conv2D(3, 1, bias=False), BatchNorm(), ReLU())), shortcut=Branches((BatchNorm(),)))
    params, state = layer.init(np.random.default_rng(0), (3, 4, 4))
    assert {name: list(tree) for name, tree in params.items()} == {"body": ["0", "1"], "shortcut": ["0"]}
    assert {name: list(tree) for name, tree in state.items()} == {"body": ["1"], "shortcut": ["0"]}
    assert Residual(ReLU()).init(np.random.default_rng(0), (3,)) == ({}, {})


def test_siblings_start_from_draws_of_their_own() -> None:
    params = Branches((Dense(3), Dense(3))).init(np.random.default_rng(0), (4,)).params
    assert not np.array_equal(params["0"]["weight"], params["1"]["weight"])


@pytest.mark.parametrize("wrap", [Residual, lambda body: Branches((body,)), lambda body: Sequential((body,))])
def test_running_statistics_move_inside_combinators(arena, run, normal, assert_close, wrap) -> None:
    layer, x = wrap(Sequential((ReLU(), BatchNorm()))), normal(4, 3, 2, 2)
    params, state = layer.init(np.random.default_rng(0), (3, 2, 2))
    (name,) = state
    after = run(arena, layer, x, params=params, state=state).state
    assert_close(after[name]["1"]["mean"], 0.1 * np.maximum(x, 0).mean(axis=(0, 2, 3)), arena.dtype)
    assert run(arena, layer, x, params=params, state=state, training=False).state[name]["1"]["mean"].tolist() == [0] * 3


def test_what_a_child_is_the_parent_is() -> None:
    for wrap in (Residual, lambda body: Branches((ReLU(), body)), lambda body: Sequential((ReLU(), body))):
        assert wrap(BatchNorm()).couples_samples
        assert wrap(Dense(2)).whole_batch
        assert not wrap(Conv2D(2, 1)).couples_samples
        assert not wrap(Conv2D(2, 1)).whole_batch


def test_children_are_listed_with_the_shape_that_reaches_them() -> None:
    body = Sequential((Conv2D(4, 3), Flatten(), Dense(2)))
    assert [(name, shape) for name, _, shape in body.children((1, 5, 5))] == [
        ("0", (1, 5, 5)),
        ("1", (4, 3, 3)),
        ("2", (36,)),
    ]
    assert [(name, shape) for name, _, shape in Residual(body).children((1, 5, 5))] == [("body", (1, 5, 5))]
    assert list(ReLU().children((3,))) == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            Residual(Conv2D(4, 3, padding=1)),
            "Residual: expected body and x of one shape, got (N, 4, 8, 8) and (N, 3, 8, 8): "
            "give it a shortcut, such as a 1x1 Conv2D, that makes (N, 4, 8, 8)",
        ),
        (
            Residual(Conv2D(4, 3), shortcut=Conv2D(4, 1)),
            "Residual: expected body and shortcut of one shape, got (N, 4, 6, 6) and (N, 4, 8, 8): "
            "give it a shortcut, such as a 1x1 Conv2D, that makes (N, 4, 6, 6)",
        ),
        (
            Branches((ReLU(), MaxPool2D(2))),
            "Branches: expected branches of one height and width, got (N, 3, 8, 8), (N, 3, 4, 4): "
            "give the branches the same stride, and padding='same'",
        ),
        (
            Branches((ReLU(), Conv2D(4, 1)), join="add"),
            "Branches: expected branches of one shape, got (N, 3, 8, 8), (N, 4, 8, 8): "
            "give the branches the same stride, and padding='same'",
        ),
        (
            Sequential((ReLU(), Residual(Sequential((ReLU(), Branches((ReLU(), Dense(3)))))))),
            "layer 1.body.1.1 (Dense): expected x of shape (N, I), got (N, 3, 8, 8): put a Flatten before it",
        ),
        (
            Sequential((ReLU(), Branches((ReLU(), MaxPool2D(2))))),
            "layer 1 (Branches): expected branches of one height and width, got (N, 3, 8, 8), (N, 3, 4, 4): "
            "give the branches the same stride, and padding='same'",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_located(layer, message) -> None:
    with pytest.raises(ShapeError) as caught:
        layer.output_shape((3, 8, 8))
    assert str(caught.value) == message
    with pytest.raises(ShapeError) as caught:
        Sequential((Sequential((layer,)),)).init(np.random.default_rng(0), (3, 8, 8))
    path, _, problem = message.partition(":")
    inner = path.removeprefix("layer ").split(" ")
    where = f"layer 0.0.{inner[0]} {inner[1]}" if len(inner) == 2 else f"layer 0.0 ({path})"
    assert str(caught.value) == f"{where}:{problem}"


def test_arrays_that_do_not_fit_are_located(arena, run, normal) -> None:
    layer = Sequential((ReLU(), Residual(Branches((ReLU(), Sequential((Conv2D(3, 1),)))))))
    params = {"1": {"body": {"1": {"0": {"weight": normal(3, 2, 1, 1), "bias": normal(3)}}}}}
    with pytest.raises(ShapeError) as caught:
        run(arena, layer, np.zeros((2, 3, 4, 4)), params=params)
    wanted = "layer 1.body.1.0 (Conv2D): expected x of shape (N, 2, H, W), got (N, 3, 4, 4)"
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Branches(()), "Branches: expected branches to be at least one layer, got ()"),
        (
            lambda: Branches((ReLU(),), join="mean"),
            'Branches: expected join to be "concatenate" or "add", got \'mean\'',
        ),
        (lambda: Branches((ReLU(), 3)), "Branches: expected branches to be layers, got 3 among them"),
        (lambda: Sequential((ReLU,)), "Sequential: expected layers to be layers, got the class ReLU: add ()"),
        (lambda: Residual("x"), "Residual: expected body and shortcut to be layers, got 'x' among them"),
        (lambda: Residual(ReLU(), shortcut=()), "Residual: expected body and shortcut to be layers, got () among them"),
    ],
)
def test_fields_that_cannot_be(make, message) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == message


def test_lists_are_taken_for_tuples() -> None:
    assert Sequential([ReLU()]) == Sequential((ReLU(),))
    assert Branches([ReLU()]) == Branches((ReLU(),))
    assert hash(Sequential([ReLU()])) == hash(Sequential((ReLU(),)))
