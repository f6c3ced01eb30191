from dataclasses import replace

import numpy as np
import pytest

from cnnkit.exporters import Tensor
from cnnkit.exporters.core.weight_file import hash_blocks
from cnnkit.inspection import findings, statistics


def judge(*tensors):
    faults = findings(tensors, {(t.kind, t.name): statistics(t) for t in tensors})
    return [(finding.tensor, finding.kind, finding.severity, finding.index) for finding in faults]


def weight(array, name="0.weight", axes=("o", "i", "kh", "kw"), **options):
    return Tensor.of(name, array, role="weight", axes=axes, **options)


def kernels(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) / np.float32(np.sqrt(np.prod(shape[1:])))


def test_a_sound_net_has_no_findings():
    dense = kernels(10, 64)
    assert judge(weight(kernels(8, 4, 3, 3)), weight(dense, "1.weight", ("out", "in"))) == []
    assert judge(weight(np.zeros((0, 3)), axes=("out", "in"))) == []
    assert judge(weight(np.float32([[1.5]]), axes=("out", "in"))) == []


def test_what_is_not_finite_is_located():
    values = kernels(4, 2, 3, 3)
    values[1, 0, 2, 1] = np.nan
    values[3, 1, 0, 0] = -np.inf
    assert judge(weight(values)) == [
        ("0.weight", "nan", "error", (1, 0, 2, 1)),
        ("0.weight", "inf", "error", (3, 1, 0, 0)),
    ]


@pytest.mark.parametrize("dead", [0.0, 2e-34])
def test_dead_filters_are_relative_to_their_layer(dead):
    values = kernels(8, 4, 3, 3)
    values[[2, 5]] *= dead
    assert judge(weight(values)) == [("0.weight", "dead_filter", "warning", (2, 5))]
    assert judge(weight(values.transpose(2, 3, 1, 0).copy(), axes=("kh", "kw", "i", "o")))[0][1:] == (
        "dead_filter",
        "warning",
        (2, 5),
    )
    small = kernels(8, 4, 3, 3) * np.float32(0.01)  # all of it small: nothing is dead
    assert judge(weight(small)) == []


def test_most_filters_dead():
    values = kernels(8, 4, 3, 3)
    values[1:] = 0
    assert judge(weight(values)) == [("0.weight", "dead_filter", "warning", (1, 2, 3, 4, 5, 6, 7))]


def test_dead_neurons():
    values = kernels(6, 50)
    values[4] = 1e-20
    assert judge(weight(values.T.copy(), "d.weight", ("in", "out"))) == [("d.weight", "dead_neuron", "warning", (4,))]


def test_constant_tensors():
    assert judge(weight(np.full((2, 3), 0.5), axes=("out", "in"))) == [("0.weight", "constant", "warning", ())]
    assert judge(Tensor.of("0.bias", np.zeros(5), role="bias")) == [("0.bias", "constant", "note", ())]
    assert judge(Tensor.of("one", np.ones(1))) == []


def test_duplicate_filters():
    values = kernels(8, 4, 3, 3)
    values[6] = values[1]
    values[7] = -values[0]  # the same norm, another filter
    assert judge(weight(values)) == [("0.weight", "duplicate_filter", "warning", (6,))]


@pytest.mark.parametrize(
    ("axes", "shape"),
    [(("o", "i", "kh", "kw"), (6, 3, 2, 2)), (("in", "out"), (7, 6)), (("kh", "kw", "o", "i"), (2, 2, 6, 3))],
)
@pytest.mark.parametrize("size", [1, 5, 30])
def test_duplicates_are_found_without_reading_the_tensor_at_once(monkeypatch, axes, shape, size):
    monkeypatch.setattr("cnnkit.inspection.unit_digests.VALUES", 10)
    values, axis = kernels(*shape), shape.index(6)
    units = np.moveaxis(values, axis, 0)
    units[4], units[5] = units[2], -units[2]
    whole = weight(values, axes=axes)

    def parts():
        flat = values.reshape(-1)
        yield from (flat[start : start + size] for start in range(0, flat.size, size))

    def read():
        raise AssertionError("read at once")

    faults = judge(replace(whole, read=read, stream=lambda: hash_blocks(parts())))
    assert [finding for finding in faults if "duplicate" in finding[1]] == [
        ("0.weight", f"duplicate_{'neuron' if len(shape) == 2 else 'filter'}", "warning", (4,))
    ]


@pytest.mark.parametrize(("factor", "kind"), [(1e4, "exploding"), (1e-6, "vanishing"), (1e9, "exploding")])
def test_scale(factor, kind):
    assert judge(weight(kernels(8, 4, 3, 3) * np.float32(factor))) == [("0.weight", kind, "warning", ())]


def normalisation(mean, variance):
    return (
        Tensor.of("1.mean", np.float32(mean), kind="state", role="mean"),
        Tensor.of("1.variance", np.float32(variance), kind="state", role="variance"),
    )


def test_statistics_that_were_never_updated():
    assert judge(*normalisation([0, 0], [1, 1])) == [("1.mean", "never_updated", "warning", ())]
    assert judge(*normalisation([0, 0], [1, 1.5])) == []
    assert judge(normalisation([0, 0], [1, 1])[0]) == []


def test_element_types():
    usual, wide = weight(kernels(8, 4, 3, 3)), Tensor.of("0.bias", np.random.default_rng(0).normal(size=8), role="bias")
    assert judge(usual, wide) == [("0.bias", "dtype", "warning", ())]
    half = Tensor.of("0.bias", np.float16([0.5, 0.25]), role="bias")
    assert judge(usual, half) == [("0.bias", "dtype", "note", ())]


def test_the_most_serious_come_first():
    values = np.zeros(3, np.float32)
    bad = kernels(4, 2, 3, 3)
    bad[0] = np.nan
    faults = judge(Tensor.of("a.bias", values, role="bias"), weight(bad, "b.weight"))
    assert [severity for _, _, severity, _ in faults] == ["error", "note"]


def test_names_are_safe_to_print():
    tensor = Tensor.of("a\x1b[2J", np.float32([np.nan, 1]))
    (finding,) = findings((tensor,), {(tensor.kind, tensor.name): statistics(tensor)})
    assert finding.line == r"a\x1b[2J: 1 value is NaN, first at [0]"
    assert finding.to_json()["tensor"] == "a\x1b[2J", "JSON has the name itself; what prints it escapes it"
