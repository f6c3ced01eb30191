"""Resize and Upsample: images of another size."""

from typing import Any

from cnnkit.adopting.onnx.operands import BATCHES, Flow
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Table

_RULES = (
    "half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners", "half_pixel_symmetric", "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)  # fmt: skip


def _convert_resize(operation: Operation) -> Flow:
    x, mode = operation.flow(), operation.text("mode", "nearest")
    if operation.version == 10:
        scales: Any = _read_scales(operation, 1, x)
        return _upsample(operation, x, scales, None, mode, {"coordinates": "asymmetric"} | _nearest(mode, "floor"))
    rule = operation.text("coordinate_transformation_mode", "half_pixel")
    if rule not in _RULES:
        raise operation.refuse(f"places pixels by {rule!r}, which cnnkit does not")
    axes = operation.integers("axes") if operation.version >= 18 else None
    axes = tuple(range(x.rank)) if axes is None else tuple(operation.axis(axis, x.rank) for axis in axes)
    fields: dict[str, Any] = {"coordinates": rule}
    fields |= _nearest(mode, operation.text("nearest_mode", "round_prefer_floor"))
    if mode == "cubic":
        fields["cubic_a"] = operation.real("cubic_coeff_a", -0.75)
    if operation.integer("exclude_outside"):
        fields["exclude_outside"] = True
    if operation.integer("antialias"):
        fields["antialias"] = True
    sizes = _read_sizes(operation, x, axes) if operation.has(3) else None
    scales = None
    if operation.has(2) and operation.known(2).shape != (0,):
        scales = _read_scales(operation, 2, x, axes)
    if sizes is None and scales is None:
        raise operation.refuse("has neither scales nor sizes")
    policy = operation.text("keep_aspect_ratio_policy", "stretch")
    if sizes is not None and policy != "stretch":
        scales = _keep_ratio(operation, x, axes, sizes, policy)
        extents = zip(scales, (BATCHES[0], *x.shape), strict=True)
        sizes = tuple(int(scale * extent + 0.5) for scale, extent in extents)
    if rule == "tf_crop_and_resize":
        fields["region"] = _read_region(operation, x, axes)
        fields["extrapolation"] = operation.real("extrapolation_value", 0.0)
    return _upsample(operation, x, scales, sizes, mode, fields)


def _nearest(mode: str, rule: str) -> dict[str, Any]:
    return {"nearest_rule": rule} if mode == "nearest" else {}


def _read_scales(operation: Operation, index: int, x: Flow, axes: tuple[int, ...] | None = None) -> tuple[float, ...]:
    """Return one scale for each axis of x."""
    known = operation.known(index)
    axes = tuple(range(x.rank)) if axes is None else axes
    if known.varies or known.values.shape != (len(axes),) or known.values.dtype.kind != "f":
        raise operation.refuse(f"scales: expected {len(axes)} numbers, got shape {known.shape}")
    given = dict(zip(axes, map(float, known.values), strict=True))
    return tuple(given.get(axis, 1.0) for axis in range(x.rank))


def _read_sizes(operation: Operation, x: Flow, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return one extent for each axis of x; the batch keeps its own, whatever number the file has for it."""
    pairs = operation.integer_pairs(3)
    if any(len(numbers) != len(axes) for numbers in pairs):
        raise operation.refuse(f"sizes {pairs[0]} for {len(axes)} axes")
    first, second = (dict(zip(axes, numbers, strict=True)) for numbers in pairs)
    if {**first, 0: 0} != {**second, 0: 0}:
        raise operation.refuse("makes images of a size that depends on the batch")
    own = next((value.shape[0] for value in operation.file.inputs if value.shape), None)
    if first.get(0, BATCHES[0]) not in (BATCHES[0], own, 1):
        raise operation.refuse("resizes the batch")
    return tuple(first.get(axis, extent) for axis, extent in enumerate((BATCHES[0], *x.shape)))


def _read_region(operation: Operation, x: Flow, axes: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """Return (begin, end) for each spatial axis of x, as parts of it."""
    known = operation.known(1)
    if known.varies or known.values.shape != (2 * len(axes),) or known.values.dtype.kind != "f":
        raise operation.refuse(f"roi: expected {2 * len(axes)} numbers, got shape {known.shape}")
    numbers = [float(value) for value in known.values]
    pairs = {axis: (numbers[place], numbers[place + len(axes)]) for place, axis in enumerate(axes)}
    if any(pairs.get(axis, (0.0, 1.0)) != (0.0, 1.0) for axis in (0, 1)):
        raise operation.refuse("takes a region of the batch or the channels")
    return tuple(pairs.get(axis, (0.0, 1.0)) for axis in range(2, x.rank))


def _keep_ratio(
    operation: Operation, x: Flow, axes: tuple[int, ...], sizes: tuple[int, ...], policy: str
) -> tuple[float, ...]:
    ratios = [sizes[axis] / x.shape[axis - 1] for axis in axes if axis]
    if policy not in ("not_larger", "not_smaller") or not ratios:
        raise operation.refuse(f"keep_aspect_ratio_policy {policy!r}")
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return tuple(scale if axis in axes and axis else 1.0 for axis in range(x.rank))


def _upsample(
    operation: Operation,
    x: Flow,
    scales: tuple[float, ...] | None,
    sizes: tuple[int, ...] | None,
    mode: str,
    fields: dict[str, Any],
) -> Flow:
    """Return x resized along its spatial axes. scales, sizes: for all axes, one of them None."""
    kept = scales[:2] == (1.0, 1.0) if scales is not None else sizes is not None and sizes[1] == x.shape[0]
    if not kept:
        raise operation.refuse("resizes the batch or the channels")
    if mode not in ("nearest", "linear", "cubic"):
        raise operation.refuse(f"mode {mode!r}")
    if scales is not None and all(scale == 1 for scale in scales) and "region" not in fields:
        return x
    given: dict[str, Any] = {} if scales is None else {"scale": scales[2:]}
    given |= {} if sizes is None else {"size": sizes[2:]}
    if fields.get("coordinates") == "align_corners":
        fields = {name: value for name, value in fields.items() if name != "coordinates"} | {"align_corners": True}
    elif fields.get("coordinates") == "half_pixel":
        del fields["coordinates"]
    return operation.make("Upsample", x, **given, mode=mode, **fields)


def _convert_upsample(operation: Operation) -> Flow:
    x, mode = operation.flow(), operation.text("mode", "nearest")
    mode = {"bilinear": "linear", "trilinear": "linear"}.get(mode, mode)
    if operation.version >= 9:
        scales = _read_scales(operation, 1, x)
    else:
        values: Any = operation.node.attributes.get("scales")
        if not isinstance(values, tuple) or len(values) != x.rank or not all(type(v) is float for v in values):
            raise operation.refuse(f"scales: expected {x.rank} numbers")
        scales = tuple(values)
    return _upsample(operation, x, scales, None, mode, {"coordinates": "asymmetric"} | _nearest(mode, "floor"))


RESIZING_OPERATORS: Table = {"Resize": _convert_resize, "Upsample": _convert_upsample}
