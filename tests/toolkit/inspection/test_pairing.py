from dataclasses import replace

import numpy as np
import pytest

from cnnkit.errors import ConfigError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.inspection import pairing
from cnnkit.inspection.differences import compare
from cnnkit.inspection.layouts import find_transform
from cnnkit.inspection.pairing import pair

ROLES = {"weight": "weight", "kernel": "weight", "bias": "bias", "gamma": "gamma", "mean": "mean"}
AXES = {4: ("o", "i", "kh", "kw"), 2: ("out", "in"), 1: ("out",)}
KERAS = {4: ("kh", "kw", "i", "o"), 2: ("in", "out"), 1: ("out",)}


def file(axes=AXES, **arrays):
    tensors = []
    for key, array in arrays.items():
        name = key.replace("__", ".")
        role = ROLES.get(name.rpartition(".")[2], "other")
        tensors.append(Tensor.of(name, array, role=role, axes=axes[array.ndim] if role != "other" else None))
    return WeightFile(tuple(tensors))


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def pair_names(a, b, names=None):
    return [(p.a.name, p.b.name, p.paired_by) for p in pair(a, b, names).pairs]


def test_by_name_and_wrapped_name():
    a = file(c__weight=values(2, 1, 3, 3), d__weight=values(3, 4))
    b = file(module__d__weight=values(3, 4), c__weight=values(2, 1, 3, 3))
    assert pair_names(a, b) == [("c.weight", "c.weight", "name"), ("d.weight", "module.d.weight", "name")]


def test_by_layer_and_role():
    a, b = file(c__weight=values(2, 1, 3, 3), c__bias=values(2)), file(c__kernel=values(2, 1, 3, 3), c__bias=values(2))
    assert pair_names(a, b) == [("c.weight", "c.kernel", "layer"), ("c.bias", "c.bias", "name")]


def test_by_order_of_layers_of_the_same_form():
    a = file(
        x__weight=values(4, 4), x__bias=values(4), y__weight=values(4, 4), y__bias=values(4), z__weight=values(2, 4)
    )
    b = file(
        KERAS,
        p__kernel=values(4, 4),
        p__bias=values(4),
        q__kernel=values(4, 4),
        q__bias=values(4),
        r__kernel=values(4, 2),
    )
    assert [(mine, its) for mine, its, how in pair_names(a, b) if how == "order"] == [
        ("x.weight", "p.kernel"),
        ("x.bias", "p.bias"),
        ("y.weight", "q.kernel"),
        ("y.bias", "q.bias"),
        ("z.weight", "r.kernel"),
    ]


def test_without_any_names_by_form():
    a = file(x__weight=values(3, 4), x__bias=values(3))
    b = file(arr_0=values(3), arr_1=values(4, 3))
    assert pair_names(a, b) == [("x.weight", "arr_1", "order"), ("x.bias", "arr_0", "order")]


def test_what_has_no_partner():
    matched = pair(file(x__weight=values(3, 4), y__weight=values(5, 5)), file(z__weight=values(3, 4)))
    assert [t.name for t in matched.only_in_a] == ["y.weight"]
    assert matched.only_in_b == ()


def test_the_map_comes_first():
    a, b = file(x__weight=values(3, 4), y__weight=values(3, 4)), file(x__weight=values(3, 4), y__weight=values(3, 4))
    names = {"x.weight": "y.weight", "y.weight": "x.weight"}
    assert pair_names(a, b, names) == [("x.weight", "y.weight", "map"), ("y.weight", "x.weight", "map")]
    for wrong in ({"nope": "x.weight"}, {"x.weight": "nope"}, {"x.weight": "x.weight", "y.weight": "x.weight"}):
        with pytest.raises(ConfigError, match="--map"):
            pair(a, b, wrong)


def test_optimizers_are_left_out():
    slot = Tensor.of("0.m", values(3), kind="optimizer", role="slot")
    assert pair(WeightFile((slot,)), WeightFile((slot,))).pairs == ()


def compared(a, b):
    return [(d.status, d.transform) for d in compare(a, b, pair(a, b))]


def test_layouts_by_axes():
    kernel, matrix = values(5, 3, 2, 4), values(6, 7)
    a = file(c__weight=kernel, d__weight=matrix)
    b = file(KERAS, c__weight=kernel.transpose(2, 3, 1, 0), d__weight=matrix.T)
    assert compared(a, b) == [("equal", "HWIO->OIHW"), ("equal", "(in,out)->(out,in)")]
    assert compared(b, a) == [("equal", "OIHW->HWIO"), ("equal", "(out,in)->(in,out)")]


def test_square_matrices_go_by_their_axes():
    square = values(4, 4)
    assert compared(file(d__weight=square), file(KERAS, d__weight=square.T)) == [("equal", "(in,out)->(out,in)")]
    assert compared(file(d__weight=square), file(KERAS, d__weight=square))[0][0] == "different"


def test_layouts_by_shape_where_there_are_no_axes():
    kernel, matrix = values(5, 3, 2, 2), values(6, 7)
    a = file(c__weight=kernel, d__weight=matrix)
    b = file(arr_0=kernel.transpose(2, 3, 1, 0), arr_1=matrix.T)
    assert compared(a, b) == [("equal", "HWIO->OIHW by shape"), ("equal", "(a,b)->(b,a) by shape")]
    plain = {name: Tensor.of(name, array) for name, array in (("hwio", values(2, 2, 3, 5)), ("oihw", kernel))}
    assert find_transform(plain["oihw"], plain["hwio"]).name == "OIHW->HWIO by shape"
    assert find_transform(Tensor.of("a", values(2, 3, 4)), Tensor.of("b", values(4, 3, 2))) is None
    assert find_transform(Tensor.of("a", values(2)), Tensor.of("b", values(2, 1))) is None


def flattened():
    """A convolution of 3 channels, then a dense layer on its 3 x 2 x 2 maps: channels first, and channels last."""
    kernel, dense = values(3, 1, 2, 2), values(5, 12, seed=1)
    last = dense.reshape(5, 3, 4).swapaxes(1, 2).reshape(5, 12).T
    return file(c__weight=kernel, d__weight=dense), file(KERAS, c__weight=kernel.transpose(2, 3, 1, 0), d__weight=last)


ARCHITECTURE = {
    "layers": [
        {"type": "Flatten", "path": "f", "input_shape": [3, 2, 2], "output_shape": [12]},
        {"type": "Dense", "path": "d", "input_shape": [12], "output_shape": [5]},
    ]
}


@pytest.mark.parametrize("architecture", [None, ARCHITECTURE])
def test_a_dense_layer_behind_a_flatten(architecture):
    first, last = flattened()
    first = replace(first, architecture=architecture)
    assert compared(first, last)[1] == ("equal", "(in,out)->(out,in), H,W,C->C,H,W")
    assert compared(last, first)[1] == ("equal", "(out,in)->(in,out), C,H,W->H,W,C")


def test_an_architecture_without_flatten_reorders_nothing():
    first, last = flattened()
    layers = [{"type": "Flatten", "path": "other", "input_shape": [3, 2, 2]}, {"type": "Dense", "path": "other"}]
    assert compared(replace(first, architecture={"layers": layers}), last)[1] == ("different", "(in,out)->(out,in)")


def test_statuses():
    a = file(x__weight=values(3, 4))
    assert compared(a, file(x__weight=values(3, 5))) == [("shape", None)]
    assert compared(a, file(x__weight=values(3, 4).astype(np.float32)))[0][0] == "different"
    exact = file(x__weight=np.float32([[0.5, 2]]))
    assert compared(exact, file(x__weight=np.float64([[0.5, 2]]))) == [("dtype", None)]
    b = file(x__weight=values(3, 4) + 1e-9)
    (matched,) = compare(a, b, pair(a, b), atol=1e-6)
    assert matched.status == "close"
    assert matched.undefined() == {}


def test_equal_values_are_equal_whatever_is_thought_of_their_order():
    """A torch file that keeps Keras' layouts: its inputs look reordered, and are not."""
    kernel, dense = values(3, 3, 1, 4), values(64, 10)
    a = replace(file(KERAS, c__kernel=kernel, d__kernel=dense), format="keras")
    b = replace(file(c__kernel=kernel.transpose(3, 2, 0, 1), d__kernel=dense.T), format="torch")
    assert [d.status for d in compare(a, b, pair(a, b))] == ["equal", "equal"]
    moved = dense.reshape(4, 4, 4, 10).transpose(2, 0, 1, 3).reshape(64, 10)  # H, W, C as C, H, W
    c = replace(file(c__kernel=kernel.transpose(3, 2, 0, 1), d__kernel=moved.T), format="torch")
    assert [d.status for d in compare(a, c, pair(a, c))] == ["equal", "equal"]


def test_layers_of_one_number_that_do_not_fit_are_counted_differently():
    a = file(**{"0__weight": values(4, 2, 3, 3), "0__bias": values(4), "3__weight": values(5, 4), "3__bias": values(5)})
    b = file(**{"0__weight": values(4, 2, 3, 3), "0__bias": values(4), "1__weight": values(5, 4), "1__bias": values(5)})
    c = file(**{"3__weight": values(4, 2, 3, 3), "3__bias": values(4), "5__weight": values(5, 4), "5__bias": values(5)})
    assert [(mine, its) for mine, its, how in pair_names(a, b) if how == "order"] == [
        ("3.weight", "1.weight"),
        ("3.bias", "1.bias"),
    ]
    assert [(mine, its) for mine, its, _ in pair_names(a, c)] == [
        ("0.weight", "3.weight"),
        ("0.bias", "3.bias"),
        ("3.weight", "5.weight"),
        ("3.bias", "5.bias"),
    ]
    wider = file(**{"0__weight": values(8, 2, 3, 3), "0__bias": values(8)})  # nothing else to pair it with
    assert [(mine, its) for mine, its, _ in pair_names(wider, b)] == [("0.weight", "0.weight"), ("0.bias", "0.bias")]


def test_a_net_inside_another_pairs_by_name():
    bare = file(b__weight=values(3, 3), b__bias=values(3), a__weight=values(3, 3), a__bias=values(3))
    inner = file(**{f"net__{tensor.name.replace('.', '__')}": tensor.read() for tensor in reversed(bare.tensors)})
    for one, other in ((bare, inner), (inner, bare)):
        assert all(p.a.name.removeprefix("net.") == p.b.name.removeprefix("net.") for p in pair(one, other).pairs)
        assert {p.paired_by for p in pair(one, other).pairs} == {"name"}


def test_known_roles_are_not_mixed():
    a, b = file(x__bias=values(4)), file(y__mean=values(4))
    assert pair_names(a, b) == []
    assert pair_names(a, file(arr_0=values(4))) == [("x.bias", "arr_0", "order")]


@pytest.mark.parametrize("count", [500, 4000])
def test_pairing_by_order_takes_one_look_at_each_layer(count, monkeypatch):
    looks = []
    describe = pairing._describe_form
    monkeypatch.setattr(pairing, "_describe_form", lambda layer: looks.append(1) or describe(layer))
    parts = [("weight", values(2, 3)), ("bias", values(2))]
    a, b = (file(**{f"{x}{n}__{part}": array for n in range(count) for part, array in parts}) for x in "xy")
    assert len(pair(a, b).pairs) == 2 * count
    assert len(looks) == 2 * count


def kernel(array, *axes):
    return Tensor.of("c.weight", np.ascontiguousarray(array), role="weight", axes=axes)


@pytest.mark.parametrize("inputs", [3, 4])
@pytest.mark.parametrize("told", [("o", "i"), ("i", "o")])
def test_transposed_kernels_whatever_the_first_file_calls_their_axes(inputs, told):
    """Channels first, only a bias tells a transposed kernel, and not where it has as many inputs as outputs."""
    values_first = values(inputs, 4, 2, 3)
    first = kernel(values_first, *told, "kh", "kw")
    last = kernel(values_first.transpose(2, 3, 1, 0), "kh", "kw", "o", "i")
    np.testing.assert_array_equal(find_transform(last, first).apply(last.read()), first.read())
    np.testing.assert_array_equal(find_transform(first, last).apply(first.read()), last.read())
    named = kernel(values_first, "i", "o", "kh", "kw")
    np.testing.assert_array_equal(find_transform(first, named).apply(first.read()), values_first)


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("window", [("k",), ("kh", "kw")])
def test_depthwise_kernels(multiplier, window):
    sizes = (2, 3)[: len(window)]
    last = values(*sizes, 4, multiplier)
    first = np.stack([last[..., i, m] for i in range(4) for m in range(multiplier)])[:, None]
    torch, keras = kernel(first, "o", "i", *window), kernel(last, *window, "i", "m")
    np.testing.assert_array_equal(find_transform(keras, torch).apply(last), first)
    np.testing.assert_array_equal(find_transform(torch, keras).apply(first), last)
    plain = Tensor.of("arr_0", first)
    np.testing.assert_array_equal(find_transform(plain, keras).apply(first), last)
    np.testing.assert_array_equal(find_transform(keras, plain).apply(last), first)
    wrong = kernel(np.zeros((4 * multiplier + 1, 1, *sizes)), "o", "i", *window)
    assert find_transform(keras, wrong) is None
    assert find_transform(wrong, keras) is None


def test_kernels_of_theano_are_compared_mirrored_where_that_is_nearer():
    array = values(4, 2, 3, 3)
    a = file(c__weight=array)
    for key in ("mirrored", "perhaps_mirrored"):
        named = {"keras": {key: ["c.weight"]}}
        turned = replace(file(c__weight=array[..., ::-1, ::-1].copy()), metadata=named)
        assert compared(a, turned) == [("equal", "mirrored")]
        assert compared(a, replace(a, metadata=named)) == [("equal", None)]
        assert compared(turned, turned) == [("equal", None)]
    assert compared(a, file(c__weight=array[..., ::-1, ::-1].copy())) == [("different", None)]


def test_layers_go_by_the_innermost_or_outermost_part_of_their_path():
    a = file(body__dense__weight=values(3, 3), td__weight=values(3, 3), x__weight=values(3, 3))
    b = file(y__weight=values(3, 3), td__inside__weight=values(3, 3), dense__weight=values(3, 3))
    assert pair_names(a, b) == [
        ("body.dense.weight", "dense.weight", "layer"),
        ("td.weight", "td.inside.weight", "layer"),
        ("x.weight", "y.weight", "order"),
    ]


def test_a_kernel_with_the_window_between_its_channels():
    first = values(4, 3, 2, 5)
    torch = kernel(first, "o", "i", "kh", "kw")
    lite = kernel(first.transpose(0, 2, 3, 1), "o", "kh", "kw", "i")
    keras = kernel(first.transpose(2, 3, 1, 0), "kh", "kw", "i", "o")
    for source, target in ((torch, lite), (lite, torch), (lite, keras), (keras, lite)):
        np.testing.assert_array_equal(find_transform(source, target).apply(source.read()), target.read())
