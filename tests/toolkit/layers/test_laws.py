"""What holds for every layer and combinator."""

import dataclasses
import json

import numpy as np
import pytest

from cnnkit.finite_differences import gradient_check
from cnnkit.layers import LAYERS, Context, Exp, Sequential, from_config, to_config
from cnnkit.layers.joining import JOINING
from cnnkit.losses import HalfSquaredError
from cnnkit.parity.layers import LAYERS as CASES_BY_TYPE
from cnnkit.parity.layers.samples import fit_inputs
from cnnkit.tree import flatten, map_leaves

CASES = [case for cases in CASES_BY_TYPE.values() for case in cases]
each_layer = pytest.mark.parametrize(("layer", "x_shape"), CASES, ids=lambda value: str(value)[:60])


def test_no_layer_is_left_out() -> None:
    joins = {cls.__name__ for cls in JOINING}
    tried = {node.layer.type for graph, _ in CASES_BY_TYPE["Graph"] for node in graph.nodes if node.layer}
    assert joins <= tried  # layers of several inputs or outputs are tried inside a Graph
    assert set(CASES_BY_TYPE) == set(LAYERS) - joins
    assert all(layer.type == name for name, cases in CASES_BY_TYPE.items() for layer, _ in cases)


@each_layer
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("backend", ["numpy", "reference"], indirect=True)  # tests/backends: the others equal these
def test_the_gradients_are_right(backend, layer, x_shape, training) -> None:
    rng = np.random.default_rng(3)
    fresh = layer.init(rng, x_shape)
    params = map_leaves(lambda value: value + rng.normal(scale=0.3, size=value.shape), fresh.params)
    network = Sequential((Exp(), layer)) if fit_inputs(layer, -1) > 0 else layer  # of positive values
    report = gradient_check(
        network, HalfSquaredError(), x_shape, backend=backend, params=params, samples=3, training=training,
        per_parameter=True, entries=2, bound=1e-6,
    )  # fmt: skip
    assert report.passed, str(report)
    assert {row.name.split("[")[0] for row in report.rows} == {"x", *flatten(params)}


@each_layer
def test_the_shapes_of_the_variables_are_known_without_drawing_them(layer, x_shape, monkeypatch) -> None:
    drawn = layer.init(np.random.default_rng(0), x_shape)
    monkeypatch.setattr(np.random, "default_rng", lambda _seed: None)  # nothing can be drawn from it
    shapes = layer.variable_shapes(x_shape)
    assert shapes == tuple(map_leaves(lambda values: values.shape, tree) for tree in drawn)


@each_layer
@pytest.mark.parametrize("training", [True, False])
def test_shapes_dtypes_and_names_are_what_they_say(arena, normal, layer, x_shape, training) -> None:
    params, state = (map_leaves(arena.array, tree) for tree in layer.init(np.random.default_rng(0), x_shape))
    context, x = Context(arena.backend, training, key=(1, 2)), arena.array(fit_inputs(layer, normal(3, *x_shape)))
    y, cache = layer.forward(context, params, state, x)
    assert tuple(y.shape) == (3, *layer.output_shape(x_shape))
    dx, grads = layer.backward(context, params, cache, y)
    assert tuple(dx.shape) == (3, *x_shape)
    alone = layer.parameter_gradients(context, params, cache, y)
    assert list(flatten(grads)) == list(flatten(alone)) == list(flatten(params))
    for name, param in flatten(params).items():
        assert flatten(grads)[name].shape == param.shape
        assert np.array_equal(
            arena.backend.to_numpy(flatten(alone)[name]), arena.backend.to_numpy(flatten(grads)[name])
        )
    after = layer.next_state(state, cache) if training else state
    assert list(flatten(after)) == list(flatten(state))
    for array in (y, dx, *flatten(grads).values(), *flatten(after).values()):
        assert array.dtype == x.dtype


@each_layer
def test_a_pass_changes_none_of_its_arguments(arena, normal, layer, x_shape) -> None:
    host = arena.backend.to_numpy
    params, state = (map_leaves(arena.array, tree) for tree in layer.init(np.random.default_rng(0), x_shape))
    context = Context(arena.backend, True, key=(1, 2))
    x = arena.array(fit_inputs(layer, normal(3, *x_shape)))
    dy = arena.array(normal(3, *layer.output_shape(x_shape), seed=1))
    arrays = [x, dy, *flatten(params).values(), *flatten(state).values()]
    before = [host(array).copy() for array in arrays]
    y, cache = layer.forward(context, params, state, x)
    first = host(y).copy()
    layer.backward(context, params, cache, dy)
    layer.next_state(state, cache)
    assert all(np.array_equal(host(array), kept) for array, kept in zip(arrays, before, strict=True))
    assert np.array_equal(host(y), first)


@each_layer
def test_one_seed_gives_one_set_of_variables_in_float64_of_finite_values(layer, x_shape) -> None:
    one, two = (layer.init(np.random.default_rng(5), x_shape) for _ in range(2))
    for a, b in zip(flatten(one.params | one.state).values(), flatten(two.params | two.state).values(), strict=True):
        assert a.dtype == np.float64
        assert np.isfinite(a).all()
        assert np.array_equal(a, b)


@each_layer
def test_layers_are_values(layer, x_shape) -> None:
    same = from_config(to_config(layer))
    assert layer == same
    assert hash(layer) == hash(same)
    assert layer.output_shape(x_shape) == same.output_shape(x_shape)
    field = next(iter(dataclasses.fields(layer)), None)
    if field:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(layer, field.name, None)


@each_layer
def test_the_schema_goes_through_json(layer, x_shape) -> None:
    assert from_config(json.loads(json.dumps(to_config(layer)))) == layer
    assert layer.output_shape(x_shape)


@each_layer
def test_axes_have_as_many_names_as_the_variable_has_axes(layer, x_shape) -> None:
    variables = layer.init(np.random.default_rng(0), x_shape)
    for name, value in (variables.params | variables.state).items():
        if name in layer.axis_names:
            assert len(layer.axis_names[name]) == value.ndim


@each_layer
def test_costs_are_counted_and_reach_is_told(layer, x_shape) -> None:
    assert layer.multiply_adds(x_shape) >= 0
    assert layer.reach(x_shape) is None or min(layer.reach(x_shape).extent) >= 1
