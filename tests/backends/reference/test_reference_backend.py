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


def terms(geometry):
    """Yield (n, o, p, q, i, k, a, b, r, c): y[n,o,p,q] has the term weight[o,k,a,b] x[n,i,r,c]."""
    count, features, height, width = geometry.y
    own, per_group = geometry.weight[1], features // geometry.groups
    ranges = (range(s) for s in (count, features, height, width, own, *geometry.weight[2:]))
    for n, o, p, q, k, a, b in itertools.product(*ranges):
        r = p * geometry.stride[0] + a * geometry.dilation[0] - geometry.padding[0][0]
        c = q * geometry.stride[1] + b * geometry.dilation[1] - geometry.padding[1][0]
        if 0 <= r < geometry.x[2] and 0 <= c < geometry.x[3]:
            yield n, o, p, q, o // per_group * own + k, k, a, b, r, c


@pytest.mark.parametrize("geometry", SMALL, ids=str)
def test_convolution_is_its_definition(geometry) -> None:
    x, weight, dy = convolution.draw_values(geometry, SeededDraw(0))
    y, dx, dweight = np.zeros(geometry.y), np.zeros(geometry.x), np.zeros(geometry.weight)
    for n, o, p, q, i, k, a, b, r, c in terms(geometry):
        y[n, o, p, q] += weight[o, k, a, b] * x[n, i, r, c]
        dx[n, i, r, c] += weight[o, k, a, b] * dy[n, o, p, q]
        dweight[o, k, a, b] += x[n, i, r, c] * dy[n, o, p, q]
    assert np.abs(reference.conv2d(x, weight, *geometry.how) - y).max() < 1e-12
    assert np.abs(reference.conv2d_input_gradient(dy, weight, geometry.x, *geometry.how) - dx).max() < 1e-12
    assert np.abs(reference.conv2d_weight_gradient(dy, x, geometry.weight, *geometry.how) - dweight).max() < 1e-12


@pytest.mark.parametrize("geometry", POOLED, ids=str)
def test_pooling_is_its_definition(geometry) -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.integers(-2, 3, geometry.x).astype(float), rng.normal(size=geometry.y)
    y, dx = np.zeros(geometry.y), np.zeros(geometry.x)
    mean, dmean = {True: y.copy(), False: y.copy()}, {True: dx.copy(), False: dx.copy()}
    for n, i, p, q in itertools.product(*map(range, geometry.y)):
        rows = [p * geometry.stride[0] + a - geometry.padding[0][0] for a in range(geometry.window[0])]
        columns = [q * geometry.stride[1] + b - geometry.padding[1][0] for b in range(geometry.window[1])]
        inside = [(n, i, r, c) for r in rows for c in columns if 0 <= r < geometry.x[2] and 0 <= c < geometry.x[3]]
        first = max(inside, key=lambda place: x[place])  # max keeps the first of equals
        y[n, i, p, q] = x[first]
        dx[first] += dy[n, i, p, q]
        for counted in (True, False):
            count = math.prod(geometry.window) if counted else len(inside)
            mean[counted][n, i, p, q] = sum(x[place] for place in inside) / count
            for place in inside:
                dmean[counted][place] += dy[n, i, p, q] / count
    found, saved = reference.max_pool2d(x, *geometry.how)
    assert np.array_equal(found, y)
    assert np.abs(reference.max_pool2d_gradient(dy, saved, geometry.x, *geometry.how) - dx).max() < 1e-12
    for counted in (True, False):
        assert np.abs(reference.average_pool2d(x, *geometry.how, counted) - mean[counted]).max() < 1e-12
        back = reference.average_pool2d_gradient(dy, geometry.x, *geometry.how, counted)
        assert np.abs(back - dmean[counted]).max() < 1e-12


@pytest.mark.parametrize("check", list(PRIMITIVES))
def test_every_primitive_agrees_with_pytorch_in_float64(check) -> None:
    rows = run_check(PRIMITIVES[check], 10, 3, [Arena(reference, "float64")], TorchBackend("cpu", threads=1))
    assert rows
    assert [row for row in rows if not row.passed] == []
