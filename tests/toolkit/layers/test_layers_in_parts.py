"""Every layer where passes see parts of a batch: what is of a sample is the same, what is of parameters adds up."""

import operator
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

from cnnkit.backends import get_backend
from cnnkit.layers import Context
from cnnkit.parity.layers import LAYERS
from cnnkit.parity.layers.samples import fit_inputs
from cnnkit.training.joined_leaves import run_together
from cnnkit.tree import flatten, map_leaves

CASES = [case for cases in LAYERS.values() for case in cases]
CUTS = (0, 3, 4, 6)


def find(numerics, layer, x_shape):
    """Return {name: array} of a pass over the whole batch, and of one over its parts, put together."""
    dtype = {"plain": "float64", "exact": "float32"}[numerics]
    tools, rng = get_backend("numpy", numerics=numerics), np.random.default_rng(5)
    fresh = layer.init(rng, x_shape)
    params = map_leaves(lambda value: (value + rng.normal(scale=0.3, size=value.shape)).astype(dtype), fresh.params)
    state = map_leaves(lambda value: value.astype(dtype), fresh.state)
    x = fit_inputs(layer, rng.normal(size=(CUTS[-1], *x_shape))).astype(dtype)
    factor = rng.normal(size=(CUTS[-1], *layer.output_shape(x_shape))).astype(dtype)

    def run(parts, start: int, stop: int):
        context = Context(tools.seeing(parts, stop - start), training=True, key=(3, 4)).shifted(start)
        y, cache = layer.forward(context, params, state, x[start:stop].copy())
        dx, grads = layer.backward(context, params, cache, factor[start:stop] * 1)
        return np.array(y), np.array(dx), flatten(grads), flatten(layer.next_state(state, cache))

    def name(y, dx, grads, after):
        return {"y": y, "dx": dx} | {n: np.asarray(tools.finish_share(g)) for n, g in grads.items()} | after

    whole = name(*run(None, 0, CUTS[-1]))
    works = [lambda parts, a=a, b=b: run(parts, a, b) for a, b in pairwise(CUTS)]
    ys, dxs, grads, afters = zip(*run_together(works, CUTS[-1]), strict=True)
    total = {n: reduce(operator.add, [part[n] for part in grads]) for n in grads[0]}
    return whole, name(np.concatenate(ys), np.concatenate(dxs), total, afters[-1])


@pytest.mark.parametrize(("layer", "x_shape"), CASES, ids=lambda value: str(value)[:60])
def test_parts_add_up_to_the_whole(layer, x_shape) -> None:
    whole, parts = find("plain", layer, x_shape)
    for name, array in whole.items():
        np.testing.assert_allclose(parts[name], array, rtol=1e-9, atol=1e-11, err_msg=name)
    whole, parts = find("exact", layer, x_shape)
    differ = [name for name, array in whole.items() if parts[name].tobytes() != array.tobytes()]
    assert not differ
