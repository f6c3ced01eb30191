"""The oracle itself, against definitions as nested loops over every index, and against PyTorch, an outsider."""

import itertools
import math

import numpy as np
import pytest

from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.parity.check import Arena
from cnnkit.parity.draw import SeededDraw
from cnnkit.parity.engine import run_check
from cnnkit.parity.primitives import PRIMITIVES, convolution, pooling

SMALL = [geometry for geometry in convolution.GRID if math.prod(geometry.weight) < 500]
SMALL += [convolution.draw_geometry(SeededDraw(1, i)) for i in range(10)]
POOLED = [*pooling.GRID, *(pooling.draw_geometry(SeededDraw(2, i)) for i in range(10))]
reference = ReferenceBackend()


def places(geometry, window, at):
    """Yield (place in the window, place in the image) of what output position `at` sees, padding left out."""
    for a in itertools.product(*map(range, window)):
        axes = zip(at, a, geometry.stride, geometry.padding, geometry.dilation, strict=True)
        place = tuple(p * s + k * d - begin for p, k, s, (begin, _), d in axes)
        if all(0 <= i < size for i, size in zip(place, geometry.x[2:], strict=True)):
            yield a, place


def terms(geometry):
    """Yield (output, weight, input), the indices of y, weight and x in each term of a convolution."""
    count, features, *outputs = geometry.y
    own, per_group = geometry.weight[1], features // geometry.groups
    for n, o, k, *at in itertools.product(*map(range, (count, features, own, *outputs))):
        for a, place in places(geometry, geometry.weight[2:], at):
            yield (n, o, *at), (o, k, *a), (n, o // per_group * own + k, *place)


@pytest.mark.parametrize("geometry", SMALL, ids=str)
def test_convolution_is_its_definition(geometry) -> None:
    x, weight, dy = convolution.draw_values(geometry, SeededDraw(0))
    y, dx, dweight = np.zeros(geometry.y), np.zeros(geometry.x), np.zeros(geometry.weight)
    for output, kernel, pixel in terms(geometry):
        y[output] += weight[kernel] * x[pixel]
        dx[pixel] += weight[kernel] * dy[output]
        dweight[kernel] += x[pixel] * dy[output]
    assert np.abs(reference.convolve(x, weight, *geometry.how) - y).max() < 1e-12
    assert np.abs(reference.convolve_input_gradient(dy, weight, geometry.x, *geometry.how) - dx).max() < 1e-12
    assert np.abs(reference.convolve_weight_gradient(dy, x, geometry.weight, *geometry.how) - dweight).max() < 1e-12


@pytest.mark.parametrize("geometry", POOLED, ids=str)
def test_pooling_is_its_definition(geometry) -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.integers(-2, 3, geometry.x).astype(float), rng.normal(size=geometry.y)
    y, dx = np.zeros(geometry.y), np.zeros(geometry.x)
    kinds = pooling.KINDS
    mean, dmean = {kind: y.copy() for kind in kinds}, {kind: dx.copy() for kind in kinds}
    for n, i, *at in itertools.product(*map(range, geometry.y)):
        output, inside = (n, i, *at), [(n, i, *place) for _, place in places(geometry, geometry.window, at)]
        first = max(inside, key=lambda place: x[place])  # max keeps the first of equals
        y[output] = x[first]
        dx[first] += dy[output]
        for kind in kinds:
            count = math.prod(
                sum(-before <= p * s + k * d - begin < size + after for k in range(w))
                for p, w, s, (begin, _), d, size, (before, after) in zip(
                    at, *geometry.how, geometry.x[2:], geometry.padding_counted(kind), strict=True
                )
            )
            mean[kind][output] = sum(x[place] for place in inside) / count
            for place in inside:
                dmean[kind][place] += dy[output] / count
    maxima, saved = reference.max_pool(x, *geometry.how)
    assert np.array_equal(maxima, y)
    assert np.abs(reference.max_pool_gradient(dy, saved, geometry.x, *geometry.how) - dx).max() < 1e-12
    for kind in kinds:
        how = *geometry.how, geometry.padding_counted(kind)
        assert np.abs(reference.average_pool(x, *how) - mean[kind]).max() < 1e-12
        back = reference.average_pool_gradient(dy, geometry.x, *how)
        assert np.abs(back - dmean[kind]).max() < 1e-12


@pytest.mark.parametrize("check", list(PRIMITIVES))
def test_every_primitive_agrees_with_pytorch_in_float64(check) -> None:
    rows = run_check(PRIMITIVES[check], 10, 3, [Arena(reference, "float64")], TorchBackend("cpu", threads=1))
    assert rows
    assert [row for row in rows if not row.passed] == []
