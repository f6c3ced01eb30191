"""Upsample against torch.nn.functional.interpolate and the reference evaluator of ONNX."""

import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from cnnkit.backends.registry import get_backend
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Upsample
from cnnkit.parity.check import Arena
from cnnkit.resampling import COLUMNS_PER_TAP, MOST_TAPS, compute_matrix, find_adjoint_taps, find_taps

ROUNDED = {"nearest": 0, "linear": 1e-10, "cubic": 5e-6}  # the evaluator has weights of "cubic" in float32
TORCH_NEAREST = {"coordinates": "asymmetric", "nearest_rule": "floor"}
NAMES = {"linear": {1: "linear", 2: "bilinear", 3: "trilinear"}, "cubic": {2: "bicubic"}}


def interpolate(**options):
    def module(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.nn.functional.interpolate(x, **options)

    return module


@pytest.mark.parametrize("shape", [(5,), (4, 7), (3, 4, 5)])
@pytest.mark.parametrize("scale", [2, 3.0, 1.7, 0.6, "size"])
def test_nearest_is_that_of_torch(arena, run, torch_pass, normal, agree, shape, scale) -> None:
    ours = {"size": tuple(n + 3 for n in shape)} if scale == "size" else {"scale": scale}
    theirs = ours if scale == "size" else {"scale_factor": float(scale)}
    x = normal(2, 3, *shape)
    for layer, mode in (
        (Upsample(**ours, **TORCH_NEAREST), "nearest"),
        (Upsample(**ours, nearest_rule="round_prefer_ceil"), "nearest-exact"),
    ):
        dy = normal(2, *layer.output_shape((3, *shape)), seed=1)
        agree(arena, run(arena, layer, x, dy), torch_pass(interpolate(mode=mode, **theirs), x, dy))


@pytest.mark.parametrize(
    ("mode", "shape"), [("linear", (5,)), ("linear", (4, 7)), ("linear", (3, 4, 5)), ("cubic", (4, 7))]
)
@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("scale", [2, 1.7, 0.6, "size", "one"])
def test_linear_and_cubic_are_those_of_torch(arena, run, torch_pass, normal, agree, shape, mode, align, scale) -> None:
    sizes = {"size": tuple(n + 3 for n in shape), "one": (1,) * len(shape)}
    ours = {"size": sizes[scale]} if scale in sizes else {"scale": scale}
    theirs = ours if scale in sizes else {"scale_factor": scale}
    layer, x = Upsample(**ours, mode=mode, align_corners=align), normal(2, 3, *shape)
    dy = normal(2, *layer.output_shape((3, *shape)), seed=1)
    wanted = torch_pass(interpolate(mode=NAMES[mode][len(shape)], align_corners=align, **theirs), x, dy)
    agree(arena, run(arena, layer, x, dy), wanted)


@pytest.mark.parametrize(("mode", "name", "a"), [("linear", "bilinear", -0.75), ("cubic", "bicubic", -0.5)])
@pytest.mark.parametrize("size", [(4, 3), (13, 5), (20, 31)])
def test_antialias_is_that_of_torch(arena, run, torch_pass, normal, agree, mode, name, a, size) -> None:
    layer = Upsample(size=size, mode=mode, antialias=True, exclude_outside=True, cubic_a=a)
    x, dy = normal(2, 2, 13, 11), normal(2, 2, *size, seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(interpolate(mode=name, size=size, antialias=True), x, dy))


def evaluate(x, scale, size, **attributes):
    """Return what the reference evaluator of ONNX computes."""
    region = attributes.pop("roi", None)
    names = ["x", "roi" if region else "", "" if scale is None else "scales", *(["sizes"] if size else [])]
    kinds = {"x": onnx.TensorProto.DOUBLE, "roi": onnx.TensorProto.FLOAT, "scales": onnx.TensorProto.FLOAT}
    inputs = [onnx.helper.make_tensor_value_info(n, kinds.get(n, onnx.TensorProto.INT64), None) for n in names if n]
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.DOUBLE, None)
    node = onnx.helper.make_node("Resize", names, ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "g", inputs, [output])
    given = {"x": x, "roi": np.array(region, np.float32) if region else None}
    given |= {"scales": None if scale is None else np.array(scale, np.float32)}
    given |= {"sizes": np.array([*x.shape[:2], *size]) if size else None}
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)])
    return ReferenceEvaluator(model).run(None, {name: given[name] for name in names if name})[0]


FORMS = [((2.0, 3.0), None), ((0.5, 1.75), None), (None, (9, 3)), (None, (1, 12))]
PLACED = [
    (coordinates, scale, size)
    for coordinates in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric", "align_corners")
    for scale, size in FORMS
    # The evaluator takes the length before rounding; PyTorch and onnxruntime take the length there is.
    if not (coordinates == "align_corners" and scale == (0.5, 1.75))
    # ONNX's text says 0 for an output of one pixel, as PyTorch has it; the evaluator takes -0.5.
    and not (coordinates == "pytorch_half_pixel" and size == (1, 12))
]


@pytest.mark.parametrize(("coordinates", "scale", "size"), PLACED)
@pytest.mark.parametrize(
    "fields",
    [
        *({"nearest_rule": rule} for rule in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")),
        {"mode": "linear"},
        {"mode": "linear", "antialias": True},
        {"mode": "cubic"},
        {"mode": "cubic", "cubic_a": -0.5, "exclude_outside": True},
        {"mode": "cubic", "antialias": True},
    ],
    ids=str,
)
def test_all_attributes_mean_what_they_mean_in_onnx(run, normal, coordinates, scale, size, fields) -> None:
    x = normal(1, 2, 6, 8)
    layer = Upsample(scale, size, coordinates=coordinates, **fields)
    renamed = {"nearest_rule": "nearest_mode", "cubic_a": "cubic_coeff_a"}
    attributes = {renamed.get(name, name): int(v) if isinstance(v, bool) else v for name, v in fields.items()}
    attributes["coordinate_transformation_mode"] = coordinates
    wanted = evaluate(x, None if scale is None else (1, 1, *scale), size, **attributes)
    np.testing.assert_allclose(
        run(Arena(get_backend("numpy"), "float64"), layer, x).y, wanted, rtol=0, atol=ROUNDED[layer.mode]
    )


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_region_is_cut_out_as_in_onnx(arena, run, normal, assert_close, mode) -> None:
    x, region = normal(1, 2, 6, 8), ((-0.25, 0.5), (0.25, 1.5))
    layer = Upsample(size=(5, 7), mode=mode, coordinates="tf_crop_and_resize", region=region, extrapolation=7.5)
    (top, bottom), (left, right) = region
    wanted = evaluate(
        x, None, (5, 7), mode=mode, coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=7.5,
        roi=[0, 0, top, left, 1, 1, bottom, right],
    )  # fmt: skip
    found = run(arena, layer, x)
    assert_close(found.y, wanted, "float32" if mode == "cubic" else arena.dtype)
    assert (found.y == 7.5).any()


def test_by_hand(arena, run) -> None:
    x = np.array([[[1.0, 2.0], [3.0, 5.0]]])
    assert run(arena, Upsample(2), x).y.tolist() == [[[1, 1, 2, 2], [3, 3, 5, 5]]]
    found = run(arena, Upsample(size=3, mode="linear", align_corners=True), x)
    assert found.y.tolist() == [[[1, 1.5, 2], [3, 4, 5]]]
    assert found.dx.tolist() == [[[1.5, 1.5], [1.5, 1.5]]]


def test_nearest_keeps_infinities_and_nan_where_they_are(arena, run) -> None:
    x = np.array([[[1.0, np.inf, np.nan, -0.0]]])
    for layer in (Upsample(2), Upsample(size=7, coordinates="asymmetric", nearest_rule="floor")):
        y = run(arena, layer, x).y[0, 0]
        assert [np.isfinite(y).sum(), np.isinf(y).sum(), np.isnan(y).sum()] in ([4, 2, 2], [3, 2, 2])
        assert np.signbit(y[-1])


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("place", [0, 3, 18])
@pytest.mark.parametrize(
    ("mode", "antialias", "size"),
    [("linear", False, 38), ("linear", False, 13), ("linear", True, 7), ("cubic", False, 38), ("cubic", True, 7)],
)
def test_infinities_and_nan_reach_their_own_taps_alone(arena, run, normal, bad, place, mode, antialias, size) -> None:
    layer, x = Upsample(size=size, mode=mode, antialias=antialias), normal(1, 1, 19)
    x[0, 0, place] = bad
    touched = run(arena, layer, np.eye(19)[place].reshape(1, 1, 19)).y != 0
    y = run(arena, layer, x).y
    assert np.array_equal(~np.isfinite(y), touched)
    assert 0 < touched.sum() < touched.size
    if mode == "linear" and bad == np.inf:
        assert (y[touched] == np.inf).all()


MAPS = [
    {"scale": 2, "mode": "linear"}, {"scale": 2, "mode": "cubic"}, {"scale": 2}, {"scale": 12, "mode": "linear"},
    {"size": 4, "mode": "linear"}, {"size": 4, "mode": "cubic", "exclude_outside": True}, {"size": 31, "mode": "cubic"},
    {"size": 1, "mode": "linear", "antialias": True}, {"size": 7, "mode": "cubic", "antialias": True},
    {"size": 40, "mode": "linear", "coordinates": "tf_crop_and_resize", "region": ((-2.0, 0.5),)},
]  # fmt: skip


@pytest.mark.parametrize("fields", MAPS, ids=str)
@pytest.mark.parametrize("length", [20, 130])
def test_the_gradient_is_the_transposed_matrix(arena, run, length, fields) -> None:
    layer, ones = Upsample(**fields), np.eye(length)
    size = layer.output_shape((1, length))[1]
    columns = run(arena, layer, ones[:, None], np.zeros((length, 1, size))).y[:, 0]
    rows = run(arena, layer, np.zeros((size, 1, length)), np.eye(size)[:, None]).dx[:, 0]
    assert np.array_equal(rows, columns.T)


@pytest.mark.parametrize("fields", [fields for fields in MAPS if "mode" in fields], ids=str)
@pytest.mark.parametrize("length", [20, 130])
def test_taps_are_the_full_matrix(length, fields) -> None:
    axis = Upsample(**fields)._axes((1, length))[0]
    matrix = compute_matrix(axis)
    limits = (MOST_TAPS, axis.outputs // COLUMNS_PER_TAP)
    for taps, wanted, most in zip((find_taps(axis), find_adjoint_taps(axis)), (matrix, matrix.T), limits, strict=True):
        assert (taps is None) == ((wanted != 0).sum(axis=1).max() > most)
        if taps is not None:
            found = np.zeros((len(wanted), wanted.shape[1] + 1))
            for sources, weights in zip(taps.sources, taps.weights, strict=True):
                np.add.at(found, (np.arange(len(wanted)), sources), weights)
            assert np.array_equal(found[:, :-1], wanted)


def test_nothing_changes_where_the_size_is_the_same(arena, run, normal) -> None:
    x = normal(2, 3, 4, 5)
    for mode in ("nearest", "linear", "cubic"):
        assert np.array_equal(run(arena, Upsample(size=(4, 5), mode=mode), x).y, x.astype(arena.dtype))


def test_with_both_the_scale_is_for_coordinates_alone(arena, run, normal, assert_close) -> None:
    x = normal(1, 1, 4, 5)
    both = run(arena, Upsample(1.7, (6, 8), mode="linear"), x)
    assert_close(both.y, run(arena, Upsample(1.7, mode="linear"), x).y, arena.dtype)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected scale to be a number > 0 or one for each spatial axis, or size to be given, got None"),
        ({"scale": 0}, "expected scale to be a number > 0"),
        ({"scale": (2, float("inf"))}, "expected scale to be a number > 0"),
        ({"size": 0}, "expected size to be a whole number >= 1 or one for each spatial axis, got 0"),
        ({"size": (2.5, 1)}, "expected size to be a whole number"),
        ({"scale": 2, "mode": "lanczos"}, "expected mode to be one of nearest, linear, cubic, got 'lanczos'"),
        ({"scale": 2, "coordinates": "middle"}, "expected coordinates to be one of half_pixel"),
        ({"scale": 2, "nearest_rule": ["floor"]}, "expected nearest_rule to be one of round_prefer_floor"),
        ({"scale": 2, "align_corners": 1}, "expected align_corners to be true or false, got 1"),
        ({"scale": 2, "align_corners": True, "coordinates": "asymmetric"}, "expected align_corners to be false with"),
        ({"scale": 2, "cubic_a": "x"}, "expected cubic_a to be a number"),
        ({"scale": 2, "region": ((0, 1),)}, "expected region to be given for the coordinates 'tf_crop_and_resize'"),
        ({"scale": 2, "coordinates": "tf_crop_and_resize"}, "expected region to be given for the coordinates"),
        ({"scale": 2, "region": (0, 1)}, r"expected region to be a pair \(begin, end\) for each axis"),
    ],
)
def test_fields_that_cannot_be(fields, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Upsample(**fields)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"expected x of shape \(N, C, ...\) with some spatial axes, got \(N, 3\)"):
        Upsample(2).output_shape((3,))
    with pytest.raises(ShapeError, match=r"with 3 spatial axes, got \(N, 3, 4, 4\)"):
        Upsample((2, 2, 2)).output_shape((3, 4, 4))
    with pytest.raises(ShapeError, match=r"of which scale \(=0\.1\) leaves a pixel, got \(N, 3, 4, 4\)"):
        Upsample(0.1).output_shape((3, 4, 4))
    assert Upsample(1.7).reach((3, 4, 4)) is None
